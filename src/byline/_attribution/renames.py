"""Where a renamed file came from, in the words of ``git blame``.

``git log`` pairs all removed files of a commit with all new ones and gives each removed file
away once. Blame asks for one new file at a time, so that one removed file can be the source
of several, and a better source is not taken by another file.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import IO, Self, cast

from ..exceptions import RepositoryError
from .history import MAX_RENAMES, Change
from .repository import Repository

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

    Two git processes start when a question needs them, and stay open; close them by leaving the context.
    """

    def __init__(self, repository: Repository, env: dict[str, str]) -> None:
        self._repository = repository
        self._env = env
        self._removed: tuple[Sequence[Change], str, list[Origin]] = ((), "", [])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in ("_trees", "_diff"):
            if name in self.__dict__:
                self.__dict__[name].communicate()

    @cached_property
    def _trees(self) -> subprocess.Popen[bytes]:
        return self._repository.start("mktree", "--batch", "--missing", "-z", env=self._env)

    @cached_property
    def _diff(self) -> subprocess.Popen[bytes]:
        return self._repository.start(*_COMPARE, env=self._env)

    def origin(self, changes: Sequence[Change], change: Change) -> Origin | None:
        """
        Return what a new file was renamed from, if anything.

        Args:
            changes: How the commit differs from one parent.
            change: The one among them that says the file is new or renamed.
        """
        removed = [(other.old_path, other.old_blob) for other in changes if _removes(other)]
        if not removed:
            return None
        if _is_certain(removed, changes, change):
            return (change.old_path, change.old_blob) if change.status == "R" else None
        return self._search(changes, removed, change)

    def _search(self, changes: Sequence[Change], removed: list[Origin], change: Change) -> Origin | None:
        """Compare a tree of the removed files with a tree that holds only the new file."""
        if self._removed[0] is not changes:
            removed = sorted(removed, key=_by_bytes)
            folders = [self._folder(*each) for each in removed]
            entries = "".join(
                f"040000 tree {sha}\tr{number:0{_DIGITS}}\0" for number, sha in enumerate(folders)
            )
            self._removed = (changes, self._tree(entries), removed)
        _, before, removed = self._removed
        after = self._tree(f"040000 tree {self._folder(change.path, change.new_blob)}\tnew\0")
        found = self._ask(f"{before} {after}\n")
        return removed[int(found[1 : _DIGITS + 1])] if found else None

    def _folder(self, path: str, blob: str) -> str:
        # The name without its folder counts: git prefers a source of the same name.
        return self._tree(f"100644 blob {blob}\t{path.rpartition('/')[2]}\0")

    def _tree(self, entries: str) -> str:
        self._write(self._trees.stdin, entries + "\0")
        return self._line(self._trees.stdout).strip()

    def _ask(self, trees: str) -> str:
        """Return the folder and name of the rename's source, or ""."""
        # A line that names no object is echoed at once, after all that was printed before.
        self._write(self._diff.stdin, trees + _DONE)
        source = ""
        while (line := self._line(self._diff.stdout)) != _DONE:
            if line.startswith(":"):
                source = line.split("\t")[1].lstrip('"')
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
    return change.status in {"D", "R"} and change.old_mode.startswith(_FILE_TYPE)


def _is_certain(removed: Sequence[Origin], changes: Sequence[Change], change: Change) -> bool:
    """Tell whether blame must agree with log: there was nothing to choose from."""
    if change.status == "R" and change.old_blob == change.new_blob:
        return Counter(blob for _, blob in removed)[change.old_blob] == 1
    added = sum(other.status in {"A", "R"} for other in changes)
    if not any(other.status == "R" for other in changes):
        # Log compared all of them, and none were alike; unless they were too many.
        return sum(other.status == "D" for other in changes) * added <= MAX_RENAMES
    return added == 1 or (change.status == "R" and len(removed) == 1)


def _by_bytes(origin: Origin) -> bytes:
    return os.fsencode(origin[0])
