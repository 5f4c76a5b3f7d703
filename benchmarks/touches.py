"""Whether the last commit of a function is the newest change that ``git log -L`` finds; a part of attribution.py."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from meaning import meaning

from byline._attribution.blame import FileOwnership
from byline._attribution.evidence import EvidenceBook
from byline._attribution.functions import SourceError, SourceFunction, functions_in
from byline._attribution.look_through import look_through, with_origins
from byline._attribution.neutral import NeutralCommits
from byline._attribution.repository import Repository
from byline._attribution.resolve import OwnedLine, attribute
from byline._attribution.scanned_file import ScannedFile

_NEWEST = "-20"
"""How many changes of a function git is asked for."""
_CHANGE = re.compile(
    rb"\0([0-9a-f]{40,})\n(?:\ndiff --git [^\n]+\n--- (?:a/)?([^\n]+)\n\+\+\+ (?:b/)?([^\n]+)\n)?"
)


@dataclass(frozen=True)
class Range:
    """The lines of one function."""

    path: str
    function: SourceFunction

    @property
    def first(self) -> int:
        return self.function.line

    @property
    def last(self) -> int:
        return self.function.end_line


@dataclass(frozen=True)
class Change:
    """A commit that ``git log -L`` lists, and the file there."""

    commit: str
    before: str
    """The path in its parent."""

    after: str


@dataclass
class Comparison:
    """What comparing came to."""

    compared: int = 0
    same: int = 0
    """Functions with the commit that ``git log -1 -L`` names."""

    passed_over: int = 0
    """Functions where git first names commits that are ignored, or that left the syntax tree as it was."""

    not_seen: int = 0
    """Functions whose syntax tree changed in a commit that git does not list, or that is ignored and owns lines."""

    twice: int = 0
    """Functions to which two branches did the same; git names one of the two commits, byline the other."""

    differing: list[str] = field(default_factory=list)
    """Functions where nothing of that explains the difference."""


def functions_of(repository: Repository, paths: Collection[str], size: int) -> list[Range]:
    """Return some functions of some files, the same ones each time."""
    blobs = repository.files("HEAD")
    by_blob = {blobs[path]: path for path in paths}
    found = [
        Range(by_blob[blob], each)
        for blob, data in repository.read_blobs(list(by_blob))
        for each in _functions(data)
    ]
    return random.Random(len(found)).sample(found, min(size, len(found)))


def compare(
    repository: Repository,
    functions: Sequence[Range],
    files: Mapping[str, FileOwnership],
    order: Mapping[str, int],
    ignored: Collection[str],
) -> Comparison:
    """
    Compare the last commit of functions with the newest change that ``git log -L`` lists.

    Git lists commits that only format, type or comment, and those that are to be ignored, and it
    follows a range of lines, not a function: so it lists neighbours, and misses what was removed.
    Where the two differ, the syntax trees before and after the commit tell which one changed the function.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(lambda each: _ask_git(repository.root, each), functions))
    found = Comparison(compared=len(functions))
    named = last_commits(repository, functions, files, order)
    for each, ours, changes in zip(functions, named, answers, strict=True):
        listed = (change for change in changes if change.commit not in ignored)
        real = next((change for change in listed if not _left_alone(repository, change, each)), None)
        named_by_git = real.commit if real else ""
        if ours == named_by_git:
            is_first = ours == changes[0].commit
            found.same += is_first
            found.passed_over += not is_first
        elif real and ours and _same_change(repository, real, _change(ours, each, files), each):
            found.twice += 1
        elif order.get(ours, len(order)) < order.get(named_by_git, len(order)) and _changed(
            repository, _change(ours, each, files), each
        ):
            found.not_seen += 1
        else:
            found.differing.append(
                f"{each.path}:{each.first} {each.function.qualname}: {ours[:12] or 'none'}, git {named_by_git[:12] or 'none'}"
            )
    return found


