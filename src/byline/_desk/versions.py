"""One version of a function in production: what its calls so far allow to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ..store import FindingKind, FunctionSeen
from .blocks import LEAST_CALLS as LEAST_CALLS_PER_SPAN, Span, Timeline, at_hours, joined, spans_of, together
from .comparison import ALARM, LEAST_CALLS, LEAST_SPANS, Change, compare
from .confidence import is_above
from .source import Source

State = Literal["shipped", "exercised", "watched", "proven", "suspect"]

STATES: tuple[State, ...] = ("suspect", "shipped", "exercised", "watched", "proven")
"""What asks for attention first."""

BASELINE = timedelta(days=7)
"""How far before a version the previous one is looked at."""

_RECENT = timedelta(hours=6)
_DAY = timedelta(days=1)
_MINUTE_NS = 60_000_000_000

TOLERANCE = 0.5
"""A version is proven when a P95 slower by more than this is ruled out."""

TOLERANCE_ERRORS = 0.05
"""And a share of failures higher by more than this."""

FAILS = 0.05
"""A function without a previous version is suspect when it certainly fails more often than this."""

_SWALLOWED = 5
_LASTING_NS = 60 * _MINUTE_NS


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """One version of a function on probation."""

    function: str
    commit: str
    """The commit that wrote most of it."""

    last_commit: str
    """The version: the newest commit that changed it."""

    previous: str
    """The version before; empty when the store knows none."""

    tool: str
    state: State
    reason: str
    """Why it is in that state, in a sentence."""

    first_seen_ns: int
    calls: int
    previous_calls: int
    changes: tuple[Change, ...]
    """By metric; empty when there is nothing to compare or too little of it."""

    findings: tuple[FindingKind, ...]
    """What this version swallows and the previous one did not."""

    @property
    def worse(self) -> tuple[Change, ...]:
        """The metrics that make it suspect."""
        return tuple(each for each in self.changes if each.verdict == "worse")


@dataclass(frozen=True, slots=True)
class Pair:
    """A version of a function, and the one before it; None when the store knows none."""

    new: FunctionSeen
    old: FunctionSeen | None


class Watch:
    """Looks at one version after the other, with the calls of each added up once."""

    def __init__(self, store: Source, probation: timedelta, now: datetime) -> None:
        self._store = store
        self._probation = probation
        self._now = now

    def version(self, pair: Pair) -> VersionStatus:
        """Tell the state of one version."""
        deployed = _moment(pair.new.first_seen_ns)
        after = self._spans(pair.new, deployed - timedelta(minutes=15), deployed + self._probation)
        before = Timeline(())
        if pair.old is not None:
            before = self._spans(pair.old, deployed - BASELINE, deployed + self._probation)
        findings = self._new_findings(pair) if after.spans else ()
        changes = _changes(before, after, pair.new.first_seen_ns)
        state, reason = self._state(pair, before, after, changes, findings)
        return VersionStatus(
            pair.new.function,
            pair.new.commit,
            pair.new.last_commit,
            pair.old.last_commit if pair.old else "",
            pair.new.tool,
            state,
            reason,
            pair.new.first_seen_ns,
            after.calls,
            before.calls,
            changes,
            findings,
        )

    def _spans(self, version: FunctionSeen, since: datetime, until: datetime) -> Timeline:
        found = self._store.blocks(
            function=version.function,
            last_commit=version.last_commit,
            since=since,
            until=min(until, self._now),
        )
        return Timeline(spans_of(found))

    def _new_findings(self, pair: Pair) -> tuple[FindingKind, ...]:
        """Return what is swallowed silently now and was not before."""

        def kinds(version: FunctionSeen) -> tuple[FindingKind, ...]:
            # A store finds versions by an index; most functions have nothing to be found.
            found = self._store.findings(
                function=version.function, last_commit=version.last_commit or None, until=self._now
            )
            return tuple(each for each in found if each.last.attribution.last_commit == version.last_commit)

        known = (
            {(each.last.error_type, each.last.handling) for each in kinds(pair.old)} if pair.old else set()
        )
        return tuple(
            each
            for each in kinds(pair.new)
            if each.last.handling in {"silent", "weak"}
            and (each.last.error_type, each.last.handling) not in known
        )

    def _state(  # all that is known of a version
        self,
        pair: Pair,
        before: Timeline,
        after: Timeline,
        changes: Sequence[Change],
        findings: Sequence[FindingKind],
    ) -> tuple[State, str]:
        if not after.calls:
            return "shipped", "never called"
        suspicion = _suspicion(changes, findings) or ("" if pair.old else _fails(after.joined))
        if suspicion:
            return "suspect", suspicion
        missing = _missing(pair, before, after)
        if missing:
            return "exercised", missing
        doubts = [f"{each.metric}: {each.reason}" for each in changes if each.verdict == "doubtful"]
        if self._now < _moment(pair.new.first_seen_ns) + self._probation:
            return "watched", "; ".join(doubts) or "nothing speaks against it so far"
        open_questions = [*doubts, *_not_ruled_out(changes)]
        if open_questions:
            return "watched", "; ".join(open_questions)
        return "proven", "no worse than before" if pair.old else "works; there is no version before it"


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / 1e9, UTC)


def _changes(before: Timeline, after: Timeline, deployed_ns: int) -> tuple[Change, ...]:
    """Compare with the previous version at the same hours of the day, where it was seen for a day."""
    if not (_enough(before) and _enough(after)):
        return ()
    old = before
    if old.spans[-1].start_ns - old.spans[0].start_ns >= _DAY // timedelta(microseconds=1) * 1_000:
        same_hours = Timeline(at_hours(old.spans, {each.hour for each in after.spans}))
        old = same_hours if _enough(same_hours) else old
    recent_ns = deployed_ns - _RECENT // timedelta(microseconds=1) * 1_000
    recent = [each for each in before.spans if recent_ns <= each.start_ns < deployed_ns]
    return compare(old.joined, after.joined, joined(recent))


def _enough(side: Timeline) -> bool:
    return side.calls >= LEAST_CALLS and len(side.joined) >= LEAST_SPANS


def _suspicion(changes: Sequence[Change], findings: Sequence[FindingKind]) -> str:
    told = [f"{each.metric} {each.reason}" for each in changes if each.verdict == "worse"]
    told += [
        f"swallows {each.last.error_type} since this version ({each.count:,} times)"
        for each in findings
        if each.count >= _SWALLOWED and each.last.time_ns - each.first_ns >= _LASTING_NS
    ]
    return "; ".join(told)


def _fails(spans: Sequence[Span]) -> str:
    """Tell whether a function without a previous version certainly fails too often."""
    rates = [each.error_rate for each in spans]
    calls = sum(each.calls for each in spans) / max(1, len(spans))
    if len(spans) >= LEAST_SPANS and is_above(rates, FAILS, ALARM, calls):
        return f"fails in {together(spans).error_rate:.1%} of its calls"
    return ""


def _missing(pair: Pair, before: Timeline, after: Timeline) -> str:
    """Say what is missing for a judgement; empty when nothing is."""
    sides = [("", after)] if pair.old is None else [("", after), (" of the previous version", before)]
    for whose, side in sides:
        if side.calls < LEAST_CALLS:
            return f"not enough calls{whose}: {side.calls:,} of {LEAST_CALLS}"
        if len(side.joined) < LEAST_SPANS:
            return f"not enough time with calls{whose}: {len(side.joined)} of {LEAST_SPANS} spans with {LEAST_CALLS_PER_SPAN} calls"
    return ""


def _not_ruled_out(changes: Sequence[Change]) -> list[str]:
    """Say which change for the worse the calls leave possible."""
    told = []
    for each in changes:
        limit = TOLERANCE_ERRORS if each.metric == "errors" else TOLERANCE
        if each.high is not None and each.high > limit:
            what = "failures up by" if each.metric == "errors" else f"{each.metric} slower by"
            told.append(f"not enough calls to rule out {what} {limit:.0%}")
    return told
