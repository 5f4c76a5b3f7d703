"""Which commit is named first for a failure."""

from __future__ import annotations

import pytest

from byline._model import Attribution, Commit, Evidence, Function, LineAttribution
from byline._suspects import FrameFacts, rank

AI = Evidence("ai", "trailer", "claude", "medium")
HUMAN = Evidence("human", "note", "", "high")


def line(sha: str, evidence: Evidence | None = None, when: int = 0) -> LineAttribution:
    return LineAttribution(Commit(sha, f"subject {sha}", when, "raw", "person"), evidence)


def function(sha: str, when: int = 0) -> Attribution:
    return Attribution(
        "ai", "medium", "ok", sha, sha, "person", "claude", ai_lines=5, lines=8, committed_at=when
    )


def frame(
    distance: int, found: LineAttribution | None = None, around: Attribution | None = None, reason: str = ""
) -> FrameFacts:
    where = Function("shop.cart", "total", "shop/cart.py", 1, 1, 9)
    return FrameFacts(
        distance,
        "/srv/shop/cart.py",
        3,
        "total",
        "shop/cart.py",
        where if around else None,
        around,
        found,
        reason,
    )


def shas(frames: list[FrameFacts]) -> list[str]:
    return [suspect.commit for suspect in rank(frames)[0]]


def test_the_ai_line_that_raised_comes_first():
    """
    An AI line that raised is named before AI further out.
    """
    assert ["raised", "outer"] == shas([frame(0, line("raised", AI)), frame(1, line("outer", AI, when=9))])


def test_ai_function_before_ai_line_further_out():
    """
    A person's line inside an AI function points to that function before the callers.
    """
    frames = [frame(0, line("person"), function("around")), frame(1, line("outer", AI))]

    assert ["around", "outer", "person"] == shas(frames)


def test_nearer_line_before_farther():
    """
    Among AI lines on the way, the nearer one comes first, however new the other is.
    """
    frames = [frame(0, line("person")), frame(1, line("near", AI, when=1)), frame(2, line("far", AI, when=9))]

    assert ["near", "far", "person"] == shas(frames)


def test_library_frames_are_looked_through():
    """
    What a library raised counts for the line that called it, which says so; the library is listed as not checked.
    """
    suspects, unverified = rank(
        [frame(0, reason="outside the repository (a library)"), frame(1, line("caller", AI))]
    )

    assert ("caller", "AI line that called what raised", 1) == (
        suspects[0].commit,
        suspects[0].reason,
        suspects[0].distance,
    )
    assert ["outside the repository (a library)"] == [each.reason for each in unverified]


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"found": line("one", HUMAN)}, "line that called what raised, written by a person"),
        (
            {"found": line("one"), "around": Attribution("ai", "high", "ok", "two", lines=3, ai_lines=2)},
            "AI function that called what raised (2 of 3 lines by AI), though not this line",
        ),
    ],
    ids=["a person's line", "an AI function"],
)
def test_a_line_that_only_called(known, reason):
    """
    Neither a line nor a function is said to have raised what something else raised.
    """
    suspects, _ = rank([frame(0, reason="outside the repository (a library)"), frame(1, **known)])

    assert reason == suspects[0].reason


def test_a_persons_line_is_shown_last_and_says_so():
    """
    A raising line without a sign of AI is shown, as what it is.
    """
    suspects, _ = rank([frame(0, line("person", HUMAN))])

    assert [("person", "human", "line that raised, written by a person")] == [
        (each.commit, each.verdict, each.reason) for each in suspects
    ]


def test_one_entry_per_commit():
    """
    A commit is listed once, with its best reason.
    """
    suspects, _ = rank([frame(0, line("one", AI)), frame(1, line("one", AI)), frame(2, line("one", AI))])

    assert [("one", 0)] == [(each.commit, each.distance) for each in suspects]


def test_at_most_five():
    """
    More than five suspects are no help.
    """
    assert 5 == len(shas([frame(n, line(f"c{n}", AI)) for n in range(9)]))


def test_nothing_known():
    """
    Without any known frame there is no suspect, and each reason is said once.
    """
    suspects, unverified = rank([frame(n, reason="not in the manifest") for n in range(3)])

    assert ((), ["not in the manifest"]) == (suspects, [each.reason for each in unverified])
    assert unverified[0].subject.endswith("and 2 more")
