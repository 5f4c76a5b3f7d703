"""Call durations counted exactly into buckets, batch by batch, until a reader collects them; no SDK in here."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from weakref import WeakSet

from .._dataclass import dataclass, field
from . import worker
from .attributes import Attributes
from .lanes import INFINITE, Lanes
from .places import CUT, Places
from .tally import BOUNDS, OFFSET, SCALE, Tally, limits

_EXEMPLARS = 20
"""Exemplars that one series keeps between two collections."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One call, with the span it had."""

    duration_s: float
    time_ns: int
    trace_id: int
    span_id: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The calls of one function with one outcome."""

    attributes: Attributes
    count: int
    total: float
    """Seconds."""

    minimum: float
    maximum: float
    zero_count: int
    """Calls that took no time; with explicit bounds they are in the first bucket too."""

    offset: int
    """Index of the first bucket at ``scale``; 0 with explicit bounds."""

    buckets: tuple[int, ...]
    scale: int = SCALE
    since_ns: int = 0
    """When the counting began, by the wall clock."""

    exemplars: tuple[Exemplar, ...] = ()

    def fitted(self, size: int) -> Distribution:
        """Return it in at most so many exponential buckets: each step down merges pairs, and stays exact."""
        scale, offset, buckets = self.scale, self.offset, self.buckets
        while len(buckets) > size:
            merged = [0] * ((offset + len(buckets) - 1 >> 1) - (offset >> 1) + 1)
            for index, number in enumerate(buckets, offset):
                merged[(index >> 1) - (offset >> 1)] += number
            scale, offset, buckets = scale - 1, offset >> 1, tuple(merged)
        return replace(self, scale=scale, offset=offset, buckets=buckets)


@dataclass(slots=True)
class _Counts:
    attributes: Attributes
    places: Places | None
    """Explicit buckets; exponential ones when None."""

    since_ns: int
    buckets: dict[int, int] = field(default_factory=dict)
    exemplars: dict[int, Exemplar] = field(default_factory=dict)
    """The newest of a bucket."""

    count: int = 0
    total: float = 0.0
    minimum: float = math.inf
    maximum: float = 0.0
    zero_count: int = 0

    def add(self, tally: Tally) -> None:
        """Count a batch."""
        self.count += len(tally.batch)
        self.total += tally.total
        if self.places and tally.lanes and self._add_ranges(tally.lanes, self.places):
            return
        buckets = self.buckets
        counted = self._explicit(tally, self.places) if self.places else tally.buckets.items()
        for bucket, number in counted:
            buckets[bucket] = buckets.get(bucket, 0) + number
        self.zero_count += tally.zero_count
        lowest, highest = min(tally.buckets, default=0), max(tally.buckets, default=0)
        # To look for the extremes takes longer than all the rest; mostly the buckets tell that there are none.
        if tally.zero_count or limits(lowest)[0] < self.minimum:
            self.minimum = min(self.minimum, tally.minimum)
        if limits(highest)[1] > self.maximum:
            self.maximum = max(self.maximum, tally.maximum)

    def _add_ranges(self, lanes: Lanes, places: Places) -> bool:
        """Count a batch by its ranges, unless a bound cuts one that many values are in; it seldom does."""
        found = []
        for range_, number in lanes.occupied.items():
            place = places.of_range(range_)
            if place != CUT:
                found.append((place, number))
                continue
            values = lanes.values(range_) if 0 < range_ < INFINITE else None
            if values is None:
                return False
            found += [(places.of_value(each), 1) for each in values]
        for place, number in found:
            self.buckets[place] = self.buckets.get(place, 0) + number
        self.minimum, self.maximum = lanes.lowest(self.minimum), lanes.highest(self.maximum)
        return True

    @staticmethod
    def _explicit(tally: Tally, places: Places) -> Iterator[tuple[int, int]]:
        """Share a batch out to explicit buckets. Most exponential ones are within one of those."""
        for bucket, number in tally.buckets.items():
            place = places.of_bucket(bucket)
            if place != CUT:
                yield place, number
            else:
                yield from ((places.of_value(each), 1) for each in tally.inside(bucket))
        if tally.zero_count:
            yield places.of_value(0.0), tally.zero_count

    def keep(self, exemplars: Iterable[Exemplar]) -> None:
        for each in exemplars:
            bound = (
                self.places.of_value(each.duration_s) if self.places else bisect_left(BOUNDS, each.duration_s)
            )
            self.exemplars.pop(bound, None)  # so that the newest is the last
            self.exemplars[bound] = each
        while len(self.exemplars) > _EXEMPLARS:
            del self.exemplars[next(iter(self.exemplars))]


class Durations:
    """
    What was drained from the functions, until a reader collects it.

    A fork leaves the child with nothing: what was counted is the parent's to report.
    """

    def __init__(self, bounds: Sequence[float] | None = None, *, cumulative: bool = False) -> None:
        """
        Begin with nothing.

        Args:
            bounds: Upper bounds of explicit buckets, ascending; exponential ones when None.

            cumulative: Whether a collection leaves the counts in place, to grow.
        """
        self._places = None if bounds is None else Places(bounds)
        self._cumulative = cumulative
        self.forget()
        _all.add(self)

    @property
    def bounds(self) -> tuple[float, ...] | None:
        """The upper bounds, when the buckets are explicit."""
        return self._places.bounds if self._places else None

    def forget(self) -> None:
        """Start again from nothing, also when a thread that is no more held the lock."""
        self._lock = threading.Lock()
        self._counts: dict[tuple[tuple[str, object], ...], _Counts] = {}
        self._since_ns = time.time_ns()

    def add(self, tally: Tally, attributes: Attributes, exemplars: Sequence[Exemplar] = ()) -> None:
        """Count calls."""
        if not tally.batch:
            return
        key = tuple(attributes.items())
        with self._lock:
            counts = self._counts.get(key)
            if counts is None:
                counts = self._counts[key] = _Counts(attributes, self._places, self._since_ns)
            counts.add(tally)
            if exemplars:
                counts.keep(exemplars)

    def collect(self) -> list[Distribution]:
        """Return what came in: since the last collection, or since the beginning when it is cumulative."""
        with self._lock:
            found = [self._distribution(each) for each in self._counts.values()]
            if self._cumulative:
                for each in self._counts.values():
                    each.exemplars = {}
            else:
                self._counts = {}
                self._since_ns = time.time_ns()
        return found

    def _distribution(self, counts: _Counts) -> Distribution:
        if self._places is None:
            first, last = min(counts.buckets, default=0), max(counts.buckets, default=-1)
            offset = first + OFFSET
        else:
            first, last, offset = 0, len(self._places.bounds), 0
        return Distribution(
            counts.attributes,
            counts.count,
            counts.total,
            counts.minimum,
            counts.maximum,
            counts.zero_count,
            offset,
            tuple(counts.buckets.get(bound, 0) for bound in range(first, last + 1)),
            since_ns=counts.since_ns,
            exemplars=tuple(counts.exemplars.values()),
        )


_all: WeakSet[Durations] = WeakSet()


def _after_fork_in_child() -> None:
    for each in _all:
        each.forget()


worker.after_fork(_after_fork_in_child)
