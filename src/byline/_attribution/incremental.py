"""``git blame`` for single files, and the commits it is told to look through."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

from .repository import Repository

IGNORE_FILE = ".git-blame-ignore-revs"
_SHA = re.compile(rb"^[ \t]*([0-9a-fA-F]{40,})[ \t]*\r?(?:#.*)?$", re.MULTILINE)
_ENTRY = re.compile(rb"([0-9a-f]{40,}) (\d+) (\d+) (\d+)\n")
_FILENAME = b"filename "
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class Blamed(NamedTuple):
    """Consecutive lines and where git says they are from."""

    start: int
    length: int
    commit: str
    path: str
    original_start: int


def ignored_commits(repository: Repository, revision: str) -> frozenset[str]:
    """
    Return the commits that blame is to look through.

    They are listed in ``.git-blame-ignore-revs`` as it is in that revision, and in the files
    that the setting ``blame.ignoreRevsFile`` names, if they exist.
    """
    listed = [_listed(repository, revision)]
    for name in repository.config("blame.ignoreRevsFile", kind="path"):
        path = repository.root / name
        if name and path.is_file():
            listed.append(path.read_bytes())
    return frozenset(sha.decode().lower() for text in listed for sha in _SHA.findall(text))


@lru_cache(maxsize=4)
def _listed(repository: Repository, revision: str) -> bytes:
    """Return the list in a revision, whose name is its full SHA: what it has never changes."""
    found = repository.read_names([f"{revision}:{IGNORE_FILE}"])[0]
    return found[1] if found else b""


@contextmanager
def ignore_options(ignored: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Give git a list of its own: it refuses a file with one malformed line."""
    if not ignored:
        yield ()
        return
    with tempfile.TemporaryDirectory(prefix="byline-") as folder:
        path = os.path.join(folder, "ignore-revs")  # noqa: PTH118  # git wants a string
        with open(path, "w", encoding="ascii") as file:  # noqa: PTH123  # the same
            file.writelines(f"{sha}\n" for sha in sorted(ignored))
        yield (f"--ignore-revs-file={path}",)


def blame_lines(
    repository: Repository, path: str, *revisions: str, options: Collection[str] = ()
) -> list[Blamed]:
    """Run ``git blame`` for one file; its lines come in any order."""
    output = repository.run("blame", "--incremental", "--no-textconv", *options, *revisions, "--", path)
    found = []
    entry: re.Match[bytes] | None = None
    for line in output.splitlines(keepends=True):
        if line.startswith(_FILENAME) and entry:
            sha, original, final, count = entry.groups()
            name = os.fsdecode(_unquote(line[len(_FILENAME) : -1]))
            found.append(Blamed(int(final), int(count), sha.decode(), name, int(original)))
            entry = None
        elif entry is None:
            entry = _ENTRY.fullmatch(line)
    return found


def _unquote(name: bytes) -> bytes:
    """Undo git's quoting of a path with special characters."""
    if not name.startswith(b'"'):
        return name
    return _ESCAPE.sub(_character, name[1:-1])


def _character(match: re.Match[bytes]) -> bytes:
    text: bytes = match[1]
    if text.isdigit():
        return bytes([int(text, 8)])
    return _ESCAPED.get(text, text)
