"""The line that a changed line was made from, compared with what ``git blame`` guesses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from byline._attribution.blame import own_lines
from byline._attribution.counterparts import counterparts
from byline._attribution.repository import Repository

from .histories import Made, write
from .ownership import GENERATED, git_blame, lines_of

WORDS = st.sampled_from(
    ["import", "self.name", "return", "x", "=", "(", ")", "None,", "Käse", "A_B", "\x0c", "\t\v"]
)
LINES = st.builds(
    "{}{}\n".format, st.sampled_from(["", "    ", "\t"]), st.lists(WORDS, max_size=6).map(" ".join)
)


@st.composite
def rewritten(draw: Any, lines: list[str]) -> list[str]:
    """Draw what a formatter, a sorter or a person makes of lines."""
    made: list[str] = []
    for line in lines:
        how = draw(st.sampled_from(["keep", "keep", "indent", "split", "upper", "drop", "new", "late"]))
        if how == "new":
            made.append(draw(LINES))
        elif how == "late":
            made.insert(draw(st.integers(0, len(made))), line.swapcase())
        elif how != "drop":
            made.append({"indent": "    " + line, "split": line.replace(" ", "\n", 1)}.get(how, line))
    return made


@GENERATED
@given(data=st.data())
def test_lines_go_where_git_blame_sends_them(shared, data):
    """
    Whatever a commit to be looked through did to a file, each line goes to the line that git guesses.
    """
    before = data.draw(st.lists(LINES, min_size=1, max_size=40))
    history = [Made((), {"a.py": before}, 0)]
    for minute in (1, 2):
        history.append(Made((minute - 1,), {"a.py": data.draw(rewritten(history[-1].tree["a.py"]))}, minute))
    shas = write(shared, history)
    (shared.path / "ignored").write_text("\n".join(shas[1:]))
    shared.git("config", "blame.ignoreRevsFile", "ignored")
    expected = git_blame(shared, "made", "a.py")

    found = own_lines(Repository.open(shared.path), "made").files["a.py"]

    shared.git("config", "--unset", "blame.ignoreRevsFile")
    assert expected == lines_of(found)


@pytest.mark.parametrize(
    ("before", "after", "hunk", "expected"),
    [
        (b"a = 1\n", b"a = 2\n", (1, 1, 1, 1), {0: 0}),
        (b"", b"a = 1\n", (0, 0, 1, 1), {}),
        (b"import json\n", b"import json\n\nimport json\n", (1, 0, 2, 2), {2: 0}),
        (b"left, right = 1, 2\n", b"left = 1\nright = 2\n", (1, 1, 1, 2), {0: 0, 1: 0}),
        (b"one = first()\ntwo = second()\n", b"two = second(2)\n", (1, 2, 1, 1), {0: 1}),
    ],
    ids=["edited", "new", "copied from elsewhere", "split", "the more similar of two"],
)
def test_a_line_has_one_counterpart_or_none(before, after, hunk, expected):
    """
    A line is matched within its hunk first, and with any line of the file otherwise.
    """
    assert expected == counterparts(before, after, [hunk], [True] * 3)


def test_only_lines_that_matter_are_answered_for(repo):
    """
    Lines that nobody asks about are left out, but still take what they were made from.
    """
    before, after = b"name = first(1)\n", b"name = first(2)\nother = first(1)\n"

    assert {1: 0} == counterparts(before, after, [(1, 1, 1, 2)], [False, True])
