"""Which commits fail: incidents by the commit of their first suspect."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter

from .._model import Incident, Suspect, Unverified
from ..store import CommitIncidents, Kind
from .numbers import FunctionNumbers, numbers_of
from .source import Source

_AT_ONCE = 10_000
_MEASURED = 5
"""Functions of each commit whose calls are added up in a list of commits with a limit."""

_LATE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class CommitReport:
    """One commit and its incidents."""

    commit: str
    """Full SHA; empty for incidents without a suspect."""

    suspect: Suspect | None
    """The commit's facts as the newest incident has them."""

    incidents: int
    """With those that the rate limit held back."""

    recorded: int
    functions: tuple[str, ...]
    """Marked functions, most incidents first."""

    numbers: tuple[FunctionNumbers, ...]
    """Of those functions that have recorded calls, in the same order."""

    error_types: tuple[str, ...]
    first_ns: int
    last_ns: int
    kinds: tuple[Kind, ...]
    """By fingerprint, the kind seen last first."""

    @property
    def p95_s(self) -> float | None:
        """The highest P95 among the functions; None without recorded calls."""
        return max((each.p95_s for each in self.numbers), default=None)


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """The answer of ``byline incidents``."""

    commits: tuple[CommitReport, ...]
    """The commit that failed last first."""

    unverified: tuple[Unverified, ...]
    incidents: int
    """How many incidents there were in all, also those of commits that are not listed."""

    found: int
    """How many commits there were in all."""


def report(  # noqa: PLR0913  # keyword-only filters
    store: Source,
    *,
    commit: str | None = None,
    function: str | None = None,
    tool: str | None = None,
    error_type: str | None = None,
    pattern: str | None = None,
    since: timedelta | datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    with_numbers: bool = True,
) -> IncidentReport:
    """
    Report incidents by commit.

    Args:
        commit: Only this one. A prefix will do.

        tool: Only those whose first suspect this tool wrote.

        pattern: Only those that are a sign of this failure pattern.

        since: How far to look back; None means as far as the store goes.

        limit: So many commits at most, and kinds of each; None means all.

        with_numbers: Whether to add up the calls of the functions, too.

    Raises:
        UnknownCommitError: The prefix names no commit of the store, or several.

        StoreError: The store cannot be read.
    """
    sha = store.commit(commit) if commit else None
    found = store.by_commit(
        commit=sha,
        function=function,
        tool=tool,
        error_type=error_type,
        pattern=pattern,
        since=since,
        until=until,
    )
    shown = found[:limit]
    kinds = store.kinds(
        commits=[each.commit for each in shown], function=function, tool=tool, error_type=error_type,
        pattern=pattern, since=since, until=until, limit=limit,
    )  # fmt: skip
    measured = limit if commit or limit is None else min(limit, _MEASURED)
    names = dict.fromkeys(name for each in shown if with_numbers for name in each.functions[:measured])
    rows = groupby(store.latency(functions=names, since=since, until=until), key=attrgetter("function"))
    known = {name: numbers_of(name, list(calls)) for name, calls in rows}
    return IncidentReport(
        tuple(_report(each, kinds, known) for each in shown),
        store.gaps(),
        sum(each.incidents for each in found),
        len(found),
    )


def _report(
    commit: CommitIncidents, kinds: tuple[Kind, ...], known: dict[str, FunctionNumbers | None]
) -> CommitReport:
    return CommitReport(
        commit=commit.commit,
        suspect=commit.suspect,
        incidents=commit.incidents,
        recorded=commit.recorded,
        functions=commit.functions,
        numbers=tuple(found for name in commit.functions if (found := known.get(name)) is not None),
        error_types=commit.error_types,
        first_ns=commit.first_ns,
        last_ns=commit.last_ns,
        kinds=tuple(each for each in kinds if each.commit == commit.commit),
    )


def follow(
    store: Source,
    wanted: Mapping[str, str | None],
    *,
    since: timedelta | None = None,
    forever: bool = True,
    every_s: float = 1.0,
) -> Iterator[Incident]:
    """
    Yield incidents, oldest first; then wait for new ones.

    Args:
        wanted: Of ``commit``, ``function``, ``tool``, ``error_type``, ``pattern`` and ``trace_id`` what is asked for.

        since: Begin so far back. By default with those to come, or with all when not ``forever``.

        forever: Whether to wait. A process may write late: what is older than the last one shown by
            less than a minute is shown, too.
    """
    seen: dict[str, int] = {}
    start = timedelta() if forever and since is None else since
    moment = None if start is None else datetime.now(UTC) - start
    while True:
        for each in reversed(_matching(store, wanted, moment)):
            if each.id not in seen:
                seen[each.id] = each.time_ns
                yield each
        if not forever:
            return
        time.sleep(every_s)
        if seen:
            newest = max(seen.values())
            since_ns = newest - _LATE_NS
            seen = {id_: at for id_, at in seen.items() if at >= since_ns}
            late = datetime.fromtimestamp(since_ns / 1e9, UTC)
            moment = late if moment is None else max(moment, late)


def _matching(
    store: Source, wanted: Mapping[str, str | None], since: datetime | None
) -> tuple[Incident, ...]:
    return store.incidents(
        commit=wanted.get("commit"),
        function=wanted.get("function"),
        tool=wanted.get("tool"),
        error_type=wanted.get("error_type"),
        pattern=wanted.get("pattern"),
        trace_id=wanted.get("trace_id"),
        since=since,
        limit=_AT_ONCE,
    )
