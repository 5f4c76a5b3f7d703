"""From lines and evidence to the answer for a function."""

from __future__ import annotations

import pytest

from byline._attribution.resolve import FunctionFacts, OwnedLine, attribute, disagree, spread, strongest
from byline._model import Attribution, Commit, Evidence

CLAUDE = Evidence("ai", "trailer", "claude", "medium", "Claude Opus 4.6")
CURSOR = Evidence("ai", "trailer", "cursor", "medium")
HUMAN = Evidence("human", "note", "", "high")
MARK = Evidence("ai", "decorator", "unknown", "high")
NAMES = ("newest", "new", "middle", "old", "oldest")
ORDER = {name: number for number, name in enumerate(NAMES)}
COMMITS = {
    name: Commit(name, "", 100 - number, f"raw {name}", f"person {name}", "7")
    for name, number in ORDER.items()
}


def facts(
    *groups: tuple[str, int, Evidence | None], deletions: tuple[str, ...] = (), mark: Evidence | None = None
) -> FunctionFacts:
    return FunctionFacts(
        [OwnedLine(sha, evidence) for sha, count, evidence in groups for _ in range(count)], deletions, mark
    )


def answer(given: FunctionFacts, neutral: tuple[str, ...] = ()) -> Attribution:
    return attribute(given, order=ORDER, commits=COMMITS, is_neutral=neutral.__contains__)


def test_the_ai_commit_with_most_lines():
    """
    The originating commit is the AI commit that owns most lines, though a person owns more.
    """
    found = answer(facts(("old", 6, None), ("new", 4, CLAUDE), ("newest", 2, CURSOR)))

    assert ("new", "claude", "person new", 6, 12) == (
        found.commit,
        found.tool,
        found.author,
        found.ai_lines,
        found.lines,
    )


def test_tie_goes_to_the_newest():
    """
    Of two AI commits with as many lines, the newer one counts.
    """
    assert "new" == answer(facts(("old", 3, CLAUDE), ("new", 3, CURSOR))).commit


def test_last_commit_is_the_newest_change():
    """
    The version is the newest commit, whoever made it.
    """
    found = answer(facts(("new", 8, CLAUDE), ("newest", 1, None)))

    assert ("new", "newest") == (found.commit, found.last_commit)


def test_a_deletion_is_a_change():
    """
    A commit that only removed lines owns none, and still is the last change.
    """
    assert "newest" == answer(facts(("new", 8, CLAUDE), deletions=("newest",))).last_commit


def test_neutral_commits_are_passed_over():
    """
    A commit that left the behaviour alone is neither origin nor last change.
    """
    found = answer(facts(("newest", 6, CURSOR), ("new", 3, CLAUDE)), neutral=("newest",))

    assert ("new", "new", 3) == (found.commit, found.last_commit, found.ai_lines)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([("new", 5, CLAUDE), ("old", 5, None)], "ai"),
        ([("new", 4, CLAUDE), ("old", 6, None)], "ai"),
        ([("new", 2, CLAUDE), ("old", 9, None)], "unknown"),
        ([("old", 4, CLAUDE), ("new", 9, None)], "unknown"),
        ([("new", 9, None)], "unknown"),
        ([("new", 9, HUMAN)], "human"),
    ],
    ids=["half", "last-and-three-lines", "last-but-two-lines", "a-person-since", "no-sign", "human-by-note"],
)
def test_verdict(groups, expected):
    """
    Half of the lines make a function AI, or three when AI changed it last; no sign never means human.
    """
    assert expected == answer(facts(*groups)).verdict


def test_mark_without_git_evidence():
    """
    A marked function whose commits show no tool belongs to the commit with most lines.
    """
    found = answer(facts(("old", 5, None), ("new", 2, None), mark=MARK))

    assert ("ai", "high", "decorator", "old", "new") == (
        found.verdict, found.confidence, found.evidence, found.commit, found.last_commit
    )  # fmt: skip


def test_mark_takes_the_tool_from_git():
    """
    The mark makes it certain, and git says which tool.
    """
    found = answer(facts(("new", 5, CLAUDE), mark=MARK))

    assert ("high", "claude", "Claude Opus 4.6", "new") == (
        found.confidence,
        found.tool,
        found.model,
        found.commit,
    )


def test_unknown_owners_count_as_lines():
    """
    Lines older than the scan looked stay in the denominator.
    """
    found = answer(facts(("new", 2, CLAUDE), ("", 8, None)))

    assert (2, 10, "new") == (found.ai_lines, found.lines, found.last_commit)


def test_a_mark_speaks_for_lines_when_git_says_nothing():
    """
    The lines of a marked function are AI, unless git tells which of them are.
    """
    silent = [OwnedLine("old"), OwnedLine("new", HUMAN)]
    telling = [OwnedLine("old"), OwnedLine("new", CLAUDE)]

    assert [MARK, HUMAN] == [line.evidence for line in spread(MARK, silent)]
    assert [None, CLAUDE] == [line.evidence for line in spread(MARK, telling)]


def test_strongest():
    """
    A line-level record beats an author, which beats a trailer.
    """
    author = Evidence("ai", "author", "copilot", "medium")

    assert [HUMAN, author, None] == [
        strongest([CLAUDE, HUMAN, author]),
        strongest([CLAUDE, author]),
        strongest([]),
    ]


def test_disagree():
    """
    Sources disagree when one says AI and another human.
    """
    assert [True, False] == [disagree([CLAUDE, HUMAN]), disagree([CLAUDE, CURSOR])]
