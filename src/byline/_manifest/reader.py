"""Reads a manifest: the header and the index at once, a file's block when its module is met."""

from __future__ import annotations

import json
import mmap
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from .._model import Attribution, Commit, Evidence, Function, LineAttribution
from ..exceptions import ManifestError, UnknownCommitError
from .records import (
    COMMITS_PER_BLOCK,
    LENGTH,
    MAGIC,
    SPAN,
    VERSION,
    FunctionRow,
    Header,
    Row,
    commit_of,
    contributions_of,
    evidence_of,
    function_of,
)
from .source import blob_id, text_hash

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
            raise ManifestError(f"There is no manifest at {str(path)!r}. Make one: byline scan -o {path}") from None
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
        start = len(MAGIC) + LENGTH.size
        if bytes(view[: len(MAGIC)]) != MAGIC:
            raise ManifestError(f"{str(path)!r} is not a byline manifest. Make one: byline scan -o {path}")
        try:
            size = LENGTH.unpack(view[len(MAGIC) : start])[0]
            front = json.loads(bytes(view[start : start + size]))
            version = front["version"]
        except Exception as error:
            raise _damaged(path, error) from error
        if version != VERSION:
            raise ManifestError(
                f"The manifest {str(path)!r} has format {version!r}; this byline reads format {VERSION}. "
                "Upgrade byline, or scan again with this version."
            )
        body = view[start + size :]
        try:
            if len(body) != front["body"]:
                raise ValueError(f"{front['body'] - len(body)} bytes are missing")
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
        return self._file(max(numbers, key=lambda number: (_common_tail(self.names[number][0], hint), -number)))

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
        at = bisect_left(range(length // size), blob, key=lambda n: bytes(table[n * size : n * size + self._digest]))
        while at < length // size and bytes(table[at * size : at * size + self._digest]) == blob:
            found.append(LENGTH.unpack(table[at * size + self._digest : (at + 1) * size])[0])
            at += 1
        return found

    def _file(self, number: int) -> ManifestFile:
        known = self._files.get(number)
        if known is None:
            path, module = self.names[number]
            content = self._json(*self._span("files", number))
            known = self._files[number] = ManifestFile(self, path, module, content)
        return known

    # --- commits -------------------------------------------------------------

    def commit(self, prefix: str) -> Commit:
        """
        Return the commit that a prefix of at least four digits names.

        Raises:
            UnknownCommitError: No commit of this manifest matches, or several do.
        """
        wanted = prefix.lower()
        found = [each for each in self.commits() if each.sha.startswith(wanted)] if len(wanted) >= MIN_PREFIX else []
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.sha[:12] for each in found[:5])
            raise UnknownCommitError(f"{prefix!r} is short for {len(found)} commits: {names}. Give more digits.")
        raise UnknownCommitError(f"{prefix!r} names no commit in {str(self.path)!r}. Give at least {MIN_PREFIX} digits.")

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
            known = self._commit_blocks[block] = [commit_of(row) for row in self._json(*self._span("commits", block))]
        return known

    # --- bytes ---------------------------------------------------------------

    def _span(self, section: str, number: int) -> tuple[int, int]:
        offset = self._front["sections"][section][0] + number * SPAN.size
        start, length = SPAN.unpack(self._body[offset : offset + SPAN.size])
        return start, length

    def _json(self, offset: int, length: int) -> Row:
        try:
            rows: Row = json.loads(zlib.decompress(self._body[offset : offset + length]).decode("utf-8", "surrogateescape"))
        except Exception as error:
            raise _damaged(self.path, error) from error
        return rows


class ManifestFile:
    """One source file of a manifest."""

    def __init__(self, manifest: Manifest, path: str, module: str, content: Row) -> None:
        self.path = path
        self.module = module
        self._manifest = manifest
        evidence, functions, runs = content
        self._evidence: list[Evidence] = [evidence_of(row) for row in evidence]
        self._functions: list[FunctionRow] = [function_of(row, path, module) for row in functions]
        self._ends = list(accumulate(runs[::3]))
        self._owners: list[int] = runs[1::3]
        self._marks: list[int] = runs[2::3]

    def __len__(self) -> int:
        """Return the number of lines."""
        return self._ends[-1] if self._ends else 0

    def line(self, number: int) -> LineAttribution | None:
        """Who wrote a line, 1-based; None when its owner is not known."""
        if not 1 <= number <= len(self):
            return None
        at = bisect_left(self._ends, number)
        commit = self._manifest.commit_number(self._owners[at])
        if commit is None:
            return None
        return LineAttribution(commit, self._mark(self._marks[at]))

    def function(self, first_line: int, qualname: str) -> tuple[Function, Attribution] | None:
        """Return a function by its code object's ``co_firstlineno`` and ``co_qualname``."""
        for row in self._functions:
            if row.function.first_line == first_line and row.function.qualname == qualname:
                return row.function, self._attribution(row)
        return None

    def function_at(self, number: int) -> tuple[Function, Attribution] | None:
        """Return the innermost known function around a line."""
        around = [row for row in self._functions if row.function.first_line <= number <= row.function.end_line]
        if not around:
            return None
        row = max(around, key=lambda row: row.function.first_line)
        return row.function, self._attribution(row)

    def functions(self) -> Iterator[tuple[Function, Attribution]]:
        """Yield every function in the file, by line."""
        for row in self._functions:
            yield row.function, self._attribution(row)

    def moved(self, qualname: str, first_line: int, lines: list[bytes]) -> tuple[Function, Attribution] | None:
        """
        Find a function in a file that has changed since the scan, by its unchanged text.

        Args:
            lines: The whole file as it is now.
        """
        for row in self._functions:
            if row.function.qualname == qualname and _is_text_at(row, lines, first_line - 1):
                return _shifted(row.function, first_line), self._attribution(row)
        return None

    def moved_functions(self, lines: list[bytes]) -> Iterator[tuple[Function, Function, Attribution]]:
        """Yield every function whose text a changed file still has: as scanned, as it is now, and who wrote it."""
        for row in self._functions:
            name = row.function.qualname.rpartition(".")[2].encode()
            for number, line in enumerate(lines):
                # Cheap test first: the hash is for lines that can start this function.
                starts = line.lstrip().startswith(b"@") or name in line
                if starts and _is_text_at(row, lines, number):
                    yield row.function, _shifted(row.function, number + 1), self._attribution(row)

    def _mark(self, number: int) -> Evidence | None:
        return self._evidence[number] if number >= 0 else None

    def _attribution(self, row: FunctionRow) -> Attribution:
        find = self._manifest.commit_number
        commit, last, evidence = find(row.commit), find(row.last_commit), self._mark(row.evidence)
        owners = {number: each.sha for number, _ in row.contributions if (each := find(number))}
        return Attribution(
            verdict=row.verdict,
            confidence=evidence.confidence if evidence else "none",
            status="ok",
            commit=commit.sha if commit else "",
            last_commit=last.sha if last else "",
            author=(commit.accountable or commit.author) if commit else "",
            tool=evidence.tool if evidence else "",
            model=evidence.model if evidence else "",
            evidence=evidence.source if evidence else "",
            session=evidence.session if evidence else "",
            change=commit.change if commit else "",
            ai_lines=row.ai_lines,
            lines=row.lines,
            committed_at=commit.committed_at if commit else 0,
            contributions=contributions_of(row.contributions, owners),
        )


def _damaged(path: Path, error: Exception) -> ManifestError:
    return ManifestError(f"The manifest {str(path)!r} is damaged ({error}). Scan again: byline scan -o {path}")


def _common_tail(one: str, other: str) -> int:
    """Count the path parts that two paths share at their ends."""
    count = 0
    for mine, yours in zip(reversed(one.split("/")), reversed(other.replace("\\", "/").split("/")), strict=False):
        if mine != yours:
            break
        count += 1
    return count


def _is_text_at(row: FunctionRow, lines: list[bytes], start: int) -> bool:
    """Tell whether a changed file has a function's text from the line with index ``start`` on."""
    now = lines[start : start + row.function.end_line - row.function.first_line + 1]
    return bool(row.text_hash) and text_hash(now) == row.text_hash and not _goes_on(lines, start, len(now))


def _shifted(old: Function, first_line: int) -> Function:
    shift = first_line - old.first_line
    return Function(old.module, old.qualname, old.path, first_line, old.line + shift, old.end_line + shift)


def _goes_on(lines: list[bytes], start: int, length: int) -> bool:
    """Tell whether the block at ``start`` has more lines than ``length``: the next code line is indented deeper."""
    first = lines[start] if start < len(lines) else b""
    margin = len(first) - len(first.lstrip())
    for line in lines[start + length :]:
        if line.strip() and not line.lstrip().startswith(b"#"):
            return len(line) - len(line.lstrip()) > margin
    return False
