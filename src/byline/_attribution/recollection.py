"""What a scan remembers of the last one: its commits, and each file's owners, marks and attribution."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .._manifest import FileRecord, ManifestFile, file_row
from .._manifest.records import commit_row, evidence_of, evidence_row
from .._model import Commit, Unverified
from .blame import Deletion, FileOwnership, Run
from .cache import CacheFile, UnusableCacheError, pack, write
from .cells import Neighbours
from .comments import CommentMark
from .commits import Commits
from .marks import LineMark
from .replay import Removal

Row = list[Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan saw of one file, besides its lines."""

    blob: str
    is_whole: bool
    """Its lines were followed to their beginning, however old they are."""

    is_marked: bool
    definitions: int
    """Functions as far as its text shows; counted, not parsed."""

    functions: int
    """Functions, parsed where somebody looked."""

    conflicting: int
    problem: str
    """Why its functions cannot be told; empty when they can."""

    is_recorded: bool
    """It is in the manifest."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A file as a scan leaves it to the next one."""

    seen: Seen
    ownership: FileOwnership
    comments: tuple[CommentMark, ...] = ()
    record: FileRecord | None = None
    hidden: Collection[str] = ()
    """Commits whose lines a neutral one took over."""


@dataclass
class Recollection:
    """The last scan, read as far as it is asked for."""

    revision: str
    oldest: str
    """Where the walk stopped: the oldest AI commit, or "" when it went to the beginning."""

    records: Mapping[str, str]
    """A digest of the line-level records of each commit that has some."""

    _file: CacheFile
    _index: dict[str, Row] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, world: Mapping[str, str]) -> Recollection:
        """
        Read what the last scan left.

        Args:
            path: The cache.
            world: What its content depends on, by name; all of it must be as it was.

        Raises:
            UnusableCacheError: It cannot be used.
        """
        file = CacheFile.read(path)
        try:
            before = file.header["world"]
            changed = [name for name, value in world.items() if before.get(name) != value]
            if changed:
                raise UnusableCacheError(f"it is about {_listed(changed)} that changed since")
            head = file.header
            index = {row[0]: row for row in file.block(*head["index"])}
            return cls(head["revision"], head["oldest"], head["records"], file, index)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UnusableCacheError("it is damaged") from error

    # --- commits -------------------------------------------------------------

    @cached_property
    def table(self) -> list[str]:
        """The commits that the blocks name by number."""
        return [row[0] for row in self._rows]

    @cached_property
    def _rows(self) -> list[Row]:
        rows: list[Row] = self._file.block(*self._file.header["commits"])
        return rows

    def commits(self) -> tuple[dict[str, Commit], dict[str, tuple[str, ...]]]:
        """Return the commits and their parents, newest first."""
        table, rows = self.table, self._rows
        known: dict[str, tuple[Any, ...]] = {}
        found, parents = {}, {}
        for number in self._file.block(*self._file.header["order"]):
            *row, evidence, its_parents = rows[number]
            key = str(evidence) if evidence else ""
            if key not in known:
                known[key] = tuple(evidence_of(each) for each in evidence)
            sha, committed_at, subject, author, accountable, change = row
            found[sha] = Commit(sha, subject, committed_at, author, accountable, change, known[key])
            parents[sha] = tuple(table[each] for each in its_parents)
        return found, parents

    def aside(self, name: str) -> Any:  # noqa: ANN401  # whoever left it knows
        """Return something else that the last scan left."""
        return self._file.block(*self._file.header["asides"][name])

    # --- files ---------------------------------------------------------------

    @cached_property
    def seen(self) -> dict[str, Seen]:
        """What was seen of each file."""
        return {path: Seen(*row[1:-2]) for path, row in self._index.items()}

    def raw(self, path: str) -> bytes:
        """Return a file's block as it is."""
        return self._file.raw(*self._index[path][-2:])

    def ownership(self, path: str, order: Mapping[str, int]) -> FileOwnership:
        """
        Return the owners of a file's lines.

        Args:
            path: The file.
            order: Position of the commits in topological order.
        """
        runs, places, removals, deletions, *_ = self._block(path)
        shas = self.table
        where: list[tuple[str, str]] = [
            (shas[number] if number >= 0 else "", name) for number, name in places
        ]
        found, start = [], 1
        for length, place, original in zip(runs[::3], runs[1::3], runs[2::3], strict=True):
            found.append(Run(start, length, where[place][0], where[place][1], original))
            start += length
        kept = (
            None
            if removals is None
            else tuple((shas[number], _cells(above), _cells(below)) for number, above, below in removals)
        )
        told = deletions if kept is None else [(each[0], *_nearest(each, start)) for each in kept]
        named = [(shas[each[0]], *each[1:]) for each in told] if kept is None else told
        removed = sorted(set(named), key=lambda each: (order[each[0]], *each[1:]))
        return FileOwnership(
            path, self._index[path][1], tuple(found), tuple(Deletion(*each) for each in removed), kept
        )

    def comments(self, path: str) -> tuple[CommentMark, ...]:
        """Return the markers in a file's comments."""
        return tuple(
            CommentMark(scope, LineMark(path, start, end, evidence_of(evidence)))
            for scope, start, end, evidence in self._block(path)[4]
        )

    def record(self, path: str, module: str, commits: Mapping[str, Commit]) -> FileRecord:
        """Return a file's attribution."""
        shas = self.table
        content = self._block(path)[5]
        file = ManifestFile(
            path, module, content, lambda number: commits[shas[number]] if number >= 0 else None
        )
        return file.record(self._index[path][1])

    def owners(self, path: str) -> set[str]:
        """Return the commits that own a line of a file, or did before a neutral one took it over, or removed one."""
        _, places, removals, deletions, _, _, hidden = self._block(path)
        numbers = (
            {number for number, _ in places} | {each[0] for each in removals or deletions or ()} | {*hidden}
        )
        return {self.table[number] for number in numbers if number >= 0}

    def _block(self, path: str) -> Row:
        block: Row = self._file.block(*self._index[path][-2:])
        return block


