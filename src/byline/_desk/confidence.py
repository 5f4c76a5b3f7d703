"""
Confidence sequences: bounds that hold at every moment at once, so that looking often raises no false alarm; no I/O.

The bound on a mean is the normal mixture of Robbins in its asymptotic form: Waudby-Smith, Arbour,
Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences",
Annals of Statistics 52(6), 2024. What is averaged are shares in blocks of time, not calls: calls of
one moment share its load. What neighbouring blocks still have in common is in the variance (Newey
and West, Econometrica 55(3), 1987). A quantile is bounded through the share of calls above a
candidate, as in Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B
testing and best-arm identification", Bernoulli 28(3), 2022.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import mul

from .._store.sketches import Sketch

_TIGHTEST = 32
"""Blocks after which the bound is tightest, compared with one for that moment only."""

_STEPS = 14
"""Halvings of the interval that a bound is looked for in."""

_LOWEST = -40.0
"""log2 of a duration that nothing is shorter than."""


def is_above(values: Sequence[float], mean: float, alpha: float, calls: float) -> bool:
    """
    Tell whether the shares in blocks of time have shown that their mean is above a number.

    Args:
        alpha: Probability that they ever do although it is not.

        calls: Per block, on average: shares among few calls vary at least as much as chance has it.
    """
    return sum(values) / len(values) - mean > _margin(values, mean, alpha, calls)


def is_below(values: Sequence[float], mean: float, alpha: float, calls: float) -> bool:
    """Tell the same of a mean below a number."""
    return mean - sum(values) / len(values) > _margin(values, mean, alpha, calls)


def _margin(values: Sequence[float], mean: float, alpha: float, calls: float) -> float:
    """Return how far the average may be from the mean, on one side, at any time."""
    number = len(values)
    chance = mean * (1 - mean) / calls
    variance = max(_variance(values), chance, 0.0)
    goal = -2 * math.log(2 * alpha)
    rho = (goal + math.log(goal) + 1) / _TIGHTEST
    scale = number * rho + 1
    return math.sqrt(variance * 2 * scale / (number**2 * rho) * math.log(1 + math.sqrt(scale) / (2 * alpha)))


def _variance(values: Sequence[float]) -> float:
    """Return the variance of a block, with what it has in common with the blocks after it."""
    number = len(values)
    average = sum(values) / number
    apart = [each - average for each in values]
    own: float = sum(map(mul, apart, apart))
    lags = min(number - 1, math.ceil(number ** (1 / 3)))
    total = own
    for lag in range(1, lags + 1):
        shared: float = sum(map(mul, apart, apart[lag:]))
        total += 2 * (1 - lag / (lags + 1)) * shared
    return float(max(total, own)) / max(1, number - 1)


def mean_bounds(values: Sequence[float], alpha: float, calls: float) -> tuple[float, float]:
    """Return the lowest and the highest mean that shares in blocks leave possible, each at alpha / 2."""
    middle = sum(values) / len(values)
    low = _edge(0.0, middle, lambda mean: is_above(values, mean, alpha / 2, calls))
    high = _edge(1.0, middle, lambda mean: is_below(values, mean, alpha / 2, calls))
    return low, high


def _edge(outside: float, inside: float, is_excluded: Callable[[float], bool]) -> float:
    """Halve the way to the last excluded number, and return that: the bound is on the safe side."""
    if not is_excluded(outside):
        return outside
    for _ in range(_STEPS):
        middle = (outside + inside) / 2
        if is_excluded(middle):
            outside = middle
        else:
            inside = middle
    return outside


def _edge_of(sketch: Sketch, number: int) -> float:
    """Return log2 of the duration, in seconds, that the first buckets of a sketch end with."""
    return math.ldexp(sketch.offset + number, -sketch.scale)


class Durations:
    """How durations are distributed in each block of time, ready to be asked for shares and quantiles."""

    def __init__(self, blocks: Sequence[Sketch]) -> None:
        self.blocks = blocks
        self._calls = sum(each.count for each in blocks) / max(1, len(blocks))
        self._tables = [
            (
                each.scale,
                each.offset,
                len(each.buckets),
                list(accumulate(each.buckets, initial=each.zero_count)),
                each.count,
            )
            for each in blocks
        ]
        self._longest = max(
            (_edge_of(each, len(each.buckets)) for each in blocks if each.buckets), default=None
        )
        self._shortest = min((_edge_of(each, 0) for each in blocks if each.buckets), default=None)

    def shares_above(self, log2_seconds: float) -> list[float]:
        """Return for each block the share of its calls that took longer."""
        found = []
        for scale, offset, number, below, calls in self._tables:
            place = math.ldexp(log2_seconds, scale) - offset
            # Within a bucket as if its calls were spread evenly.
            if place <= 0:
                count = float(below[0])
            elif place >= number:
                count = float(below[-1])
            else:
                index = int(place)
                count = below[index] + (place - index) * (below[index + 1] - below[index])
            found.append(1 - count / calls)
        return found

    def quantile(self, q: float) -> float:
        """Return log2 of the duration that a share q of the average block does not exceed."""
        least = (1 - q) * len(self.blocks)
        if self._shortest is None or self._longest is None or sum(self.shares_above(self._shortest)) <= least:
            return _LOWEST  # of calls that took no time
        low, high = self._shortest, self._longest
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if sum(self.shares_above(middle)) > least else (low, middle)
        return high

    def quantile_bounds(self, q: float, alpha: float) -> tuple[float, float]:
        """Return log2 of the shortest and the longest duration that the quantile can be, each at alpha / 2."""
        middle = self.quantile(q)
        longest = middle if self._longest is None else self._longest
        shortest = (middle if self._shortest is None else self._shortest) - 1
        low = _edge(shortest, middle, lambda at: self.is_longer(q, at, alpha / 2))
        high = _edge(
            longest, middle, lambda at: is_below(self.shares_above(at), 1 - q, alpha / 2, self._calls)
        )
        return low, high if high < longest else math.inf

    def is_longer(self, q: float, log2_seconds: float, alpha: float) -> bool:
        """Tell whether the quantile has shown to be longer than a duration."""
        return is_above(self.shares_above(log2_seconds), 1 - q, alpha, self._calls)
