"""Questions about incidents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from .._model import Incident
from ..exceptions import NotFoundError
from . import incidents as _incidents
from .asking import Asking, Moment, moment_ns
from .rows import MINUTE_NS, CommitIncidents, Kind
from .windows import QUARTER

_CANDIDATES = 5


class AskingForIncidents(Asking):
    """What can be asked about incidents."""

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
        wanted = self._wanted(
            commit=commit,
            since=since,
            until=until,
            function=function,
            tool=tool,
            error_type=error_type,
            pattern=pattern,
            fingerprint=fingerprint,
            trace_id=trace_id,
            sentry_event_id=sentry_event_id,
        )
        with self._file.snapshot() as connection:
            return _incidents.select(connection, wanted, limit)

    def each_incident(self, *, since: Moment | None = None, batch: int = 5_000) -> Iterator[Incident]:
        """Yield all incidents, oldest first, without holding the store between batches."""
        after, since_ns = "", moment_ns(since)
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
        wanted = self._wanted(
            commit=commit,
            since=since,
            until=until,
            function=function,
            tool=tool,
            error_type=error_type,
            pattern=pattern,
        )
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
        wanted = self._wanted(
            commit=commit,
            since=since,
            until=until,
            function=function,
            tool=tool,
            fingerprint=fingerprint,
            error_type=error_type,
            pattern=pattern,
            path=path,
            line=line,
        )
        with self._file.snapshot() as connection:
            return _incidents.kinds(connection, wanted, limit, commits, samples)

    def over_time(self, *, since: datetime, slot: timedelta) -> tuple[tuple[datetime, str, int], ...]:
        """
        Return how many incidents each commit had from slot to slot: the slot's start, the full SHA, and the number.

        Args:
            since: Where the first slot begins; moved back to a quarter hour.

            slot: Of whole quarter hours.
        """
        begin = (moment_ns(since) or 0) // MINUTE_NS
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
