"""Every piece of evidence on a line, for and against, and what became of each. Pure: no git."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from .._model import Evidence, Source
from .resolve import PRECEDENCE

Standing = Literal["decides", "agrees", "overruled", "unused"]
"""``decides``: this is the answer. ``agrees``: weaker, and says the same. ``overruled``: a stronger one says
something else. ``unused``: it does not reach this line."""

_RANK = {source: rank for rank, source in enumerate(PRECEDENCE)}

_LINE_LEVEL = frozenset({"note", "trace", "pull-request", "comment", "decorator"})

SOURCES: dict[Source, tuple[str, str]] = {
    "note": ("a git note", "the tool's own record of this line"),
    "trace": ("a trace", "the tool's own record of this line"),
    "pull-request": ("a record on the pull request", "the tool's record of this line before the merge"),
    "comment": ("a comment in the code", "a comment in the code marks this line"),
    "author": ("the commit's author", "an AI agent is the author of the whole commit"),
    "trailer": ("a trailer", "the commit's message names a tool, for the whole commit"),
    "session": ("a session trailer", "the commit's message links a tool's session, for the whole commit"),
    "marker": ("a marker in the message", "a phrase in the commit's message, for the whole commit"),
    "decorator": ("the decorator", "the function is decorated, and git says nothing of its lines"),
}
"""What each source is called, and why it can decide."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One piece of evidence that may speak of a line."""

    evidence: Evidence
    where: str
    """Where it was found, in words."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """A claim, and what became of it."""

    evidence: Evidence
    where: str
    standing: Standing
    reason: str


def judge(
    claims: Sequence[Claim], winner: Evidence | None, *, saw_none: bool = False
) -> tuple[Testimony, ...]:
    """
    Say of each claim what it did, strongest first.

    Args:
        claims: All that was found.
        winner: The evidence that the line's attribution rests on; None when it has none.
        saw_none: A tool's record covers the whole commit and saw no AI.
    """
    ordered = sorted(claims, key=lambda claim: _RANK[claim.evidence.source])
    if winner is None:
        return tuple(_undecided(ordered, saw_none=saw_none))
    decisive = _decisive(ordered, winner)
    if decisive is None:
        decisive = Claim(winner, SOURCES[winner.source][0])
        ordered.insert(0, decisive)
    first = Testimony(winner, decisive.where, "decides", _why(decisive.evidence, winner))
    others = [_other(claim, winner) for claim in ordered if claim is not decisive]
    return (first, *others)


def _undecided(claims: Sequence[Claim], *, saw_none: bool) -> Iterator[Testimony]:
    """Say why nothing won: a record that says so, or nothing that speaks of this line."""
    silent = next((claim for claim in claims if claim.evidence.verdict == "unknown"), None)
    for claim in claims:
        if claim is silent:
            why = "the tool's own record does not say who wrote this line"
            yield Testimony(claim.evidence, claim.where, "decides", why)
        elif silent is not None:
            stronger, mine = SOURCES[silent.evidence.source][0], SOURCES[claim.evidence.source][0]
            yield Testimony(claim.evidence, claim.where, "overruled", f"{stronger} outranks {mine}")
        elif saw_none:
            yield Testimony(
                claim.evidence, claim.where, "overruled", "a record of the whole commit outranks it"
            )
        else:
            yield Testimony(claim.evidence, claim.where, "unused", "it does not reach this line")


def _decisive(claims: Sequence[Claim], winner: Evidence) -> Claim | None:
    """Find the claim that won: itself, or with the confidence it had before it was lowered."""
    exact = (claim for claim in claims if claim.evidence == winner)
    same = [
        claim
        for claim in claims
        if (claim.evidence.verdict, claim.evidence.source) == (winner.verdict, winner.source)
    ]
    near = (claim for claim in same if claim.evidence.tool == winner.tool)
    return next(exact, None) or next(near, None) or next(iter(same), None)


def _why(found: Evidence, winner: Evidence) -> str:
    why = SOURCES[winner.source][1]
    if found.source in _LINE_LEVEL and found != winner:
        return f"{why}, and weaker evidence adds the rest"
    if found.confidence != winner.confidence:
        return f"{why}; {winner.confidence} instead of {found.confidence}, since the tool's record leaves this line out"
    return why


def _other(claim: Claim, winner: Evidence) -> Testimony:
    evidence = claim.evidence
    agrees = evidence.verdict == winner.verdict and evidence.tool in {winner.tool, "unknown"}
    standing: Standing = "agrees" if agrees else "overruled"
    mine, stronger = SOURCES[evidence.source][0], SOURCES[winner.source][0]
    if evidence.source == winner.source:
        reason = "of several of one kind, the strongest counts"
    elif _RANK[winner.source] < _RANK[evidence.source]:
        reason = f"{stronger} outranks {mine}"
    else:
        # The stronger kind, and yet not the winner: it speaks of other lines.
        standing, reason = "unused", "it does not reach this line"
    return Testimony(evidence, claim.where, standing, reason)
