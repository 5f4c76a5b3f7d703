"""The calls of one version of a function in blocks of time that can be compared; no I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from .. import _semconv
from .._store import sketches
from .._store.sketches import Sketch
from ..store import Block

LEAST_CALLS = 20
"""A block has at least so many calls; shorter ones are joined with those that follow."""

MOST = 96
"""Blocks at most; more are joined, neighbours with neighbours."""


@dataclass(frozen=True, slots=True)
class Span:
    """Calls of one version within a span of time."""

    start_ns: int
    calls: int
    """Those that returned or failed; cancelled ones say neither."""

    errors: int
    returned: Sketch
    """Durations of the calls that returned: a failure may be quick."""

    @property
    def error_rate(self) -> float:
        """The share of calls that failed."""
        return self.errors / self.calls if self.calls else 0.0

    @property
    def hour(self) -> int:
        """Hour of the day it begins in."""
        return datetime.fromtimestamp(self.start_ns // 10**9, UTC).hour


class Timeline:
    """The spans of one version in order of time, and what is asked of them more than once."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans

    @cached_property
    def calls(self) -> int:
        """Calls in all."""
        return sum(each.calls for each in self.spans)

    @cached_property
    def joined(self) -> list[Span]:
        """The spans that have enough calls, neighbours joined."""
        return joined(self.spans)


def spans_of(blocks: Sequence[Block]) -> list[Span]:
    """Join the outcomes of each quarter hour, in order of time."""
    groups: dict[int, list[Block]] = {}
    for each in blocks:
        if each.error_type != _semconv.CANCELLED:
            groups.setdefault(each.start_ns, []).append(each)
    return [
        Span(
            start_ns,
            sum(each.sketch.count for each in group),
            sum(each.sketch.count for each in group if each.error_type),
            sketches.merge(each.sketch for each in group if not each.error_type),
        )
        for start_ns, group in sorted(groups.items())
    ]


def joined(spans: Sequence[Span]) -> list[Span]:
    """Join neighbours until each has enough calls, and until there are few enough."""
    full: list[Span] = []
    waiting: list[Span] = []
    calls = 0
    for each in spans:
        waiting.append(each)
        calls += each.calls
        if calls >= LEAST_CALLS:
            full.append(together(waiting))
            waiting, calls = [], 0
    size = -(-len(full) // MOST)
    if size > 1:
        full = [together(full[start : start + size]) for start in range(0, len(full), size)]
    return full


def together(spans: Sequence[Span]) -> Span:
    """Add spans up."""
    if len(spans) == 1:
        return spans[0]
    return Span(
        spans[0].start_ns if spans else 0,
        sum(each.calls for each in spans),
        sum(each.errors for each in spans),
        sketches.merge(each.returned for each in spans),
    )


def at_hours(spans: Sequence[Span], hours: Collection[int]) -> list[Span]:
    """Return the spans that begin in one of some hours of the day."""
    return [each for each in spans if each.hour in hours]
