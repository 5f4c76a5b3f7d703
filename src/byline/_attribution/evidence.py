"""The evidence for each line: what its commit's note says of it, else what covers the whole commit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from .._model import Commit, Evidence
from .blame import Run
from .marks import CommitNote, LineMark
from .resolve import OwnedLine, disagree, strongest


@dataclass(slots=True)
class EvidenceBook:
    """What is known of the commits, asked by line."""

    commits: Mapping[str, Commit]
    notes: Mapping[str, CommitNote] = field(default_factory=dict)
    """Line-level records by the commit they belong to."""

    _by_path: dict[tuple[str, str], list[LineMark]] = field(default_factory=dict)
    _shared: dict[tuple[str, Evidence | None, bool], OwnedLine] = field(default_factory=dict)
    """Equal lines are one object: a repository has millions."""

    def lines_of(self, run: Run) -> Iterator[OwnedLine]:
        """Yield the lines of a run of blame, each with its evidence."""
        commit = self.commits.get(run.commit)
        general = commit.evidence if commit else ()
        note = self.notes.get(run.commit)
        if note is None:
            line = self._line(run.commit, strongest(general), conflicting=disagree(general))
            for _ in range(run.length):
                yield line
            return
        weak = _untracked(strongest(general)) if not note.covers_all else None
        marks = self._marks(run.commit, run.path, note)
        for number in range(run.original_start, run.original_start + run.length):
            mark = _mark_at(marks, number)
            if mark is None:
                yield self._line(run.commit, weak, conflicting=False)
            else:
                yield self._line(run.commit, mark, conflicting=disagree((mark, *general)))

    def _line(self, sha: str, evidence: Evidence | None, *, conflicting: bool) -> OwnedLine:
        key = (sha, evidence, conflicting)
        return self._shared.setdefault(key, OwnedLine(*key))

    def _marks(self, sha: str, path: str, note: CommitNote) -> list[LineMark]:
        key = (sha, path)
        if key not in self._by_path:
            self._by_path[key] = [each for each in note.marks if each.path == path]
        return self._by_path[key]


def _untracked(general: Evidence | None) -> Evidence | None:
    """A line that the tool's record leaves out may be a person's: the commit's evidence counts, with doubt."""
    return replace(general, confidence="low") if general else None


def _mark_at(marks: list[LineMark], number: int) -> Evidence | None:
    at = bisect_right(marks, number, key=lambda mark: mark.start) - 1
    return marks[at].evidence if at >= 0 and marks[at].end >= number else None
