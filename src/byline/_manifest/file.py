"""One source file of a manifest: its functions, and who wrote each line."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from operator import sub

from .._model import Attribution, Commit, Evidence, Function, LineAttribution, Status
from .records import (
    FileRecord,
    FunctionRecord,
    FunctionRow,
    LineRun,
    Release,
    Row,
    contributions_of,
    evidence_of,
    function_of,
)
from .source import text_hash

CommitFinder = Callable[[int], Commit | None]
"""From a commit's number in the manifest's table to the commit."""


class ManifestFile:
    """One source file of a manifest."""

    status: Status = "ok"
    """Whoever has the file found it by its content."""

    def __init__(
        self,
        path: str,
        module: str,
        content: Row,
        find: CommitFinder,
        shipped: Callable[[], Sequence[Release | None]] = tuple,
    ) -> None:
        self.path = path
        self.module = module
        self._find = find
        self._shipped = shipped
        evidence, functions, runs = content
        self._evidence: list[Evidence] = [evidence_of(row) for row in evidence]
        self._attributions: dict[int, Attribution] = {}
        self._functions: list[FunctionRow] = [function_of(row, path, module) for row in functions]
        self._ends = list(accumulate(runs[::3]))
        self._owners: list[int] = runs[1::3]
        self._marks: list[int] = runs[2::3]
        # Failures come from the same lines again and again.
        self._asked: dict[int, tuple[Function, Attribution]] = {}

    def __len__(self) -> int:
        """Return the number of lines."""
        return self._ends[-1] if self._ends else 0

    def line(self, number: int) -> LineAttribution | None:
        """Who wrote a line, 1-based; None when its owner is not known."""
        if not 1 <= number <= len(self):
            return None
        at = bisect_left(self._ends, number)
        commit = self._find(self._owners[at])
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
        known = self._asked.get(number)
        if known is not None:
            return known
        around = [
            row for row in self._functions if row.function.first_line <= number <= row.function.end_line
        ]
        if not around:
            return None
        row = max(around, key=lambda row: row.function.first_line)
        found = self._asked[number] = row.function, self._attribution(row)
        return found

    def functions(self) -> Iterator[tuple[Function, Attribution]]:
        """Yield every function in the file, by line."""
        for row in self._functions:
            yield row.function, self._attribution(row)

    def record(self, blob: str) -> FileRecord:
        """Return the file as it was written."""
        functions = tuple(
            FunctionRecord(row.function, self._attribution(row), row.text_hash) for row in self._functions
        )
        # A manifest has tens of thousands of runs, and few commits to each file.
        shas = {number: each.sha if (each := self._find(number)) else "" for number in set(self._owners)}
        lengths = map(sub, self._ends, (0, *self._ends))
        owners = map(shas.__getitem__, self._owners)
        marks = map([*self._evidence, None].__getitem__, self._marks)
        runs = tuple(map(LineRun, lengths, owners, marks))
        return FileRecord(self.path, self.module, blob, functions, runs)

    def first_shipped(self, function: Function) -> Release | None:
        """Return the first release with this version of a function; None when no build kept track."""
        places = [(row.function.first_line, row.function.qualname) for row in self._functions]
        shipped = dict(zip(places, self._shipped(), strict=False))
        return shipped.get((function.first_line, function.qualname))

    def moved(
        self, qualname: str, first_line: int, lines: list[bytes]
    ) -> tuple[Function, Attribution] | None:
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
        # An import asks for each function of its module several times.
        known = self._attributions.get(id(row))
        if known is None:
            known = self._attributions[id(row)] = self._read(row)
        return known

    def _read(self, row: FunctionRow) -> Attribution:
        find = self._find
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
