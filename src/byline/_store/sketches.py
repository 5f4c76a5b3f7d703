"""Latency as a base-2 exponential histogram: from values or buckets, merged exactly, asked for quantiles; no I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import add

MAX_SCALE = 20
"""The finest resolution, as in OpenTelemetry's own aggregation."""

MIN_SCALE = -10
MAX_BUCKETS = 160
"""Buckets kept at most, as in OpenTelemetry's own aggregation."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """
    How often which durations occurred, in seconds.

    Bucket ``i`` of scale ``s`` counts the values above ``2 ** (i / 2**s)`` up to and
    including ``2 ** ((i + 1) / 2**s)``. The first and the last bucket are never empty,
    so two sketches of the same values at the same scale are equal.
    """

    count: int = 0
    total: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    scale: int = MAX_SCALE
    zero_count: int = 0
    """Values of zero."""

    offset: int = 0
    """Index of the first bucket."""

    buckets: tuple[int, ...] = ()

    @property
    def mean(self) -> float:
        """The arithmetic mean; 0 without values."""
        return self.total / self.count if self.count else 0.0


def of(values: Iterable[float]) -> Sketch:
    """
    Count values.

    Raises:
        ValueError: A value is negative or not finite.
    """
    return _weighted([(value, 1) for value in values])


def from_exponential(  # noqa: PLR0913  # the fields of OpenTelemetry's data point, by its names
    *, count: int, total: float, minimum: float, maximum: float, scale: int, zero_count: int,
    offset: int, bucket_counts: Sequence[int],
) -> Sketch:  # fmt: skip
    """Take over OpenTelemetry's exponential histogram, without the empty buckets at its ends."""
    filled = [number for number, calls in enumerate(bucket_counts) if calls]
    if not count:
        return Sketch()
    # Aggregations that keep no extremes say infinity.
    low = minimum if math.isfinite(minimum) else 0.0
    high = maximum if math.isfinite(maximum) else _upper(offset + filled[-1], scale) if filled else 0.0
    if not filled:
        return Sketch(count, total, low, high, MAX_SCALE, zero_count)
    return Sketch(
        count, total, low, high, scale, zero_count, offset + filled[0],
        tuple(bucket_counts[filled[0] : filled[-1] + 1]),
    )  # fmt: skip


def from_explicit(
    *, total: float, minimum: float, maximum: float, bounds: Sequence[float], bucket_counts: Sequence[int]
) -> Sketch:
    """
    Rebuild a sketch from a histogram with explicit bounds: an estimate.

    Every value is put at the geometric middle of its bucket.
    """
    least = minimum if math.isfinite(minimum) else 0.0
    most = maximum if math.isfinite(maximum) else math.inf
    edges = [0.0, *bounds, math.inf]
    weighted = []
    for low, high, calls in zip(edges, edges[1:], bucket_counts, strict=False):
        if calls:
            weighted.append((_middle(max(low, least), min(high, most)), calls))
    estimate = _weighted(weighted)
    return Sketch(
        estimate.count,
        total,
        minimum if math.isfinite(minimum) else estimate.minimum,
        maximum if math.isfinite(maximum) else estimate.maximum,
        estimate.scale,
        estimate.zero_count,
        estimate.offset,
        estimate.buckets,
    )


def merge(sketches: Iterable[Sketch]) -> Sketch:
    """
    Return the sketch of all values together: exactly what counting them at once gives.

    A bucket of scale ``s`` is the union of two buckets of scale ``s + 1``, so nothing
    is estimated when a finer sketch is brought to the scale of a coarser one.
    See "Exponential buckets" in OpenTelemetry's metrics data model.
    """
    parts = [each for each in sketches if each.count]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Sketch()
    scale, offset, buckets = _add([each for each in parts if each.buckets])
    return Sketch(
        sum(each.count for each in parts),
        math.fsum(each.total for each in parts),
        min(each.minimum for each in parts),
        max(each.maximum for each in parts),
        scale,
        sum(each.zero_count for each in parts),
        offset,
        buckets,
    )


