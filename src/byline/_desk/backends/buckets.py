"""From a backend's histogram buckets to a sketch: an estimate, and how far it can be off; no I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..._store.sketches import MAX_BUCKETS, Sketch

_FINEST = 8
"""Prometheus' native histograms are no finer."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Calls that took longer than ``low``, and not longer than ``high``, in seconds."""

    low: float
    high: float
    calls: int

    @property
    def factor(self) -> float:
        """How far apart its bounds are; infinite where it has one only."""
        return self.high / self.low if self.low > 0 else math.inf


def from_cumulative(counts: Mapping[float, float]) -> list[Bucket]:
    """
    Read a classic histogram.

    Args:
        counts: By upper bound. Where a part was estimated, one may be below the one before it.
    """
    found, low, before = [], 0.0, 0
    for high, count in sorted(counts.items()):
        number = max(before, round(count))
        if number > before:
            found.append(Bucket(low, high, number - before))
        low, before = high, number
    return found


def fitted(buckets: Sequence[Bucket], calls: int) -> list[Bucket]:
    """
    Bring buckets to a number of calls, in proportion.

    VictoriaMetrics keeps a bucket that a process has since merged with its neighbours, so that some
    calls are in two of them.
    """
    whole = sum(each.calls for each in buckets)
    if whole in {0, calls}:
        return list(buckets)
    found, reached, given = [], 0, 0
    for each in buckets:
        reached += each.calls
        until = round(calls * reached / whole)
        found.append(Bucket(each.low, each.high, until - given))
        given = until
    return found


def sketch_of(buckets: Sequence[Bucket], total: float) -> Sketch:
    """
    Spread the calls of each bucket evenly over it, on a logarithmic scale.

    Args:
        total: The sum of all durations, in seconds.
    """
    edged = [_edged(each) for each in buckets if each.calls]
    zeros = sum(calls for _, high, calls in edged if high <= 0)
    edged = [each for each in edged if each[1] > 0]
    if not edged:
        return Sketch(zeros, total, zero_count=zeros)
    least, most = min(low for low, _, _ in edged), max(high for _, high, _ in edged)
    scale = _FINEST
    while _bucket(most, scale) - _bucket(least, scale) >= MAX_BUCKETS:
        scale -= 1
    counts: dict[int, int] = {}
    for low, high, calls in edged:
        for index, share in _shares(math.log2(low), math.log2(high), calls, scale):
            counts[index] = counts.get(index, 0) + share
    first, last = min(counts), max(counts)
    return Sketch(
        count=zeros + sum(counts.values()),
        total=total,
        minimum=0.0 if zeros else least,
        maximum=most,
        scale=scale,
        zero_count=zeros,
        offset=first,
        buckets=tuple(counts.get(index, 0) for index in range(first, last + 1)),
    )


def _edged(bucket: Bucket) -> tuple[float, float, int]:
    """Give a bucket that is open on one side an edge: what is longer is as long as its bound, what is shorter half as long at least."""
    if math.isinf(bucket.high):
        return bucket.low, bucket.low, bucket.calls
    return bucket.low if bucket.low > 0 else bucket.high / 2, bucket.high, bucket.calls


def _shares(low: float, high: float, calls: int, scale: int) -> Iterable[tuple[int, int]]:
    """Divide calls over the sketch's buckets between two logarithms, in whole numbers that add up."""
    first, last = _of_log(low, scale, above=True), _of_log(high, scale)
    if last <= first:
        yield last, calls
        return
    given = 0
    for index in range(first, last + 1):
        edge = min(math.ldexp(index + 1, -scale), high)
        until = round(calls * (edge - low) / (high - low))
        if until > given:
            yield index, until - given
            given = until


def _bucket(value: float, scale: int) -> int:
    return _of_log(math.log2(value), scale)


def _of_log(log: float, scale: int, *, above: bool = False) -> int:
    """Return the bucket that a logarithm lies in; one on an edge is in the bucket below, or in the one above."""
    place = math.ldexp(log, scale)
    nearest = round(place)
    if abs(place - nearest) < 1e-6:  # noqa: PLR2004  # logarithms are not exact, edges are
        return nearest if above else nearest - 1
    return math.floor(place)
