"""
A batch of durations as bytes, which are cut, translated and counted at the processor's speed.

The values are packed as 32-bit floats. The first byte of such a float says in which four-fold range
the value is, the second in which of 128 cells of an octave, the third in which of 256 parts of that
cell. Rounding to 32 bits keeps the order of values, so their bytes can be compared instead of them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from struct import Struct, pack

from .._once import once

RARE = 8
"""Values are looked at one by one when fewer than one in so many need it."""

_SCATTERED = 16
"""When more than one in so many may be the extreme, to go through all is quicker than to look for each."""

_SAMPLE = 256
_EVERY = bytes(range(256))

BIAS = 127
"""Of the exponent of a 32-bit float."""

INFINITE = 0x7F
"""First byte of what is no number, or too large for one; 0 is that of zero, and those above are of negative numbers."""

_BYTES = (3, 2, 1) if sys.byteorder == "little" else (0, 1, 2)
_GREATEST = 3e38
_ROUNDED = 1 - 2.0**-23
"""A value this much below a range may have been rounded into it."""


class Lanes:
    """The first, second and third bytes of a batch, each by itself."""

    def __init__(self, batch: list[float]) -> None:
        """
        Pack a batch.

        Raises:
            OverflowError: A value has no 32-bit float.
        """
        self._batch = batch
        self._raw = Struct(f"{len(batch)}f").pack(*batch)
        self.ranges = self._raw[_BYTES[0] :: 4]

    @once
    def cells(self) -> bytes:
        """The second bytes."""
        return self._raw[_BYTES[1] :: 4]

    @once
    def parts(self) -> bytes:
        """The third bytes."""
        return self._raw[_BYTES[2] :: 4]

    @once
    def occupied(self) -> dict[int, int]:
        """How many values are in which range."""
        return counts(self.ranges)

    def values(self, range_: int) -> list[float] | None:
        """Return the values in a range, if these are few."""
        if self.occupied[range_] * RARE > len(self.ranges):
            return None
        return [self._batch[at] for at in positions(self.ranges, range_)]

    def lowest(self, known: float) -> float:
        """Return the least value, or ``known`` when none is less."""
        known_range, cell = pack(">f", min(known, _GREATEST))[:2]
        first = min(self.occupied)
        if first > known_range:
            return known
        if first < known_range:
            return self._extreme(min, known, self.ranges, first, first)
        return self._extreme(min, known, self.cells, 0, cell)

    def highest(self, known: float) -> float:
        """Return the greatest value, or ``known`` when none is greater."""
        known_range, cell = pack(">f", min(known, _GREATEST))[:2]
        last = max(self.occupied)
        if last < known_range:
            return known
        if last > known_range:
            return self._extreme(max, known, self.ranges, last, last)
        return self._extreme(max, known, self.cells, cell, 255)

    def _extreme(self, choose: Callable[..., float], known: float, lane: bytes, low: int, high: int) -> float:
        """Choose between ``known`` and the values whose byte is within limits: only these can be beyond it."""
        wanted = _EVERY[low : high + 1]
        # A clock that ticks slowly makes many equal values, of which a few bytes tell.
        if _is_frequent(lane[:_SAMPLE], wanted) or _is_frequent(lane, wanted):
            return choose(known, choose(self._batch))
        found = lane.translate(bytes(low) + b"\1" * len(wanted) + bytes(255 - high))
        return choose((known, *(self._batch[at] for at in positions(found, 1))))


def _is_frequent(lane: bytes, wanted: bytes) -> bool:
    # To delete them tells how many there are; to count bytes that are frequent takes longer.
    return (len(lane) - len(lane.translate(None, wanted))) * _SCATTERED > len(lane)


def limits(range_: int) -> tuple[float, float] | None:
    """Return what the values in a range lie between; None where not all are numbers above zero."""
    if not 0 < range_ < INFINITE:
        return None
    return math.ldexp(_ROUNDED, 2 * range_ - BIAS), math.ldexp(1.0, 2 * range_ + 2 - BIAS)


def counts(lane: bytes) -> dict[int, int]:
    """Return how often each byte occurs."""
    found = {}
    while lane:
        byte, size = lane[:1], len(lane)
        lane = lane.translate(None, byte)
        found[byte[0]] = size - len(lane)
    return found


def added(*lanes: bytes) -> bytes:
    """Add byte by byte: as one long number each, when no sum of bytes overflows."""
    return sum(int.from_bytes(each, "little") for each in lanes).to_bytes(len(lanes[0]), "little")


def positions(lane: bytes, byte: int) -> list[int]:
    """Return where a byte occurs."""
    found, at = [], lane.find(byte)
    while at >= 0:
        found.append(at)
        at = lane.find(byte, at + 1)
    return found
