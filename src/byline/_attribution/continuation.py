"""The owners of lines found from those of an earlier revision: only what changed since is looked at."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from .blame import DEPTH, FileOwnership, plan_lines, replay_plan, results
from .cells import Cell, Cells, Neighbours, as_neighbour, both, joined, numbers
from .progress import Progress
from .replay import Replay
from .repository import Repository
from .walk import Plan


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of an earlier revision."""

    revision: str
    """An ancestor of the new one."""

    blobs: Mapping[str, str]
    """The blobs of the files whose owners are known, by path."""

    recall: Callable[[str], FileOwnership]
    """Returns the owners of one of those files, with its removals."""


@dataclass(frozen=True, slots=True)
class Continued:
    """The owners of a later revision's lines."""

    unchanged: frozenset[str]
    """Files that have the same owners as before."""

    files: Mapping[str, FileOwnership]
    """Files whose owners were found from those of before."""

    rest: frozenset[str]
    """Files that have to be followed back through all of history."""


def go_on(  # noqa: PLR0913, PLR0917  # it continues a whole walk
    repository: Repository,
    head: str,
    blobs: Mapping[str, str],
    earlier: Earlier,
    order: Mapping[str, int],
    progress: Progress,
) -> Continued:
    """
    Find the owners of lines, exactly as a walk through all of history does.

    Args:
        repository: Where to look.
        head: The later revision.
        blobs: Its files' blobs, by path.
        earlier: What to go on from.
        order: Position of all commits in topological order.
        progress: Told how far the work is.
    """
    if head == earlier.revision:
        unchanged = {path for path, blob in blobs.items() if earlier.blobs.get(path) == blob}
        return Continued(frozenset(unchanged), {}, frozenset(blobs.keys() - unchanged))
    plan = plan_lines(repository, head, blobs, known=(earlier.revision,), progress=progress)
    way = _Way(repository, earlier)
    moved = {move.path for step in plan.steps for move in step.moves}
    still = blobs.keys() - moved
    end = _end_of_first_parents(plan, head)
    unchanged = {path for path in still if way.leads_to(end, path) and earlier.blobs[path] == blobs[path]}
    changed = {path: blob for path, blob in blobs.items() if path in moved}
    replay = replay_plan(repository, plan, head, changed, progress=progress, depth=DEPTH)
    found, lost = _finish(replay, way, changed, order)
    for file in sorted(replay.shared):
        single = replay.alone(file)
        single.run(plan, head, repository.shallow_commits(), lambda _count: None)
        again, gone = _finish(single, way, changed, order)
        found, lost = found | again, lost | gone
    found = {path: each for path, each in found.items() if path not in lost}
    return Continued(frozenset(unchanged), found, frozenset(still - unchanged | lost))


def _finish(
    replay: Replay, way: _Way, blobs: Mapping[str, str], order: Mapping[str, int]
) -> tuple[dict[str, FileOwnership], set[str]]:
    """Return what a replay and the owners of before tell together, and the files of which they don't."""
    lost: set[int] = set()
    arrived: dict[str, Cells] = {}
    for commit, files in replay.left.items():
        for path, cells in files.items():
            if way.leads_to(commit, path):
                # Where a file is the same in several commits, its lines come together again further down.
                arrived[path] = joined(arrived[path], cells) if path in arrived else cells
            else:
                lost |= _files_in(replay, cells)
    for path, cells in arrived.items():
        lost |= _take_over(replay, way, path, cells)
    return dict(results(replay, blobs, order)), {replay.paths[file] for file in lost}


def _end_of_first_parents(plan: Plan, head: str) -> str:
    """Return the commit where a file ends that no commit changed; "" when that is a root."""
    parents = {step.commit: step.parents for step in plan.steps}
    at = head
    while at in parents:
        at = parents[at][0] if parents[at] else ""
    return at


def _files_in(replay: Replay, cells: Cells) -> set[int]:
    return {file for cell in cells if cell for file in replay.finals(cell)}


def _take_over(replay: Replay, way: _Way, path: str, cells: Cells) -> set[int]:
    """
    Give lines that came to an old commit the owners that they have there.

    Returns:
        The files that have some of the lines, when their owners are not known there.
    """
    files = _files_in(replay, cells)
    if not files:
        return set()
    known = way.earlier.recall(path)
    if known.removals is None or sum(run.length for run in known.runs) != len(cells):
        return files
    for commit, above, below in known.removals:
        over, under = _carried(above, cells), _carried(below, cells)
        if not over or not under:
            return files
        if over[0] or under[0]:
            replay.removals.append((commit, over, under))
    for run in known.runs:
        place = replay.new_place(run.commit, run.path)
        replay.own(place, run.original_start, cells[run.start - 1 : run.start - 1 + run.length])
    return set()


def _carried(neighbours: Neighbours, cells: Cells) -> Neighbours:
    """Return what became of neighbours since; nothing when all that are known have gone."""
    found = [now for each in neighbours if each and (now := _now(each, cells))]
    is_complete = neighbours[-1] == 0
    return tuple((*found, 0) if is_complete else found)


def _now(cell: Cell, cells: Cells) -> Cell:
    found = (
        as_neighbour(now) if number < 0 else now
        for number in numbers(cell)
        if (now := cells[abs(number) - 1])
    )
    nothing: Cell = 0
    return reduce(both, found, nothing)


@dataclass(slots=True)
class _Way:
    """Tells whether a file is the same in an old commit as in the earlier revision, and so are its owners."""

    repository: Repository
    earlier: Earlier
    _changed: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """The paths that changed since a commit; None when there is no way along first parents."""

    def leads_to(self, commit: str, path: str) -> bool:
        """
        Tell whether blame goes from the earlier revision's file to this commit's without stopping.

        It does along first parents, when none of the commits in between differs from its first
        parent in that file: blame then never looks at another parent.
        """
        if not commit or path not in self.earlier.blobs:
            return False
        if commit == self.earlier.revision:
            return True
        if commit not in self._changed:
            self._changed[commit] = self._since(commit)
        changed = self._changed[commit]
        return changed is not None and path not in changed

    def _since(self, commit: str) -> frozenset[str] | None:
        start = self.earlier.revision
        listed = self.repository.run("rev-list", "--first-parent", "--parents", start, f"^{commit}")
        lines = [line.split() for line in listed.decode("ascii").splitlines()]
        if not lines or lines[-1][1:2] != [commit]:
            return None
        steps = "".join(f"{sha} {parent}\n" for sha, parent, *_ in lines)
        names = self.repository.run(
            "diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames", "--no-commit-id",
            "--no-ext-diff", "--no-textconv", input=steps.encode(),
        )  # fmt: skip
        return frozenset(map(os.fsdecode, names.split(b"\0")))
