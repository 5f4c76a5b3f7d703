"""Reads a manifest: the header and the index at once, a file's block when its module is met."""

from __future__ import annotations

import json
import mmap
import zlib
from bisect import bisect_left
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from .._model import Commit
from .._once import once
from ..exceptions import ManifestError, UnknownCommitError
from .checks import check_version, damaged, expect
from .file import ManifestFile
from .records import (
    COMMITS_PER_BLOCK,
    FRONT,
    LENGTH,
    MAGIC,
    NAMES_PER_BLOCK,
    SPAN,
    Header,
    Release,
    Row,
    basename_of,
    commit_of,
    tail_of,
)
from .source import blob_id
from .tables import HashTable, Members

MIN_PREFIX = 4
_FEW = 1_000
"""Files whose names are held, since a program asks for each of its modules; of more, the table is searched."""

_SECTIONS = {"basenames", "commits", "files", "index", "names", "tails"}
"""What every manifest has."""


class Manifest:
    """An open manifest. Safe to share between threads and across a fork: it is only read."""

    def __init__(self, path: Path, header: Header, front: dict[str, Any], body: memoryview) -> None:
        self.path = path
        self.header = header
        self._front = front
        self._body = body
        self._digest = 32 if header.object_format == "sha256" else 20
        self._files: dict[int, ManifestFile] = {}
        self._name_blocks: dict[int, list[tuple[str, str]]] = {}
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
        check_version(bytes(view[: 2 * len(MAGIC)]), path)
        start = len(MAGIC) + FRONT.size
        try:
            size, check = FRONT.unpack(view[len(MAGIC) : start])
            head = bytes(view[start : start + size])
            expect(zlib.crc32(head) == check, "the header is not what was written")
            front = json.loads(head)
        except Exception as error:
            raise damaged(path, error) from error
        body = view[start + size :]
        try:
            expect(len(body) == front["body"], f"{front['body'] - len(body)} bytes are missing")
            expect(front["sections"].keys() >= _SECTIONS, "an early byline wrote it")
            tables, check = front["tables"]
            expect(zlib.crc32(body[tables:]) == check, "the tables are not what was written")
            return cls(path, Header.from_json(front), front, body)
        except Exception as error:
            raise damaged(path, error) from error

    # --- files ---------------------------------------------------------------

    def name(self, number: int) -> tuple[str, str]:
        """Path and module of a file, by its number; files are sorted by path."""
        block = number // NAMES_PER_BLOCK
        known = self._name_blocks.get(block)
        if known is None:
            rows = self._json(*self._span("names", block))
            known = self._name_blocks[block] = [(path, module) for path, module in rows]
        return known[number % NAMES_PER_BLOCK]

    @once
    def tails(self) -> Container[str]:
        """
        The last part of each module's name: the cheap first test of the import hook.

        The whole name may differ at run time, when a package is installed below another one.
        """
        count = self._file_count
        return frozenset(tail_of(self.name(n)[1]) for n in range(count)) if count <= _FEW else self._tails

    @once
    def modules(self) -> Container[str]:
        """The full name of each module."""
        return Members(lambda module: self._number_of(module) is not None)

    @once
    def _tails(self) -> HashTable:
        return HashTable(self._section("tails"))

    @once
    def _basenames(self) -> HashTable:
        return HashTable(self._section("basenames"))

    def _section(self, name: str) -> memoryview:
        offset, length = self._front["sections"][name]
        return self._body[offset : offset + length]

    def _number_of(self, module: str) -> int | None:
        numbers = self._tails.numbers(tail_of(module))
        return max((number for number in numbers if self.name(number)[1] == module), default=None)

    def by_source(self, data: bytes, hint: str = "") -> ManifestFile | None:
        """
        Return the file with exactly this content, line ends aside; None when there is none.

        Args:
            hint: A path that decides between files of equal content: the longest common suffix wins.
        """
        numbers = self._with_blob(blob_id(data, self.header.object_format))
        if not numbers and b"\r\n" in data:
            numbers = self._with_blob(blob_id(data.replace(b"\r\n", b"\n"), self.header.object_format))
        if len(numbers) < 2:  # noqa: PLR2004  # nothing to choose
            return self._file(numbers[0]) if numbers else None
        return self._file(
            max(numbers, key=lambda number: (_common_tail(self.name(number)[0], hint), -number))
        )

    def by_path(self, path: str) -> ManifestFile | None:
        """Return the file whose path is the longest suffix of this one; None when none is."""
        wanted = path.replace("\\", "/")
        numbers = self._basenames.numbers(basename_of(wanted))
        found = [number for number in numbers if f"/{wanted}".endswith(f"/{self.name(number)[0]}")]
        return self._file(max(found, key=lambda number: len(self.name(number)[0]))) if found else None

    def by_module(self, module: str) -> ManifestFile | None:
        """Return the file of a module, by its full name."""
        number = self._number_of(module)
        return None if number is None else self._file(number)

    def files(self) -> Iterator[ManifestFile]:
        """Yield every file, by path."""
        for number in range(self._file_count):
            yield self._file(number)

    @property
    def _file_count(self) -> int:
        return len(self._section("files")) // SPAN.size

    def _with_blob(self, blob: bytes) -> list[int]:
        size = self._digest + LENGTH.size
        table = self._section("index")
        count = len(table) // size
        found = []
        at = bisect_left(range(count), blob, key=lambda n: bytes(table[n * size : n * size + self._digest]))
        while at < count and bytes(table[at * size : at * size + self._digest]) == blob:
            found.append(LENGTH.unpack(table[at * size + self._digest : (at + 1) * size])[0])
            at += 1
        return found

    def _file(self, number: int) -> ManifestFile:
        known = self._files.get(number)
        if known is None:
            path, module = self.name(number)
            content = self._json(*self._span("files", number))
            known = self._files[number] = ManifestFile(
                path, module, content, self.commit_number, lambda: self._shipped_of(number)
            )
        return known

    def _shipped_of(self, number: int) -> list[Release | None]:
        """Return the first release of each function of a file, in order."""
        if "shipped" not in self._front["sections"]:
            return []
        releases, rows = self._shipped
        return [releases[each] if each >= 0 else None for each in rows[number]]

    @once
    def _shipped(self) -> tuple[list[Release], list[list[int]]]:
        releases, rows = self._json(*self._front["sections"]["shipped"])
        return [Release(*each) for each in releases], rows

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
            raise damaged(self.path, error) from error
        return rows


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
