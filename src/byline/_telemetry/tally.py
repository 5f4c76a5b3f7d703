"""
Where a batch of durations falls: exact counts in exponential buckets, at a few nanoseconds a value.

Few values are sorted, and the occupied buckets' bounds searched for. Many are not looked at one by
one: their bytes are counted, see lanes.py. Three bytes tell on which side of every bound a value is,
unless its first 22 bits are the bound's own. Those values, a few in a thousand, are compared as they are.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from functools import cache
from itertools import compress
from struct import pack

from .._once import once
from .lanes import BIAS, RARE, Lanes, added, counts, positions

SCALE = 5
"""32 buckets for each doubling: a bucket is 2.2 % wide. See "Exponential buckets" in OpenTelemetry's data model."""

_PER_OCTAVE = 2**SCALE
_LOWEST, _HIGHEST = -40, 20
"""Powers of two: from a picosecond to twelve days. Durations beyond are counted at the ends."""

_MANTISSAS = [2.0 ** (step / _PER_OCTAVE) for step in range(_PER_OCTAVE)]

BOUNDS = [math.ldexp(each, octave) for octave in range(_LOWEST, _HIGHEST) for each in _MANTISSAS]
"""Upper bounds; bucket i holds values above the bound before it, up to its own. The last bucket has none."""

OFFSET = _LOWEST * _PER_OCTAVE - 1
"""What OpenTelemetry's index of a bucket is beyond ours."""

_FEW = 1_500
"""So many are quicker sorted than labelled."""

_PACKED = 30
"""And so many are quicker sorted than only looked at by their ranges."""


class Tally:
    """Durations in seconds, and the buckets they fall into; nothing is counted before it is asked for."""

    def __init__(self, batch: list[float]) -> None:
        self.batch = batch

    @once
    def lanes(self) -> Lanes | None:
        """The batch as bytes; None when that is not worth while, or not possible."""
        if len(self.batch) <= _PACKED:
            return None
        try:
            return Lanes(self.batch)
        except OverflowError:
            return None

    @once
    def buckets(self) -> dict[int, int]:
        """How many fall into which bucket; those that took no time are in none."""
        found = _labelled(self.batch, self.lanes) if len(self.batch) > _FEW and self.lanes else None
        self.labels = found
        if found is None:
            self._ascending = sorted(self.batch)
            return _walk(self._ascending)
        known = found.counts()
        for bucket, number in _walk(found.odd).items():
            known[bucket] = known.get(bucket, 0) + number
        return known

    @once
    def zero_count(self) -> int:
        """Calls that took no time, as far as the clock could tell."""
        return len(self.batch) - sum(self.buckets.values())

    @once
    def total(self) -> float:
        return sum(self.batch)

    @once
    def minimum(self) -> float:
        lowest = min(self.buckets, default=0)
        if self.zero_count or self.buckets[lowest] * 4 > len(self.batch):
            return min(self.batch)
        return min(self.inside(lowest))

    @once
    def maximum(self) -> float:
        return max(self.inside(max(self.buckets))) if self.buckets else max(self.batch)

    def inside(self, bucket: int) -> list[float]:
        """Return the values in a bucket."""
        if not self.buckets.get(bucket):
            return []
        low, high = limits(bucket)
        if self.labels is None:
            ascending = self._ascending
            return ascending[bisect_right(ascending, low) : bisect_right(ascending, high)]
        return [*self.labels.values(bucket), *(each for each in self.labels.odd if low < each <= high)]


def limits(bucket: int) -> tuple[float, float]:
    """Return what a bucket's values are above of, and the greatest it can hold."""
    low = BOUNDS[bucket - 1] if bucket else 0.0
    return low, BOUNDS[bucket] if bucket < len(BOUNDS) else math.inf


