"""Lines that were moved or copied: who wrote them where they come from, as ``git blame -M -C`` tells."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from .._model import Unverified
from ..exceptions import RepositoryError
from .blame import FileOwnership, Run
from .incremental import blame_lines, ignore_options, ignored_commits
from .processes import side_by_side
from .repository import Repository

OPTIONS = ("-M", "-C")
"""Within a file, and from other files that the same commit changed."""

_MAX_THREADS = 4


def follow_moves(
    repository: Repository,
    head: str,
    files: Mapping[str, FileOwnership],
    *,
    stop: Mapping[str, str],
    progress: Callable[[str, int, int], None],
) -> tuple[dict[str, FileOwnership], list[Unverified]]:
    """
    Give moved lines to whoever wrote them first. It takes a git process for each file, and many times longer.

    Args:
        repository: Where to look.
        head: The commit that has the files.
        files: Their owners as a walk finds them, which stay where git cannot tell better.
        stop: The oldest commit of interest for each file; "" for all of history.
        progress: Told how far it is.

    Returns:
        The files, and those whose moved lines could not be followed.
    """
    unknown = repository.shallow_commits()
    within = {oldest: _commits(repository, head, oldest) for oldest in set(stop.values()) if oldest}
    done = 0

    def ask(path: str) -> tuple[FileOwnership, str]:
        nonlocal done
        oldest = stop[path]
        edge = (f"^{oldest}^@",) if oldest else ()
        try:
            blamed = blame_lines(repository, path, head, *edge, options=options)
        except RepositoryError as error:
            # It reads every file that a commit changed, and a partial clone may lack some.
            return files[path], f"moved lines were not followed: {error}"
        runs = tuple(
            Run(
                start,
                length,
                "" if commit in unknown or (oldest and commit not in within[oldest]) else commit,
                where,
                original,
            )
            for start, length, commit, where, original in sorted(blamed)
        )
        done += 1
        progress("moves", done, len(files))
        return replace(files[path], runs=runs, removals=None), ""

    with ignore_options(ignored_commits(repository, head)) as ignored:
        options = (*OPTIONS, *ignored)
        wanted = [path for path, each in files.items() if each.runs]
        answers = side_by_side(ask, [(path,) for path in wanted], min(_MAX_THREADS, os.cpu_count() or 1))
    found = {path: each for path, (each, _) in zip(wanted, answers, strict=True)}
    problems = [Unverified(path, why) for path, (_, why) in zip(wanted, answers, strict=True) if why]
    return {**files, **found}, problems


def _commits(repository: Repository, head: str, oldest: str) -> frozenset[str]:
    """Return the commits that are not older than another."""
    return frozenset(repository.run("rev-list", head, f"^{oldest}^@").decode("ascii").split())
