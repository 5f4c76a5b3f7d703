"""Lines on their way back through history, and the commits where their way ends."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice

from .cells import Cell, Cells, Neighbours, as_neighbour, both, joined, numbers, shifted, without_neighbours
from .counterparts import counterparts
from .diffs import Hunk, Pair
from .walk import Move, Plan, Step

Files = dict[str, Cells]
Passed = tuple[int, str, Cells]
"""A parent's number, a path there, and the lines that go on to it."""

Removal = tuple[str, Neighbours, Neighbours]
"""A commit that removed lines, and what is above and below."""

Read = Callable[[Sequence[str]], Iterator[tuple[str, bytes]]]
"""Reads blobs, in order."""

_SEVERAL = 8


class Replay:
    """
    One walk back through history with the lines of many files.

    Lines are numbered through all files, from 1. ``place`` and ``line`` have the owner's place
    (an index into ``places``) and line number there for each of them.
    """

    def __init__(
        self,
        lengths: Mapping[str, int],
        hunks: Mapping[Pair, Sequence[Hunk]],
        ignored: Collection[str],
        read: Read,
        *,
        depth: int = 1,
    ) -> None:
        """
        Prepare for some files.

        Args:
            lengths: Number of lines of each file.
            hunks: The hunks of each pair of blobs in the plan.
            ignored: Commits to be looked through.
            read: Where the files are that such a commit changed.
            depth: How many lines above and below a removed one are remembered.
        """
        self.paths = tuple(lengths)
        self.first = tuple(accumulate(lengths.values(), initial=1))
        total = self.first[-1]
        self.place = array("I", bytes(array("I").itemsize * total))
        self.line = array("I", bytes(array("I").itemsize * total))
        self.places: list[tuple[str, str]] = [("", "")]
        self.removals: list[Removal] = []
        self.left: dict[str, Files] = {}
        """The lines that came to the end of the plan, by the commit and the path where they are."""

        self.shared: set[int] = set()
        """Files that had an old version in common with another one, so that their lines are mixed there."""

        self._hunks = hunks
        self._ignored = ignored
        self._read = read
        self._depth = depth

    def run(self, plan: Plan, head: str, shallow: frozenset[str], progress: Callable[[int], None]) -> None:
        """
        Send every line back until a commit owns it, or the plan ends.

        Args:
            plan: The way back.
            head: Where it starts.
            shallow: The commits at the edge of a shallow clone.
            progress: Told each time how many more steps are done.
        """
        start: Files = {
            path: list(range(self.first[number], self.first[number + 1]))
            for number, path in enumerate(self.paths)
        }
        pending = {head: start}
        for step in plan.steps:
            files = pending.pop(step.commit, {})
            if step.parents:
                for parent, passed in zip(step.parents, self._step(step, files), strict=True):
                    if passed:
                        pending[parent] = self._join_files(pending.get(parent, {}), passed)
            else:
                # The edge of a shallow clone looks like a root, but most of its lines are older.
                self._own_all("" if step.commit in shallow else step.commit, files)
            progress(1)
        for files in pending.values():
            self._own_all("", files)
        self.left = pending

    def _step(self, step: Step, files: Files) -> list[Files]:
        """Return the files that go on to each parent."""
        passed: list[Passed] = []
        left: list[tuple[Move, Cells]] = []
        for move in step.moves:
            cells = files.pop(move.path, None)
            if cells is not None:
                passed.extend(self._move(step, move, cells, left))
        if left:
            passed.extend(self._look_through(step.commit, left))
        targets = [files, *({} for _ in step.parents[1:])]
        for parent, path, cells in passed:
            # A path can arrive twice: from a file that kept its name, and from one renamed from it.
            waiting = targets[parent].get(path)
            targets[parent][path] = self._join(waiting, cells) if waiting else cells
        return targets

    def _move(self, step: Step, move: Move, cells: Cells, left: list[tuple[Move, Cells]]) -> Iterator[Passed]:
        if not move.origins:
            self.own(self.new_place(step.commit, move.path), 1, cells)
        elif move.origins[0].old_blob == move.origins[0].new_blob:
            yield move.origins[0].parent, move.origins[0].path, cells
        elif step.commit in self._ignored:
            rest = yield from self._from_several(step.commit, move, cells)
            # A neighbour is no line of its own.
            rest = [without_neighbours(cell) if cell else 0 for cell in rest]
            if any(rest):
                left.append((move, rest))
        elif len(step.parents) == 1:
            yield from self._from_one(step.commit, move, cells)
        else:
            rest = yield from self._from_several(step.commit, move, cells)
            self.own(self.new_place(step.commit, move.path), 1, rest)

    def _from_one(self, commit: str, move: Move, cells: Cells) -> Iterator[Passed]:
        origin = move.origins[0]
        hunks = self._hunks[origin.old_blob, origin.new_blob]
        for _, _, start, count in hunks:
            if not count:
                self._delete(commit, cells, start)
        place = self.new_place(commit, move.path)
        for _, old_count, start, count in reversed(hunks):
            begin, end = _region(start, count)
            if count:
                self.own(place, start, cells[begin:end])
            cells[begin:end] = [0] * old_count
        if any(cells):
            yield origin.parent, origin.path, cells

    def _from_several(self, commit: str, move: Move, cells: Cells) -> Generator[Passed, None, Cells]:
        """Give the first parent what it has, the next one what is left, and so on; return what nobody has."""
        compared = [self._hunks[origin.old_blob, origin.new_blob] for origin in move.origins]
        first, *others = compared
        for _, _, start, count in first:
            # What the merge itself removed is in no parent's version.
            if not count and all(_touches(hunks, start) for hunks in others):
                self._delete(commit, cells, start)
        rest = cells
        for number, (origin, hunks) in enumerate(zip(move.origins, compared, strict=True)):
            if number:
                self._add_neighbours(rest, cells, first)
            kept = rest.copy()
            left: Cells = [0] * len(cells)
            for _, old_count, start, count in reversed(hunks):
                begin, end = _region(start, count)
                left[begin:end] = rest[begin:end]
                kept[begin:end] = [0] * old_count
            if any(kept):
                yield origin.parent, origin.path, kept
            rest = left
        return rest

    def _look_through(self, commit: str, left: Sequence[tuple[Move, Cells]]) -> Iterator[Passed]:
        """Give lines that a commit changed to what they were made from, and the others to the commit."""
        questions = [(move, origin, rest) for move, rest in left for origin in move.origins]
        names = [blob for _, origin, _ in questions for blob in (origin.old_blob, origin.new_blob)]
        contents = self._read(names)
        for (_, before), (_, after), (_, origin, rest) in zip(contents, contents, questions, strict=True):
            hunks = self._hunks[origin.old_blob, origin.new_blob]
            length = len(rest) + sum(old_count - count for _, old_count, _, count in hunks)
            target: Cells = [0] * length
            for line, match in counterparts(before, after, hunks, rest).items():
                waiting = target[match]
                target[match] = both(waiting, rest[line]) if waiting else rest[line]
                rest[line] = 0
            if any(target):
                yield origin.parent, origin.path, target
        for move, rest in left:
            self.own(self.new_place(commit, move.path), 1, rest)

    def new_place(self, commit: str, path: str) -> int:
        self.places.append((commit, path))
        return len(self.places) - 1

    def _own_all(self, commit: str, files: Files) -> None:
        for path, cells in files.items():
            self.own(self.new_place(commit, path), 1, cells)

    def own(self, place: int, start: int, cells: Sequence[Cell]) -> None:
        first, length = cells[0] if cells else 0, len(cells)
        # Many lines are mostly lines in a row; slices of arrays are many times faster than their elements.
        if (
            length > _SEVERAL
            and isinstance(first, int)
            and first > 0
            and cells == [*range(first, first + length)]
        ):
            self.place[first : first + length] = array("I", [place]) * length
            self.line[first : first + length] = array("I", range(start, start + length))
            return
        if not any(cells):
            return
        places, lines = self.place, self.line
        for line, cell in enumerate(cells, start):
            if not cell:
                continue
            if isinstance(cell, int):
                if cell > 0:
                    places[cell] = place
                    lines[cell] = line
                continue
            for final in cell:
                if final > 0:
                    places[final] = place
                    lines[final] = line

    def _delete(self, commit: str, cells: Cells, after: int) -> None:
        """Record that a commit removed lines between two lines that survived."""
        above = (cells[index] for index in range(after - 1, -1, -1) if cells[index])
        below = (cells[index] for index in range(after, len(cells)) if cells[index])
        over, under = (tuple(islice(chain(each, (0,)), self._depth)) for each in (above, below))
        if over[0] or under[0]:
            self.removals.append((commit, over, under))

    def alone(self, file: int) -> Replay:
        """Return the same walk for one of the files, which has not run: what it tells depends on no other file."""
        length = self.first[file + 1] - self.first[file]
        return Replay({self.paths[file]: length}, self._hunks, self._ignored, self._read, depth=self._depth)

    def deletions(self) -> Iterator[tuple[str, int, int, int]]:
        """Yield commit, file, and the final lines above and below; a missing neighbour is the file's edge."""
        for commit, above, below in self.removals:
            over, under = self.finals(above[0]), self.finals(below[0])
            for file in over.keys() | under.keys():
                edge = self.first[file + 1] - self.first[file] + 1
                yield commit, file, over.get(file, 0), under.get(file, edge)

    def removals_of_files(self) -> list[tuple[Removal, ...] | None]:
        """Return each file's removals with the lines counted in it; None where its lines are mixed with others."""
        found: list[list[Removal] | None] = [None if self._depth == 1 else [] for _ in self.paths]
        for file in self.shared:
            found[file] = None
        for commit, above, below in self.removals if self._depth > 1 else ():
            file = self.file_of(numbers(above[0] or below[0])[0])
            mine = found[file]
            if mine is not None:
                shift = self.first[file] - 1
                mine.append((commit, shifted(above, shift), shifted(below, shift)))
        return [None if each is None else tuple(each) for each in found]

    def finals(self, cell: Cell) -> dict[int, int]:
        """Return file and line for what a line became."""
        found = {}
        for final in cell if isinstance(cell, tuple) else (cell,):
            if final:
                file = self.file_of(final)
                found[file] = abs(final) - self.first[file] + 1
        return found

    def file_of(self, final: int) -> int:
        """Return the number of the file that has a line."""
        return bisect_right(self.first, abs(final)) - 1

    def _join_files(self, one: Files, other: Files) -> Files:
        small, large = sorted((one, other), key=len)
        for path, cells in small.items():
            waiting = large.get(path)
            large[path] = self._join(waiting, cells) if waiting else cells
        return large

    def _join(self, one: Sequence[Cell], other: Sequence[Cell]) -> Cells:
        firsts = (next((numbers(cell)[0] for cell in cells if cell), 0) for cells in (one, other))
        files = {self.file_of(final) for final in firsts if final}
        if len(files) > 1:
            self.shared |= files
        return joined(one, other)

    def _add_neighbours(self, rest: Cells, cells: Cells, hunks: Sequence[Hunk]) -> None:
        """Add the lines around each hunk, so that a branch can say between which lines it removed some."""
        for _, _, start, count in hunks:
            begin, end = _region(start, count)
            for index in (begin - 1, end):
                if 0 <= index < len(cells) and not rest[index]:
                    rest[index] = as_neighbour(cells[index])


def _region(start: int, count: int) -> tuple[int, int]:
    """Return the slice of new lines; without any, it is empty and lies behind line ``start``."""
    return (start - 1, start - 1 + count) if count else (start, start)


def _touches(hunks: Sequence[Hunk], after: int) -> bool:
    """Tell whether a hunk reaches the gap behind a line."""
    regions = (_region(start, count) for _, _, start, count in hunks)
    return any(begin <= after <= end for begin, end in regions)
