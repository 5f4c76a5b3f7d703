"""All line-level records of a repository, source by source, by the commit whose lines they name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from .._model import Unverified
from ..exceptions import RepositoryError
from .commits import Commits
from .known_facts import KnownFacts, Recovery
from .marks import CommitNote
from .note_refs import SHORT, NoteList, list_notes, read_records
from .pull_requests import Squash, recover, squashes
from .repository import Repository
from .settings import ScanSettings
from .surroundings import digest
from .trace_files import read_trace_files


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read, and what could not be."""

    records: dict[str, list[CommitNote]]
    """Of one commit: notes first, then traces, then what its pull request had."""

    unverified: tuple[Unverified, ...] = ()
    recovered: dict[str, Recovery] = field(default_factory=dict)
    """What a later scan need not carry over again, by commit."""

    squashes: dict[str, Squash] = field(default_factory=dict)
    """What a later scan need not look for again, by commit."""

    def with_marks(self) -> frozenset[str]:
        """Return the commits with a line that a record speaks of."""
        return frozenset(sha for sha, records in self.records.items() if any(each.marks for each in records))


def read_sources(  # noqa: PLR0913  # two are options
    repository: Repository,
    revision: str,
    commits: Commits,
    settings: ScanSettings,
    *,
    known: KnownFacts | None = None,
    new: Collection[str] = (),
    progress: Callable[[str, int, int], None] = lambda _stage, _done, _total: None,
) -> Sources:
    """
    Read every record that speaks of some commits.

    Args:
        repository: Where to look.
        revision: What is scanned.
        commits: Its commits.
        settings: The repository's own.
        known: What an earlier scan found.
        new: The commits since then.
        progress: Told how far it is.

    Raises:
        RepositoryError: Git cannot answer.
    """
    progress("records", 0, 0)
    lists = list_notes(repository, settings.notes_refs)
    noted = {sha for each in lists for sha in each.blobs}
    known = known or KnownFacts()
    every, absent = squashes(repository, revision, commits, noted, known.squashes, new)
    found = [each for each in every if not each.parts.isdisjoint(noted)]
    keys = {each.commit: _key(each, lists) for each in found}
    before = known.recovered
    kept = {sha: before[sha] for sha, key in keys.items() if sha in before and before[sha].key == key}
    fresh = [each for each in found if each.commit not in kept]
    wanted = {*commits.by_sha, *(sha for each in fresh for sha in each.parts)}
    notes, unverified = read_records(repository, lists, wanted, identities=commits.identities)
    records = {sha: list(each) for sha, each in notes.items() if sha in commits.by_sha}
    traces, unread = read_trace_files(repository, revision, commits)
    unverified += unread
    for sha, note in traces.items():
        records.setdefault(sha, []).append(note)
    # Where the commit has a note of its own, somebody carried the records over already.
    alone = [each for each in fresh if each.commit not in notes and not each.parts.isdisjoint(notes)]
    sound: Sequence[Squash] = _without_problems(fresh, unverified)
    recovered: dict[str, Sequence[CommitNote]] = {}
    try:
        recovered.update(recover(repository, revision, alone, notes))
    except RepositoryError as error:
        sound = ()
        told = f"the records of {len(alone)} pull requests cannot be carried over: {error}"
        unverified.append(Unverified("pull requests", told))
    recoveries = kept | {
        each.commit: Recovery(keys[each.commit], next(iter(recovered.get(each.commit, ())), None))
        for each in sound
        if each.commit not in notes
    }
    recovered.update((sha, [each.note]) for sha, each in kept.items() if each.note and sha not in notes)
    for sha, more in recovered.items():
        records.setdefault(sha, []).extend(more)
    by_commit = {each.commit: each for each in every}
    return Sources(records, (*unverified, *_absent(absent)), recoveries, by_commit)


def _key(squash: Squash, lists: Collection[NoteList]) -> str:
    """Digest what a recovery depends on: the commits of the pull request, and the notes on them."""
    noted = [
        (each.ref, each.format, sha, each.blobs[sha])
        for each in lists
        for sha in sorted(squash.parts & each.blobs.keys())
    ]
    text = repr((squash.head, sorted(squash.parts), noted))
    return digest(text)


def _without_problems(found: Collection[Squash], unverified: Collection[Unverified]) -> list[Squash]:
    """Leave out those whose notes are a reason to complain, which the next scan is to repeat."""
    told = {each.subject for each in unverified}
    return [each for each in found if told.isdisjoint(sha[:SHORT] for sha in each.parts)]


def _absent(count: int) -> Collection[Unverified]:
    if not count:
        return ()
    told = f"the heads of {count:,} squash-merged ones are not here; notes on their commits are lost without them"
    return (Unverified("pull requests", told, "byline scan --fetch"),)
