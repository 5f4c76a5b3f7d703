"""How often a function is called, how often it fails, and how long it takes, from stored latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import _semconv
from .._store import sketches
from ..store import Latency


@dataclass(frozen=True, slots=True)
class FunctionNumbers:
    """The calls of one function, over all outcomes and processes."""

    function: str
    calls: int
    errors: int
    """Calls that an exception left; cancelled ones are not among them."""

    cancelled: int
    error_rate: float
    p50_s: float
    p95_s: float
    p99_s: float
    first_ns: int
    last_ns: int
    exact: bool
    """False when a part was rebuilt from explicit buckets: the quantiles are estimates then."""


def numbers_of(function: str, rows: Sequence[Latency]) -> FunctionNumbers | None:
    """Add up a function's rows; None without calls."""
    merged = sketches.merge(each.sketch for each in rows)
    if not merged.count:
        return None
    cancelled = sum(each.sketch.count for each in rows if each.error_type == _semconv.CANCELLED)
    errors = sum(each.sketch.count for each in rows if each.error_type) - cancelled
    return FunctionNumbers(
        function=function,
        calls=merged.count,
        errors=errors,
        cancelled=cancelled,
        error_rate=errors / merged.count,
        p50_s=sketches.quantile(merged, 0.50),
        p95_s=sketches.quantile(merged, 0.95),
        p99_s=sketches.quantile(merged, 0.99),
        first_ns=min(each.first_ns for each in rows),
        last_ns=max(each.last_ns for each in rows),
        exact=all(each.exact for each in rows),
    )
