"""
byline.db, the store between a running program and the desk: incidents, latency and functions seen.

One SQLite file in WAL mode: many processes write, many read, and a killed one loses
nothing it had committed. Not for network file systems, whose locks SQLite can't trust.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from ._model import ExecutedLines, Finding, Incident, Unverified
from ._store import findings as finding_queries, queries, upkeep
from ._store.file import Error, StoreFile
from ._store.findings import FindingKind
from ._store.rows import Calls, CommitIncidents, FunctionSeen, Kind, Latency, Thinned
from .exceptions import NotFoundError, UnknownCommitError

__all__ = [
    "MAX_AGE",
    "MAX_BYTES",
    "Calls",
    "CommitIncidents",
    "ExecutedLines",
    "FindingKind",
    "FunctionSeen",
    "Kind",
    "Latency",
    "Store",
    "Thinned",
]

MAX_BYTES = 256 * 1024 * 1024
MAX_AGE = timedelta(days=30)

MIN_PREFIX = 4
_CANDIDATES = 5
_FORGET_EVERY_S = 600.0


class Store:
    """An open byline.db. Safe to share between threads; after a fork each process opens its own connection."""

    def __init__(self, file: StoreFile, *, max_bytes: int, max_age: timedelta) -> None:
        self.path = file.path
        self._file = file
        self._max_bytes = max_bytes
        self._max_age_ns = max_age // timedelta(microseconds=1) * 1_000
        self._forget_at = 0.0

    @classmethod
    def open(  # noqa: PLR0913  # keyword-only, each with a default
        cls,
        path: str | Path,
        *,
        create: bool = False,
        read_only: bool = False,
        timeout_s: float = 5.0,
        max_bytes: int = MAX_BYTES,
        max_age: timedelta = MAX_AGE,
    ) -> Self:
        """
        Open a store.

        Args:
            create: Make the file, and its folder, when there is none.

            read_only: Write nothing; also works in a folder that cannot be written.

            timeout_s: How long to wait for another process that is writing.

            max_bytes: The writer keeps the file about this small: it thins the oldest data first.

            max_age: The writer removes what is older.

        Raises:
            StoreError: There is none, or it is locked, read-only, damaged, of a newer
                byline, or on a full disk.
        """
        file = StoreFile(Path(path), create=create, read_only=read_only, timeout_s=timeout_s)
        with file.opened():
            return cls(file, max_bytes=max_bytes, max_age=max_age)

    def close(self) -> None:
        """Close the file; a second call does nothing. Using the store again opens it again."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    # --- writing -------------------------------------------------------------

    def add_incidents(self, incidents: Iterable[Incident]) -> None:
        """Write incidents, all or none; one that is there already, by its id, stays as it is."""
        self.add(incidents=incidents)

    def add_latency(self, calls: Iterable[Calls]) -> None:
        """Add calls to the minute they belong to, all or none."""
        self.add(calls=calls)

    def add_functions(self, functions: Iterable[FunctionSeen]) -> None:
        """Write that functions were seen, all or none; one without a time was seen now."""
        self.add(functions=functions)

    def add_unverified(self, notes: Iterable[Unverified]) -> None:
        """Write what a program could not tell, all or none; a reason given before is renewed."""
        self.add(unverified=notes)

    def add(  # noqa: PLR0913  # keyword-only, each with a default
        self,
        *,
        incidents: Iterable[Incident] = (),
        calls: Iterable[Calls] = (),
        functions: Iterable[FunctionSeen] = (),
        unverified: Iterable[Unverified] = (),
        findings: Iterable[Finding] = (),
        executed: Iterable[ExecutedLines] = (),
    ) -> None:
        """
        Write several kinds of rows in one transaction.

        Raises:
            StoreError: Nothing was written.
        """
        now_ns = time.time_ns()
        with self._file.opened() as connection:
            with upkeep.transaction(connection):
                queries.add_incidents(connection, incidents)
                queries.add_functions(connection, functions, now_ns)
                queries.add_latency(connection, calls)
                queries.add_unverified(connection, unverified, now_ns)
                finding_queries.add_findings(connection, findings)
                finding_queries.add_executed(connection, executed, now_ns)
            # What was asked is written. Should thinning fail, the next write tries again.
            with suppress(Error):
                self._keep_up(connection, now_ns)

    def _keep_up(self, connection: upkeep.Connection, now_ns: int) -> None:
        bounds = upkeep.Bounds(self._max_bytes, now_ns - self._max_age_ns, now_ns)
        upkeep.shrink(connection, bounds)
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _FORGET_EVERY_S
            upkeep.forget_old(connection, bounds)

    # --- reading -------------------------------------------------------------

    def incidents(  # noqa: PLR0913  # keyword-only filters
        self,
        *,
        commit: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | None = None,
        function: str | None = None,
        fingerprint: str | None = None,
        limit: int | None = None,
    ) -> tuple[Incident, ...]:
        """
        Return incidents, newest first.

        Args:
            commit: Only those whose first suspect is this commit. A prefix will do.

            since: A moment, or how long ago.

            function: The marked function's full name.

        Raises:
            UnknownCommitError: The prefix names no commit, or several.
        """
        wanted = {
            "commit_sha": self.commit(commit) if commit else None,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
            "function": function,
            "fingerprint": fingerprint,
        }
        with self._file.snapshot() as connection:
            return queries.incidents(connection, wanted, limit)

    def incident(self, id_prefix: str) -> Incident:
        """
        Return the incident whose id starts with a prefix.

        Raises:
            NotFoundError: There is none, or several.
        """
        with self._file.snapshot() as connection:
            ids = queries.incident_ids(connection, id_prefix, _CANDIDATES + 1)
            exact = [each for each in ids if each == id_prefix] or ids
            if len(exact) == 1:
                return queries.incidents(connection, {"id": exact[0]}, 1)[0]
        if not ids:
            raise NotFoundError(
                f"No incident has an id that starts with {id_prefix!r}. List them: byline incidents"
            )
        names = ", ".join(ids[:_CANDIDATES]) + (", …" if len(ids) > _CANDIDATES else "")
        raise NotFoundError(f"{id_prefix!r} is short for several incidents: {names}. Give more of the id.")

    def by_commit(
        self,
        *,
        commit: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | None = None,
    ) -> tuple[CommitIncidents, ...]:
        """Return the incidents of each commit that is a first suspect, newest first."""
        wanted = {
            "commit_sha": self.commit(commit) if commit else None,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
        }
        with self._file.snapshot() as connection:
            return queries.by_commit(connection, wanted)

    def kinds(  # noqa: PLR0913  # keyword-only filters
        self,
        *,
        commit: str | None = None,
        since: datetime | timedelta | None = None,
        fingerprint: str | None = None,
        error_type: str | None = None,
        path: str | None = None,
        line: int | None = None,
        limit: int | None = None,
    ) -> tuple[Kind, ...]:
        """Return incidents by fingerprint and commit, the kind seen last first; arguments as for ``incidents()``."""
        wanted = {
            "commit_sha": self.commit(commit) if commit else None,
            "since": _moment_ns(since),
            "fingerprint": fingerprint,
            "error_type": error_type,
            "path": path,
            "line": line,
        }
        with self._file.snapshot() as connection:
            return queries.kinds(connection, wanted, limit)

    def count_incidents(self) -> int:
        """Return how many incidents are recorded."""
        with self._file.snapshot() as connection:
            return queries.count_incidents(connection)

    def latency(
        self,
        *,
        function: str | None = None,
        commit: str | None = None,
        last_commit: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | None = None,
    ) -> tuple[Latency, ...]:
        """
        Return how long calls took, by function, version and outcome, merged exactly over processes.

        Args:
            commit: Only functions that this commit wrote. A prefix will do.

            last_commit: Only versions that this commit made. A prefix will do.
        """
        wanted = {
            "function": function,
            "commit_sha": self.commit(commit) if commit else None,
            "last_commit": self.commit(last_commit) if last_commit else None,
            "since": _moment_ns(since),
            "until": _moment_ns(until),
        }
        with self._file.snapshot() as connection:
            return queries.latency(connection, wanted)

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
        since: datetime | timedelta | None = None,
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
            "commit_sha": self.commit(commit) if commit else None,
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
        if len(prefix) < MIN_PREFIX or set(prefix.lower()) - set("0123456789abcdef"):
            raise UnknownCommitError(
                f"{prefix!r} is not a commit. Give at least {MIN_PREFIX} hexadecimal digits."
            )
        found = self.commits(prefix)
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownCommitError(f"{prefix!r} is short for {_some(found)}. Give more digits.")
        known = self.commits()
        hint = f"It knows {_some(known)}." if known else "It knows no commit yet."
        raise UnknownCommitError(f"{prefix!r} names no commit in {str(self.path)!r}. {hint}")

    def unverified(self, *, since: datetime | timedelta = timedelta(days=1)) -> tuple[Unverified, ...]:
        """Return what programs said they could not tell, newest first."""
        with self._file.snapshot() as connection:
            return queries.unverified(connection, _moment_ns(since) or 0)

    def thinned(self) -> tuple[Thinned, ...]:
        """Return what the bounds of size and age took away."""
        with self._file.snapshot() as connection:
            return queries.thinned(connection)


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
