"""Which commits fail: incidents by the commit of their first suspect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .._model import Suspect, Unverified
from ..store import CommitIncidents, Kind, Store
from .numbers import FunctionNumbers, numbers_of


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

    @property
    def incidents(self) -> int:
        """How many incidents there were in all."""
        return sum(each.incidents for each in self.commits)


def report(store: Store, *, commit: str | None = None, since: timedelta | None = None) -> IncidentReport:
    """
    Report incidents by commit.

    Args:
        commit: Only this one. A prefix will do.

        since: How far to look back; None means as far as the store goes.

    Raises:
        UnknownCommitError: The prefix names no commit of the store, or several.

        StoreError: The store cannot be read.
    """
    sha = store.commit(commit) if commit else None
    commits = store.by_commit(commit=sha, since=since)
    kinds = store.kinds(commit=sha, since=since)
    known: dict[str, FunctionNumbers | None] = {}
    for name in dict.fromkeys(name for each in commits for name in each.functions):
        known[name] = numbers_of(name, store.latency(function=name, since=since))
    return IncidentReport(tuple(_report(each, kinds, known) for each in commits), thinned_notes(store))


def _report(
    commit: CommitIncidents, kinds: tuple[Kind, ...], known: dict[str, FunctionNumbers | None]
) -> CommitReport:
    return CommitReport(
        commit=commit.commit,
        suspect=commit.suspect,
        incidents=commit.incidents,
        recorded=commit.recorded,
        functions=commit.functions,
        numbers=tuple(found for name in commit.functions if (found := known[name]) is not None),
        error_types=commit.error_types,
        first_ns=commit.first_ns,
        last_ns=commit.last_ns,
        kinds=tuple(each for each in kinds if each.commit == commit.commit),
    )


def thinned_notes(store: Store) -> tuple[Unverified, ...]:
    """Say what the store no longer holds."""
    return tuple(
        Unverified(
            each.what,
            f"{each.rows:,} rows, to keep the store within its bounds of size and age",
            "older answers need a bigger store, or a backend of your own",
        )
        for each in store.thinned()
    )
