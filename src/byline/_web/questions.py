"""What each page shows, as values: the desk's answers, put together for a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .._desk import coverage, incidents as _incidents, status as _status
from .._desk.coverage import CoverageReport
from .._desk.numbers import FunctionNumbers, numbers_of
from .._desk.words import short
from .._model import Unverified
from .._store import sketches
from .._store.sketches import Sketch
from ..exceptions import NotFoundError
from ..store import Block, FindingKind, FunctionSeen, Kind, Store

WEEK = timedelta(days=7)
SLOTS = 28
"""Columns of the picture over time: six hours each."""

_SHOWN = 6
_COMMITS = 25
"""Commits in the table of incidents."""

_BINS_PER_DOUBLING = 2


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page."""

    status: _status.Status
    incidents: _incidents.IncidentReport
    findings: int
    is_empty: bool


@dataclass(frozen=True, slots=True)
class CommitPage:
    """One commit."""

    commit: str
    functions: tuple[FunctionSeen, ...]
    versions: tuple[_status.VersionStatus, ...]
    kinds: tuple[Kind, ...]
    findings: tuple[FindingKind, ...]
    unverified: tuple[Unverified, ...]
    lines: CoverageReport
    """Which of its lines ran, of the functions that were called."""

    subject: str
    author: str
    tool: str
    confidence: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a function."""

    version: str
    numbers: FunctionNumbers | None
    seen: FunctionSeen | None


@dataclass(frozen=True, slots=True)
class FunctionPage:
    """One function."""

    function: str
    versions: tuple[VersionRow, ...]
    kinds: tuple[Kind, ...]
    findings: tuple[FindingKind, ...]


def overview(store: Store) -> Overview:
    """Return what happened lately, by commit."""
    status = _status.status(store, since=WEEK)
    incidents = _incidents.report(store, since=WEEK, limit=_COMMITS, with_numbers=False)
    findings = sum(each.count for each in store.findings(since=WEEK))
    return Overview(status, incidents, findings, not store.functions() and not incidents.incidents)


def commit_page(store: Store, prefix: str) -> CommitPage:
    """
    Return what one commit does.

    Raises:
        UnknownCommitError: The prefix names no commit, or several.
    """
    commit = store.commit(prefix)
    seen = [each for each in store.functions() if commit in {each.commit, each.last_commit}]
    found = _status.status(store, commit=commit, since=timedelta(days=30)) if seen else None
    kinds = store.kinds(commit=commit, limit=50)
    suspect = next((each.suspect for each in store.by_commit(commit=commit)), None)
    first = next(iter(seen), None)
    return CommitPage(
        commit,
        tuple(sorted(seen, key=lambda each: each.function)),
        tuple(version for each in (found.commits if found else ()) for version in each.versions),
        kinds,
        store.findings(commit=commit),
        found.unverified if found else (),
        coverage.report(store, commit=commit),
        suspect.subject if suspect else "",
        suspect.author if suspect else (first.author if first else ""),
        suspect.tool if suspect else (first.tool if first else ""),
        suspect.confidence if suspect else (first.confidence if first else ""),
    )


def function_page(store: Store, function: str) -> FunctionPage:
    """
    Return what one function does, by version, the one seen last first.

    Raises:
        NotFoundError: The store does not know it.
    """
    seen = {each.last_commit: each for each in store.functions(function=function)}
    rows = store.latency(function=function)
    versions = {*seen, *(each.last_commit for each in rows)}
    kinds = store.kinds(function=function, limit=50)
    if not versions and not kinds:
        raise NotFoundError(f"The store knows no function {function!r}.")
    found = [
        VersionRow(
            version,
            numbers_of(function, [each for each in rows if each.last_commit == version]),
            seen.get(version),
        )
        for version in versions
    ]
    found.sort(key=lambda each: -(each.numbers.last_ns if each.numbers else 0))
    return FunctionPage(function, tuple(found), kinds, store.findings(function=function))


def over_time(store: Store, now: datetime) -> tuple[list[str], dict[str, list[int]]]:
    """Return how many incidents each commit had, by slot of the last week; the commits beyond the first few together."""
    slot = WEEK / SLOTS
    end = now + timedelta(minutes=15)  # the quarter hour that is not over yet is in the last slot
    begin = end - WEEK
    counts: dict[str, list[int]] = {}
    for moment, commit, incidents in store.over_time(since=begin, slot=slot):
        place = min(round((moment - begin) / slot), SLOTS - 1)
        counts.setdefault(short(commit) or "unknown", [0] * SLOTS)[place] += incidents
    labels = [f"{begin + place * slot:%a %H:%M}" for place in range(SLOTS)]
    ranked = sorted(counts, key=lambda name: -sum(counts[name]))
    shown = {name: counts[name] for name in ranked[:_SHOWN]}
    others = [counts[name] for name in ranked[_SHOWN:]]
    if others:
        shown[f"{len(others)} others"] = [sum(each) for each in zip(*others, strict=True)]
    return labels, shown


def p95_over_time(
    store: Store, function: str, versions: Sequence[str], *, since: datetime
) -> tuple[list[str], dict[str, list[float | None]]]:
    """Return P95 of each version by quarter hour, in seconds; None where it was not called."""
    found = {
        version: _by_start(store.blocks(function=function, last_commit=version, since=since))
        for version in versions
    }
    starts = sorted({start for each in found.values() for start in each})
    labels = [f"{datetime.fromtimestamp(start // 1_000_000_000, UTC):%a %H:%M}" for start in starts]
    return labels, {
        short(version) or "unknown": [
            sketches.quantile(each[start], 0.95) if start in each else None for start in starts
        ]
        for version, each in found.items()
    }


def _by_start(blocks: Sequence[Block]) -> Mapping[int, Sketch]:
    parts: dict[int, list[Sketch]] = {}
    for each in blocks:
        parts.setdefault(each.start_ns, []).append(each.sketch)
    return {start: sketches.merge(each) for start, each in parts.items()}


def distribution(store: Store, function: str) -> tuple[list[float], dict[str, list[float]]]:
    """
    Return which share of calls took how long, by version.

    Returns:
        The upper bounds of the bins in seconds, two for each doubling, and each version's shares.
    """
    merged: dict[str, list[Sketch]] = {}
    for each in store.latency(function=function):
        merged.setdefault(each.last_commit, []).append(each.sketch)
    bins = {version: _bins(sketches.merge(each)) for version, each in merged.items()}
    used = sorted({index for each in bins.values() for index in each})
    if not used:
        return [], {}
    places = range(used[0], used[-1] + 1)
    return [2 ** ((place + 1) / _BINS_PER_DOUBLING) for place in places], {
        short(version) or "unknown": [each.get(place, 0.0) for place in places]
        for version, each in bins.items()
    }


def _bins(sketch: Sketch) -> dict[int, float]:
    found: dict[int, float] = {}
    for index, calls in enumerate(sketch.buckets, sketch.offset):
        if calls:
            middle = 2 ** ((index + 0.5) / 2**sketch.scale)
            place = math.floor(math.log2(middle) * _BINS_PER_DOUBLING)
            found[place] = found.get(place, 0.0) + calls / sketch.count
    return found
