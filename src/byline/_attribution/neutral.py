"""Which commits left a function's behaviour as it was: formatting, typing, comments, docstrings, moving.

Such a commit owns lines, but cannot have caused anything, so attribution passes it over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from typing import TypeVar

from .behaviour import unchanged_between
from .first_parents import renamed_files
from .objects import look_up
from .repository import Repository
from .versions import FileVersion

Place = tuple[str, str]
"""Commit SHA, and the path of a file in that commit."""

Question = tuple[str, str, str]
"""Commit SHA, the path of a file in that commit, and a function's qualified name."""

T = TypeVar("T")

_BATCH = 500
"""Places looked up by one git process."""
_KEPT = 8
"""Versions of files kept: what one commit left is what the next one found."""


class NeutralCommits:
    """
    Answers for functions at places that were loaded before; for others it reads them then.

    A merge commit is compared with its first parent.
    """

    def __init__(self, repository: Repository, answers: Mapping[Question, bool] | None = None) -> None:
        """
        Prepare for questions.

        Args:
            repository: Where to look.
            answers: What was answered before; commits don't change.
        """
        self._repository = repository
        self.answers: dict[Question, bool] = dict(answers or {})
        """All that was answered, by commit, path and qualified name."""

        self._versions: OrderedDict[str, FileVersion] = OrderedDict()

    def load(self, wanted: Mapping[Place, set[str]]) -> None:
        """
        Compare the file versions before and after commits.

        Args:
            wanted: Qualified names of the functions that matter, by place. Neighbouring versions of a
                file next to each other are read once.
        """
        places = [
            place for place in wanted if any((*place, name) not in self.answers for name in wanted[place])
        ]
        for start in range(0, len(places), _BATCH):
            batch = places[start : start + _BATCH]
            for place, (before, after) in zip(batch, self._read(self._blobs(batch)), strict=True):
                names = wanted[place]
                # A file that was not there before was added: nothing neutral about that.
                same = unchanged_between(before, after, names) if before and after else set()
                for name in names:
                    self.answers[*place, name] = name in same

    def is_neutral(self, sha: str, path: str, qualname: str) -> bool:
        """Tell whether a commit left every function of this name in this file as it was."""
        key = (sha, path, qualname)
        if key not in self.answers:
            self.load({(sha, path): {qualname}})
        return self.answers[key]

    def _blobs(self, places: Collection[Place]) -> list[tuple[str, str]]:
        """Return the blobs before and after each commit; "" where there was none."""
        found = look_up(
            self._repository,
            [name for sha, path in places for name in (f"{sha}^:{path}", f"{sha}:{path}")],
        )
        blobs = [each.sha if each and each.kind == "blob" else "" for each in found]
        pairs = list(zip(blobs[::2], blobs[1::2], strict=True))
        added = {sha for (sha, _), (before, after) in zip(places, pairs, strict=True) if after and not before}
        sources = renamed_files(self._repository, added)
        return [
            (before or sources.get(place, ("", ""))[1], after)
            for place, (before, after) in zip(places, pairs, strict=True)
        ]

    def _read(
        self, pairs: Collection[tuple[str, str]]
    ) -> Iterator[tuple[FileVersion | None, FileVersion | None]]:
        contents = self._repository.read_blobs(list(self._to_read(pairs)))
        for pair in pairs:
            for blob in pair:
                if blob and blob not in self._versions:
                    self._versions[blob] = FileVersion(next(contents)[1])
            before, after = (self._versions.get(blob) for blob in pair)
            yield before, after
            _forget_oldest(self._versions, pair)
        next(contents, None)

    def _to_read(self, pairs: Collection[tuple[str, str]]) -> Iterator[str]:
        """Yield the blobs that will have to be read, in order."""
        kept = OrderedDict.fromkeys(self._versions, None)
        for pair in pairs:
            for blob in pair:
                if blob and blob not in kept:
                    kept[blob] = None
                    yield blob
            _forget_oldest(kept, pair)


def _forget_oldest(kept: OrderedDict[str, T], used: Collection[str]) -> None:
    for blob in used:
        if blob in kept:
            kept.move_to_end(blob)
    while len(kept) > _KEPT:
        kept.popitem(last=False)
