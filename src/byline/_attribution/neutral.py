"""Which commits left a function's behaviour as it was: formatting, typing, comments, docstrings, moving.

Such a commit owns lines, but cannot have caused anything, so attribution passes it over.
"""

from __future__ import annotations

from collections.abc import Iterable

from .functions import SourceError, behaviour_hashes
from .repository import Repository

Hashes = dict[str, list[bytes]] | None
"""Behaviour hashes by qualified name; None when the file was not there or cannot be parsed."""


class NeutralCommits:
    """
    Answers for pairs of (commit, path) that were loaded before.

    A merge commit is compared with its first parent.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._versions: dict[tuple[str, str], tuple[Hashes, Hashes]] = {}
        self._parsed: dict[str, Hashes] = {}

    def load(self, places: Iterable[tuple[str, str]], renames: dict[tuple[str, str], str] | None = None) -> None:
        """
        Read the file versions around commits, all in one git process.

        Args:
            places: Commit SHA, and the path of the file in that commit.
            renames: The path in the parent, where it differs.
        """
        wanted = [place for place in dict.fromkeys(places) if place not in self._versions]
        if not wanted:
            return
        renames = renames or {}
        names = [name for sha, path in wanted for name in (f"{sha}:{path}", f"{sha}^:{renames.get((sha, path), path)}")]
        found = self._repository.read_names(names)
        for number, place in enumerate(wanted):
            after, before = found[2 * number], found[2 * number + 1]
            self._versions[place] = (self._hashes(after), self._hashes(before))

    def is_neutral(self, sha: str, path: str, qualname: str) -> bool:
        """Tell whether a commit left every function of this name in this file as it was."""
        after, before = self._versions.get((sha, path), (None, None))
        if not after or not before or qualname not in before:
            return False
        return after.get(qualname) == before[qualname]

    def _hashes(self, found: tuple[str, bytes] | None) -> Hashes:
        if found is None:
            return None
        blob, data = found
        if blob not in self._parsed:
            try:
                self._parsed[blob] = behaviour_hashes(data)
            except SourceError:
                self._parsed[blob] = None
        return self._parsed[blob]
