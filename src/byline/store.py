"""
byline.db, the store between a running program and the desk: incidents, latency and functions seen.

One SQLite file in WAL mode: many processes write, many read, and a killed one loses
nothing it had committed. Not for network file systems, whose locks SQLite can't trust.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from ._model import ExecutedLines, Finding, Incident, Unverified
from ._store import findings as finding_queries, incidents as _incidents, latency, queries, sums, upkeep
from ._store.file import Error, StoreFile
from ._store.findings import FindingKind
from ._store.reading import Reading
from ._store.rows import (
    Block,
    Calls,
    CommitIncidents,
    FunctionSeen,
    Kind,
    Latency,
    Thinned,
    Totals,
)

__all__ = [
    "MAX_AGE",
    "MAX_BYTES",
    "Block",
    "Calls",
    "CommitIncidents",
    "ExecutedLines",
    "FindingKind",
    "FunctionSeen",
    "Kind",
    "Latency",
    "Store",
    "Thinned",
    "Totals",
]

MAX_BYTES = 256 * 1024 * 1024
MAX_AGE = timedelta(days=30)
_FORGET_EVERY_S = 600.0
_SUM_UP_EVERY_S = 60.0


class Store(Reading):
    """An open byline.db. Safe to share between threads; after a fork each process opens its own connection."""

    def __init__(self, file: StoreFile, *, max_bytes: int, max_age: timedelta) -> None:
        super().__init__(file)
        self._max_bytes = max_bytes
        self._max_age_ns = max_age // timedelta(microseconds=1) * 1_000
        self._forget_at = 0.0
        self._sum_up_at = 0.0

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
        own_time_s: float = 0.0,
    ) -> None:
        """
        Write several kinds of rows in one transaction.

        Args:
            own_time_s: Added to what byline's own counting has cost, see ``own_time_s()``.

        Raises:
            StoreError: Nothing was written.
        """
        now_ns = time.time_ns()
        with self._file.opened() as connection:
            with upkeep.transaction(connection):
                _incidents.add(connection, incidents)
                queries.add_functions(connection, functions, now_ns)
                latency.add(connection, calls)
                queries.add_unverified(connection, unverified, now_ns)
                finding_queries.add_findings(connection, findings)
                finding_queries.add_executed(connection, executed, now_ns)
                queries.add_own_time(connection, own_time_s)
            # What was asked is written. Should thinning fail, the next write tries again.
            with suppress(Error):
                self._keep_up(connection, now_ns)

    def _keep_up(self, connection: sums.Connection, now_ns: int) -> None:
        bounds = upkeep.Bounds(self._max_bytes, now_ns - self._max_age_ns, now_ns)
        upkeep.shrink(connection, bounds)
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _FORGET_EVERY_S
            upkeep.forget_old(connection, bounds)
        if time.monotonic() >= self._sum_up_at and upkeep.sum_up(connection, now_ns):
            self._sum_up_at = time.monotonic() + _SUM_UP_EVERY_S
