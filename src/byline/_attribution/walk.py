"""Where each version of a file came from: the way back through history that ``git blame`` takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from .history import Change, CommitChanges
from .renames import Renames


@dataclass(frozen=True, slots=True)
class Origin:
    """A file of one parent that a file may have its lines from."""

    parent: int
    """Which parent, counted from 0."""

    path: str
    old_blob: str
    new_blob: str
    """Equal to ``old_blob`` when the file came over as a whole."""


@dataclass(frozen=True, slots=True)
class Move:
    """What a commit did to one file."""

    path: str
    origins: tuple[Origin, ...]
    """In the order in which they are given their lines; what is left belongs to the commit."""


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of a walk; files it does not mention came from its first parent unchanged."""

    commit: str
    parents: tuple[str, ...]
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The way back through history from some files."""

    steps: tuple[Step, ...]
    """Children before parents; only commits that one of the files came through."""

    order: Mapping[str, int]
    """Position of each commit the walk saw in topological order; 0 is the newest."""


def plan_walk(
    commits: Iterable[CommitChanges],
    renames: Renames,
    head: str,
    paths: Collection[str],
    progress: Callable[[int], None],
) -> Plan:
    """
    Follow files back through history, without looking at their lines.

    A file that several parents contributed to is followed into all of them.

    Args:
        commits: History from ``head``, children before parents.
        renames: Answers where a new file came from.
        head: The commit that has the files.
        paths: The files.
        progress: Told how many commits are done.
    """
    pending = {head: set(paths)}
    steps: list[Step] = []
    order: dict[str, int] = {}
    for commit in commits:
        order[commit.sha] = len(order)
        followed = pending.pop(commit.sha, None)
        if followed:
            moves = tuple(_moves(commit, followed, renames))
            steps.append(Step(commit.sha, commit.parents, moves))
            _follow(commit, followed, moves, pending)
        progress(len(order))
        if not pending:
            break
    return Plan(tuple(steps), order)


def _follow(
    commit: CommitChanges, paths: set[str], moves: Collection[Move], pending: dict[str, set[str]]
) -> None:
    if not commit.parents:
        return
    paths.difference_update(move.path for move in moves)
    targets = [paths, *(set[str]() for _ in commit.parents[1:])]
    for move in moves:
        for origin in move.origins:
            targets[origin.parent].add(origin.path)
    for parent, target in zip(commit.parents, targets, strict=True):
        if target:
            waiting = pending.get(parent, set())
            small, large = sorted((waiting, target), key=len)
            large |= small
            pending[parent] = large


def _moves(commit: CommitChanges, paths: Collection[str], renames: Renames) -> Iterable[Move]:
    if not commit.parents:
        return
    by_path = [{change.path: change for change in changes} for changes in commit.changes]
    first = by_path[0]
    changed = [path for path in first if path in paths] if len(first) < len(paths) else first.keys() & paths
    for path in changed:
        yield Move(path, _origins(commit, path, [found.get(path) for found in by_path], renames))


def _origins(
    commit: CommitChanges, path: str, changes: list[Change | None], renames: Renames
) -> tuple[Origin, ...]:
    """
    Find where a file came from, in blame's order.

    A parent with the same content under the same name takes everything, the first such parent
    wins; then one with the same content under another name; otherwise each parent with a
    version of its own gets its turn.
    """
    for parent, change in enumerate(changes):
        if change is None:
            return (Origin(parent, path, "", ""),)
        if change.status == "M" and change.old_blob == change.new_blob:
            return (Origin(parent, path, change.old_blob, change.new_blob),)
    found: dict[int, Origin] = {}
    for parent, change in enumerate(changes):
        if change is not None and change.status == "M":
            _add(found, Origin(parent, path, change.old_blob, change.new_blob))
    for parent, change in enumerate(changes):
        if change is None or change.status != "A":
            continue
        source = renames.origin(commit.changes[parent], change)
        if source is None:
            continue
        origin = Origin(parent, source[0], source[1], change.new_blob)
        if origin.old_blob == origin.new_blob:
            return (origin,)
        _add(found, origin)
    return tuple(found[parent] for parent in sorted(found))


def _add(found: dict[int, Origin], origin: Origin) -> None:
    """Keep an origin, unless an earlier parent has the same version."""
    if all(other.old_blob != origin.old_blob for parent, other in found.items() if parent < origin.parent):
        found[origin.parent] = origin
