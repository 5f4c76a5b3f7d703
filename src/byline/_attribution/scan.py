"""The walk: commits and their evidence, files and their lines, functions and their authors; a manifest comes out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path

from .._config import AuthorForm
from .._manifest import FileRecord, FunctionRecord, Header, LineRun, Manifest, render
from .._model import Commit, Evidence, Function, Unverified
from ..exceptions import RepositoryError
from .blame import FileOwnership, Ownership, own_lines
from .commits import Commits, read_commits
from .evidence import EvidenceBook
from .functions import DECORATOR, SourceError, SourceFunction, functions_in
from .modules import module_name
from .neutral import NeutralCommits
from .note_refs import read_notes
from .repository import Repository
from .resolve import FunctionFacts, OwnedLine, attribute, spread
from .settings import ScanSettings, read_settings

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, how much is done and how much there is."""

_DECORATED = Evidence("ai", "decorator", "unknown", "high")
_DEFINITION = re.compile(rb"^[ \t]*(?:async[ \t]+)?def[ \t]", re.MULTILINE)
_NEWEST_CHECKED = 3
"""Changes of a function whose neutrality is read in one go; older ones are read when needed."""


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
    evidence: EvidenceBook
    blobs: dict[str, str]
    ownership: Ownership
    neutral: NeutralCommits
    unverified: list[Unverified] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _File:
    """One file on its way into the manifest."""

    ownership: FileOwnership
    functions: tuple[SourceFunction, ...]
    lines: list[OwnedLine]
    """One for each line of the file; the first line has index 0."""

    paths: dict[str, str]
    """The file's path in each commit that owns a line of it."""

    def path_in(self, sha: str) -> str:
        """Return the file's path in a commit, as far as blame tells."""
        return self.paths.get(sha, self.ownership.path)

    def facts(self, function: SourceFunction) -> FunctionFacts:
        """Gather what is known of one of the file's functions."""
        lines = [self.lines[number - 1] for number in function.behaviour]
        mark = _DECORATED if function.is_marked else None
        if mark is not None:
            lines = spread(mark, lines)
        deletions = [
            each.commit
            for each in self.ownership.deletions
            if function.line <= each.above and each.below <= function.end_line
        ]
        return FunctionFacts(lines, deletions, mark)


