"""The walk: commits and their evidence, files and their lines, functions and their authors; a manifest comes out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from .._config import AuthorForm
from .._manifest import FileRecord, Header, Manifest, render
from .._model import Commit, Unverified
from .blame import FileOwnership, Ownership, own_lines
from .commits import Commits, read_commits
from .deletion_paths import with_deletion_paths
from .entire import with_agents
from .evidence import EvidenceBook
from .header import Revision, header_of
from .known_facts import KnownFacts
from .modules import module_name
from .moves import follow_moves
from .neutral import NeutralCommits
from .rebuild import CacheUse, Rebuild
from .recollection import Remembered, Seen, problems_of
from .repository import Repository
from .settings import ScanSettings, read_settings
from .source_files import SourceFiles
from .sources import read_sources

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, how much is done and how much there is."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found, ready to be written as a manifest."""

    header: Header
    files: tuple[FileRecord, ...]
    commits: Mapping[str, Commit]
    cache: CacheUse

    def manifest(self) -> Manifest:
        """Return the manifest without writing it."""
        return Manifest.load(render(self.header, self.files, self.commits), Path("<memory>"))


def scan(  # noqa: PLR0913  # all but one are options
    root: Path, *, everything: bool = False, allow_shallow: bool = False, author: AuthorForm = "name",
    paths: Collection[str] | None = None, moves: bool = False, cache: bool = True, progress: Progress | None = None,
) -> Scan:  # fmt: skip
    """
    Attribute the functions of a repository's current revision.

    Args:
        root: A folder inside the repository.
        everything: Also attribute lines older than the first AI commit, and files AI never touched.
        allow_shallow: Go on in a shallow clone; what lies beyond its edge is unknown.
        author: Whether people are written by name or by e-mail address.
        paths: Only these files, relative to the repository's root.
        moves: Give lines that were moved or copied to whoever wrote them first; takes many times longer.
        cache: Go on from the last scan, and leave what the next one can go on from. The result is the same.
        progress: Told how far the scan is.

    Raises:
        RepositoryError: There is no repository, no commit, a shallow clone that was not
            allowed, or git cannot answer.
        ConfigError: ``[tool.byline]`` in pyproject.toml is wrong.
    """
    tell = progress or _say_nothing
    repository = Repository.open(root)
    settings = read_settings(repository.root)
    revision = Revision.of(repository, allow_shallow=allow_shallow)
    blobs = _python_files(repository, revision.sha, settings, paths)
    rebuild = Rebuild.of(
        repository,
        revision.sha,
        settings,
        everything=everything,
        moves=moves,
        author=author,
        wanted=cache and paths is None,
    )
    # For a few files, their owners' messages are enough; a bounded walk needs every message first.
    few = None if paths is None else own_lines(repository, revision.sha, paths=blobs, progress=tell)
    commits = _commits(rebuild, few, settings, author, tell)
    sources = read_sources(
        repository, revision.sha, commits, settings, known=rebuild.known, new=rebuild.new, progress=tell
    )
    found = rebuild.survey(blobs, commits.identities, tell)
    oldest = "" if everything or few is not None else commits.oldest_ai(sources.with_marks())
    # Whoever marked a file says that AI wrote it, however old its lines are: it is followed to its beginning.
    owned = few.files if few else rebuild.own_lines(blobs, found.marked, commits, oldest, tell)
    taken = rebuild.taken_over(sources.records)
    for path in rebuild.unchanged - taken.keys():
        owned[path] = rebuild.recall(path, commits)
    unfollowed = _follow(rebuild, owned, found.marked, oldest, tell) if moves else []
    order = few.order if few else {sha: position for position, sha in enumerate(commits.by_sha)}
    book = EvidenceBook(commits.by_sha, sources.records, found.comments)
    source = SourceFiles(
        repository, revision.sha, settings, author, commits, book, blobs, found, Ownership(owned, order),
        NeutralCommits(repository, rebuild.known.neutral), oldest,
    )  # fmt: skip
    files = with_deletion_paths(repository, source.read(tell, everything=everything or paths is not None))
    files = source.look_through(files, tell, is_few=few is not None)
    commits = source.commits
    records = source.attribute(files, tell)
    seen: dict[str, Remembered | Seen] = dict(taken)
    for path, ownership in owned.items():
        seen[path] = source.remembered(ownership, files.get(path), records.get(path))
    for path in taken:
        if record := rebuild.record(path, module_name(path, blobs), commits):
            records[path] = record
    facts = {path: each if isinstance(each, Seen) else each.seen for path, each in seen.items()}
    header = header_of(
        repository,
        revision,
        list(records.values()),
        paths=blobs,
        functions=sum(each.functions for each in facts.values()),
        conflicting=sum(each.conflicting for each in facts.values()),
        bounded=bool(oldest),
        moves=moves,
        settings=settings,
        unverified=(*sources.unverified, *problems_of(facts), *unfollowed),
    )
    for each in unfollowed:
        del seen[each.subject]
    known = KnownFacts(sources.recovered, source.neutral.answers, sources.squashes)
    use = rebuild.leave(oldest, commits, sources.records, seen, known)
    return Scan(header, tuple(records[path] for path in sorted(records)), commits.by_sha, use)


def _commits(
    rebuild: Rebuild, few: Ownership | None, settings: ScanSettings, author: AuthorForm, tell: Progress
) -> Commits:
    """Read the messages of all commits, or only of those that own some files."""
    tell("commits", 0, 1)
    repository, revision = rebuild.repository, rebuild.revision
    commits = (
        rebuild.commits(settings, author)
        if few is None
        else read_commits(repository, revision, settings=settings, author=author, only=few.owners())
    )
    commits = with_agents(repository, commits)
    tell("commits", 1, 1)
    return commits


def _follow(
    rebuild: Rebuild,
    owned: dict[str, FileOwnership],
    marked: Collection[str],
    oldest: str,
    tell: Progress,
) -> list[Unverified]:
    """Give moved lines to whoever wrote them first, and return what could not be followed."""
    stop = {path: "" if path in marked else oldest for path in owned.keys() - rebuild.unchanged}
    fresh = {path: owned[path] for path in sorted(stop)}
    followed, unfollowed = follow_moves(rebuild.repository, rebuild.revision, fresh, stop=stop, progress=tell)
    owned.update(followed)
    return unfollowed


def scan_files(root: Path, files: Iterable[Path]) -> Manifest:
    """
    Attribute a few files, for a program in development that has no manifest.

    Raises:
        RepositoryError: As for ``scan``; a shallow clone is allowed, its edge unknown.
    """
    top = Repository.open(root).root
    inside = [
        file.resolve().relative_to(top).as_posix() for file in files if file.resolve().is_relative_to(top)
    ]
    return scan(root, allow_shallow=True, paths=inside).manifest()


def _python_files(
    repository: Repository, revision: str, settings: ScanSettings, paths: Collection[str] | None
) -> dict[str, str]:
    found = {
        path: blob
        for path, blob in repository.files(revision).items()
        if path.endswith(".py") and not any(fnmatch(path, pattern) for pattern in settings.exclude)
    }
    return found if paths is None else {path: found[path] for path in paths if path in found}


def _say_nothing(stage: str, done: int, total: int) -> None:
    """Report to nobody."""
