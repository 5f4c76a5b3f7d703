"""Spans of time and how the longest of them cover a window: what is summed need not be added again; no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .rows import MINUTE_NS

QUARTER = 15
"""Minutes of a quarter hour, the finest sum."""

DAY = 1_440
"""Minutes of a day, the longest sum."""

SPANS = (QUARTER, DAY)
"""Lengths of sums, each a multiple of the one before."""

FOREVER = DAY << 40
"""A minute after all others."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a window that is answered by rows of one length."""

    minutes: int
    """Of the rows: a day, a quarter hour, or 1."""

    start: int
    """First minute."""

    end: int
    """The minute after the last."""


def minutes_of(since_ns: int | None, until_ns: int | None) -> tuple[int, int]:
    """Return a window in minutes: every minute that has a part in it."""
    start = 0 if since_ns is None else max(0, since_ns // MINUTE_NS)
    end = FOREVER if until_ns is None else -(-until_ns // MINUTE_NS)
    return start, end


def minutes_within(since_ns: int | None, until_ns: int | None) -> tuple[int, int]:
    """Return a window in minutes: every minute that lies in it as a whole."""
    start = 0 if since_ns is None else -(-since_ns // MINUTE_NS)
    return start, FOREVER if until_ns is None else until_ns // MINUTE_NS


def cover(start: int, end: int, *, reach: dict[int, int], thinned: dict[int, int]) -> tuple[Part, ...]:
    """
    Cover a window with as few rows as possible, none of them twice, in order of time.

    Args:
        reach: For each length of sums the minute up to which they are complete.

        thinned: For a length of rows the minute before which they are gone; there the window grows
            to the edges of the next longer span.
    """
    parts = [Part(1, start, end)]
    for finer, minutes in zip((1, *SPANS), SPANS, strict=False):
        parts = [piece for each in parts for piece in _split(each, minutes, finer, reach, thinned)]
    return tuple(each for each in parts if each.start < each.end)


def _split(
    part: Part, minutes: int, finer: int, reach: dict[int, int], thinned: dict[int, int]
) -> Iterator[Part]:
    """Replace the inside of a part of finer rows by longer ones."""
    if part.minutes != finer:
        yield part
        return
    gone = thinned.get(finer, 0)
    start = _floor(part.start, minutes) if part.start < gone else -_floor(-part.start, minutes)
    end = min(part.end, reach.get(minutes, 0))
    end = -_floor(-end, minutes) if end < gone else _floor(end, minutes)
    if start >= end:
        yield part
        return
    yield Part(finer, part.start, start)
    yield Part(minutes, start, end)
    yield Part(finer, end, part.end)


def _floor(minute: int, minutes: int) -> int:
    return minute - minute % minutes


def within(part: Part) -> str:
    """Return the condition for a part's rows; the bounds are our own numbers."""
    length = f"minutes = {part.minutes} AND " if part.minutes != 1 else ""
    upper = f" AND minute < {part.end}" if part.end < FOREVER else ""
    return f"{length}minute >= {part.start}{upper}"
