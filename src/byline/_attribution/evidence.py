"""The evidence for each line: what records and comments say of it, else what covers its whole commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .._model import Commit, Confidence, Evidence
from .blame import FileOwnership, Run
from .comments import CommentMark
from .identities import UNKNOWN_TOOL
from .marks import CommitNote, MarkIndex, Records
from .resolve import OwnedLine, disagree, strongest

_BY_WEIGHT: tuple[Confidence, ...] = ("none", "low", "medium", "high")
_BY_WIDTH = ("file", "next", "block", "line")
"""The scopes of comments: a narrower one is more exact."""


@dataclass(slots=True)
class EvidenceBook:
    """What is known of the commits and of the code, asked by line."""

    commits: Mapping[str, Commit]
    records: Records = field(default_factory=dict)
    """Line-level records by the commit they belong to."""

    comments: Mapping[str, Sequence[CommentMark]] = field(default_factory=dict)
    """Markers by the path of the file, as it is in the revision that was scanned."""

    _marks: MarkIndex = field(init=False)
    _shared: dict[tuple[str, Evidence | None, bool], OwnedLine] = field(default_factory=dict)
    """Equal lines are one object: a repository has millions."""

    def __post_init__(self) -> None:
        self._marks = MarkIndex(self.records)

    def lines_of_file(self, ownership: FileOwnership) -> list[OwnedLine]:
        """Return the lines of a file, each with its evidence."""
        lines = [line for run in ownership.runs for line in self.lines_of(run)]
        comments = self.comments.get(ownership.path, ())
        for comment in sorted(comments, key=lambda each: _BY_WIDTH.index(each.scope)):
            for index in range(comment.mark.start - 1, min(comment.mark.end, len(lines))):
                lines[index] = self._commented(lines[index], comment.mark.evidence)
        return lines

    def lines_of(self, run: Run) -> Iterator[OwnedLine]:
        """Yield the lines of a run of blame, each with the evidence on its commit."""
        commit = self.commits.get(run.commit)
        general = commit.evidence if commit else ()
        records = self.records.get(run.commit, ())
        rest = self._unmarked(run, general, records)
        if not any(record.marks for record in records):
            for _ in range(run.length):
                yield rest
            return
        for number in range(run.original_start, run.original_start + run.length):
            marks = self._marks.marks_at(run.commit, run.path, number)
            yield self._marked(run.commit, marks, general) if marks else rest

    def _unmarked(self, run: Run, general: Sequence[Evidence], records: Sequence[CommitNote]) -> OwnedLine:
        """Judge a line without a mark: the commit's evidence counts, unless a tool watched and saw no AI."""
        whole = strongest(general)
        if any(record.covers_all for record in records):
            return self._line(run.commit, None, conflicting=_says_ai(general))
        if whole and any(record.watched(run.path) for record in records):
            # The tool's record leaves the line out, so it may be a person's.
            whole = replace(whole, confidence="low")
        return self._line(run.commit, whole, conflicting=disagree(general))

    def _marked(self, sha: str, marks: Sequence[Evidence], general: Sequence[Evidence]) -> OwnedLine:
        found = strongest(marks)
        if found is None or found.verdict == "unknown":
            return self._line(sha, None, conflicting=_says_ai((*marks, *general)))
        return self._line(sha, found, conflicting=disagree((*marks, *general)))

    def _commented(self, line: OwnedLine, comment: Evidence) -> OwnedLine:
        own = line.evidence
        if own is None:
            return self._line(line.commit, comment, conflicting=line.conflicting)
        conflicting = line.conflicting or disagree((own, comment))
        found = comment if strongest((comment, own)) is comment else own
        if found is comment and own.verdict == comment.verdict:
            found = _confirmed(comment, own)
        return self._line(line.commit, found, conflicting=conflicting)

    def _line(self, sha: str, evidence: Evidence | None, *, conflicting: bool) -> OwnedLine:
        key = (sha, evidence, conflicting)
        return self._shared.setdefault(key, OwnedLine(*key))


def _says_ai(evidence: Sequence[Evidence]) -> bool:
    return any(each.verdict == "ai" for each in evidence)


def _confirmed(comment: Evidence, weaker: Evidence) -> Evidence:
    """Let weaker evidence that says the same add what a comment hardly ever says: tool, model and session."""
    confidence = max(comment.confidence, weaker.confidence, key=_BY_WEIGHT.index)
    if comment.tool not in (UNKNOWN_TOOL, weaker.tool):
        return replace(comment, confidence=confidence)
    return replace(
        comment,
        tool=weaker.tool,
        model=comment.model or weaker.model,
        session=comment.session or weaker.session,
        confidence=confidence,
    )
