"""Who answers for a commit, and which change brought it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from byline._attribution.accountability import accountable, change_number

JANE = ("Jane Doe", "jane@example.com")
WEB = ("GitHub", "noreply@github.com")
CLAUDE = ("Claude", "noreply@anthropic.com")
DEPENDABOT = ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com")

BY_BOB = "x\n\nCo-authored-by: Claude <noreply@anthropic.com>\nCo-authored-by: Bob <bob@example.com>"


@pytest.mark.parametrize(
    ("message", "author", "committer", "expected"),
    [
        (BY_BOB, JANE, WEB, "Jane Doe"),
        (BY_BOB, CLAUDE, WEB, "Bob"),
        ("x\n\nSigned-off-by: Bob <bob@example.com>", CLAUDE, JANE, "Bob"),
        ("x\n\nSigned-off-by: Jane Doe <jane@example.com>\n\nCo-authored-by: Bob <bob@example.com>", CLAUDE, WEB, "Bob"),
        ("x", CLAUDE, JANE, "Jane Doe"),
        ("x", CLAUDE, WEB, ""),
        ("x", CLAUDE, CLAUDE, ""),
        ("x", ("Jane Doe (aider)", JANE[1]), ("Jane Doe (aider)", JANE[1]), "Jane Doe"),
        ("x\n\nSigned-off-by: dependabot[bot] <support@github.com>", DEPENDABOT, WEB, ""),
        ("x\n\nCo-authored-by: Bob <bob@example.com>", DEPENDABOT, WEB, "Bob"),
        (
            "x\n\nCo-authored-by: house <house@corp.example>\nCo-authored-by: Bob <bob@example.com>",
            ("house[bot]", "1+house[bot]@users.noreply.github.com"),
            WEB,
            "Bob",
        ),
        ("x", ("", ""), ("", ""), ""),
    ],
)  # fmt: skip
def test_names_the_human_who_answers(message, author, committer, expected):
    """
    The human author; for an agent a human co-author, else who signed off, else a human committer.
    """
    assert expected == accountable(message, author, committer)


def test_names_the_human_by_address():
    """
    A project may want addresses instead of names.
    """
    assert "bob@example.com" == accountable(BY_BOB, CLAUDE, WEB, by_email=True)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Fix x (#123)", "123"),
        ("Fix x (#123) \n\nbody (#9)", "123"),
        ('Revert "Fix x (#123)" (#124)', "124"),
        ("Merge pull request #45 from owner/claude/x", "45"),
        ("Merge branch 'x' into 'main'\n\nFix\n\nSee merge request group/sub/project!67", "67"),
        ("Fix x (#123) again", ""),
        ("Fix #123", ""),
        ("Fix x\n\nCloses (#123)", ""),
        ("", ""),
    ],
)
def test_reads_the_number_of_the_change(message, expected):
    """
    GitHub's and GitLab's ways to record a pull or merge request are read.
    """
    assert expected == change_number(message)


@given(st.text(), st.text(), st.text())
def test_anybody_can_be_asked_for(message, name, email):
    """
    No message and no person makes the questions fail.
    """
    assert isinstance(accountable(message, (name, email), (name, email)) + change_number(message), str)
