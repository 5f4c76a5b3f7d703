"""Probation: how far production has proven each new version of a function, and which one is suspect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from .._model import Unverified
from ..exceptions import NotFoundError
from ..store import FindingKind, FunctionSeen, Store
from .blocks import LEAST_CALLS as LEAST_CALLS_PER_SPAN, Span, at_hours, joined, spans_of, together
from .comparison import LEAST_CALLS, LEAST_SPANS, Change, compare
from .incidents import thinned_notes

State = Literal["shipped", "exercised", "watched", "proven", "suspect"]

STATES: tuple[State, ...] = ("suspect", "shipped", "exercised", "watched", "proven")
"""What asks for attention first."""

PROBATION = timedelta(hours=48)
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
class CommitStatus:
    """All versions that one commit made."""

    commit: str
    versions: tuple[VersionStatus, ...]
    """What asks for attention first."""

    @property
    def counts(self) -> dict[State, int]:
        """How many versions are in which state."""
        found = Counter(each.state for each in self.versions)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def first_seen_ns(self) -> int:
        """When the first of them was seen."""
        return min(each.first_seen_ns for each in self.versions)


@dataclass(frozen=True, slots=True)
class Status:
    """The answer of ``byline status``."""

    commits: tuple[CommitStatus, ...]
    """The commit that was deployed last first."""

    unverified: tuple[Unverified, ...]

    @property
    def suspects(self) -> tuple[VersionStatus, ...]:
        """The versions that are suspect."""
        return tuple(each for commit in self.commits for each in commit.versions if each.state == "suspect")


@dataclass(frozen=True, slots=True)
class _Pair:
    new: FunctionSeen
    old: FunctionSeen | None


def status(
    store: Store,
    *,
    commit: str | None = None,
    since: timedelta = PROBATION,
    probation: timedelta = PROBATION,
    now: datetime | None = None,
) -> Status:
    """
    Tell how the versions that were deployed lately do in production.

    Args:
        commit: Only versions that this commit made, however long ago. A prefix will do.

        since: Versions first seen within this time.

        probation: How long a version is watched before it can be proven.

        now: Answer as of this moment.

    Raises:
        UnknownCommitError: The prefix names no commit of the store, or several.

        NotFoundError: The commit made no version of a function in the store.
    """
    now = now or datetime.now(UTC)
    sha = store.commit(commit) if commit else None
    pairs = _pairs(store.functions(), int(now.timestamp() * 1e9))
    first_ns = int((now - since).timestamp() * 1e9)
    if sha:
        wanted = [each for each in pairs if each.new.last_commit == sha]
        if not wanted:
            raise NotFoundError(
                f"Commit {sha[:10]} is not the version of any function in the store: it changed none that ran, "
                "or another commit changed them after it."
            )
    else:
        # Without a version before, and seen as long as the store goes back, nobody deployed it just now.
        begin_ns = min((each.new.first_seen_ns for each in pairs), default=0)
        wanted = [
            each
            for each in pairs
            if each.new.first_seen_ns >= first_ns
            and (each.old or each.new.first_seen_ns > begin_ns + _MINUTE_NS)
        ]
    watch = _Watch(store, probation, now)
    found: dict[str, list[VersionStatus]] = {}
    for each in wanted:
        found.setdefault(each.new.last_commit, []).append(watch.version(each))
    commits = [CommitStatus(name, tuple(sorted(versions, key=_urgency))) for name, versions in found.items()]
    return Status(
        tuple(sorted(commits, key=lambda each: (-each.first_seen_ns, each.commit))), thinned_notes(store)
    )


def _urgency(version: VersionStatus) -> tuple[int, str]:
    return STATES.index(version.state), version.function


def _pairs(functions: Iterable[FunctionSeen], now_ns: int) -> list[_Pair]:
    """Put each version beside the one before it."""
    groups: dict[str, dict[str, FunctionSeen]] = {}
    for each in functions:
        if each.first_seen_ns <= now_ns:
            versions = groups.setdefault(each.function, {})
            known = versions.get(each.last_commit)
            if known is None or each.first_seen_ns < known.first_seen_ns:
                versions[each.last_commit] = each
    pairs = []
    for versions in groups.values():
        ordered = sorted(versions.values(), key=lambda each: each.first_seen_ns)
        pairs += [_Pair(new, old) for old, new in zip([None, *ordered], ordered, strict=False)]
    return pairs


class _Watch:
    """Looks at one version after the other."""

    def __init__(self, store: Store, probation: timedelta, now: datetime) -> None:
        self._store = store
        self._probation = probation
        self._now = now

    def version(self, pair: _Pair) -> VersionStatus:
        """Tell the state of one version."""
        deployed = _moment(pair.new.first_seen_ns)
        after = self._spans(pair.new, deployed - timedelta(minutes=15), deployed + self._probation)
        before: list[Span] = []
        if pair.old is not None:
            before = self._spans(pair.old, deployed - BASELINE, deployed + self._probation)
        findings = self._new_findings(pair) if after else ()
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
            sum(each.calls for each in after),
            sum(each.calls for each in before),
            changes,
            findings,
        )

    def _spans(self, version: FunctionSeen, since: datetime, until: datetime) -> list[Span]:
        return spans_of(
            self._store.blocks(
                function=version.function,
                last_commit=version.last_commit,
                since=since,
                until=min(until, self._now),
            )
        )

    def _new_findings(self, pair: _Pair) -> tuple[FindingKind, ...]:
        """Return what is swallowed silently now and was not before."""

        def kinds(version: FunctionSeen) -> tuple[FindingKind, ...]:
            found = self._store.findings(function=version.function, until=self._now)
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
        pair: _Pair,
        before: Sequence[Span],
        after: Sequence[Span],
        changes: Sequence[Change],
        findings: Sequence[FindingKind],
    ) -> tuple[State, str]:
        calls = sum(each.calls for each in after)
        if not calls:
            return "shipped", "never called"
        suspicion = _suspicion(changes, findings) or ("" if pair.old else _fails(joined(after)))
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


def _changes(before: Sequence[Span], after: Sequence[Span], deployed_ns: int) -> tuple[Change, ...]:
    """Compare with the previous version at the same hours of the day, where it was seen for a day."""
    if not (_enough(before) and _enough(after)):
        return ()
    old, new = list(before), joined(after)
    if old[-1].start_ns - old[0].start_ns >= _DAY // timedelta(microseconds=1) * 1_000:
        same_hours = at_hours(old, {each.hour for each in after})
        old = same_hours if _enough(same_hours) else old
    recent_ns = deployed_ns - _RECENT // timedelta(microseconds=1) * 1_000
    recent = [each for each in before if recent_ns <= each.start_ns < deployed_ns]
    return compare(joined(old), new, joined(recent))


def _enough(spans: Sequence[Span]) -> bool:
    return sum(each.calls for each in spans) >= LEAST_CALLS and len(joined(spans)) >= LEAST_SPANS


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
    from .comparison import ALARM
    from .confidence import is_above

    rates = [each.error_rate for each in spans]
    calls = sum(each.calls for each in spans) / max(1, len(spans))
    if len(spans) >= LEAST_SPANS and is_above(rates, FAILS, ALARM, calls):
        return f"fails in {together(spans).error_rate:.1%} of its calls"
    return ""


def _missing(pair: _Pair, before: Sequence[Span], after: Sequence[Span]) -> str:
    """Say what is missing for a judgement; empty when nothing is."""
    sides = [("", after)] if pair.old is None else [("", after), (" of the previous version", before)]
    for whose, spans in sides:
        calls = sum(each.calls for each in spans)
        if calls < LEAST_CALLS:
            return f"not enough calls{whose}: {calls:,} of {LEAST_CALLS}"
        if len(joined(spans)) < LEAST_SPANS:
            return f"not enough time with calls{whose}: {len(joined(spans))} of {LEAST_SPANS} spans with {LEAST_CALLS_PER_SPAN} calls"
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
