"""Which commits left a function's behaviour as it was: formatting, typing, comments, docstrings, moving.

Such a commit owns lines, but cannot have caused anything, so attribution passes it over.
"""

from __future__ import annotations

from collections.abc import Mapping

from .behaviour import unchanged
from .repository import Repository

Place = tuple[str, str]
"""Commit SHA, and the path of a file in that commit."""

_BATCH = 200
"""File versions read by one git process: bounds the memory, not the meaning."""


class NeutralCommits:
    """
    Answers for functions at places that were loaded before; for others it reads them then.

    A merge commit is compared with its first parent.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._answers: dict[tuple[str, str, str], bool] = {}

    def load(self, wanted: Mapping[Place, set[str]]) -> None:
        """
        Compare the file versions before and after commits.

        Args:
            wanted: Qualified names of the functions that matter, by place.
        """
        places = sorted(
            place for place in wanted if any((*place, name) not in self._answers for name in wanted[place])
        )
        for start in range(0, len(places), _BATCH):
            batch = places[start : start + _BATCH]
            names = [name for sha, path in batch for name in (f"{sha}:{path}", f"{sha}^:{path}")]
            found = self._repository.read_names(names)
            for number, place in enumerate(batch):
                after, before = found[2 * number], found[2 * number + 1]
                self._compare(place, wanted[place], after, before)

    def is_neutral(self, sha: str, path: str, qualname: str) -> bool:
        """Tell whether a commit left every function of this name in this file as it was."""
        key = (sha, path, qualname)
        if key not in self._answers:
            self.load({(sha, path): {qualname}})
        return self._answers[key]

    def _compare(
        self, place: Place, names: set[str], after: tuple[str, bytes] | None, before: tuple[str, bytes] | None
    ) -> None:
        # A file that was not there before, under this name, was added: nothing neutral about that.
        same = unchanged(before[1], after[1], names) if after and before else set()
        for name in names:
            self._answers[*place, name] = name in same
