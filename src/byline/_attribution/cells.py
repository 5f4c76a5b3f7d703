"""What lines of an old version became: the values that a walk through history carries along."""

from __future__ import annotations

from collections.abc import Sequence

Cell = int | tuple[int, ...]
"""
What one line of an old version became: the number of a final line, or 0 when it did not survive.

A tuple when several final lines come from it: a file that was renamed on two branches. A
negative number is a line that another parent answers for; it is only here as a neighbour, to
tell where a branch removed something.
"""

Cells = list[Cell]
"""One cell for each line of a version."""

Neighbours = tuple[Cell, ...]
"""What became of the lines above or below a place, the nearest first; 0 stands for the file's edge."""


def numbers(cell: Cell) -> tuple[int, ...]:
    """Return the numbers in a cell, neighbours first."""
    return cell if isinstance(cell, tuple) else (cell,)


def both(one: Cell, other: Cell) -> Cell:
    """
    Put two cells of one line together.

    A neighbour stays beside a line that looks for its owner: that line may be gone in a later
    revision, and then it is the neighbour that tells where something was.
    """
    return _cell({*numbers(one), *numbers(other)})


def joined(one: Sequence[Cell], other: Sequence[Cell]) -> Cells:
    """Put two versions of a file's cells together."""
    return [
        both(cell, twin) if cell and twin else cell or twin for cell, twin in zip(one, other, strict=True)
    ]


def as_neighbour(cell: Cell) -> Cell:
    """Return a cell for which another parent answers."""
    return _cell({-abs(number) for number in numbers(cell)})


def without_neighbours(cell: Cell) -> Cell:
    """Return only what looks for its owner."""
    return _cell({number for number in numbers(cell) if number > 0})


def shifted(neighbours: Neighbours, by: int) -> Neighbours:
    """Count the lines from another one on."""
    return tuple(
        _cell({number - by * ((number > 0) - (number < 0)) for number in numbers(cell)})
        for cell in neighbours
    )


def _cell(found: set[int]) -> Cell:
    found -= {-number for number in found if number > 0} | {0}
    if not found:
        return 0
    return tuple(sorted(found)) if len(found) > 1 else next(iter(found))
