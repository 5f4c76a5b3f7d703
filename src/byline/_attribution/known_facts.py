"""What history said once and will say again: answers about single commits, as a scan leaves them to the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._manifest.records import evidence_of, evidence_row
from .marks import CommitNote, LineMark
from .neutral import Question
from .pull_requests import Squash

Row = list[Any]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a squash-merged commit got from its pull request."""

    key: str
    """A digest of all that it depends on."""

    note: CommitNote | None
    """None when there was nothing to carry over."""


@dataclass(slots=True)
class KnownFacts:
    """Facts that later commits do not change."""

    recovered: dict[str, Recovery] = field(default_factory=dict)
    """By squash-merged commit."""

    neutral: dict[Question, bool] = field(default_factory=dict)
    """Whether a commit left a function as it was."""

    squashes: dict[str, Squash] = field(default_factory=dict)
    """By squash-merged commit; as the scanned revision saw them."""

    @classmethod
    def from_rows(
        cls,
        recovered: Mapping[str, Row],
        neutral: Mapping[str, Mapping[str, Row]],
        squashes: Mapping[str, Row],
    ) -> KnownFacts:
        """Read what ``to_rows`` wrote."""
        return cls(
            {sha: Recovery(key, _note_of(note)) for sha, (key, note) in recovered.items()},
            {
                (sha, path, name): answer
                for path, commits in neutral.items()
                for sha, names in commits.items()
                for answer, group in zip((False, True), names, strict=True)
                for name in group
            },
            {sha: Squash(sha, head, frozenset(parts)) for sha, (head, *parts) in squashes.items()},
        )

    def to_rows(self) -> dict[str, object]:
        """Return all by name, JSON-ready."""
        neutral: dict[str, dict[str, tuple[list[str], list[str]]]] = {}
        for (sha, path, name), answer in self.neutral.items():
            neutral.setdefault(path, {}).setdefault(sha, ([], []))[answer].append(name)
        recovered = {sha: [each.key, _note_row(each.note)] for sha, each in self.recovered.items()}
        squashes = {sha: [each.head, *sorted(each.parts)] for sha, each in self.squashes.items()}
        return {"recovered": recovered, "neutral": neutral, "squashes": squashes}


def _note_row(note: CommitNote | None) -> Row | None:
    if note is None:
        return None
    marks = [[each.path, each.start, each.end, evidence_row(each.evidence)] for each in note.marks]
    return [marks, sorted(note.paths) if note.paths is not None else None]


def _note_of(row: Row | None) -> CommitNote | None:
    if row is None:
        return None
    marks, paths = row
    return CommitNote(
        tuple(LineMark(path, start, end, evidence_of(evidence)) for path, start, end, evidence in marks),
        paths=frozenset(paths) if paths is not None else None,
    )
