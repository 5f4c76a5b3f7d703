"""Trees that exist only to be compared, in a folder of objects that is thrown away afterwards."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .repository import Repository

_MEMORY = "/dev/shm"  # noqa: S108  # the folder in it has a name that nobody can guess
_SHA1_DIGITS = 40
_FASTEST = 1

FOLDER = b"40000"
"""A folder's mode."""


class Entry(NamedTuple):
    """A file or a folder in a tree."""

    name: bytes
    sha: str
    mode: bytes = b"100644"


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder of objects beside those of a repository."""

    folder: str
    env: Mapping[str, str]
    """The variables with which git sees both, and writes into the folder only."""

    def write_tree(self, entries: Collection[Entry]) -> str:
        """
        Write a tree, and return its SHA: to ask git for it would cost more than the tree itself.

        Args:
            entries: At least one, in the order of their names.
        """
        kind = "sha1" if all(len(each.sha) == _SHA1_DIGITS for each in entries) else "sha256"
        body = b"".join(b"%b %b\0%b" % (each.mode, each.name, bytes.fromhex(each.sha)) for each in entries)
        data = b"tree %d\0%b" % (len(body), body)
        sha = hashlib.new(kind, data, usedforsecurity=False).hexdigest()
        folder = f"{self.folder}/{sha[:2]}"
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103  # by the thousands
        Path(f"{folder}/{sha[2:]}").write_bytes(zlib.compress(data, _FASTEST))
        return sha


@contextmanager
def scratch_objects(repository: Repository) -> Iterator[Scratch]:
    """Let git see objects in a folder that is thrown away, while it still reads the repository's."""
    objects = str(repository.objects_dir())
    if any(character in objects for character in ':;"'):
        objects = '"{}"'.format(objects.replace("\\", "\\\\").replace('"', '\\"'))
    folder = _folder()
    try:
        (Path(folder) / "info").mkdir()
        yield Scratch(folder, {"GIT_OBJECT_DIRECTORY": folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> str:
    """Make a folder in memory where there is one: every small tree is a file."""
    folder = _MEMORY if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK | os.X_OK) else None
    return tempfile.mkdtemp(prefix="byline-", dir=folder)