def last_commits(
    repository: Repository,
    functions: Sequence[Range],
    files: Mapping[str, FileOwnership],
    order: Mapping[str, int],
) -> list[str]:
    """Return the commit that byline names for each function, as if it bore a mark."""
    asked: dict[str, list[SourceFunction]] = {}
    for each in functions:
        asked.setdefault(each.path, []).append(replace(each.function, is_marked=True))
    scanned = {}
    for path, inside in asked.items():
        file = files[path]
        lines = [OwnedLine(run.commit) for run in file.runs for _ in range(run.length)]
        where = {run.commit: run.path for run in file.runs}
        scanned[path] = ScannedFile(file, tuple(inside), lines, where)
    neutral = NeutralCommits(repository)
    head, stop = repository.head(), dict.fromkeys(scanned, "")
    origins = look_through(repository, head, scanned, neutral, order, {}, stop, lambda *_: None)
    scanned = with_origins(scanned, origins, EvidenceBook({}))
    return [_last_commit(scanned[each.path], each.function, order, neutral) for each in functions]


def _last_commit(
    file: ScannedFile, function: SourceFunction, order: Mapping[str, int], neutral: NeutralCommits
) -> str:
    return attribute(
        file.facts(function),
        order=order,
        commits={},
        is_neutral=lambda sha: neutral.is_neutral(sha, file.path_in(sha), function.qualname),
    ).last_commit


def _left_alone(repository: Repository, change: Change, function: Range) -> bool:
    """Tell whether a commit left a syntax tree as it was, or is a merge that put nothing of its own into the file."""
    before, after = _versions(repository, change, function.function.qualname)
    if after and after in before:
        return True
    options = ("--remerge-diff", "--format=", "--no-ext-diff", "--no-textconv")
    return len(before) > 1 and not repository.run("show", *options, change.commit, "--", change.after)


def _changed(repository: Repository, change: Change, function: Range) -> bool:
    """Tell whether a commit changed the syntax tree of a function, or added it to the file."""
    before, after = _versions(repository, change, function.function.qualname)
    return bool(after) and after not in before


def _same_change(repository: Repository, one: Change, other: Change, function: Range) -> bool:
    """Tell whether two commits made the same of the same syntax tree."""
    found = [_versions(repository, each, function.function.qualname) for each in (one, other)]
    return bool(found[0][1]) and found[0] == found[1]


def _change(commit: str, function: Range, files: Mapping[str, FileOwnership]) -> Change:
    path = next((run.path for run in files[function.path].runs if run.commit == commit), function.path)
    return Change(commit, path, path)


def _versions(repository: Repository, change: Change, qualname: str) -> tuple[list[list[str]], list[str]]:
    """Return what a function means in each parent of a commit, and in the commit."""
    listed = repository.run("rev-list", "--parents", "--max-count=1", change.commit)
    _, *parents = listed.decode("ascii").split()
    names = [f"{change.commit}:{change.after}", *(f"{parent}:{change.before}" for parent in parents)]
    after, *before = (meaning(each[1], qualname) if each else [] for each in repository.read_names(names))
    return before, after


def _ask_git(root: Path, function: Range) -> list[Change]:
    lines = f"-L{function.first},{function.last}:{function.path}"
    command = (
        "git", "-c", "core.quotePath=false", "log", "--format=%x00%H", "--no-ext-diff", "--no-color", _NEWEST, lines, "HEAD",
    )  # fmt: skip
    output = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout  # our own words
    found: list[Change] = []
    for each in _CHANGE.finditer(output):
        # A merge is listed without its changes.
        path = found[-1].before if found else function.path
        before, after = (os.fsdecode(name or os.fsencode(path)) for name in each.groups()[1:])
        found.append(Change(each[1].decode(), before, after))
    return found


def _functions(data: bytes) -> list[SourceFunction]:
    try:
        return functions_in(data)
    except SourceError:
        return []
