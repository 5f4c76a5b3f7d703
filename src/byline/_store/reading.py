"""The questions that a store answers; the statements are elsewhere, the writing is in ``byline.store``."""

from __future__ import annotations

from datetime import datetime, timedelta

from .._model import ExecutedLines, Unverified
from . import findings as finding_queries, queries
from .asking import Moment, moment_ns, one_commit
from .asking_incidents import AskingForIncidents
from .asking_latency import AskingForLatency
from .findings import FindingKind
from .rows import FunctionSeen, Thinned

__all__ = ["Moment", "Reading", "one_commit"]


class Reading(AskingForIncidents, AskingForLatency):
    """What can be asked of a store."""

    def functions(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[FunctionSeen, ...]:
        """Return the versions of functions that ran somewhere, called or not."""
        wanted = self._wanted(function=function, commit=commit)
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
        wanted = self._wanted(
            commit=commit,
            last_commit=last_commit,
            since=since,
            until=until,
            function=function,
            fingerprint=fingerprint,
        )
        with self._file.snapshot() as connection:
            return finding_queries.findings(connection, wanted)

    def executed(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[ExecutedLines, ...]:
        """Return which lines ran, by function and version, the version seen last first."""
        wanted = self._wanted(function=function, commit=commit)
        with self._file.snapshot() as connection:
            return finding_queries.executed(connection, wanted)

    def unverified(self, *, since: datetime | timedelta = timedelta(days=1)) -> tuple[Unverified, ...]:
        """Return what programs said they could not tell, newest first."""
        with self._file.snapshot() as connection:
            return queries.unverified(connection, moment_ns(since) or 0)

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
