"""The path that a file had in commits that removed lines from it and own none: blame does not tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from .blame import FileOwnership
from .first_parents import changed_files
from .repository import Repository
from .scanned_file import ScannedFile


def with_deletion_paths(repository: Repository, files: Mapping[str, ScannedFile]) -> dict[str, ScannedFile]:
    """
    Tell the path by commit, for each file that had other names before.

    It is one of the names that the owners of its lines know it by, or else a changed file of the same base name.
    """
    wanted = {path: _unknown(file.ownership) for path, file in files.items()}
    changed = changed_files(repository, sorted({sha for shas in wanted.values() for sha in shas}))
    found = dict(files)
    for path, shas in wanted.items():
        file = files[path]
        names = [*dict.fromkeys(run.path for run in file.ownership.runs if run.commit), path]
        paths = {sha: name for sha in shas if (name := _one_of(names, changed.get(sha, {})))}
        if paths:
            found[path] = replace(file, paths={**paths, **file.paths})
    return found


def _unknown(file: FileOwnership) -> set[str]:
    owners = {run.commit for run in file.runs}
    was_renamed = any(run.path != file.path for run in file.runs if run.commit)
    return {each.commit for each in file.deletions} - owners if was_renamed else set()


def _one_of(names: Sequence[str], changed: Mapping[str, object]) -> str:
    known = [name for name in names if name in changed]
    base = PurePosixPath(names[-1]).name
    alike = [path for path in changed if PurePosixPath(path).name == base]
    return known[0] if known else alike[0] if len(alike) == 1 else ""
