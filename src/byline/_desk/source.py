"""What the desk asks of whoever holds the answers: the store, or a team's own backend."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from .._model import ExecutedLines, Incident, Unverified
from .._store.reading import Moment
from ..store import Block, CommitIncidents, FindingKind, FunctionSeen, Kind, Latency, Totals


class Source(Protocol):
    """
    The questions of the desk, as ``byline.store.Store`` answers them; ``_store.reading`` explains each.

    A source that cannot know an answer returns nothing, and names it in ``gaps()`` from then on.
    """

    @property
    def name(self) -> str:
        """What it is and where, for people."""
        ...

    @property
    def backend(self) -> str:
        """Its name in ``--source``."""
        ...

    def gaps(self) -> tuple[Unverified, ...]:
        """Say what is missing in the answers given so far."""
        ...

    def commit(self, prefix: str) -> str: ...
    def functions(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[FunctionSeen, ...]: ...
    def totals(
        self,
        *,
        commit: str | None = None,
        last_commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
    ) -> tuple[Totals, ...]: ...
    def latency(
        self,
        *,
        function: str | None = None,
        functions: Collection[str] | None = None,
        commit: str | None = None,
        last_commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
    ) -> tuple[Latency, ...]: ...
    def blocks(
        self, *, function: str, last_commit: str, since: Moment | None = None, until: datetime | None = None
    ) -> tuple[Block, ...]: ...
    def incident(self, id_prefix: str) -> Incident: ...
    def incidents(
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
    ) -> tuple[Incident, ...]: ...
    def by_commit(
        self,
        *,
        commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
        function: str | None = None,
        tool: str | None = None,
        error_type: str | None = None,
        pattern: str | None = None,
    ) -> tuple[CommitIncidents, ...]: ...
    def kinds(
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
    ) -> tuple[Kind, ...]: ...
    def findings(
        self,
        *,
        commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
        function: str | None = None,
        last_commit: str | None = None,
        fingerprint: str | None = None,
    ) -> tuple[FindingKind, ...]: ...
    def executed(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[ExecutedLines, ...]: ...
    def unverified(self, *, since: datetime | timedelta = ...) -> tuple[Unverified, ...]: ...
    def close(self) -> None: ...
