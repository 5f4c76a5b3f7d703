"""The commits of a revision with the evidence that covers each as a whole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from .._config import AuthorForm
from .._model import Commit
from .accountability import accountable, change_number
from .history import CommitRecord, messages
from .identities import DEFAULT, Identities
from .repository import Repository
from .settings import ScanSettings
from .signals import evidence_in

_LONGEST = 200
"""Characters of a subject or a name."""


@dataclass(frozen=True, slots=True)
class Commits:
    """All commits that a revision reaches."""

    by_sha: dict[str, Commit]
    """In topological order, newest first."""

    parents: dict[str, tuple[str, ...]]
    identities: Identities = DEFAULT
    """Who is AI in this repository."""

    def oldest_ai(self, also: frozenset[str] = frozenset()) -> str:
        """
        Return the oldest AI commit, or "" without one: a walk that looks for AI lines need not go beyond.

        Every other AI commit comes before it in topological order, so none of them is one of
        its ancestors.

        Args:
            also: Commits that carry AI lines by a note.
        """
        oldest_first = reversed(self.by_sha.items())
        return next((sha for sha, commit in oldest_first if sha in also or is_ai(commit)), "")


def is_ai(commit: Commit) -> bool:
    """Tell whether some evidence calls the whole commit AI."""
    return any(each.verdict == "ai" for each in commit.evidence)


def read_commits(  # noqa: PLR0913  # most are options
    repository: Repository,
    revision: str,
    *,
    settings: ScanSettings,
    author: AuthorForm = "name",
    only: Collection[str] | None = None,
    known: Collection[str] = (),
) -> Commits:
    """
    Read the commits' messages and people, in one git process, and find the marks in them.

    Args:
        repository: Where to look.
        revision: The newest commit.
        settings: Who is AI in this repository.
        author: Whether people are written by name or by e-mail address.
        only: Full SHAs of the commits to read; every one that the revision reaches by default.
        known: Commits that are left out with their ancestors.
    """
    identities = DEFAULT.with_extra(settings.identities, settings.ignore)
    if only is None:
        records = messages(repository, revision, *(f"^{sha}" for sha in known))
    else:
        records = messages(repository, *sorted(only), walk=False) if only else []
    return Commits(
        {record.sha: _commit(record, identities, author) for record in records},
        {record.sha: record.parents for record in records},
        identities,
    )


def _commit(record: CommitRecord, identities: Identities, author: AuthorForm) -> Commit:
    # Tools are recognised by what was really recorded; people go by their mailmapped names.
    found = evidence_in(
        record.message,
        (record.author.name, record.author.email),
        (record.committer.name, record.committer.email),
        committed_at=record.committed_at,
        identities=identities,
    )
    by_email = author == "email"
    person, committer = record.mapped_author, record.mapped_committer
    return Commit(
        sha=record.sha,
        subject=_subject(record.message),
        committed_at=record.committed_at,
        author=_clean_name(person.email if by_email else person.name),
        accountable=_clean_name(
            accountable(
                record.message,
                (person.name, person.email),
                (committer.name, committer.email),
                by_email=by_email,
                identities=identities,
            )
        ),
        change=change_number(record.message),
        evidence=found,
    )


def _subject(message: str) -> str:
    return _clean(message.lstrip().partition("\n")[0])


@lru_cache(maxsize=1024)
def _clean_name(text: str) -> str:
    return _clean(text)


def _clean(text: str) -> str:
    """Return a text of a commit as one short line: anybody can write anything there."""
    line = text[:_LONGEST]
    if not line.isprintable():
        line = "".join(each if each.isprintable() else " " for each in line)
    return line.strip()
