"""The bug log: what failed by pattern, by tool and model, and what was not verified; never by person."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import get_args

from .. import _semconv
from .._model import Unverified
from .._patterns import PATTERNS, Certainty, classify
from ..store import CommitIncidents, FunctionSeen, Totals
from .findings import LOUD
from .source import Source

PER = 10_000
"""Rates are given per so many calls."""

_Z = 1.96
_SHOWN = 5
_CERTAINTIES: tuple[str, ...] = get_args(Certainty)
_UNKNOWN = "unclassified"

UnverifiedGroup = tuple[str, tuple[Unverified, ...], int]
"""A title, the first of its notes, and how many there are."""


@dataclass(frozen=True, slots=True)
class Example:
    """A kind of failure, or of swallowed exception, that stands for its pattern."""

    what: str
    """``incident`` or ``finding``."""

    name: str
    """The id or the fingerprint to ask for more with."""

    error_type: str
    message: str
    function: str
    path: str
    line: int
    commit: str
    count: int
    certainty: str
    reason: str


@dataclass(frozen=True, slots=True)
class PatternRow:
    """One failure pattern."""

    pattern: str
    incidents: int
    findings: int
    certain: dict[str, int]
    """Of those, how many by certainty: ``high``, ``medium``, ``low``."""

    commits: int
    examples: tuple[Example, ...]
    """The most frequent kinds."""


@dataclass(frozen=True, slots=True)
class ToolRow:
    """The functions that one model of one tool wrote."""

    tool: str
    model: str
    """As recorded; empty when it was not."""

    functions: int
    calls: int
    failed: int
    rate: float
    """Failed calls per ``PER`` calls."""

    low: float
    high: float
    """The 95 % interval of the rate, by Wilson."""


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of ``byline report``."""

    since_ns: int
    until_ns: int
    calls: int
    failed: int
    incidents: int
    findings: int
    patterns: tuple[PatternRow, ...]
    """The most frequent first."""

    tools: tuple[ToolRow, ...]
    """The most calls first: few calls say little."""

    commits: tuple[CommitIncidents, ...]
    """The most incidents first."""

    unverified: tuple[UnverifiedGroup, ...]


def report(store: Source, *, since: timedelta = timedelta(days=7), now: datetime | None = None) -> Report:
    """
    Add up what failed and what is not known.

    Args:
        since: How far to look back.

        now: Answer as of this moment.
    """
    now = now or datetime.now(UTC)
    start = now - since
    totals = store.totals(since=start, until=now)
    functions = store.functions()
    patterns = _patterns(store, start, now)
    commits = store.by_commit(since=start, until=now)
    counted = [each for each in totals if each.error_type != _semconv.CANCELLED]
    called = {(each.function, each.last_commit) for each in counted}
    return Report(
        since_ns=int(start.timestamp() * 1e9),
        until_ns=int(now.timestamp() * 1e9),
        calls=sum(each.calls for each in counted),
        failed=sum(each.calls for each in counted if each.error_type),
        incidents=sum(each.incidents for each in commits),
        findings=sum(each.findings for each in patterns),
        patterns=patterns,
        tools=_tools(functions, counted),
        commits=tuple(sorted(commits, key=lambda each: -each.incidents)[:_SHOWN]),
        unverified=tuple(group for group in _unverified(store, functions, called, start) if group[2]),
    )


def _patterns(store: Source, since: datetime, until: datetime) -> tuple[PatternRow, ...]:
    examples: dict[str, list[Example]] = {}
    for kind in store.kinds(since=since, until=until, samples=_SHOWN):
        examples.setdefault(kind.pattern or _UNKNOWN, []).append(
            Example(
                "incident", kind.last_id, kind.error_type, kind.message, kind.function, kind.path, kind.line,
                kind.commit, kind.incidents, kind.certainty, "",
            )
        )  # fmt: skip
    for found in store.findings(since=since, until=until):
        last = found.last
        if last.handling not in LOUD:
            continue
        match = classify((last.error_type,), last.message)
        pattern = last.pattern or (match.pattern if match else _UNKNOWN)
        reason = f"swallowed: {match.reason}" if match else "swallowed"
        examples.setdefault(pattern, []).append(
            Example(
                "finding", last.fingerprint, last.error_type, last.message, last.function, last.path, last.line,
                last.owner.commit if last.owner else "", found.count,
                last.certainty or (match.certainty if match else ""), reason,
            )
        )  # fmt: skip
    rows = [_pattern(name, examples.get(name, [])) for name in (*PATTERNS, _UNKNOWN)]
    rows = [each for each in rows if each.pattern != _UNKNOWN or each.examples]
    return tuple(sorted(rows, key=lambda each: -(each.incidents + each.findings)))


