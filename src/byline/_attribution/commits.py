"""The commits of a revision with the evidence that covers each as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from .._config import AuthorForm
from .._model import Commit
from .history import CommitRecord, messages
from .identities import DEFAULT, Identities
from .repository import Repository
from .settings import ScanSettings
from .signals import accountable, change_number, evidence_in


@dataclass(frozen=True, slots=True)
class Commits:
    """All commits that a revision reaches."""

    by_sha: dict[str, Commit]
    """In topological order, newest first."""

    parents: dict[str, tuple[str, ...]]

    def before_first_ai(self, also: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """
        Return where a walk that looks for AI lines may stop: the parents of the oldest AI commit.

        Every other AI commit comes before it in topological order, so none of them is an
        ancestor of these parents.

        Args:
            also: Commits that carry AI lines by a note.
        """
        oldest = next(
            (sha for sha, commit in reversed(self.by_sha.items()) if sha in also or is_ai(commit)),
            None,
        )
        return self.parents[oldest] if oldest else ()


def is_ai(commit: Commit) -> bool:
    """Tell whether some evidence calls the whole commit AI."""
    return any(each.verdict == "ai" for each in commit.evidence)


def read_commits(
    repository: Repository, revision: str, *, settings: ScanSettings, author: AuthorForm = "name"
) -> Commits:
    """Read every commit's message and people, in one git process, and find the marks in them."""
    identities = DEFAULT.with_extra(settings.identities, settings.ignore)
    records = messages(repository, revision)
    return Commits(
        {record.sha: _commit(record, identities, author) for record in records},
        {record.sha: record.parents for record in records},
    )


def _commit(record: CommitRecord, identities: Identities, author: AuthorForm) -> Commit:
    # Tools are recognised by what was really recorded; people go by their mailmapped names.
    found = evidence_in(
        record.message,
        (record.author_name, record.author_email),
        (record.committer_name, record.committer_email),
        committed_at=record.committed_at,
        identities=identities,
    )
    by_email = author == "email"
    person = (record.mapped_author_name, record.mapped_author_email)
    return Commit(
        sha=record.sha,
        subject=_subject(record.message),
        committed_at=record.committed_at,
        author=person[1] if by_email else person[0],
        accountable=accountable(
            record.message,
            person,
            (record.mapped_committer_name, record.mapped_committer_email),
            by_email=by_email,
            identities=identities,
        ),
        change=change_number(record.message),
        evidence=found,
    )


def _subject(message: str) -> str:
    """Return the first line, without control characters, at most 200 characters."""
    line = message.lstrip().partition("\n")[0]
    return "".join(each if each.isprintable() else " " for each in line)[:200].rstrip()
