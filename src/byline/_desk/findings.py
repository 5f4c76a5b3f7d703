"""What marked functions swallowed: findings by kind, the loud ones first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from .._model import Handling, Unverified
from ..exceptions import BylineError, UnknownCommitError
from ..store import FindingKind
from .places import open_manifest
from .source import Source

LOUD: tuple[Handling, ...] = ("silent", "weak")
"""What somebody should look at."""

_ORDER: tuple[Handling, ...] = get_args(Handling)


@dataclass(frozen=True, slots=True)
class FindingReport:
    """The answer of ``byline findings``."""

    kinds: tuple[FindingKind, ...]
    """By handling, the loudest first; then by number."""

    others: dict[Handling, int]
    """Exceptions of the handlings that were not asked for."""

    known: int
    """Exceptions whose handler is older than what was asked for."""

    unverified: tuple[Unverified, ...]

    @property
    def count(self) -> int:
        """How many exceptions were swallowed in all that is shown."""
        return sum(each.count for each in self.kinds)


def report(
    store: Source,
    *,
    what: str = "",
    since: timedelta | None = None,
    newer_than: int = 0,
    everything: bool = False,
) -> FindingReport:
    """
    Report swallowed exceptions.

    Args:
        what: A fingerprint or the commit of a handler's line, or how one starts; then everything of it is shown.

        newer_than: Only handlers whose line was committed after this moment, in seconds.

        everything: Also what was logged, reported, retried or expected.

    Raises:
        UnknownCommitError: Nothing starts with ``what``.
        StoreError: The store cannot be read.
    """
    found = _named(store, what, since) if what else store.findings(since=since)
    fresh = [each for each in found if _committed_at(each) > newer_than or not newer_than]
    wanted = _ORDER if everything or what else LOUD
    shown = [
        each for each in fresh if each.last.handling in wanted and (what or everything or each.last.is_new)
    ]
    shown.sort(key=lambda each: (_ORDER.index(each.last.handling), -each.count))
    held = Counter[Handling]()
    for each in fresh:
        if each.last.handling not in wanted:
            held[each.last.handling] += each.count
    others = {handling: held[handling] for handling in _ORDER if held[handling]}
    hidden = sum(each.count for each in found if each.last.handling in wanted) - sum(
        each.count for each in shown
    )
    return FindingReport(tuple(shown), others, hidden, _unverified(store) + store.gaps())


def moment_of(text: str, *, manifest: Path | None = None) -> int:
    """
    Return the moment that a date, or a commit of the manifest, stands for: seconds since the epoch.

    Raises:
        UnknownCommitError: It is no date, and the manifest names no such commit.
        ManifestError: It is no date, and there is no manifest.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return open_manifest(manifest).commit(text).committed_at
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _named(store: Source, what: str, since: timedelta | None) -> Sequence[FindingKind]:
    by_fingerprint = store.findings(fingerprint=what, since=since)
    if by_fingerprint:
        return by_fingerprint
    try:
        return store.findings(commit=what, since=since)
    except UnknownCommitError as error:
        raise UnknownCommitError(
            f"{what!r} is neither a finding nor a commit with one. List them: byline findings --all"
        ) from error


def _committed_at(kind: FindingKind) -> int:
    return kind.last.owner.committed_at if kind.last.owner else 0


def _unverified(store: Source) -> tuple[Unverified, ...]:
    """Say for which functions nothing can be found."""
    try:
        notes = store.unverified()
    except BylineError:
        return ()
    blind = [each for each in notes if each.subject.startswith("probes: ")]
    if not blind:
        return ()
    more = f" and {len(blind) - 1} more" if len(blind) > 1 else ""
    return (Unverified(blind[0].subject.removeprefix("probes: ") + more, blind[0].reason, blind[0].cure),)
