"""The manifest's header: what was scanned, and how much of it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .._manifest import FileRecord, Header
from .._model import Unverified
from ..exceptions import RepositoryError
from .repository import Repository
from .settings import ScanSettings

_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Revision:
    """What was checked out when the scan began; everything is read from this commit, whatever moves meanwhile."""

    sha: str
    branch: str
    is_shallow: bool

    @classmethod
    def of(cls, repository: Repository, *, allow_shallow: bool) -> Revision:
        """
        Return what is checked out.

        Raises:
            RepositoryError: There is no commit, or a shallow clone that is not allowed.
        """
        found = cls(repository.head(), repository.branch(), repository.is_shallow())
        if found.is_shallow and not allow_shallow:
            raise RepositoryError(
                f"{str(repository.root)!r} is a shallow clone: most lines would seem to come from one commit. "
                "Fetch the history (git fetch --unshallow; fetch-depth: 0 in GitHub Actions), or pass --allow-shallow."
            )
        return found


def header_of(  # noqa: PLR0913  # it is about the whole scan
    repository: Repository,
    revision: Revision,
    records: Sequence[FileRecord],
    *,
    paths: Collection[str],
    functions: int,
    conflicting: int,
    bounded: bool,
    moves: bool,
    settings: ScanSettings,
    unverified: Sequence[Unverified],
) -> Header:
    """
    Count what the scan found.

    Args:
        repository: What was scanned.
        revision: Its commit.
        records: The files in the manifest.
        paths: All source files.
        functions: How many functions they have.
        conflicting: How many lines have sources that disagree.
        bounded: Whether older lines were left out.
        moves: Whether moved lines were followed.
        settings: The repository's own.
        unverified: What could not be told.
    """
    verdicts: Counter[str] = Counter()
    for run in (run for record in records for run in record.runs):
        verdicts[run.evidence.verdict if run.evidence else "unknown"] += run.length
    edited = sorted(repository.dirty() & frozenset(paths))
    edits = [Unverified(path, "uncommitted edits", "commit, then scan again") for path in edited]
    return Header(
        revision=revision.sha,
        branch=revision.branch,
        repository=repository.url(),
        object_format="sha256" if len(revision.sha) == _SHA256_DIGITS else "sha1",
        shallow=revision.is_shallow,
        bounded=bounded,
        moves=moves,
        min_ai_share=settings.min_ai_share,
        measure=dict(settings.measure),
        functions=functions,
        ai_functions=sum(each.attribution.verdict == "ai" for record in records for each in record.functions),
        lines_known=verdicts["ai"] + verdicts["human"],
        lines_unknown=verdicts["unknown"],
        lines_conflicting=conflicting,
        unverified=(*unverified, *edits),
    )
