"""Functions whose lines a formatter, a typing commit or a move within the file owns: who wrote them, with the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from .blame import Run
from .evidence import EvidenceBook
from .neutral import NeutralCommits
from .repository import Repository
from .resolve import OwnedLine
from .scanned_file import ScannedFile
from .seen_through import FunctionLine, Origin, SeenThrough

Progress = Callable[[str, int, int], None]

_BATCH = 10_000
"""Lines looked through together, all those of a file at once."""


def look_through(  # noqa: PLR0913, PLR0917  # what a scan knows
    repository: Repository,
    revision: str,
    files: Mapping[str, ScannedFile],
    neutral: NeutralCommits,
    order: Mapping[str, int],
    parents: Mapping[str, Sequence[str]],
    stop: Mapping[str, str],
    progress: Progress,
) -> dict[FunctionLine, Origin]:
    """
    Find who wrote the lines of functions that neutral commits took over.

    Only where it can matter: in functions with a sign of AI, and in those that someone changed after AI
    had changed their file.

    Args:
        repository: Where to look.
        revision: The commit that is scanned.
        files: Its files.
        neutral: Knows which commits left a function as it was.
        order: Position of the commits in topological order, 0 is the newest.
        parents: Of every commit that is not older than where the scan stops.
        stop: The oldest commit of interest for each file; "" for all of history.
        progress: Told how far it is.
    """
    seen = SeenThrough(repository, revision, neutral, order, parents)
    found: dict[FunctionLine, Origin] = {}
    waiting: dict[FunctionLine, Origin] = {}
    for number, file in enumerate(files.values(), 1):
        waiting.update(_lines(file, order))
        # What is known of each line takes much more memory than what remains of it.
        if len(waiting) >= _BATCH or number == len(files):
            found |= seen.origins(waiting, stop, progress)
            waiting = {}
    return found


def _lines(file: ScannedFile, order: Mapping[str, int]) -> Iterator[tuple[FunctionLine, Origin]]:
    """Yield the lines of a file for which it can matter, and where they are from."""
    path = file.ownership.path
    places = _places(file)
    oldest = max((order.get(sha, len(order)) for sha in _ai_owners(file)), default=-1)
    for function in file.functions:
        has_sign = file.facts(function).has_sign
        for number in function.behaviour:
            commit = file.lines[number - 1].commit
            if commit and (has_sign or order.get(commit, len(order)) < oldest):
                yield FunctionLine(path, function.qualname, number), places[number - 1]


def with_origins(
    files: Mapping[str, ScannedFile], found: Mapping[FunctionLine, Origin], book: EvidenceBook
) -> dict[str, ScannedFile]:
    """Give files the lines that neutral commits are looked through for, each with its evidence."""
    by_path: dict[str, dict[tuple[str, int], Origin]] = {}
    for line, origin in found.items():
        by_path.setdefault(line.path, {})[line.qualname, line.line] = origin
    known = dict(files)
    for path, origins in by_path.items():
        file = files[path]
        lines = {key: _line(file.lines[key[1] - 1], origin, book) for key, origin in origins.items()}
        paths = {origin.commit: origin.path for origin in origins.values()}
        known[path] = replace(file, origins=lines, paths={**paths, **file.paths})
    return known


def _line(own: OwnedLine, origin: Origin, book: EvidenceBook) -> OwnedLine:
    if own.evidence is not None and own.evidence.source == "comment":
        return replace(own, commit=origin.commit)
    return next(book.lines_of(Run(1, 1, *origin)))


def _places(file: ScannedFile) -> list[Origin]:
    return [
        Origin(run.commit, run.path, run.original_start + offset)
        for run in file.ownership.runs
        for offset in range(run.length)
    ]


def _ai_owners(file: ScannedFile) -> Iterator[str]:
    return (line.commit for line in file.lines if line.evidence and line.evidence.verdict == "ai")
