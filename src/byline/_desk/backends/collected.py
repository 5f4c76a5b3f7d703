"""Sources that hold single incidents: what a question needs is copied into a store of its own, and that is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from ..._model import ExecutedLines, Finding, Incident, Unverified
from ..._store.reading import Moment
from ...exceptions import UnknownCommitError
from ...store import Block, CommitIncidents, FindingKind, FunctionSeen, Kind, Latency, Store, Totals
from .address import TITLES, Address

HORIZON = timedelta(days=30)
"""How far back is looked where nobody says; as long as a store keeps things."""

MOST = 20_000
"""Incidents that one question copies, the newest."""

_LONG = timedelta(days=36_500)
_ROOM = 1 << 33
_LEAST_PREFIX = 4
_ASK_PROMETHEUS = "ask a store or Prometheus"

Filters = Mapping[str, str | int]
"""What is asked for, by the names that the questions have for it."""


class Collected(ABC):
    """Answers the desk's questions about incidents exactly as a store does, since a store gives the answers."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._folder = TemporaryDirectory(prefix="byline-")
        path = Path(self._folder.name) / "collected.db"
        self._store = Store.open(path, create=True, max_age=_LONG, max_bytes=_ROOM)
        self._gaps: dict[str, Unverified] = {}
        self._asked: set[object] = set()
        self._findings: set[str] = set()

    @abstractmethod
    def _incidents(self, wanted: Filters, since: datetime, until: datetime, limit: int) -> Iterable[Incident]:
        """Return incidents of the backend, newest first."""

    def _swallowed(self, wanted: Filters, since: datetime, until: datetime, limit: int) -> Iterable[Finding]:
        """Return findings of the backend, newest first."""
        del wanted, since, until, limit
        self._lacks("swallowed exceptions", "are no incidents", "ask a store or Loki")
        return ()

    @property
    def name(self) -> str:
        """What it is and where, for people."""
        return self._address.name

    @property
    def backend(self) -> str:
        """Its name in ``--source``."""
        return self._address.backend

    def gaps(self) -> tuple[Unverified, ...]:
        """Say what is missing in the answers given so far."""
        return tuple(self._gaps.values())

    def close(self) -> None:
        """Forget what was copied."""
        self._store.close()
        self._folder.cleanup()

    # --- incidents and findings ----------------------------------------------

    def commit(self, prefix: str) -> str:
        """
        Return the full SHA of the one commit that a prefix of at least four digits names.

        Raises:
            UnknownCommitError: The prefix is too short, names no commit with an incident or a finding, or several.
        """
        known = self._store.commits(prefix)
        if not known and len(prefix) >= _LEAST_PREFIX:
            self._copy({"commit": prefix.lower()}, None, None)
            self._copy_findings({"commit": prefix.lower()}, None, None)
            known = self._store.commits(prefix)
        if not known and len(prefix) >= _LEAST_PREFIX:
            raise UnknownCommitError(f"{prefix!r} names no commit with an incident in {self.name}.")
        return self._store.commit(prefix)

    def incident(self, id_prefix: str) -> Incident:
        """As ``Store.incident``."""
        self._copy({"id": id_prefix}, None, None)
        return self._store.incident(id_prefix)

    def incidents(
        self, *, commit: str | None = None, since: Moment | None = None, until: datetime | None = None,
        function: str | None = None, tool: str | None = None, error_type: str | None = None,
        pattern: str | None = None, fingerprint: str | None = None, trace_id: str | None = None,
        sentry_event_id: str | None = None, limit: int | None = None,
    ) -> tuple[Incident, ...]:  # fmt: skip
        """As ``Store.incidents``."""
        wanted = {
            "commit": self.commit(commit) if commit else commit, "function": function, "tool": tool,
            "error_type": error_type, "pattern": pattern, "fingerprint": fingerprint, "trace_id": trace_id,
            "sentry_event_id": sentry_event_id,
        }  # fmt: skip
        self._copy(wanted, since, until, limit)
        return self._store.incidents(**wanted, since=since, until=until, limit=limit)

    def by_commit(
        self, *, commit: str | None = None, since: Moment | None = None, until: datetime | None = None,
        function: str | None = None, tool: str | None = None, error_type: str | None = None,
        pattern: str | None = None,
    ) -> tuple[CommitIncidents, ...]:  # fmt: skip
        """As ``Store.by_commit``."""
        wanted = {
            "commit": self.commit(commit) if commit else commit, "function": function, "tool": tool,
            "error_type": error_type, "pattern": pattern,
        }  # fmt: skip
        self._copy(wanted, since, until)
        return self._store.by_commit(**wanted, since=since, until=until)

    def kinds(
        self, *, commit: str | None = None, since: Moment | None = None, until: datetime | None = None,
        function: str | None = None, tool: str | None = None, fingerprint: str | None = None,
        error_type: str | None = None, pattern: str | None = None, path: str | None = None, line: int | None = None,
        commits: Sequence[str] | None = None, limit: int | None = None, samples: int | None = None,
    ) -> tuple[Kind, ...]:  # fmt: skip
        """As ``Store.kinds``."""
        wanted = {
            "commit": self.commit(commit) if commit else commit, "function": function, "tool": tool,
            "fingerprint": fingerprint, "error_type": error_type, "pattern": pattern, "path": path,
        }  # fmt: skip
        only = commits[0] if commits is not None and len(commits) == 1 and commits[0] else wanted["commit"]
        self._copy({**wanted, "commit": only, "line": line}, since, until)
        return self._store.kinds(
            **wanted, line=line, since=since, until=until, commits=commits, limit=limit, samples=samples
        )

    def findings(
        self, *, commit: str | None = None, since: Moment | None = None, until: datetime | None = None,
        function: str | None = None, last_commit: str | None = None, fingerprint: str | None = None,
    ) -> tuple[FindingKind, ...]:  # fmt: skip
        """As ``Store.findings``."""
        wanted = {
            "commit": self.commit(commit) if commit else commit, "function": function,
            "last_commit": self.commit(last_commit) if last_commit else last_commit, "fingerprint": fingerprint,
        }  # fmt: skip
        self._copy_findings(wanted, since, until)
        return self._store.findings(**wanted, since=since, until=until)

    def _copy(
        self, wanted: Mapping[str, str | int | None], since: Moment | None, until: datetime | None,
        limit: int | None = None,
    ) -> None:  # fmt: skip
        filters = {name: value for name, value in wanted.items() if value is not None}
        key = ("incidents", *sorted(filters.items()), since, until, limit)
        # From a moment on there may be new ones each time.
        if key in self._asked and not isinstance(since, datetime):
            return
        self._asked.add(key)
        most = MOST if limit is None else min(limit, MOST)
        found = list(self._incidents(filters, *self._window(since, until), most))
        self._store.add_incidents(found)
        if len(found) >= MOST:
            oldest = datetime.fromtimestamp(found[-1].time_ns / 1e9, UTC)
            self._lacks(
                f"incidents before {oldest:%Y-%m-%d %H:%M} UTC",
                f"one question reads {MOST:,} of them, the newest",
                "ask for less: a shorter --since, or one commit",
            )

    def _copy_findings(
        self, wanted: Mapping[str, str | None], since: Moment | None, until: datetime | None
    ) -> None:
        filters = {name: value for name, value in wanted.items() if value is not None}
        found = [
            each
            for each in self._swallowed(filters, *self._window(since, until), MOST)
            if each.id not in self._findings
        ]
        # A store adds up what it is given, twice if it comes twice.
        self._findings.update(each.id for each in found)
        self._store.add(findings={each.id: each for each in found}.values())

    def _window(self, since: Moment | None, until: datetime | None) -> tuple[datetime, datetime]:
        now = datetime.now(UTC)
        if since is None:
            days = HORIZON.days
            self._lacks(f"what is older than {days} days", "so far is looked back", "give a longer --since")
        start = now - since if isinstance(since, timedelta) else since
        return start or (until or now) - HORIZON, until or now + timedelta(minutes=5)

    def _lacks(self, subject: str, reason: str, cure: str = "") -> None:
        self._gaps.setdefault(subject, Unverified(subject, reason, cure))

    # --- what it cannot know -------------------------------------------------

    def _counts_nothing(self) -> tuple[()]:
        title = TITLES[self._address.backend]
        self._lacks("calls and durations", f"{title} holds failures, not calls", _ASK_PROMETHEUS)
        return ()

    def functions(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[FunctionSeen, ...]:
        """Return nothing: a function that did not fail leaves nothing here."""
        del function, commit
        return self._counts_nothing()

    def totals(
        self, *, commit: str | None = None, last_commit: str | None = None, since: Moment | None = None,
        until: datetime | None = None,
    ) -> tuple[Totals, ...]:  # fmt: skip
        """Return nothing: calls are not here."""
        del commit, last_commit, since, until
        return self._counts_nothing()

    def latency(
        self, *, function: str | None = None, functions: Collection[str] | None = None, commit: str | None = None,
        last_commit: str | None = None, since: Moment | None = None, until: datetime | None = None,
    ) -> tuple[Latency, ...]:  # fmt: skip
        """Return nothing: calls are not here."""
        del function, functions, commit, last_commit, since, until
        return self._counts_nothing()

    def blocks(
        self, *, function: str, last_commit: str, since: Moment | None = None, until: datetime | None = None
    ) -> tuple[Block, ...]:
        """Return nothing: calls are not here."""
        del function, last_commit, since, until
        return self._counts_nothing()

    def executed(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[ExecutedLines, ...]:
        """Return nothing: lines that ran are not asked for."""
        del function, commit
        self._lacks("lines that ran", "are not asked for", "ask a store")
        return ()

    def unverified(self, *, since: Moment = timedelta(days=1)) -> tuple[Unverified, ...]:
        """Return nothing: what programs could not tell stays where they run."""
        del since
        self._lacks("what programs could not tell", "it stays where they run", "ask a store")
        return ()
