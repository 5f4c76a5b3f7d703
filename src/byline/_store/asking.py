"""What all questions to a store have in common: which commit and which moment a person means."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ..exceptions import UnknownCommitError
from . import queries
from .file import StoreFile

MIN_PREFIX = 4
_CANDIDATES = 5

Moment = datetime | timedelta
"""A moment, or how long ago."""


class Asking:
    """A file that can be asked."""

    backend = "store"
    """Its name in ``--source``."""

    def __init__(self, file: StoreFile) -> None:
        self.path = file.path
        self.name = repr(str(file.path))
        self._file = file

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
        return one_commit(prefix, self.commits, self.name)

    def _wanted(
        self,
        *,
        commit: str | None = None,
        last_commit: str | None = None,
        since: Moment | None = None,
        until: datetime | None = None,
        **columns: object,
    ) -> dict[str, object]:
        """Return what is asked for by column, with full SHAs and nanoseconds; None means all."""
        return {
            "commit_sha": self.commit(commit) if commit else commit,
            "last_commit": self.commit(last_commit) if last_commit else None,
            "since": moment_ns(since),
            "until": moment_ns(until),
            **columns,
        }


def one_commit(prefix: str, commits: Callable[[str], tuple[str, ...]], where: str) -> str:
    """
    Return the full SHA of the one commit that a prefix of at least four digits names.

    Args:
        commits: Returns the full SHAs that start with a prefix.

        where: They are from, for people.

    Raises:
        UnknownCommitError: The prefix is too short, names no commit, or several.
    """
    if len(prefix) < MIN_PREFIX or set(prefix.lower()) - set("0123456789abcdef"):
        raise UnknownCommitError(
            f"{prefix!r} is not a commit. Give at least {MIN_PREFIX} hexadecimal digits."
        )
    found = commits(prefix)
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownCommitError(f"{prefix!r} is short for {_some(found)}. Give more digits.")
    known = commits("")
    hint = f"It knows {_some(known)}." if known else "It knows no commit yet."
    raise UnknownCommitError(f"{prefix!r} names no commit in {where}. {hint}")


def moment_ns(moment: datetime | timedelta | None) -> int | None:
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