def leave(  # noqa: PLR0913, PLR0917  # all that a scan leaves
    path: Path,
    world: Mapping[str, str],
    revision: str,
    oldest: str,
    commits: Commits,
    records: Mapping[str, str],
    files: Mapping[str, Remembered | Seen],
    last: Recollection | None,
    asides: Mapping[str, object],
) -> None:
    """
    Write what the next scan goes on from.

    Args:
        path: The cache.
        world: What all this depends on, by name.
        revision: What was scanned.
        oldest: Where the walk stopped.
        commits: All commits of the revision.
        records: A digest of the line-level records of each commit.
        files: By path; ``Seen`` alone for a file of which nothing but that may have changed since the last scan.
        last: The last scan.
        asides: What else the next scan need not find again, by name, JSON-ready.

    Raises:
        OSError: It cannot be written.
    """
    table = [sha for sha in last.table if sha in commits.by_sha] if last else []
    if last and len(table) != len(last.table):
        raise ValueError("the last scan's commits are not all here")
    known = set(table)
    table += [sha for sha in commits.by_sha if sha not in known]
    numbers = {sha: number for number, sha in enumerate(table)}
    body = bytearray()

    def add(block: bytes) -> list[int]:
        body.extend(block)
        return [len(body) - len(block), len(block)]

    index = []
    for name, each in files.items():
        seen = each if isinstance(each, Seen) else each.seen
        block = last.raw(name) if isinstance(each, Seen) and last else pack(_file_row(each, numbers))  # type: ignore[arg-type]  # a file that is only seen has a last scan
        index.append([name, *_values(seen), *add(block)])
    rows = [
        [
            *commit_row(commit := commits.by_sha[sha]),
            [evidence_row(each) for each in commit.evidence],
            [numbers[each] for each in commits.parents[sha]],
        ]
        for sha in table
    ]
    header = {
        "world": dict(world),
        "revision": revision,
        "oldest": oldest,
        "records": dict(records),
        "commits": add(pack(rows)),
        "order": add(pack([numbers[sha] for sha in commits.by_sha])),
        "index": add(pack(index)),
        "asides": {name: add(pack(each)) for name, each in asides.items()},
    }
    write(path, header, bytes(body))


def _values(seen: Seen) -> Row:
    return [getattr(seen, name) for name in Seen.__dataclass_fields__]


def _file_row(file: Remembered, numbers: Mapping[str, int]) -> Row:
    ownership = file.ownership
    places: dict[tuple[int, str], int] = {}
    runs: Row = []
    for run in ownership.runs:
        place = places.setdefault((numbers.get(run.commit, -1), run.path), len(places))
        runs += (run.length, place, run.original_start)
    removals, deletions = None, None
    if ownership.removals is None:
        deletions = [[numbers[each.commit], each.above, each.below] for each in ownership.deletions]
    else:
        removals = [[numbers[sha], above, below] for sha, above, below in ownership.removals]
    comments = [
        [each.scope, each.mark.start, each.mark.end, evidence_row(each.mark.evidence)]
        for each in file.comments
    ]
    record = file_row(file.record, numbers) if file.record else None
    hidden = sorted(numbers[sha] for sha in file.hidden)
    return [runs, list(places), removals, deletions, comments, record, hidden]


def _cells(row: Iterable[Any]) -> Neighbours:
    return tuple(tuple(each) if isinstance(each, list) else each for each in row)


def _nearest(removal: Removal, edge: int) -> tuple[int, int]:
    """Return the lines above and below a removed one, as ``Deletion`` has them."""
    above, below = (
        abs(each[-1] if isinstance(each, tuple) else each) for each in (removal[1][0], removal[2][0])
    )
    return above, below or edge


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def problems_of(seen: Mapping[str, Seen]) -> list[Unverified]:
    """Return what could not be told of files, by path."""
    return [
        Unverified(path, seen[path].problem, "its lines are attributed, its functions are not")
        for path in sorted(seen)
        if seen[path].problem
    ]