def quantile(sketch: Sketch, q: float) -> float:
    """
    Return the value below which a share ``q`` of the values lies, by nearest rank.

    It lies in the same bucket as the true one: at most a factor ``2 ** 2**-scale`` away.

    Raises:
        ValueError: ``q`` is not between 0 and 1.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q={q!r} is not between 0 and 1.")
    if not sketch.count:
        return 0.0
    rank = max(1, math.ceil(q * sketch.count))
    if rank == sketch.count:
        return sketch.maximum
    before = sketch.zero_count
    if rank <= before:
        return 0.0
    for index, calls in enumerate(sketch.buckets, sketch.offset):
        if rank <= before + calls:
            inside = index + (rank - before - 0.5) / calls
            return min(max(_power(inside, sketch.scale), sketch.minimum), sketch.maximum)
        before += calls
    return sketch.maximum


def _weighted(pairs: Sequence[tuple[float, int]]) -> Sketch:
    for value, _ in pairs:
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{value!r} is not a duration.")
    if not pairs:
        return Sketch()
    parts = [Sketch(n, 0.0, 0.0, 0.0, MAX_SCALE, 0, _index(value), (n,)) for value, n in pairs if value]
    scale, offset, buckets = _add(parts)
    return Sketch(
        sum(n for _, n in pairs),
        math.fsum(value * n for value, n in pairs),
        min(value for value, _ in pairs),
        max(value for value, _ in pairs),
        scale,
        sum(n for value, n in pairs if not value),
        offset,
        buckets,
    )


def _middle(low: float, high: float) -> float:
    """Return the geometric middle, or the one edge that a bucket has."""
    if not math.isfinite(high):
        return low
    return math.sqrt(low * high) if low > 0 else max(high, 0.0)


def _add(parts: Sequence[Sketch]) -> tuple[int, int, tuple[int, ...]]:
    """Add buckets at the finest scale that all parts can have and that fits."""
    if not parts:
        return MAX_SCALE, 0, ()
    scale = min(each.scale for each in parts)
    low = min(each.offset >> (each.scale - scale) for each in parts)
    high = max((each.offset + len(each.buckets) - 1) >> (each.scale - scale) for each in parts)
    while high - low >= MAX_BUCKETS and scale > MIN_SCALE:
        scale, low, high = scale - 1, low >> 1, high >> 1
    counts = [0] * (high - low + 1)
    for each in parts:
        start = (each.offset >> (each.scale - scale)) - low
        coarse = _coarser(each, each.scale - scale)
        end = start + len(coarse)
        counts[start:end] = map(add, counts[start:end], coarse)
    return scale, low, tuple(counts)


def _coarser(sketch: Sketch, shift: int) -> Sequence[int]:
    """Return the buckets of a scale that is lower by ``shift``."""
    buckets, offset = sketch.buckets, sketch.offset
    for _ in range(shift):
        padded = (0,) * (offset & 1) + buckets + (0,) * ((offset + len(buckets)) & 1)
        buckets = tuple(map(add, padded[::2], padded[1::2]))
        offset >>= 1
    return buckets


def _index(value: float) -> int:
    """
    Return the bucket of a positive value at the finest scale.

    Coarser scales are reached by shifting only: a logarithm at each scale could put
    a value near a boundary into buckets that do not contain each other.
    """
    mantissa, exponent = math.frexp(value)
    first = (exponent - 1) << MAX_SCALE
    if mantissa == 0.5:  # noqa: PLR2004  # a power of two closes the bucket below it
        return first - 1
    return first + max(0, math.ceil(math.log2(2 * mantissa) * (1 << MAX_SCALE)) - 1)


def _upper(index: int, scale: int) -> float:
    return _power(index + 1.0, scale)


def _power(index: float, scale: int) -> float:
    return float(2.0 ** min(max(math.ldexp(index, -scale), -1074.0), 1023.999))
