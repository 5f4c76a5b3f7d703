"""Agent Trace records that are kept in files, not in notes: which commit's lines each of them speaks of.

The files are ``.agent-trace/traces.jsonl``, as it is committed and as it is in the work tree,
and those under agentdiff's refs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .._model import Confidence, Unverified
from .agent_trace import TraceRecord, read_traces
from .commits import Commits
from .diffs import Hunk, Pair, hunks_of
from .first_parents import FileChange, changed_files
from .marks import Claim, CommitNote, LineMark, settle
from .objects import look_up
from .repository import Repository

TRACES = ".agent-trace/traces.jsonl"
AGENTDIFF = "refs/agentdiff"

_MAX_BYTES = 64 * 1024 * 1024
_LAST_LINE = 10_000_000
_AT_MOST_MEDIUM: dict[Confidence, Confidence] = {
    "high": "medium", "medium": "medium", "low": "low", "none": "none",
}  # fmt: skip
_GENERATIONS = 5
"""How many commits may lie between the one checked out during an edit and the one that holds it."""


@dataclass(slots=True)
class _Claims:
    """What all records say, by commit and path; a file as a whole is the weakest."""

    whole: dict[tuple[str, str], list[Claim]] = field(default_factory=dict)
    lines: dict[tuple[str, str], list[Claim]] = field(default_factory=dict)

    def notes(self) -> dict[str, CommitNote]:
        by_commit: dict[str, dict[str, list[Claim]]] = {}
        for claims in (self.whole, self.lines):
            for (sha, path), found in claims.items():
                by_commit.setdefault(sha, {}).setdefault(path, []).extend(found)
        return {
            sha: CommitNote(
                tuple(mark for path in sorted(files) for mark in settle(path, files[path])),
                paths=frozenset(files),
            )
            for sha, files in by_commit.items()
        }


def read_trace_files(
    repository: Repository, revision: str, commits: Commits
) -> tuple[dict[str, CommitNote], list[Unverified]]:
    """
    Read the records and find the commits that hold their lines.

    A record names the commit that its lines are in or, as some writers have it, the one that
    was checked out during the edit: a parent. The named commit is asked first. A later one is
    believed only where it brought those lines; if it changed the file elsewhere, the record
    says no more than that AI worked on that file.
    """
    records: list[TraceRecord] = []
    unverified: list[Unverified] = []
    for where, text in _texts(repository, revision, unverified):
        traces = read_traces(text, root=str(repository.root), identities=commits.identities)
        unverified += [Unverified(where, problem) for problem in traces.problems]
        records += traces.records
    known = sorted({*commits.by_sha, *(each for parents in commits.parents.values() for each in parents)})
    named = [(record, _full(record.revision, known)) for record in dict.fromkeys(records) if record.marks]
    lost = sum(not sha for _, sha in named)
    if lost:
        told = f"{lost} of {len(named)} Agent Trace records name no commit that the scanned files come from"
        unverified.append(Unverified("traces", told))
    return _Places(repository, commits).assign([each for each in named if each[1]]), unverified


class _Places:
    """Finds the lines of records in commits."""

    def __init__(self, repository: Repository, commits: Commits) -> None:
        self._repository = repository
        self._commits = commits
        self._changed: Mapping[str, Mapping[str, FileChange]] = {}
        self._hunks: Mapping[Pair, tuple[Hunk, ...]] = {}
        self._lengths: Mapping[str, int] = {}

    def assign(self, records: Sequence[tuple[TraceRecord, str]]) -> dict[str, CommitNote]:
        """Return what the records say of each commit."""
        if not records:
            return {}
        later = self._descendants({sha for _, sha in records})
        wanted = {sha for _, sha in records} | {each for found in later.values() for each in found}
        self._changed = changed_files(self._repository, sorted(wanted & self._commits.by_sha.keys()))
        paths = {each.mark.path for record, _ in records for each in record.marks}
        written = [
            change for files in self._changed.values() for path, change in files.items() if path in paths
        ]
        pairs = dict.fromkeys((each.old_blob, each.new_blob) for each in written if each.old_blob)
        self._hunks = hunks_of(self._repository, list(pairs))
        new = list(dict.fromkeys(each.new_blob for each in written if not each.old_blob))
        contents = self._repository.read_blobs(new)
        self._lengths = {sha: data.count(b"\n") + 1 for sha, (_, data) in zip(new, contents, strict=True)}
        claims = _Claims()
        for record, sha in records:
            for each in record.marks:
                self._place(each.mark, sha, later[sha], claims)
        return claims.notes()

    def _place(self, mark: LineMark, sha: str, later: Sequence[str], claims: _Claims) -> None:
        key = (sha, mark.path)
        if self._brought(sha, mark.path, mark.start, mark.end):
            claims.lines.setdefault(key, []).append((mark.start, mark.end, mark.evidence))
            return
        for child in later:
            if mark.path not in self._changed.get(child, {}):
                continue
            key = (child, mark.path)
            if self._brought(child, mark.path, mark.start, mark.end):
                # Nobody says which bytes a content_hash covers, so the place is all that can be compared.
                found = replace(mark.evidence, confidence=_AT_MOST_MEDIUM[mark.evidence.confidence])
                claims.lines.setdefault(key, []).append((mark.start, mark.end, found))
            elif mark.evidence.verdict == "ai":
                weak = replace(mark.evidence, confidence="low")
                claims.whole.setdefault(key, []).append((1, _LAST_LINE, weak))
            return

    def _brought(self, sha: str, path: str, start: int, end: int) -> bool:
        """Tell whether a commit wrote some of the lines."""
        change = self._changed.get(sha, {}).get(path)
        if change is None:
            return False
        if not change.old_blob:
            return start <= self._lengths[change.new_blob]
        hunks = self._hunks[change.old_blob, change.new_blob]
        return any(count and first <= end and start < first + count for _, _, first, count in hunks)

    def _descendants(self, shas: set[str]) -> dict[str, list[str]]:
        """Return the next commits after each one, nearest first."""
        children: dict[str, list[str]] = {}
        for sha, parents in self._commits.parents.items():
            for parent in parents:
                children.setdefault(parent, []).append(sha)
        found = {}
        for sha in shas:
            near, seen = [sha], dict[str, None]()
            for _ in range(_GENERATIONS):
                near = [child for each in near for child in children.get(each, ()) if child not in seen]
                seen.update(dict.fromkeys(near))
            found[sha] = list(seen)
        return found


def _full(revision: str, known: Sequence[str]) -> str:
    """Return the full SHA of a commit here, or of the parent of one; records may shorten it."""
    if not revision:
        return ""
    at = bisect_left(known, revision)
    matches = [each for each in known[at : at + 2] if each.startswith(revision)]
    return matches[0] if len(matches) == 1 else ""


def _texts(repository: Repository, revision: str, unverified: list[Unverified]) -> Iterator[tuple[str, str]]:
    """Yield each file with its content."""
    places = {f"{TRACES} (committed)": f"{revision}:{TRACES}"}
    refs = ((ref, sha) for ref, sha in repository.refs.items() if ref.startswith(f"{AGENTDIFF}/"))
    places.update({ref: f"{sha}:traces.jsonl" for ref, sha in refs})
    wanted: dict[str, str] = {}
    for where, entry in zip(places, look_up(repository, list(places.values())), strict=True):
        if entry and entry.kind == "blob" and entry.size <= _MAX_BYTES:
            wanted[where] = entry.sha
        elif entry and entry.kind == "blob":
            unverified.append(Unverified(where, f"{entry.size:,} bytes are too many to read"))
    for where, (_, data) in zip(wanted, repository.read_blobs(list(wanted.values())), strict=True):
        yield where, data.decode("utf-8", "replace")
    if data := _in_work_tree(repository.root / TRACES, unverified):
        yield TRACES, data.decode("utf-8", "replace")


def _in_work_tree(path: Path, unverified: list[Unverified]) -> bytes:
    try:
        # A link may lead out of the repository.
        if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
            return b""
        if path.stat().st_size > _MAX_BYTES:
            unverified.append(Unverified(TRACES, f"{path.stat().st_size:,} bytes are too many to read"))
            return b""
        return path.read_bytes()
    except OSError as error:
        unverified.append(Unverified(TRACES, f"it cannot be read: {error.strerror}"))
        return b""
