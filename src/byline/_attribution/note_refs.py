"""Reads the notes of a repository's commits: one process for the list, one for the contents."""

from __future__ import annotations

from collections.abc import Callable, Collection

from .._model import Unverified
from ..exceptions import RepositoryError
from .agent_trace import read_trace_note
from .identities import Identities
from .marks import CommitNote
from .notes import read_agentblame, read_git_ai, read_whogitit
from .repository import Repository

Reader = Callable[..., CommitNote]

READERS: dict[str, Reader] = {
    "refs/notes/ai": read_git_ai,
    "refs/notes/exceeds-ink": read_git_ai,
    "refs/notes/agent-trace": read_trace_note,
    "refs/notes/agentblame": read_agentblame,
    "refs/notes/whogitit": read_whogitit,
    "refs/notes/ai-blame": read_whogitit,
}
"""Who reads which ref; the first that knows a commit counts."""

MAX_NOTE_BYTES = 8 * 1024 * 1024
"""Notes of old tools hold whole conversations; what is larger is left out, and said so."""


def read_notes(
    repository: Repository, commits: Collection[str], *, identities: Identities
) -> tuple[dict[str, CommitNote], list[Unverified]]:
    """
    Read the line-level records of commits.

    Args:
        commits: Only notes on these are read; notes outlive the commits they were written for.

    Returns:
        Records by commit, and what could not be read.
    """
    found: dict[str, CommitNote] = {}
    unverified: list[Unverified] = []
    for ref in note_refs(repository):
        wanted = {sha: blob for sha, blob in _listed(repository, ref) if sha in commits and sha not in found}
        contents = dict(_read(repository, set(wanted.values()))) if wanted else {}
        for sha, blob in wanted.items():
            data = contents[blob]
            if len(data) > MAX_NOTE_BYTES:
                reason = f"its note in {ref} has {len(data):,} bytes, too many to read"
                unverified.append(Unverified(sha[:12], reason))
                continue
            note = READERS[ref](data.decode("utf-8", "replace"), identities=identities)
            if note.problem:
                unverified.append(Unverified(sha[:12], f"its note in {ref}: {note.problem}"))
            if note.marks or note.covers_all:
                found[sha] = note
    return found, unverified


def note_refs(repository: Repository) -> list[str]:
    """Return the refs with line-level records that are here."""
    listed = repository.run("for-each-ref", "--format=%(refname)", "refs/notes").decode("utf-8", "replace")
    present = set(listed.split())
    return [ref for ref in READERS if ref in present]


def _listed(repository: Repository, ref: str) -> list[tuple[str, str]]:
    """Return (commit, blob) of each note."""
    try:
        lines = repository.run("notes", f"--ref={ref}", "list").decode("ascii", "replace").splitlines()
    except RepositoryError:
        return []
    pairs = (line.split(" ") for line in lines)
    return [(pair[1], pair[0]) for pair in pairs if len(pair) == 2]  # noqa: PLR2004  # blob and commit


def _read(repository: Repository, blobs: Collection[str]) -> list[tuple[str, bytes]]:
    return list(repository.read_blobs(sorted(blobs)))
