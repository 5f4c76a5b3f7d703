"""Probation: how far production has proven each new version of a function, and which one is suspect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .._model import Unverified
from ..exceptions import NotFoundError
from ..store import FunctionSeen
from .source import Source
from .versions import STATES, Pair, State, VersionStatus, Watch

__all__ = ["PROBATION", "STATES", "CommitStatus", "State", "Status", "VersionStatus", "status"]

PROBATION = timedelta(hours=48)

_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """All versions that one commit made."""

    commit: str
    versions: tuple[VersionStatus, ...]
    """What asks for attention first."""

    @property
    def counts(self) -> dict[State, int]:
        """How many versions are in which state."""
        found = Counter(each.state for each in self.versions)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def first_seen_ns(self) -> int:
        """When the first of them was seen."""
        return min(each.first_seen_ns for each in self.versions)


@dataclass(frozen=True, slots=True)
class Status:
    """The answer of ``byline status``."""

    commits: tuple[CommitStatus, ...]
    """The commit that was deployed last first."""

    unverified: tuple[Unverified, ...]

    @property
    def suspects(self) -> tuple[VersionStatus, ...]:
        """The versions that are suspect."""
        return tuple(each for commit in self.commits for each in commit.versions if each.state == "suspect")


def status(
    store: Source,
    *,
    commit: str | None = None,
    since: timedelta = PROBATION,
    probation: timedelta = PROBATION,
    now: datetime | None = None,
) -> Status:
    """
    Tell how the versions that were deployed lately do in production.

    Args:
        commit: Only versions that this commit made, however long ago. A prefix will do.

        since: Versions first seen within this time.

        probation: How long a version is watched before it can be proven.

        now: Answer as of this moment.

    Raises:
        UnknownCommitError: The prefix names no commit of the store, or several.

        NotFoundError: The commit made no version of a function in the store.
    """
    now = now or datetime.now(UTC)
    sha = store.commit(commit) if commit else None
    pairs = _pairs(store.functions(), int(now.timestamp() * 1e9))
    first_ns = int((now - since).timestamp() * 1e9)
    if sha:
        wanted = [each for each in pairs if each.new.last_commit == sha]
        if not wanted:
            raise NotFoundError(
                f"Commit {sha[:10]} is not the version of any function in the store: it changed none that ran, "
                "or another commit changed them after it."
            )
    else:
        # Without a version before, and seen as long as the store goes back, nobody deployed it just now.
        begin_ns = min((each.new.first_seen_ns for each in pairs), default=0)
        wanted = [
            each
            for each in pairs
            if each.new.first_seen_ns >= first_ns
            and (each.old or each.new.first_seen_ns > begin_ns + _MINUTE_NS)
        ]
    watch = Watch(store, probation, now)
    found: dict[str, list[VersionStatus]] = {}
    for each in wanted:
        found.setdefault(each.new.last_commit, []).append(watch.version(each))
    commits = [CommitStatus(name, tuple(sorted(versions, key=_urgency))) for name, versions in found.items()]
    return Status(tuple(sorted(commits, key=lambda each: (-each.first_seen_ns, each.commit))), store.gaps())


def _urgency(version: VersionStatus) -> tuple[int, str]:
    return STATES.index(version.state), version.function


def _pairs(functions: Iterable[FunctionSeen], now_ns: int) -> list[Pair]:
    """Put each version beside the one before it."""
    groups: dict[str, dict[str, FunctionSeen]] = {}
    for each in functions:
        if each.first_seen_ns <= now_ns:
            versions = groups.setdefault(each.function, {})
            known = versions.get(each.last_commit)
            if known is None or each.first_seen_ns < known.first_seen_ns:
                versions[each.last_commit] = each
    pairs = []
    for versions in groups.values():
        ordered = sorted(versions.values(), key=lambda each: each.first_seen_ns)
        pairs += [Pair(new, old) for old, new in zip([None, *ordered], ordered, strict=False)]
    return pairs
