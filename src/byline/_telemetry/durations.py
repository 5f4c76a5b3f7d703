"""Call durations counted into exact base-2 exponential buckets, batch by batch; no SDK in here."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from .attributes import Attributes

SCALE = 5
"""32 buckets for each doubling: a bucket is 2.2 % wide. See "Exponential buckets" in OpenTelemetry's data model."""

_LOWEST, _HIGHEST = -40, 20
"""Powers of two: from a picosecond to twelve days. Durations beyond are counted at the ends."""

# Upper bounds; bucket i of the table holds values above the bound before it, up to its own.
_BOUNDS = [2.0 ** (step / 2**SCALE) for step in range(_LOWEST * 2**SCALE, _HIGHEST * 2**SCALE + 1)]
_OFFSET = _LOWEST * 2**SCALE - 1


@dataclass(frozen=True, slots=True)
class Distribution:
    """The calls of one function with one outcome, since the last collection."""

    attributes: Attributes
    count: int
    total: float
    """Seconds."""

    minimum: float
    maximum: float
    zero_count: int
    offset: int
    """Index of the first bucket at ``SCALE``."""

    buckets: tuple[int, ...]


@dataclass(slots=True)
class _Counts:
    attributes: Attributes
    buckets: dict[int, int] = field(default_factory=dict)
    count: int = 0
    total: float = 0.0
    minimum: float = math.inf
    maximum: float = 0.0
    zero_count: int = 0

    def add(self, batch: list[float]) -> None:
        """
        Count a batch; sorts it.

        Sorted, only the bounds of occupied buckets are searched for: a tenth of a microsecond a
        value, where recording each through an instrument costs fifty times that.
        """
        batch.sort()
        size = len(batch)
        at = self._skip_zeros(batch)
        bound = bisect_left(_BOUNDS, batch[at]) if at < size else 0
        while at < size:
            last = len(_BOUNDS) - 1
            end = bisect_right(batch, _BOUNDS[bound], at) if bound < last else size
            if end > at:
                self.buckets[bound] = self.buckets.get(bound, 0) + end - at
                at = end
            if at < size:
                bound = bisect_left(_BOUNDS, batch[at], bound)
        self.count += size
        self.total += math.fsum(batch)
        self.minimum = min(self.minimum, batch[0])
        self.maximum = max(self.maximum, batch[-1])

    def _skip_zeros(self, batch: list[float]) -> int:
        zeros = bisect_right(batch, 0.0)
        self.zero_count += zeros
        return zeros

    def distribution(self) -> Distribution:
        first, last = min(self.buckets, default=0), max(self.buckets, default=-1)
        return Distribution(
            self.attributes,
            self.count,
            self.total,
            self.minimum,
            self.maximum,
            self.zero_count,
            first + _OFFSET,
            tuple(self.buckets.get(bound, 0) for bound in range(first, last + 1)),
        )


class Durations:
    """What was drained from the functions, until a reader collects it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[tuple[str, object], ...], _Counts] = {}

    def add(self, batch: list[float], attributes: Attributes) -> None:
        """Count calls, in seconds; the list is ours to sort."""
        if not batch:
            return
        key = tuple(attributes.items())
        with self._lock:
            counts = self._counts.get(key)
            if counts is None:
                counts = self._counts[key] = _Counts(attributes)
            counts.add(batch)

    def collect(self) -> list[Distribution]:
        """Return what came in since the last collection, and start again from nothing."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return [each.distribution() for each in counts.values()]
