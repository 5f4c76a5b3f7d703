"""All line-level records of a repository, source by source, by the commit whose lines they name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from .._model import Unverified
from ..exceptions import RepositoryError
from .commits import Commits
from .marks import CommitNote
from .note_refs import list_notes, read_records
from .pull_requests import recover, squashes
from .repository import Repository
from .settings import ScanSettings
from .trace_files import read_trace_files


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read, and what could not be."""

    records: dict[str, list[CommitNote]]
    """Of one commit: notes first, then traces, then what its pull request had."""

    unverified: tuple[Unverified, ...] = ()

    def with_marks(self) -> frozenset[str]:
        """Return the commits with a line that a record speaks of."""
        return frozenset(sha for sha, records in self.records.items() if any(each.marks for each in records))


def read_sources(
    repository: Repository,
    revision: str,
    commits: Commits,
    settings: ScanSettings,
    *,
    progress: Callable[[str, int, int], None] = lambda _stage, _done, _total: None,
) -> Sources:
    """
    Read every record that speaks of some commits.

    Raises:
        RepositoryError: Git cannot answer.
    """
    progress("records", 0, 0)
    lists = list_notes(repository, settings.notes_refs)
    noted = {sha for each in lists for sha in each.blobs}
    found, absent = squashes(repository, revision, commits, noted)
    wanted = {*commits.by_sha, *(sha for each in found for sha in each.parts)}
    notes, unverified = read_records(repository, lists, wanted, identities=commits.identities)
    records = {sha: list(each) for sha, each in notes.items() if sha in commits.by_sha}
    traces, unread = read_trace_files(repository, revision, commits)
    unverified += unread
    for sha, note in traces.items():
        records.setdefault(sha, []).append(note)
    # Where the commit has a note of its own, somebody carried the records over already.
    alone = [each for each in found if each.commit not in notes and not each.parts.isdisjoint(notes)]
    try:
        recovered = recover(repository, revision, alone, notes)
    except RepositoryError as error:
        recovered = {}
        told = f"the records of {len(alone)} pull requests cannot be carried over: {error}"
        unverified.append(Unverified("pull requests", told))
    for sha, more in recovered.items():
        records.setdefault(sha, []).extend(more)
    return Sources(records, (*unverified, *_absent(absent)))


def _absent(count: int) -> Collection[Unverified]:
    if not count:
        return ()
    told = f"the heads of {count:,} squash-merged ones are not here; notes on their commits are lost without them"
    return (Unverified("pull requests", told, "byline scan --fetch"),)
