"""The source files of one scan: read, looked through where neutral commits own lines, attributed, and remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .._config import AuthorForm
from .._manifest import FileRecord
from .blame import FileOwnership, Ownership
from .commits import Commits, read_commits
from .entire import with_agents
from .evidence import EvidenceBook
from .functions import SourceError, SourceFunction, functions_in
from .look_through import look_through, with_origins
from .modules import module_name
from .neutral import NeutralCommits
from .neutral_questions import ask
from .progress import Progress
from .recollection import Remembered, Seen
from .repository import Repository
from .resolve import OwnedLine
from .scanned_file import ScannedFile
from .settings import ScanSettings
from .sources import read_sources
from .survey import Survey, paths_by_blob


@dataclass(slots=True)
class SourceFiles:
    """What all files of one scan share."""

    repository: Repository
    revision: str
    settings: ScanSettings
    author: AuthorForm
    commits: Commits
    book: EvidenceBook
    blobs: Mapping[str, str]
    found: Survey
    ownership: Ownership
    neutral: NeutralCommits
    oldest: str
    """Where blame stopped, for files without a mark; "" when it did not."""

    problems: dict[str, str] = field(default_factory=dict)
    """Why the functions of some files cannot be told, by path."""

    def read(self, tell: Progress, *, everything: bool) -> dict[str, ScannedFile]:
        """Parse the files that AI touched or that carry a mark."""
        lines: dict[str, list[OwnedLine]] = {}
        for path, ownership in self.ownership.files.items():
            owned = self.book.lines_of_file(ownership)
            if everything or path in self.found.marked or any(line.evidence for line in owned):
                lines[path] = owned
        paths = paths_by_blob({path: self.blobs[path] for path in lines})
        found: dict[str, ScannedFile] = {}
        for number, (blob, data) in enumerate(self.repository.read_blobs(list(paths))):
            tell("functions", number, len(paths))
            for path in paths[blob]:
                functions = _functions(path, data, self.problems)
                ownership = self.ownership.files[path]
                where = {run.commit: run.path for run in ownership.runs if run.commit}
                found[path] = ScannedFile(ownership, functions, lines[path], where)
        tell("functions", len(paths), len(paths))
        return found

    def look_through(
        self, files: Mapping[str, ScannedFile], tell: Progress, *, is_few: bool
    ) -> dict[str, ScannedFile]:
        """Give functions the lines that neutral commits took over; for a few files, messages are read that it takes."""
        order = self.ownership.order
        stop = {path: "" if path in self.found.marked else self.oldest for path in files}
        origins = look_through(
            self.repository, self.revision, files, self.neutral, order, self.commits.parents, stop, tell
        )
        hidden = {each.commit for each in origins.values()} - {""}
        if is_few and not hidden <= self.commits.by_sha.keys():
            self._read_more(hidden)
        return with_origins(files, origins, self.book)

    def _read_more(self, hidden: set[str]) -> None:
        """Read the messages of commits that own no line as blame tells, besides those that do."""
        only = self.ownership.owners() | hidden
        commits = read_commits(
            self.repository, self.revision, settings=self.settings, author=self.author, only=only
        )
        self.commits = with_agents(self.repository, commits)
        sources = read_sources(self.repository, self.revision, self.commits, self.settings)
        self.book = EvidenceBook(self.commits.by_sha, sources.records, self.found.comments)

    def attribute(self, files: Mapping[str, ScannedFile], tell: Progress) -> dict[str, FileRecord]:
        """Attribute the functions of files that were read."""
        ask(self.neutral, files.values(), self.ownership.order, tell)
        records = {}
        for number, (path, file) in enumerate(files.items()):
            tell("attribution", number, len(files))
            records[path] = file.record(
                module_name(path, self.blobs),
                order=self.ownership.order,
                commits=self.commits.by_sha,
                is_neutral=self.neutral.is_neutral,
                min_ai_share=self.settings.min_ai_share,
            )
        tell("attribution", len(files), len(files))
        return records

    def remembered(
        self, ownership: FileOwnership, file: ScannedFile | None, record: FileRecord | None
    ) -> Remembered:
        """Gather what is known of a file that was looked at."""
        path = ownership.path
        definitions = self.found.definitions[path]
        problem = self.problems.get(path, "")
        seen = Seen(
            blob=ownership.blob,
            is_whole=not self.oldest or path in self.found.marked,
            is_marked=path in self.found.marked,
            definitions=definitions,
            functions=len(file.functions) if file and not problem else definitions,
            conflicting=sum(line.conflicting for line in file.lines) if file else 0,
            problem=problem,
            is_recorded=record is not None,
        )
        hidden = {line.commit for line in file.origins.values()} if file else set()
        return Remembered(seen, ownership, self.found.comments.get(path, ()), record, hidden - {""})


def _functions(path: str, data: bytes, problems: dict[str, str]) -> tuple[SourceFunction, ...]:
    try:
        return tuple(functions_in(data))
    except SourceError as error:
        problems[path] = str(error)
        return ()
