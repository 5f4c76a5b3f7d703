"""What a line-level record says: marks on lines. The readers of the records are notes, agent_trace and comments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import groupby, pairwise

from .._model import Evidence


@dataclass(frozen=True, slots=True)
class LineMark:
    """Evidence for some lines of a file, as the file is in the commit that the record belongs to."""

    path: str
    """Relative to the repository's root, with forward slashes."""

    start: int
    """The first line; lines count from 1."""

    end: int
    """The last line, inclusive."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CommitNote:
    """What a note says of its commit. Lines without a mark are of unknown origin, unless ``covers_all``."""

    marks: tuple[LineMark, ...] = ()
    """Sorted by path and line; no line has two."""

    covers_all: bool = False
    """The tool watched the whole commit and saw no AI."""

    problem: str = ""
    """Why the note, or a part of it, says nothing; empty when all of it was read."""

    paths: frozenset[str] | None = None
    """The files that the tool watched; None for every file of the commit."""

    def watched(self, path: str) -> bool:
        """Tell whether a line of the file without a mark was left out on purpose."""
        return self.paths is None or path in self.paths


Records = Mapping[str, Sequence[CommitNote]]
"""All records on each commit, by full SHA; those of higher precedence first."""


def content_of(notes: Sequence[CommitNote]) -> list[object]:
    """Return all that some notes say as plain values, the same in every process: a set has an order of its own there."""
    evidence: dict[Evidence, int] = {}
    rows: list[object] = [
        (
            [
                (mark.path, mark.start, mark.end, evidence.setdefault(mark.evidence, len(evidence)))
                for mark in note.marks
            ],
            note.covers_all,
            note.problem,
            None if note.paths is None else sorted(note.paths),
        )
        for note in notes
    ]
    return [*rows, *evidence]


@dataclass(slots=True)
class MarkIndex:
    """Looks up what the records say of single lines."""

    records: Records
    _by_path: dict[str, dict[str, list[list[LineMark]]]] = field(default_factory=dict)

    def marks_at(self, sha: str, path: str, line: int) -> list[Evidence]:
        """Return the evidence of every record that marks a line of a file, as the file is in a commit."""
        if sha not in self._by_path:
            self._by_path[sha] = self._index(sha)
        found = (_mark_at(marks, line) for marks in self._by_path[sha].get(path, ()))
        return [each for each in found if each is not None]

    def _index(self, sha: str) -> dict[str, list[list[LineMark]]]:
        found: dict[str, list[list[LineMark]]] = {}
        for record in self.records.get(sha, ()):
            for path, marks in groupby(record.marks, key=lambda mark: mark.path):
                found.setdefault(path, []).append(list(marks))
        return found


def _mark_at(marks: list[LineMark], number: int) -> Evidence | None:
    at = bisect_right(marks, number, key=lambda mark: mark.start) - 1
    return marks[at].evidence if at >= 0 and marks[at].end >= number else None


Claim = tuple[int, int, Evidence]
"""First line, last line, and what is said of them."""


def settle(path: str, claims: Sequence[Claim]) -> list[LineMark]:
    """Turn claims that may overlap, in any order of lines, into marks that do not: a later claim wins."""
    waiting = sorted(((start, -rank, end) for rank, (start, end, _) in enumerate(claims)), reverse=True)
    points = sorted({point for start, end, _ in claims for point in (start, end + 1)})
    active: list[tuple[int, int]] = []
    marks: list[LineMark] = []
    for start, following in pairwise(points):
        while waiting and waiting[-1][0] == start:
            _, order, end = waiting.pop()
            heappush(active, (order, end))
        while active and active[0][1] < start:
            heappop(active)
        if not active:
            continue
        evidence = claims[-active[0][0]][2]
        if marks and marks[-1].end == start - 1 and marks[-1].evidence == evidence:
            start = marks.pop().start  # noqa: PLW2901  # one mark for neighbours that say the same
        marks.append(LineMark(path, start, following - 1, evidence))
    return marks
