"""What attribution will ask about neutral commits, gathered from many files so that git answers in batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from .neutral import NeutralCommits
from .scanned_file import ScannedFile

Progress = Callable[[str, int, int], None]

_NEWEST_CHECKED = 3
"""Changes of a function whose neutrality is read in one go; older ones are read when needed."""
_PLACES = 200
"""Versions of files compared between two words on how far it is."""


def ask(
    neutral: NeutralCommits, files: Collection[ScannedFile], order: Mapping[str, int], tell: Progress
) -> None:
    """
    Compare, in one go, the versions that most questions about neutral commits need.

    Args:
        neutral: Keeps the answers.
        files: Whose functions are attributed next.
        order: Position of each commit in topological order.
        tell: Told how far it is.
    """
    wanted: dict[tuple[str, str], set[str]] = {}
    for file in files:
        for function in file.functions:
            facts = file.facts(function)
            ai = {line.commit for line in facts.lines if line.evidence and line.evidence.verdict == "ai"}
            if not ai and facts.mark is None:
                continue
            touched = {line.commit for line in facts.lines} | set(facts.deletions)
            newest = sorted(touched - {""}, key=lambda sha: order.get(sha, len(order)))[:_NEWEST_CHECKED]
            for sha in {*ai, *newest} - {""}:
                wanted.setdefault((sha, file.path_in(sha)), set()).add(function.qualname)
    # Neighbouring versions of a file next to each other: what one commit left is what the next one found.
    places = sorted(wanted, key=lambda place: (place[1], order.get(place[0], len(order))))
    for start in range(0, len(places), _PLACES):
        tell("versions", start, len(places))
        neutral.load({place: wanted[place] for place in places[start : start + _PLACES]})
    tell("versions", len(places), len(places))
