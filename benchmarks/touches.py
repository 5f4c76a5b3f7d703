"""Whether the newest change of a function that byline knows is the one that ``git log -L`` finds; a part of attribution.py."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from byline._attribution.blame import FileOwnership
from byline._attribution.functions import SourceError, SourceFunction, functions_in
from byline._attribution.repository import Repository

_NEWEST = "-10"
"""How many changes of a function git is asked for."""


@dataclass(frozen=True)
class Range:
    """The lines of one function."""

    path: str
    first: int
    last: int


def functions_of(repository: Repository, paths: Collection[str], size: int) -> list[Range]:
    """Return some functions of some files, the same ones each time."""
    blobs = repository.files("HEAD")
    by_blob = {blobs[path]: path for path in paths}
    found = [
        Range(by_blob[blob], each.line, each.end_line)
        for blob, data in repository.read_blobs(list(by_blob))
        for each in _functions(data)
    ]
    return random.Random(len(found)).sample(found, min(size, len(found)))


def compare(
    root: Path,
    functions: Sequence[Range],
    files: Mapping[str, FileOwnership],
    order: Mapping[str, int],
    ignored: Collection[str],
) -> tuple[int, int]:
    """
    Return how many functions were compared, and for how many of them git finds another newest change.

    ``git log -L`` cannot look through a commit, so functions that an ignored one changed are left out.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(lambda each: _ask_git(root, each), functions))
    asked = [
        (each, answer[0])
        for each, answer in zip(functions, answers, strict=True)
        if not any(sha in ignored for sha in answer)
    ]
    differing = sum(answer != newest_of(files[each.path], each, order) for each, answer in asked)
    return len(asked), differing


def newest_of(file: FileOwnership, function: Range, order: Mapping[str, int]) -> str:
    """Return the newest commit that wrote one of the lines, or removed some between them."""
    owners = {
        run.commit
        for run in file.runs
        if run.start <= function.last and function.first < run.start + run.length
    }
    removed = {
        each.commit for each in file.deletions if function.first <= each.above and each.below <= function.last
    }
    return min(owners | removed, key=order.__getitem__)


def _ask_git(root: Path, function: Range) -> list[str]:
    lines = f"-L{function.first},{function.last}:{function.path}"
    command = ("git", "log", "-s", "--format=%H", _NEWEST, lines, "HEAD")
    done = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True)  # our own words
    return done.stdout.split()


def _functions(data: bytes) -> list[SourceFunction]:
    try:
        return functions_in(data)
    except SourceError:
        return []
