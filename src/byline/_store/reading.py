"""The questions that a store answers; the statements are elsewhere, the writing is in ``byline.store``."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from .._model import ExecutedLines, Incident, Unverified
from ..exceptions import NotFoundError, UnknownCommitError
from . import findings as finding_queries, incidents as _incidents, latency as _latency, queries
from .file import StoreFile
from .findings import FindingKind
from .rows import MINUTE_NS, Block, CommitIncidents, FunctionSeen, Kind, Latency, Thinned, Totals
from .windows import QUARTER

MIN_PREFIX = 4
_CANDIDATES = 5

Moment = datetime | timedelta
"""A moment, or how long ago."""


class Reading:
    """What can be asked of a store."""

    backend = "store"
    """Its name in ``--source``."""

    def __init__(self, file: StoreFile) -> None:
        self.path = file.path
        self.name = repr(str(file.path))
        self._file = file

    def incidents(  # noqa: PLR0913  # keyword-only filters
        self,
        *,
        commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
        function: str | None = None,
        tool: str | None = None,
        error_type: str | None = None,
        pattern: str | None = None,
        fingerprint: str | None = None,
        trace_id: str | None = None,
        sentry_event_id: str | None = None,
        limit: int | None = None,
    ) -> tuple[Incident, ...]:
        """
        Return incidents, newest first.

        Args:
            commit: Only those whose first suspect is this commit. A prefix will do.

            since: A moment, or how long ago.

            function: The marked function's full name.

            tool: Of the first suspect.

            pattern: The failure pattern that it is a sign of, see ``byline report``.

        Raises:
            UnknownCommitError: The prefix names no commit, or several.
        """
        wanted = {
            "commit_sha": self.commit(commit) if commit else commit,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
            "function": function,
            "tool": tool,
            "error_type": error_type,
            "pattern": pattern,
            "fingerprint": fingerprint,
            "trace_id": trace_id,
            "sentry_event_id": sentry_event_id,
        }
        with self._file.snapshot() as connection:
            return _incidents.select(connection, wanted, limit)

    def each_incident(self, *, since: Moment | None = None, batch: int = 5_000) -> Iterator[Incident]:
        """Yield all incidents, oldest first, without holding the store between batches."""
        after, since_ns = "", _moment_ns(since)
        while True:
            with self._file.snapshot() as connection:
                found = _incidents.select_after(connection, since_ns or 0, after, batch)
            yield from found
            if len(found) < batch:
                return
            since_ns, after = found[-1].time_ns, found[-1].id

    def incident(self, id_prefix: str) -> Incident:
        """
        Return the incident whose id starts with a prefix.

        Raises:
            NotFoundError: There is none, or several.
        """
        with self._file.snapshot() as connection:
            ids = _incidents.ids(connection, id_prefix, _CANDIDATES + 1)
            exact = [each for each in ids if each == id_prefix] or ids
            if len(exact) == 1:
                return _incidents.select(connection, {"id": exact[0]}, 1)[0]
        if not ids:
            raise NotFoundError(
                f"No incident has an id that starts with {id_prefix!r}. List them: byline incidents"
            )
        names = ", ".join(ids[:_CANDIDATES]) + (", …" if len(ids) > _CANDIDATES else "")
        raise NotFoundError(f"{id_prefix!r} is short for several incidents: {names}. Give more of the id.")

    def by_commit(  # noqa: PLR0913  # keyword-only filters
        self,
        *,
        commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
        function: str | None = None,
        tool: str | None = None,
        error_type: str | None = None,
        pattern: str | None = None,
    ) -> tuple[CommitIncidents, ...]:
        """Return the incidents of each commit that is a first suspect, newest first."""
        wanted = {
            "commit_sha": self.commit(commit) if commit else commit,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
            "function": function,
            "tool": tool,
            "error_type": error_type,
            "pattern": pattern,
        }
        with self._file.snapshot() as connection:
            return _incidents.by_commit(connection, wanted)

    def kinds(  # noqa: PLR0913  # keyword-only filters
        self,
        *,
        commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
        function: str | None = None,
        tool: str | None = None,
        fingerprint: str | None = None,
        error_type: str | None = None,
        pattern: str | None = None,
        path: str | None = None,
        line: int | None = None,
        commits: Sequence[str] | None = None,
        limit: int | None = None,
        samples: int | None = None,
    ) -> tuple[Kind, ...]:
        """
        Return incidents by fingerprint and commit, the kind seen last first; arguments as for ``incidents()``.

        Args:
            commits: Of these only, by their full SHAs; ``limit`` counts for each of them.

            samples: Look up the newest incident only of so many kinds of each pattern, the most frequent;
                the others have no ``last_id`` and no ``message``. By default of all.
        """
        wanted = {
            "commit_sha": self.commit(commit) if commit else commit,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
            "function": function,
            "tool": tool,
            "fingerprint": fingerprint,
            "error_type": error_type,
            "pattern": pattern,
            "path": path,
            "line": line,
        }
        with self._file.snapshot() as connection:
            return _incidents.kinds(connection, wanted, limit, commits, samples)

    def over_time(self, *, since: datetime, slot: timedelta) -> tuple[tuple[datetime, str, int], ...]:
        """
        Return how many incidents each commit had from slot to slot: the slot's start, the full SHA, and the number.

        Args:
            since: Where the first slot begins; moved back to a quarter hour.

            slot: Of whole quarter hours.
        """
        begin = (_moment_ns(since) or 0) // MINUTE_NS
        begin -= begin % QUARTER
        minutes = max(QUARTER, slot // timedelta(minutes=QUARTER) * QUARTER)
        with self._file.snapshot() as connection:
            rows = _incidents.over_time(connection, begin, minutes)
        return tuple(
            (datetime.fromtimestamp((begin + place * minutes) * 60, UTC), commit, incidents)
            for place, commit, incidents in rows
        )

    def count_incidents(self) -> int:
        """Return how many incidents are recorded."""
        with self._file.snapshot() as connection:
            return _incidents.count(connection)

    def latency(  # noqa: PLR0913  # keyword-only filters
        self,
        *,
        function: str | None = None,
        functions: Collection[str] | None = None,
        commit: str | None = None,
        last_commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
    ) -> tuple[Latency, ...]:
        """
        Return how long calls took, by function, version and outcome, merged exactly over processes.

        Args:
            functions: Only these, in one go.

            commit: Only functions that this commit wrote. A prefix will do.

            last_commit: Only versions that this commit made. A prefix will do.
        """
        wanted = {
            "function": function,
            "commit_sha": self.commit(commit) if commit else commit,
            "last_commit": self.commit(last_commit) if last_commit else None,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
        }
        with self._file.snapshot() as connection:
            return _latency.select(connection, wanted, functions)

    def totals(
        self,
        *,
        commit: str | None = None,
        last_commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
    ) -> tuple[Totals, ...]:
        """Return how often and how long calls took in all; quick for many functions. Arguments as for ``latency()``."""
        wanted = {
            "commit_sha": self.commit(commit) if commit else commit,
            "last_commit": self.commit(last_commit) if last_commit else None,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
        }
        with self._file.snapshot() as connection:
            return _latency.totals(connection, wanted)

    def blocks(
        self,
        *,
        function: str,
        last_commit: str,
        since: Moment | None = None,
        until: datetime | None = None,
    ) -> tuple[Block, ...]:
        """
        Return the calls of one version of a function by quarter hour, in order of time.

        Args:
            last_commit: Full SHA of the version; empty for one that is not known.
        """
        wanted = {
            "function": function,
            "last_commit": last_commit,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
        }
        with self._file.snapshot() as connection:
            return _latency.blocks(connection, wanted)

    def functions(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[FunctionSeen, ...]:
        """Return the versions of functions that ran somewhere, called or not."""
        wanted = {"function": function, "commit_sha": self.commit(commit) if commit else None}
        with self._file.snapshot() as connection:
            return queries.functions(connection, wanted)

    def findings(  # noqa: PLR0913  # keyword-only filters
        self,
        *,
        commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
        function: str | None = None,
        last_commit: str | None = None,
        fingerprint: str | None = None,
    ) -> tuple[FindingKind, ...]:
        """
        Return swallowed exceptions by kind and function version, the most frequent first.

        Args:
            commit: Only those whose handler's line this commit wrote. A prefix will do.

            since: A moment, or how long ago; by the hour.

            function: The marked function's full name.

            last_commit: Only versions of functions that this commit made. A prefix will do.

            fingerprint: Its first digits will do.
        """
        wanted = {
            "commit_sha": self.commit(commit) if commit else commit,
            "last_commit": self.commit(last_commit) if last_commit else None,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
            "function": function,
            "fingerprint": fingerprint,
        }
        with self._file.snapshot() as connection:
            return finding_queries.findings(connection, wanted)

    def executed(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[ExecutedLines, ...]:
        """Return which lines ran, by function and version, the version seen last first."""
        wanted = {"function": function, "commit_sha": self.commit(commit) if commit else None}
        with self._file.snapshot() as connection:
            return finding_queries.executed(connection, wanted)

    def commits(self, prefix: str = "") -> tuple[str, ...]:
        """Return the full SHAs in the store that start with a prefix, in order."""
        with self._file.snapshot() as connection:
            return queries.commits(connection, prefix.lower())

    def commit(self, prefix: str) -> str:
        """
        Return the full SHA of the one commit that a prefix of at least four digits names.

        Raises:
            UnknownCommitError: The prefix is too short, names no commit, or several.
        """
        return one_commit(prefix, self.commits, self.name)

    def unverified(self, *, since: datetime | timedelta = timedelta(days=1)) -> tuple[Unverified, ...]:
        """Return what programs said they could not tell, newest first."""
        with self._file.snapshot() as connection:
            return queries.unverified(connection, _moment_ns(since) or 0)

    def own_time_s(self) -> float:
        """Return the processor time that byline spent on counting calls, in seconds: ``byline.self.duration``."""
        with self._file.snapshot() as connection:
            return queries.own_time(connection)

    def thinned(self) -> tuple[Thinned, ...]:
        """Return what the bounds of size and age took away."""
        with self._file.snapshot() as connection:
            return queries.thinned(connection)

    def gaps(self) -> tuple[Unverified, ...]:
        """Say what the store no longer holds."""
        return tuple(
            Unverified(
                each.what,
                f"{each.rows:,} rows, to keep the store within its bounds of size and age",
                "older answers need a bigger store, or a backend of your own",
            )
            for each in self.thinned()
        )


def one_commit(prefix: str, commits: Callable[[str], tuple[str, ...]], where: str) -> str:
    """
    Return the full SHA of the one commit that a prefix of at least four digits names.

    Args:
        commits: Returns the full SHAs that start with a prefix.

        where: They are from, for people.

    Raises:
        UnknownCommitError: The prefix is too short, names no commit, or several.
    """
    if len(prefix) < MIN_PREFIX or set(prefix.lower()) - set("0123456789abcdef"):
        raise UnknownCommitError(
            f"{prefix!r} is not a commit. Give at least {MIN_PREFIX} hexadecimal digits."
        )
    found = commits(prefix)
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownCommitError(f"{prefix!r} is short for {_some(found)}. Give more digits.")
    known = commits("")
    hint = f"It knows {_some(known)}." if known else "It knows no commit yet."
    raise UnknownCommitError(f"{prefix!r} names no commit in {where}. {hint}")


def _moment_ns(moment: datetime | timedelta | None) -> int | None:
    """Return nanoseconds since the epoch; a timedelta means so long ago."""
    if moment is None:
        return None
    if isinstance(moment, timedelta):
        return time.time_ns() - moment // timedelta(microseconds=1) * 1_000
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(each[:12] for each in names[:_CANDIDATES])
    more = len(names) - _CANDIDATES
    return f"{len(names)} commits: {shown}{f' and {more} more' if more > 0 else ''}"
