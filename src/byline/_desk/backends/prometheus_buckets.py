"""From the samples of a histogram, of whichever kind, to its buckets, and how far an estimate from them can be off."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..._model import Unverified
from . import counted, promql
from .buckets import Bucket, fitted, from_cumulative
from .http import field, listed
from .prometheus_api import Sample, number


class Reader:
    """Reads distributions, and remembers what their buckets do not tell."""

    def __init__(self) -> None:
        self._factor = 1.0
        self._gaps: dict[str, Unverified] = {}

    def gaps(self) -> tuple[Unverified, ...]:
        """Say how far what was read so far can be off."""
        widest = (counted.estimated(self._factor),) if self._factor > 1 else ()
        return (*widest, *self._gaps.values())

    def buckets(self, samples: Sequence[Sample]) -> tuple[list[Bucket], float]:
        """Put the buckets of one distribution together, with the sum of its durations."""
        cumulative: dict[float, float] = {}
        ranges: list[Bucket] = []
        total = calls = 0.0
        for each in samples:
            if each.histogram is not None:
                ranges += _native(each.histogram)
                total += number(field(each.histogram, "sum"))
            elif each.label("le") == promql.COUNT:
                calls += each.value
            elif "le" in each.labels:
                bound = number(each.labels["le"])
                cumulative[bound] = cumulative.get(bound, 0.0) + each.value
            elif "vmrange" in each.labels:
                low, _, high = each.labels["vmrange"].partition("...")
                ranges.append(Bucket(number(low), number(high), round(each.value)))
            else:
                total += each.value
        if calls and ranges:
            ranges = self._fitted(ranges, round(calls - cumulative.get(math.inf, 0.0)))
        found = sorted([*ranges, *from_cumulative(cumulative)], key=lambda each: each.low)
        found = [each for each in found if each.calls]
        self._note_errors(found)
        return found, total

    def _fitted(self, ranges: Sequence[Bucket], calls: int) -> list[Bucket]:
        if sum(each.calls for each in ranges) > calls:
            self._note(counted.TWICE)
        return fitted(sorted(ranges, key=lambda each: each.low), calls)

    def _note_errors(self, buckets: Sequence[Bucket]) -> None:
        """Remember how far apart the bounds of buckets are."""
        for each in buckets:
            if math.isfinite(each.factor):
                self._factor = max(self._factor, each.factor)
            else:
                self._note(counted.beyond(each))

    def _note(self, gap: Unverified) -> None:
        self._gaps.setdefault(gap.subject, gap)


def _native(histogram: object) -> list[Bucket]:
    """Read a native histogram: the rule of its edges, the edges, and the number between them."""
    found = []
    for each in listed(field(histogram, "buckets")):
        _, low, high, calls = (number(part) for part in listed(each))
        found.append(Bucket(max(low, 0.0), high, round(calls)))
    return found