def scan(
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
    revision = repository.head()
    if repository.is_shallow() and not allow_shallow:
        raise RepositoryError(
            f"{str(repository.root)!r} is a shallow clone: most lines would seem to come from one commit. "
            "Fetch the history (git fetch --unshallow; fetch-depth: 0 in GitHub Actions), or pass --allow-shallow."
        )
    blobs = _python_files(repository, revision, settings, paths)
    # For a few files, their owners' messages are enough; a bounded walk needs every message first.
    few = None if paths is None else own_lines(repository, revision, paths=blobs, progress=tell)
    tell("commits", 0, 1)
    only = None if few is None else _touched_by(few)
    commits = read_commits(repository, revision, settings=settings, author=author, only=only)
    tell("commits", 1, 1)
    notes, unread = read_notes(repository, commits.by_sha, identities=commits.identities)
    with_notes = frozenset(sha for sha, note in notes.items() if note.marks)
    oldest = "" if everything or few is not None else commits.oldest_ai(with_notes)
    stop = (oldest,) if oldest else ()
    ownership = few or own_lines(repository, revision, paths=blobs, stop=stop, progress=tell)
    book = EvidenceBook(commits.by_sha, notes)
    context = _Context(
        repository, settings, commits, book, blobs, ownership, NeutralCommits(repository), unread
    )
    files, counted = _read_files(context, tell, everything=everything or paths is not None)
    records = _attribute_files(context, files, tell)
    conflicting = sum(line.conflicting for file in files for line in file.lines)
    header = _header(
        context, records, revision=revision, functions=counted, conflicting=conflicting, bounded=bool(oldest)
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


def _touched_by(ownership: Ownership) -> set[str]:
    """Return the commits that own a line, or removed one."""
    files = ownership.files.values()
    owners = {run.commit for file in files for run in file.runs}
    return (owners | {each.commit for file in files for each in file.deletions}) - {""}


def _python_files(
    repository: Repository, revision: str, settings: ScanSettings, paths: Collection[str] | None
) -> dict[str, str]:
    found = {
        path: blob
        for path, blob in repository.files(revision).items()
        if path.endswith(".py") and not any(fnmatch(path, pattern) for pattern in settings.exclude)
    }
    return found if paths is None else {path: found[path] for path in paths if path in found}


def _read_files(context: _Context, tell: Progress, *, everything: bool) -> tuple[list[_File], int]:
    """
    Parse the files that AI touched or that carry a mark.

    Returns:
        Those files, and how many functions there are in all files together.
    """
    found: list[_File] = []
    functions = 0
    paths = _paths_by_blob(context.blobs)
    for number, (blob, data) in enumerate(context.repository.read_blobs(list(paths))):
        tell("functions", number, len(paths))
        for path in paths[blob]:
            ownership = context.ownership.files.get(path)
            lines = _owned_lines(ownership, context.evidence) if ownership else []
            touched = any(line.evidence is not None for line in lines) or DECORATOR.encode() in data
            if ownership is None or not (touched or everything):
                functions += len(_DEFINITION.findall(data))
                continue
            try:
                inside = tuple(functions_in(data))
            except SourceError as error:
                functions += len(_DEFINITION.findall(data))
                context.unverified.append(
                    Unverified(path, str(error), "its lines are attributed, its functions are not")
                )
                inside = ()
            functions += len(inside)
            where = {run.commit: run.path for run in ownership.runs if run.commit}
            found.append(_File(ownership, inside, lines, where))
    tell("functions", len(paths), len(paths))
    return found, functions


def _paths_by_blob(blobs: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, blob in blobs.items():
        found.setdefault(blob, []).append(path)
    return found


def _owned_lines(ownership: FileOwnership, book: EvidenceBook) -> list[OwnedLine]:
    return [line for run in ownership.runs for line in book.lines_of(run)]


def _attribute_files(context: _Context, files: list[_File], tell: Progress) -> list[FileRecord]:
    _load_neutral(context, files)
    records = []
    for number, file in enumerate(files):
        tell("attribution", number, len(files))
        records.append(_record(context, file))
    tell("attribution", len(files), len(files))
    return records


def _load_neutral(context: _Context, files: list[_File]) -> None:
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
    context.neutral.load(wanted)


def _record(context: _Context, file: _File) -> FileRecord:
    path = file.ownership.path
    module = module_name(path, context.blobs)
    functions = []
    for function in file.functions:
        facts = file.facts(function)
        if facts.mark is None and not any(line.evidence for line in facts.lines):
            continue

        def is_neutral(sha: str, qualname: str = function.qualname) -> bool:
            return context.neutral.is_neutral(sha, file.path_in(sha), qualname)

        attribution = attribute(
            facts,
            order=context.ownership.order,
            commits=context.commits.by_sha,
            is_neutral=is_neutral,
            min_ai_share=context.settings.min_ai_share,
        )
        place = Function(
            module, function.qualname, path, function.first_line, function.line, function.end_line
        )
        functions.append(FunctionRecord(place, attribution, function.text_hash))
        if facts.mark is not None:
            _put_mark(file, function, facts)
    return FileRecord(path, module, file.ownership.blob, tuple(functions), tuple(_runs(file.lines)))


def _put_mark(file: _File, function: SourceFunction, facts: FunctionFacts) -> None:
    """Let the lines of a marked function say what the mark says, where git says nothing."""
    for number, line in zip(function.behaviour, facts.lines, strict=True):
        file.lines[number - 1] = line


def _runs(lines: list[OwnedLine]) -> Iterable[LineRun]:
    for (commit, evidence), group in groupby(lines, key=lambda line: (line.commit, line.evidence)):
        yield LineRun(len(list(group)), commit, evidence)


def _header(
    context: _Context,
    records: list[FileRecord],
    *,
    revision: str,
    functions: int,
    conflicting: int,
    bounded: bool,
) -> Header:
    verdicts = Counter(
        run.evidence.verdict if run.evidence else "unknown"
        for record in records
        for run in record.runs
        for _ in range(run.length)
    )
    ai = sum(each.attribution.verdict == "ai" for record in records for each in record.functions)
    repository = context.repository
    dirty = sorted(repository.dirty() & context.blobs.keys())
    edits = [Unverified(path, "uncommitted edits", "commit, then scan again") for path in dirty]
    return Header(
        revision=revision,
        branch=repository.branch(),
        repository=repository.url(),
        object_format="sha256" if len(revision) == 64 else "sha1",  # noqa: PLR2004  # hex digits of SHA-256
        shallow=repository.is_shallow(),
        bounded=bounded,
        min_ai_share=context.settings.min_ai_share,
        functions=functions,
        ai_functions=ai,
        lines_known=verdicts["ai"] + verdicts["human"],
        lines_unknown=verdicts["unknown"],
        lines_conflicting=conflicting,
        unverified=(*context.unverified, *edits),
    )


def _say_nothing(stage: str, done: int, total: int) -> None:
    """Report to nobody."""
