"""Reads a manifest: the header and the index at once, a file's block when its module is met."""

from __future__ import annotations

import json
import mmap
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from .._model import Commit
from ..exceptions import ManifestError, UnknownCommitError
from .file import ManifestFile
from .records import (
    COMMITS_PER_BLOCK,
    FRONT,
    LENGTH,
    MAGIC,
    NAME,
    SPAN,
    VERSION,
    Header,
    Row,
    commit_of,
)
from .source import blob_id

MIN_PREFIX = 4


class Manifest:
    """An open manifest. Safe to share between threads and across a fork: it is only read."""

    def __init__(self, path: Path, header: Header, front: dict[str, Any], body: memoryview) -> None:
        self.path = path
        self.header = header
        self._front = front
        self._body = body
        self._digest = 32 if header.object_format == "sha256" else 20
        self._files: dict[int, ManifestFile] = {}
        self._commit_blocks: dict[int, list[Commit]] = {}

    @classmethod
    def open(cls, path: Path) -> Manifest:
        """
        Open a manifest.

        Raises:
            ManifestError: There is none, it cannot be read, is damaged, or was
                written by a newer byline.
        """
        try:
            with path.open("rb") as file:
                data: bytes | mmap.mmap = b""
                if path.stat().st_size:
                    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise ManifestError(
                f"There is no manifest at {str(path)!r}. Make one: byline scan -o {path}"
            ) from None
        except (OSError, ValueError) as error:
            raise ManifestError(f"The manifest {str(path)!r} cannot be read: {error}.") from error
        return cls.load(data, path)

    @classmethod
    def load(cls, data: bytes | mmap.mmap, path: Path) -> Manifest:
        """
        Read a manifest from memory.

        Args:
            path: What errors call it.

        Raises:
            ManifestError: As for ``open``.
        """
        view = memoryview(data)
        _check_version(bytes(view[: 2 * len(MAGIC)]), path)
        start = len(MAGIC) + FRONT.size
        try:
            size, check = FRONT.unpack(view[len(MAGIC) : start])
            head = bytes(view[start : start + size])
            _expect(zlib.crc32(head) == check, "the header is not what was written")
            front = json.loads(head)
        except Exception as error:
            raise _damaged(path, error) from error
        body = view[start + size :]
        try:
            _expect(len(body) == front["body"], f"{front['body'] - len(body)} bytes are missing")
            tables, check = front["tables"]
            _expect(zlib.crc32(body[tables:]) == check, "the tables are not what was written")
            return cls(path, Header.from_json(front), front, body)
        except Exception as error:
            raise _damaged(path, error) from error

    # --- files ---------------------------------------------------------------

    @cached_property
    def names(self) -> list[tuple[str, str]]:
        """Path and module of each file, sorted by path."""
        return [(path, module) for path, module in self._json(*self._front["sections"]["names"])]

    @cached_property
    def tails(self) -> frozenset[str]:
        """
        The last part of each module's name: the cheap first test of the import hook.

        The whole name may differ at run time, when a package is installed below another one.
        """
        return frozenset(module.rpartition(".")[2] for _, module in self.names)

    @cached_property
    def modules(self) -> dict[str, int]:
        """File number by full module name."""
        return {module: number for number, (_, module) in enumerate(self.names)}

    def by_source(self, data: bytes, hint: str = "") -> ManifestFile | None:
        """
        Return the file with exactly this content, line ends aside; None when there is none.

        Args:
            hint: A path that decides between files of equal content: the longest common suffix wins.
        """
        numbers = self._with_blob(blob_id(data, self.header.object_format))
        if not numbers and b"\r\n" in data:
            numbers = self._with_blob(blob_id(data.replace(b"\r\n", b"\n"), self.header.object_format))
        if not numbers:
            return None
        return self._file(
            max(numbers, key=lambda number: (_common_tail(self.names[number][0], hint), -number))
        )

    def by_path(self, path: str) -> ManifestFile | None:
        """Return the file whose path is the longest suffix of this one; None when none is."""
        wanted = path.replace("\\", "/")
        found = [number for number, (name, _) in enumerate(self.names) if f"/{wanted}".endswith(f"/{name}")]
        return self._file(max(found, key=lambda number: len(self.names[number][0]))) if found else None

    def by_module(self, module: str) -> ManifestFile | None:
        """Return the file of a module, by its full name."""
        number = self.modules.get(module)
        return None if number is None else self._file(number)

    def files(self) -> Iterator[ManifestFile]:
        """Yield every file, by path."""
        for number in range(len(self.names)):
            yield self._file(number)

    def _with_blob(self, blob: bytes) -> list[int]:
        offset, length = self._front["sections"]["index"]
        size = self._digest + LENGTH.size
        table = self._body[offset : offset + length]
        found = []
        at = bisect_left(
            range(length // size), blob, key=lambda n: bytes(table[n * size : n * size + self._digest])
        )
        while at < length // size and bytes(table[at * size : at * size + self._digest]) == blob:
            found.append(LENGTH.unpack(table[at * size + self._digest : (at + 1) * size])[0])
            at += 1
        return found

    def _file(self, number: int) -> ManifestFile:
        known = self._files.get(number)
        if known is None:
            path, module = self.names[number]
            content = self._json(*self._span("files", number))
            known = self._files[number] = ManifestFile(path, module, content, self.commit_number)
        return known

    # --- commits -------------------------------------------------------------

    def commit(self, prefix: str) -> Commit:
        """
        Return the commit that a prefix of at least four digits names.

        Raises:
            UnknownCommitError: No commit of this manifest matches, or several do.
        """
        wanted = prefix.lower()
        found = (
            [each for each in self.commits() if each.sha.startswith(wanted)]
            if len(wanted) >= MIN_PREFIX
            else []
        )
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.sha[:12] for each in found[:5])
            raise UnknownCommitError(
                f"{prefix!r} is short for {len(found)} commits: {names}. Give more digits."
            )
        raise UnknownCommitError(
            f"{prefix!r} names no commit in {str(self.path)!r}. Give at least {MIN_PREFIX} digits."
        )

    def commits(self) -> Iterator[Commit]:
        """Yield every commit the manifest names, by SHA."""
        for block in range(-(-self._front["commits"] // COMMITS_PER_BLOCK)):
            yield from self._commits_in(block)

    def commit_number(self, number: int) -> Commit | None:
        """Return a commit by its number in the table; None for the unknown one."""
        if number < 0:
            return None
        return self._commits_in(number // COMMITS_PER_BLOCK)[number % COMMITS_PER_BLOCK]

    def _commits_in(self, block: int) -> list[Commit]:
        known = self._commit_blocks.get(block)
        if known is None:
            known = self._commit_blocks[block] = [
                commit_of(row) for row in self._json(*self._span("commits", block))
            ]
        return known

    # --- bytes ---------------------------------------------------------------

    def _span(self, section: str, number: int) -> tuple[int, int]:
        offset = self._front["sections"][section][0] + number * SPAN.size
        start, length = SPAN.unpack(self._body[offset : offset + SPAN.size])
        return start, length

    def _json(self, offset: int, length: int) -> Row:
        try:
            rows: Row = json.loads(
                zlib.decompress(self._body[offset : offset + length]).decode("utf-8", "surrogateescape")
            )
        except Exception as error:
            raise _damaged(self.path, error) from error
        return rows


def _check_version(start: bytes, path: Path) -> None:
    """Refuse what is no manifest, and a manifest of another format."""
    if start.startswith(MAGIC):
        return
    version = start[len(NAME) :].partition(b"\n")[0]
    if start.startswith(NAME) and version.isdigit():
        raise ManifestError(
            f"The manifest {str(path)!r} has format {int(version)}; this byline reads format {VERSION}. "
            "Upgrade byline, or scan again with this version."
        )
    raise ManifestError(f"{str(path)!r} is not a byline manifest. Make one: byline scan -o {path}")


def _expect(condition: bool, otherwise: str) -> None:  # noqa: FBT001  # a condition is what it is
    if not condition:
        raise ValueError(otherwise)


def _damaged(path: Path, error: Exception) -> ManifestError:
    return ManifestError(
        f"The manifest {str(path)!r} is damaged ({error}). Scan again: byline scan -o {path}"
    )


def _common_tail(one: str, other: str) -> int:
    """Count the path parts that two paths share at their ends."""
    count = 0
    for mine, yours in zip(
        reversed(one.split("/")), reversed(other.replace("\\", "/").split("/")), strict=False
    ):
        if mine != yours:
            break
        count += 1
    return count
