"""Questions about how long calls took."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from . import latency as _latency
from .asking import Asking, Moment
from .rows import Block, Latency, Totals


class AskingForLatency(Asking):
    """What can be asked about durations."""

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
        wanted = self._wanted(
            function=function, commit=commit, last_commit=last_commit, since=since, until=until
        )
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
        wanted = self._wanted(commit=commit, last_commit=last_commit, since=since, until=until)
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
        wanted = {**self._wanted(function=function, since=since, until=until), "last_commit": last_commit}
        with self._file.snapshot() as connection:
            return _latency.blocks(connection, wanted)
