"""One version of a function against the one before: what changed, by how much, and whether to suspect it; no I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from .._store import sketches
from .blocks import Span, together
from .confidence import Durations, is_above, mean_bounds

Metric = Literal["p50", "p95", "p99", "errors"]
Verdict = Literal["worse", "doubtful", "not worse"]

QUANTILES: dict[Metric, float] = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

LEAST_CALLS = 200
"""Calls of either version below which nothing is compared."""

LEAST_CALLS_P99 = 1_000
LEAST_SPANS = 8
"""Spans of time of either version below which nothing is compared."""

SLOWER = 1.10
"""A version that is slower by less is not worth an alarm."""

LEAST_S = 10e-6
"""Nor is one that is slower by less than this."""

MORE_ERRORS = 0.005
"""A version that fails in so much more of its calls is worth one."""

ALARM = 0.01
"""Probability that a version which changed nothing is ever called worse, over all of its metrics."""

SHOWN = 0.05
"""The interval that is shown holds at every moment with a probability of 95 %."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one metric."""

    metric: Metric
    before: float
    """Seconds, or a share of the calls."""

    after: float
    change: float
    """After over before, less one, for durations; after less before for errors."""

    low: float | None
    """The interval of the change at every moment; None where it was not worked out."""

    high: float | None
    verdict: Verdict
    reason: str
    """Why it is worse, or why it is only doubtful; empty when it is not worse."""


def compare(before: Sequence[Span], after: Sequence[Span], recent: Sequence[Span]) -> tuple[Change, ...]:
    """
    Compare all metrics that have enough calls.

    Args:
        before: Spans of the previous version, at the same hours of the day.

        after: Spans of the new version.

        recent: The last spans of the previous version before the new one came.
    """
    old, new, last = (_Version(each) for each in (before, after, recent))
    found = [_errors(old, new, last)]
    for metric, q in QUANTILES.items():
        least = LEAST_CALLS_P99 if metric == "p99" else LEAST_CALLS
        if min(old.returned, new.returned) >= least and len(new.timed) >= LEAST_SPANS <= len(old.timed):
            found.append(_latency(metric, q, old, new, last))
    return tuple(found)


class _Version:
    """The spans of one version, and what is asked of them more than once."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self.timed = [each for each in spans if each.returned.count]
        self.returned = sum(each.returned.count for each in spans)
        self.rates = [each.error_rate for each in spans]
        self.calls = sum(each.calls for each in spans) / max(1, len(spans))

    @cached_property
    def durations(self) -> Durations:
        return Durations([each.returned for each in self.timed])

    @cached_property
    def whole(self) -> Span:
        return together(self.spans)

    @cached_property
    def first(self) -> _Version:
        """The first third of the spans."""
        return _Version(self.spans[: max(1, len(self.spans) // 3)])

    @cached_property
    def last(self) -> _Version:
        """The last third."""
        return _Version(self.spans[-max(1, len(self.spans) // 3) :])

    def quantile(self, q: float) -> float:
        return sketches.quantile(self.whole.returned, q)

    def error_rate(self) -> float:
        return self.whole.error_rate


def _latency(metric: Metric, q: float, old: _Version, new: _Version, last: _Version) -> Change:
    before, after = old.quantile(q), new.quantile(q)
    ratio = after / before if before else math.inf if after else 1.0
    is_bigger = ratio >= SLOWER and after - before >= LEAST_S
    low, high = _ratio_bounds(q, old, new) if is_bigger or metric == "p95" else (None, None)
    verdict, reason = _judge(
        is_bigger=is_bigger,
        is_certain=is_bigger and _is_longer(q, old, new),
        early=_slower(q, last if last.timed else old, new.first, ratio),
        late=_slower(q, old, new.last, ratio),
        spread=_share(new.durations.shares_above(math.log2(before)) if before else [], 1 - q),
        what="slower",
    )
    return Change(metric, before, after, ratio - 1, low, high, verdict, reason)


def _is_longer(q: float, old: _Version, new: _Version) -> bool:
    alpha = ALARM / (len(QUANTILES) + 1)
    _, longest = old.durations.quantile_bounds(q, alpha)
    return math.isfinite(longest) and new.durations.is_longer(q, longest, alpha / 2)


def _ratio_bounds(q: float, old: _Version, new: _Version) -> tuple[float, float]:
    old_low, old_high = old.durations.quantile_bounds(q, SHOWN / 2)
    new_low, new_high = new.durations.quantile_bounds(q, SHOWN / 2)
    return 2 ** (new_low - old_high) - 1, 2 ** (new_high - old_low) - 1


def _slower(q: float, old: _Version, new: _Version, ratio: float) -> bool:
    """Tell whether at least half of a change shows in a part of the calls."""
    before, after = old.quantile(q), new.quantile(q)
    return bool(before) and after / before >= math.sqrt(ratio)


def _errors(old: _Version, new: _Version, last: _Version) -> Change:
    before, after = old.error_rate(), new.error_rate()
    change = after - before
    is_bigger = change >= MORE_ERRORS
    old_low, old_high = mean_bounds(old.rates, SHOWN / 2, old.calls)
    new_low, new_high = mean_bounds(new.rates, SHOWN / 2, new.calls)
    verdict, reason = _judge(
        is_bigger=is_bigger,
        is_certain=is_bigger and _fails_more(old, new),
        early=new.first.error_rate() - (last if last.spans else old).error_rate() >= change / 2,
        late=new.last.error_rate() - before >= change / 2,
        spread=_share(new.rates, before),
        what="fails more",
    )
    return Change("errors", before, after, change, new_low - old_high, new_high - old_low, verdict, reason)


def _fails_more(old: _Version, new: _Version) -> bool:
    alpha = ALARM / (len(QUANTILES) + 1)
    _, most = mean_bounds(old.rates, alpha, old.calls)
    return is_above(new.rates, most, alpha / 2, new.calls)


def _share(values: Sequence[float], limit: float) -> float:
    """Return in how many of the spans a value is above a limit."""
    return sum(each > limit for each in values) / len(values) if values else 0.0


def _judge(  # noqa: PLR0913  # the checks, by name
    *, is_bigger: bool, is_certain: bool, early: bool, late: bool, spread: float, what: str
) -> tuple[Verdict, str]:
    """Call a metric worse only when size, timing and persistence agree."""
    if not is_bigger:
        return "not worse", ""
    if not is_certain:
        return "doubtful", f"{what}, but the interval still holds no change"
    if not early:
        return "doubtful", f"{what}, but it did not begin with this version"
    if not late:
        return "doubtful", f"{what} at first, but no longer"
    if spread < _MOST_SPANS:
        return "doubtful", f"{what} in {spread:.0%} of the time only"
    return "worse", what


_MOST_SPANS = 0.6
"""In so many spans a change must show."""
