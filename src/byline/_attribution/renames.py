"""Where a renamed file came from, in the words of ``git blame``.

``git log -M`` pairs all removed files of a commit with all new ones and gives each removed file
away once. Blame asks for one new file at a time, so that one removed file can be the source
of several, and a better source is not taken by another file. To ask for those files that
matter is cheaper, too: most new files are none of them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import IO, Self, cast

from ..exceptions import RepositoryError
from .history import Change
from .repository import Repository
from .scratch import FOLDER, Entry, Scratch

Origin = tuple[str, str]
"""A path and its blob."""

_DIGITS = 8
_DONE = "done\n"
_FILE_TYPE = "100"
_COMPARE = (
    "diff-tree", "--stdin", "-r", "--raw", "--no-abbrev", "-M", "-l0", "--diff-filter=R",
    "--no-ext-diff", "--no-textconv", "--no-color",
)  # fmt: skip


class Renames:
    """
    Finds the origin of a new file among the files that a commit removed.

    A git process starts when a question needs it, and stays open; close it by leaving the context.
    """

    def __init__(self, repository: Repository, scratch: Scratch) -> None:
        self._repository = repository
        self._scratch = scratch
        # What was asked about last: several new files of one commit are asked about in a row.
        self._changes: Sequence[Change] = ()
        self._removed: list[Origin] = []
        self._groups: list[list[Origin]] = []
        self._tree = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "_diff" in self.__dict__:
            self._diff.communicate()

    @cached_property
    def _diff(self) -> subprocess.Popen[bytes]:
        return self._repository.start(*_COMPARE, env=self._scratch.env)

    def origin(self, changes: Sequence[Change], change: Change) -> Origin | None:
        """
        Return what a new file was renamed from, if anything.

        Args:
            changes: How the commit differs from one parent.
            change: The one among them that says the file is new.
        """
        if self._changes is not changes:
            self._changes, self._removed, self._tree = changes, [*map(_origin, filter(_removes, changes))], ""
        same = [origin for origin in self._removed if origin[1] == change.new_blob]
        if not self._removed or len(same) == 1:
            return same[0] if same else None
        return self._search(change)

    def _search(self, change: Change) -> Origin | None:
        """Compare a tree of the removed files with a tree that holds only the new file."""
        if not self._tree:
            self._groups = list(_groups(sorted(self._removed, key=_by_bytes)))
            trees = [self._scratch.write_tree([_entry(*each) for each in group]) for group in self._groups]
            folders = [Entry(b"%0*d" % (_DIGITS, number), sha, FOLDER) for number, sha in enumerate(trees)]
            self._tree = self._scratch.write_tree(folders)
        after = self._scratch.write_tree([_entry(change.path, change.new_blob)])
        found = self._ask(f"{self._tree} {after}\n")
        if found is None:
            return None
        number, blob = found
        return next(origin for origin in self._groups[number] if origin[1] == blob)

    def _ask(self, trees: str) -> tuple[int, str] | None:
        """Return the number of the folder and the blob of the rename's source, if there is one."""
        # A line that names no object is echoed at once, after all that was printed before.
        self._write(self._diff.stdin, trees + _DONE)
        source = None
        while (line := self._line(self._diff.stdout)) != _DONE:
            if line.startswith(":"):
                told, path, _ = line.split("\t", 2)
                source = int(path.lstrip('"')[:_DIGITS]), told.split(" ")[2]
        return source

    @staticmethod
    def _write(pipe: IO[bytes] | None, text: str) -> None:
        stream = cast("IO[bytes]", pipe)
        # When git has died, reading its answer says so.
        with suppress(BrokenPipeError):
            stream.write(os.fsencode(text))
            stream.flush()

    def _line(self, pipe: IO[bytes] | None) -> str:
        line = cast("IO[bytes]", pipe).readline()
        if not line:
            raise RepositoryError(
                f"git cannot compare renamed files in {str(self._repository.root)!r}. {self._repository.cure()}"
            )
        return os.fsdecode(line)


def _removes(change: Change) -> bool:
    return change.status == "D" and change.old_mode.startswith(_FILE_TYPE)


def _origin(change: Change) -> Origin:
    return change.path, change.old_blob


def _groups(removed: Sequence[Origin]) -> Iterator[list[Origin]]:
    """
    Divide removed files, in their order, into folders in which each has its own name, and its own content.

    Git prefers a source of the same name, and of equal ones the first.
    """
    group: list[Origin] = []
    for path, blob in removed:
        if group and (_folder(path) != _folder(group[0][0]) or any(blob == other for _, other in group)):
            yield group
            group = []
        group.append((path, blob))
    yield group


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _entry(path: str, blob: str) -> Entry:
    return Entry(os.fsencode(path.rpartition("/")[2]), blob)


def _by_bytes(origin: Origin) -> bytes:
    return os.fsencode(origin[0])
