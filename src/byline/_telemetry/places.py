"""Which explicit bucket holds an exponential bucket, or a whole range of durations."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from . import lanes
from .tally import limits

CUT: Final = -1
"""A bound divides it: its values have to be looked at."""


class Places:
    """Explicit buckets."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """
        Divide by upper bounds, ascending.

        Args:
            bounds: What is above the last one has a bucket of its own.
        """
        self.bounds = tuple(bounds)
        self._of_ranges: dict[int, int] = {}

    def of_value(self, duration_s: float) -> int:
        """Return where a duration belongs."""
        return bisect_left(self.bounds, duration_s)

    def of_bucket(self, bucket: int) -> int:
        """Return where all values of an exponential bucket belong, or ``CUT``."""
        low, high = limits(bucket)
        place = bisect_right(self.bounds, low)
        return place if bisect_left(self.bounds, high) == place else CUT

    def of_range(self, range_: int) -> int:
        """Return where all values of a range belong, or ``CUT``."""
        place = self._of_ranges.get(range_)
        if place is None:
            found = lanes.limits(range_)
            place = bisect_left(self.bounds, found[0]) if found else CUT
            if found and bisect_left(self.bounds, found[1]) != place:
                place = CUT
            self._of_ranges[range_] = place
        return place
