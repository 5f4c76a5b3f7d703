"""The files that single commits changed, compared with their first parents: by one process for all commits."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

from .objects import look_up
from .repository import Repository

_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color")
_COMPARE = ("diff-tree", "--stdin", "-r", "-z", "--root", "--raw", "--no-abbrev", "--no-renames", *_PLAIN)
_RENAMES = (
    "diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "-M", "--diff-filter=R", "--diff-merges=first-parent",
    *_PLAIN,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file before and after a commit."""

    old_blob: str
    """Empty when the commit added the file."""

    new_blob: str


def changed_files(repository: Repository, commits: Collection[str]) -> dict[str, dict[str, FileChange]]:
    """Return the files that each commit wrote, by path; a merge wrote none."""
    found: dict[str, dict[str, FileChange]] = {}
    if not commits:
        return found
    text = "".join(f"{sha}\n" for sha in commits).encode()
    current: dict[str, FileChange] = {}
    tokens = iter(repository.run(*_COMPARE, input=text).split(b"\0"))
    for token in tokens:
        if not token.startswith(b":"):
            current = found.setdefault(token.strip().decode("ascii", "replace"), {})
            continue
        _, new_mode, old_blob, new_blob, _ = token[1:].decode("ascii").split(" ")
        path = os.fsdecode(next(tokens))
        if new_mode.startswith("100"):
            is_new = not old_blob.strip("0")
            current[path] = FileChange("" if is_new else old_blob, new_blob)
    return found


def renamed_files(repository: Repository, commits: Collection[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the path and blob that files had before, by the commit that renamed them and the new path."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    if not commits:
        return found
    text = "".join(f"{sha}\n" for sha in sorted(commits)).encode()
    sha = ""
    tokens = iter(repository.run(*_RENAMES, input=text).split(b"\0"))
    for token in tokens:
        if not token.startswith(b":"):
            sha = token.strip().decode("ascii", "replace")
            continue
        _, _, old_blob, _, _ = token[1:].decode("ascii").split(" ")
        old_path = os.fsdecode(next(tokens))
        found[sha, os.fsdecode(next(tokens))] = old_path, old_blob
    return found


def old_paths(repository: Repository, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the path that each file had before a commit; files are named by commit and path."""
    found = look_up(repository, [f"{sha}^:{path}" for sha, path in places])
    gone = {sha for (sha, _), old in zip(places, found, strict=True) if old is None}
    renamed = renamed_files(repository, gone)
    return {place: renamed.get(place, ("", ""))[0] or place[1] for place in places}
