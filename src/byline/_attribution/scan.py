"""The walk: commits and their evidence, files and their lines, functions and their authors; a manifest comes out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from .._config import AuthorForm
from .._manifest import FileRecord, Header, Manifest, render
from .._model import Commit, Unverified
from .blame import Ownership, own_lines
from .commits import Commits, read_commits
from .entire import with_agents
from .evidence import EvidenceBook
from .functions import SourceError, SourceFunction, functions_in
from .header import Revision, header_of
from .modules import module_name
from .neutral import NeutralCommits
from .repository import Repository
from .resolve import OwnedLine
from .scanned_file import ScannedFile
from .settings import ScanSettings, read_settings
from .sources import read_sources
from .survey import Survey, paths_by_blob, survey

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, how much is done and how much there is."""

_NEWEST_CHECKED = 3
"""Changes of a function whose neutrality is read in one go; older ones are read when needed."""
_PLACES = 200
"""Versions of files compared between two words on how far it is."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found, ready to be written as a manifest."""

    header: Header
    files: tuple[FileRecord, ...]
    commits: Mapping[str, Commit]

    def manifest(self) -> Manifest:
        """Return the manifest without writing it."""
        return Manifest.load(render(self.header, self.files, self.commits), Path("<memory>"))


@dataclass(slots=True)
class _Context:
    """What all files of one scan share."""

    repository: Repository
    settings: ScanSettings
    commits: Commits
    book: EvidenceBook
    blobs: Mapping[str, str]
    found: Survey
    ownership: Ownership
    neutral: NeutralCommits
    unverified: list[Unverified] = field(default_factory=list)