def _pattern(name: str, examples: Sequence[Example]) -> PatternRow:
    certain: Counter[str] = Counter()
    for each in examples:
        certain[each.certainty] += each.count
    return PatternRow(
        name,
        sum(each.count for each in examples if each.what == "incident"),
        sum(each.count for each in examples if each.what == "finding"),
        {each: certain[each] for each in _CERTAINTIES if certain[each]},
        len({each.commit for each in examples if each.commit}),
        tuple(_with_reason(each, name) for each in sorted(examples, key=lambda each: -each.count)[:_SHOWN]),
    )


def _with_reason(example: Example, pattern: str) -> Example:
    """Say which rule an incident's type and message meet, where that is the pattern it was recorded with."""
    match = classify((example.error_type,), example.message) if example.what == "incident" else None
    return replace(example, reason=match.reason) if match and match.pattern == pattern else example


def _tools(functions: Sequence[FunctionSeen], totals: Sequence[Totals]) -> tuple[ToolRow, ...]:
    who = {(each.function, each.last_commit): (each.tool or "unknown", each.model) for each in functions}
    names: dict[tuple[str, str], set[str]] = {}
    calls: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    for each in totals:
        key = who.get((each.function, each.last_commit), ("unknown", ""))
        names.setdefault(key, set()).add(each.function)
        calls[key] += each.calls
        failed[key] += each.calls if each.error_type else 0
    rows = []
    for key, number in calls.most_common():
        low, high = wilson(failed[key], number)
        rate = PER * failed[key] / number
        rows.append(ToolRow(*key, len(names[key]), number, failed[key], rate, PER * low, PER * high))
    return tuple(rows)


def wilson(hits: int, number: int) -> tuple[float, float]:
    """Return the 95 % interval of a share: Wilson, JASA 22, 1927; right also for few hits."""
    if not number:
        return 0.0, 1.0
    share, square = hits / number, _Z**2 / number
    middle = (share + square / 2) / (1 + square)
    reach = _Z / (1 + square) * math.sqrt(share * (1 - share) / number + square / (4 * number))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _unverified(
    store: Source, functions: Sequence[FunctionSeen], called: set[tuple[str, str]], since: datetime
) -> list[UnverifiedGroup]:
    since_ns = int(since.timestamp() * 1e9)
    present = [each for each in functions if each.last_seen_ns >= since_ns]
    never = [
        Unverified(each.function, f"version {each.last_commit[:10] or 'unknown'} was not called in this time")
        for each in present
        if (each.function, each.last_commit) not in called
    ]
    handlers = [
        Unverified(each.function, f"{count} of its error handlers never ran")
        for each in store.executed()
        if (count := len(set(each.handlers) - set(each.handlers_run)))
    ]
    doubtful = [
        Unverified(each.function, _doubt(each))
        for each in present
        if each.status not in {"ok", "moved"} or each.confidence in {"low", "none"}
    ]
    notes = store.unverified(since=since)
    thinned = store.gaps()
    return [
        (title, tuple(found[:_SHOWN]), len(found))
        for title, found in (
            ("AI functions that were never called", never),
            ("Error handlers that never ran", handlers),
            ("Attributions in doubt", doubtful),
            ("What programs could not tell", notes),
            ("Not in this answer", thinned),
        )
    ]


def _doubt(function: FunctionSeen) -> str:
    if function.status not in {"ok", "moved"}:
        return f"the running code was not compared with the scanned one: {function.status or 'unknown'}"
    return f"confidence {function.confidence}"
