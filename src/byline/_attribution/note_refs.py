"""Reads the notes of a repository's commits: one process for each list, one for the contents."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from .._model import Unverified
from ..exceptions import RepositoryError
from .agent_trace import read_trace_note
from .identities import Identities
from .marks import CommitNote
from .notes import read_agentblame, read_git_ai, read_whogitit
from .objects import GitObject, look_up
from .repository import Repository

Reader = Callable[..., CommitNote]

FORMATS: dict[str, Reader] = {
    "git-ai": read_git_ai,
    "agent-trace": read_trace_note,
    "agentblame": read_agentblame,
    "whogitit": read_whogitit,
}
"""Who reads which format."""

REFS = {
    "refs/notes/ai": "git-ai",
    "refs/notes/exceeds-ink": "git-ai",
    "refs/notes/agent-trace": "agent-trace",
    "refs/notes/agentblame": "agentblame",
    "refs/notes/whogitit": "whogitit",
    "refs/notes/ai-blame": "whogitit",
}
"""Which ref holds which format; where two mark a line, the first counts."""

MAX_NOTE_BYTES = 8 * 1024 * 1024
"""Notes of old tools hold whole conversations; what is larger is left out, and said so."""

SHORT = 12
"""Digits by which a commit with a bad note is named."""


@dataclass(frozen=True, slots=True)
class NoteList:
    """The notes under one ref, not read yet."""

    ref: str
    format: str
    blobs: Mapping[str, str]
    """The note's blob by the commit it is attached to."""


def list_notes(repository: Repository, extra: Mapping[str, str] | None = None) -> list[NoteList]:
    """
    List the notes that are here, also those of commits that are not.

    Args:
        repository: Where to look.
        extra: Further refs with the format of their notes; they go first, and may rename a format.
    """
    formats = {**(extra or {}), **{ref: each for ref, each in REFS.items() if ref not in (extra or {})}}
    found = (
        NoteList(ref, format_, _listed(repository, ref))
        for ref, format_ in formats.items()
        if ref in repository.refs
    )
    return [each for each in found if each.blobs]


def read_records(
    repository: Repository, lists: Collection[NoteList], commits: Collection[str], *, identities: Identities
) -> tuple[dict[str, list[CommitNote]], list[Unverified]]:
    """
    Read the notes on some commits.

    Returns:
        Records by commit, in the order of the lists, and what could not be read.
    """
    found: dict[str, list[CommitNote]] = {}
    unverified: list[Unverified] = []
    for each in lists:
        read = FORMATS[each.format]
        wanted = {sha: blob for sha, blob in each.blobs.items() if sha in commits}
        readable = _readable(repository, wanted, each.ref, unverified)
        for sha, (_, data) in zip(readable, repository.read_blobs(list(readable.values())), strict=True):
            note = read(data.decode("utf-8", "replace"), identities=identities)
            if note.problem:
                unverified.append(Unverified(sha[:SHORT], f"its note in {each.ref}: {note.problem}"))
            if note.marks or note.covers_all:
                found.setdefault(sha, []).append(note)
    return found, unverified


def _readable(
    repository: Repository, wanted: Mapping[str, str], ref: str, unverified: list[Unverified]
) -> dict[str, str]:
    """Return the notes that are text of a bearable size; a note can be any object of any size."""
    found = {}
    for (sha, blob), entry in zip(wanted.items(), look_up(repository, list(wanted.values())), strict=True):
        reason = _why_not(entry)
        if reason:
            unverified.append(Unverified(sha[:SHORT], f"its note in {ref} {reason}"))
        else:
            found[sha] = blob
    return found


def _why_not(entry: GitObject | None) -> str:
    if entry is None:
        return "is not in this clone"
    if entry.kind != "blob":
        return f"is a {entry.kind}, not a text"
    if entry.size > MAX_NOTE_BYTES:
        return f"has {entry.size:,} bytes, too many to read"
    return ""


def _listed(repository: Repository, ref: str) -> dict[str, str]:
    """Return the blob of each note by its commit."""
    try:
        lines = repository.run("notes", f"--ref={ref}", "list").decode("ascii", "replace").splitlines()
    except RepositoryError:
        return {}
    pairs = (line.split(" ") for line in lines)
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}  # noqa: PLR2004  # blob and commit