def _walk(ascending: list[float]) -> dict[int, int]:
    """Count sorted values: only the bounds of occupied buckets are searched for."""
    found: dict[int, int] = {}
    size, last = len(ascending), len(BOUNDS)
    at, bound = bisect_right(ascending, 0.0), 0
    while at < size:
        bound = bisect_left(BOUNDS, ascending[at], bound)
        end = bisect_right(ascending, BOUNDS[bound], at) if bound < last else size
        found[bound] = end - at
        at = end
    return found


# A label is a bucket's distance from the first bucket of a window of three ranges, each of two
# octaves, since the last bit of the exponent is in the second byte.
_PER_RANGE = 2 * _PER_OCTAVE
_BESIDE = 3 * _PER_RANGE - 1  # plus the greatest label within a range is 255: lanes never overflow
_ODD = 255
_UNDECIDED = 127

_SHIFTED = bytes(byte >> 2 for byte in range(256))


def _tables() -> tuple[bytes, bytes]:
    """
    Return, for each second byte: the label it begins with, and where its bound is.

    A cell is at most once cut by a bound. The place of that bound, in sixty-fourths of the cell, is
    stored so that adding the place of a value gives 127 when they are equal, more when the value
    is above, and less when it is below. A cell that is not cut gives less, whatever is added.
    """
    labels, cuts = bytearray(256), bytearray(256)
    bounds = [math.ldexp(each, octave) for octave in (0, 1) for each in _MANTISSAS]
    packed = [pack(">f", math.ldexp(each, -1)) for each in bounds]  # an even exponent comes first
    places = [(raw[1], raw[2] >> 2) for raw in packed]
    cut = [cell for cell, _ in places]
    for cell in range(256):
        labels[cell] = bisect_left(cut, cell)
    for cell, part in places:
        cuts[cell] = _UNDECIDED - part
    return bytes(labels), bytes(cuts)


_LABELS, _CUTS = _tables()
_SIDES = bytes(int(each > _UNDECIDED) for each in range(256))


@cache
def _ranges(first: int) -> bytes:
    """Return, for each first byte, what it adds to the label."""
    ranks = {first + rank: rank * _PER_RANGE for rank in range(3)}
    return bytes(ranks.get(byte, _BESIDE) for byte in range(256))


class _Labelled:
    """A batch with a label for each value; ``odd`` are the values that have none."""

    def __init__(self, batch: list[float], labels: bytes, first: int, odd: list[float]) -> None:
        self._batch = batch
        self._labels = labels
        self._first = first
        self.odd = odd

    def counts(self) -> dict[int, int]:
        known = counts(self._labels.translate(None, bytes((_ODD,))))
        return {self._first + label: number for label, number in known.items()}

    def values(self, bucket: int) -> list[float]:
        label = bucket - self._first
        return _pick(self._batch, self._labels, label) if 0 <= label < _ODD else []


def _labelled(batch: list[float], lanes: Lanes) -> _Labelled | None:
    """Label a batch; None when its values are too far apart, or too many of them on a bound."""
    first = sorted(lanes.ranges[:31])[15] - 1  # a range below that of most values
    start = (2 * first - BIAS - _LOWEST) * _PER_OCTAVE
    if not 0 <= start < len(BOUNDS) - 3 * _PER_RANGE:
        return None
    ranks = lanes.ranges.translate(_ranges(first))
    sides = added(lanes.parts.translate(_SHIFTED), lanes.cells.translate(_CUTS))
    labels = bytearray(added(ranks, lanes.cells.translate(_LABELS), sides.translate(_SIDES)))
    if (sides.count(_UNDECIDED) + ranks.count(_BESIDE)) * RARE > len(batch):
        return None
    odd = {*positions(sides, _UNDECIDED), *positions(ranks, _BESIDE)}
    for at in odd:
        labels[at] = _ODD
    return _Labelled(batch, bytes(labels), start, sorted(batch[at] for at in odd))


def _pick(batch: list[float], labels: bytes, label: int) -> list[float]:
    """Return the values with a label."""
    if labels.count(label) * RARE < len(batch):
        return [batch[at] for at in positions(labels, label)]
    return list(compress(batch, labels.translate(bytes(each == label for each in range(256)))))
