"""The walk: commits and their evidence, files and their lines, functions and their authors; a manifest comes out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
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
from .functions import SourceError, SourceFunction, functions_in
from .header import Revision, header_of
from .known_facts import KnownFacts
from .look_through import look_through, with_origins
from .modules import module_name
from .moves import follow_moves
from .neutral import NeutralCommits
from .neutral_questions import ask
from .rebuild import CacheUse, Rebuild
from .recollection import Remembered, Seen, problems_of
from .repository import Repository
from .resolve import OwnedLine
from .scanned_file import ScannedFile
from .settings import ScanSettings, read_settings
from .sources import read_sources
from .survey import Survey, paths_by_blob

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


@dataclass(slots=True)
class _Context:
    """What all files of one scan share."""

    repository: Repository
    revision: str
    settings: ScanSettings
    commits: Commits
    book: EvidenceBook
    blobs: Mapping[str, str]
    found: Survey
    ownership: Ownership
    neutral: NeutralCommits
    problems: dict[str, str] = field(default_factory=dict)
    """Why the functions of some files cannot be told, by path."""


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
    context = _Context(
        repository, revision.sha, settings, commits, book, blobs, found, Ownership(owned, order),
        NeutralCommits(repository, rebuild.known.neutral),
    )  # fmt: skip
    files = _read_files(context, tell, everything=everything or paths is not None)
    files = with_deletion_paths(repository, files)
    files = _look_through(context, files, few, "" if few else oldest, author, tell)
    commits = context.commits
    records = _attribute_files(context, files, tell)
    seen: dict[str, Remembered | Seen] = dict(taken)
    for path, ownership in owned.items():
        seen[path] = _remembered(context, ownership, files.get(path), records.get(path), bounded=bool(oldest))
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
    known = KnownFacts(sources.recovered, context.neutral.answers, sources.squashes)
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
        else read_commits(repository, revision, settings=settings, author=author, only=_touched_by(few))
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


def _touched_by(ownership: Ownership) -> set[str]:
    """Return the commits that own a line, or removed one."""
    files = ownership.files.values()
    owners = {run.commit for file in files for run in file.runs}
    return (owners | {each.commit for file in files for each in file.deletions}) - {""}


def _read_files(context: _Context, tell: Progress, *, everything: bool) -> dict[str, ScannedFile]:
    """Parse the files that AI touched or that carry a mark."""
    lines: dict[str, list[OwnedLine]] = {}
    for path, ownership in context.ownership.files.items():
        owned = context.book.lines_of_file(ownership)
        if everything or path in context.found.marked or any(line.evidence for line in owned):
            lines[path] = owned
    paths = paths_by_blob({path: context.blobs[path] for path in lines})
    found: dict[str, ScannedFile] = {}
    for number, (blob, data) in enumerate(context.repository.read_blobs(list(paths))):
        tell("functions", number, len(paths))
        for path in paths[blob]:
            functions = _functions(path, data, context.problems)
            ownership = context.ownership.files[path]
            where = {run.commit: run.path for run in ownership.runs if run.commit}
            found[path] = ScannedFile(ownership, functions, lines[path], where)
    tell("functions", len(paths), len(paths))
    return found


def _look_through(  # noqa: PLR0913, PLR0917  # what a scan knows
    context: _Context,
    files: Mapping[str, ScannedFile],
    few: Ownership | None,
    oldest: str,
    author: AuthorForm,
    tell: Progress,
) -> dict[str, ScannedFile]:
    """Give functions the lines that neutral commits took over; for a few files, messages are read that it takes."""
    repository, revision, order = context.repository, context.revision, context.ownership.order
    stop = {path: "" if path in context.found.marked else oldest for path in files}
    origins = look_through(
        repository, revision, files, context.neutral, order, context.commits.parents, stop, tell
    )
    hidden = {each.commit for each in origins.values()} - {""}
    if few is not None and not hidden <= context.commits.by_sha.keys():
        only = _touched_by(few) | hidden
        commits = read_commits(repository, revision, settings=context.settings, author=author, only=only)
        context.commits = with_agents(repository, commits)
        sources = read_sources(repository, revision, context.commits, context.settings)
        context.book = EvidenceBook(context.commits.by_sha, sources.records, context.found.comments)
    return with_origins(files, origins, context.book)


def _functions(path: str, data: bytes, problems: dict[str, str]) -> tuple[SourceFunction, ...]:
    try:
        return tuple(functions_in(data))
    except SourceError as error:
        problems[path] = str(error)
        return ()


def _attribute_files(
    context: _Context, files: Mapping[str, ScannedFile], tell: Progress
) -> dict[str, FileRecord]:
    ask(context.neutral, files.values(), context.ownership.order, tell)
    records = {}
    for number, (path, file) in enumerate(files.items()):
        tell("attribution", number, len(files))
        records[path] = file.record(
            module_name(path, context.blobs),
            order=context.ownership.order,
            commits=context.commits.by_sha,
            is_neutral=context.neutral.is_neutral,
            min_ai_share=context.settings.min_ai_share,
        )
    tell("attribution", len(files), len(files))
    return records


def _remembered(
    context: _Context,
    ownership: FileOwnership,
    file: ScannedFile | None,
    record: FileRecord | None,
    *,
    bounded: bool,
) -> Remembered:
    """Gather what is known of a file that was looked at."""
    path = ownership.path
    definitions = context.found.definitions[path]
    problem = context.problems.get(path, "")
    seen = Seen(
        blob=ownership.blob,
        is_whole=not bounded or path in context.found.marked,
        is_marked=path in context.found.marked,
        definitions=definitions,
        functions=len(file.functions) if file and not problem else definitions,
        conflicting=sum(line.conflicting for line in file.lines) if file else 0,
        problem=problem,
        is_recorded=record is not None,
    )
    hidden = {line.commit for line in file.origins.values()} if file else set()
    return Remembered(seen, ownership, context.found.comments.get(path, ()), record, hidden - {""})


def _say_nothing(stage: str, done: int, total: int) -> None:
    """Report to nobody."""