def scan(  # noqa: PLR0913  # all but one are options
    root: Path, *, everything: bool = False, allow_shallow: bool = False, author: AuthorForm = "name",
    paths: Collection[str] | None = None, progress: Progress | None = None,
) -> Scan:  # fmt: skip
    """
    Attribute the functions of a repository's current revision.

    Args:
        root: A folder inside the repository.
        everything: Also attribute lines older than the first AI commit, and files AI never touched.
        allow_shallow: Go on in a shallow clone; what lies beyond its edge is unknown.
        author: Whether people are written by name or by e-mail address.
        paths: Only these files, relative to the repository's root.
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
    # For a few files, their owners' messages are enough; a bounded walk needs every message first.
    few = None if paths is None else own_lines(repository, revision.sha, paths=blobs, progress=tell)
    tell("commits", 0, 1)
    only = None if few is None else _touched_by(few)
    commits = read_commits(repository, revision.sha, settings=settings, author=author, only=only)
    commits = with_agents(repository, commits)
    tell("commits", 1, 1)
    sources = read_sources(repository, revision.sha, commits, settings, progress=tell)
    found = survey(repository, blobs, identities=commits.identities, progress=tell)
    oldest = "" if everything or few is not None else commits.oldest_ai(sources.with_marks())
    ownership = few or _own_lines(repository, revision.sha, blobs, found.marked, commits, oldest, tell)
    context = _Context(
        repository,
        settings,
        commits,
        EvidenceBook(commits.by_sha, sources.records, found.comments),
        blobs,
        found,
        ownership,
        NeutralCommits(repository),
        list(sources.unverified),
    )
    files, functions = _read_files(context, tell, everything=everything or paths is not None)
    records = _attribute_files(context, files, tell)
    header = header_of(
        repository,
        revision,
        records,
        paths=blobs,
        functions=functions,
        conflicting=sum(line.conflicting for file in files for line in file.lines),
        bounded=bool(oldest),
        min_ai_share=settings.min_ai_share,
        unverified=context.unverified,
    )
    return Scan(header, tuple(records), commits.by_sha)


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


def _own_lines(  # noqa: PLR0913, PLR0917  # the whole scan's
    repository: Repository,
    revision: str,
    blobs: Mapping[str, str],
    marked: Collection[str],
    commits: Commits,
    oldest: str,
    tell: Progress,
) -> Ownership:
    """
    Find the owners of all lines, or of those that are no older than the first AI commit.

    Whoever marked a file says that AI wrote it, however old its lines are: it is followed to its beginning.
    """
    order = {sha: position for position, sha in enumerate(commits.by_sha)}
    if not oldest:
        return Ownership(own_lines(repository, revision, paths=blobs, progress=tell).files, order)
    rest = blobs.keys() - set(marked)
    files = own_lines(repository, revision, paths=rest, stop=(oldest,), progress=tell).files
    if marked:
        files |= own_lines(repository, revision, paths=marked, progress=tell).files
    return Ownership(files, order)


def _read_files(context: _Context, tell: Progress, *, everything: bool) -> tuple[list[ScannedFile], int]:
    """
    Parse the files that AI touched or that carry a mark.

    Returns:
        Those files, and how many functions there are in all files together.
    """
    counts = dict(context.found.definitions)
    lines: dict[str, list[OwnedLine]] = {}
    for path in context.blobs:
        ownership = context.ownership.files.get(path)
        owned = context.book.lines_of_file(ownership) if ownership else []
        is_touched = path in context.found.marked or any(line.evidence for line in owned)
        if ownership and (is_touched or everything):
            lines[path] = owned
    paths = paths_by_blob({path: context.blobs[path] for path in lines})
    found: dict[str, ScannedFile] = {}
    for number, (blob, data) in enumerate(context.repository.read_blobs(list(paths))):
        tell("functions", number, len(paths))
        for path in paths[blob]:
            functions = _functions(path, data, context.unverified)
            if functions is not None:
                counts[path] = len(functions)
            ownership = context.ownership.files[path]
            where = {run.commit: run.path for run in ownership.runs if run.commit}
            found[path] = ScannedFile(ownership, functions or (), lines[path], where)
    tell("functions", len(paths), len(paths))
    return [found[path] for path in lines], sum(counts.values())


def _functions(path: str, data: bytes, unverified: list[Unverified]) -> tuple[SourceFunction, ...] | None:
    try:
        return tuple(functions_in(data))
    except SourceError as error:
        unverified.append(Unverified(path, str(error), "its lines are attributed, its functions are not"))
        return None


def _attribute_files(context: _Context, files: list[ScannedFile], tell: Progress) -> list[FileRecord]:
    _load_neutral(context, files, tell)
    records = []
    for number, file in enumerate(files):
        tell("attribution", number, len(files))
        record = file.record(
            module_name(file.ownership.path, context.blobs),
            order=context.ownership.order,
            commits=context.commits.by_sha,
            is_neutral=context.neutral.is_neutral,
            min_ai_share=context.settings.min_ai_share,
        )
        records.append(record)
    tell("attribution", len(files), len(files))
    return records


def _load_neutral(context: _Context, files: list[ScannedFile], tell: Progress) -> None:
    """Compare, in one go, the versions that most questions about neutral commits need."""
    order = context.ownership.order
    wanted: dict[tuple[str, str], set[str]] = {}
    for file in files:
        for function in file.functions:
            facts = file.facts(function)
            ai = {line.commit for line in facts.lines if line.evidence and line.evidence.verdict == "ai"}
            if not ai and facts.mark is None:
                continue
            touched = {line.commit for line in facts.lines} | set(facts.deletions)
            newest = sorted(touched - {""}, key=lambda sha: order.get(sha, len(order)))[:_NEWEST_CHECKED]
            for sha in {*ai, *newest} - {""}:
                wanted.setdefault((sha, file.path_in(sha)), set()).add(function.qualname)
    places = sorted(wanted)
    for start in range(0, len(places), _PLACES):
        tell("versions", start, len(places))
        context.neutral.load({place: wanted[place] for place in places[start : start + _PLACES]})
    tell("versions", len(places), len(places))


def _say_nothing(stage: str, done: int, total: int) -> None:
    """Report to nobody."""
