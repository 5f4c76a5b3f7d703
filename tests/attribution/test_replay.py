"""Lines on their way back: what becomes of two that meet."""

from __future__ import annotations

import pytest

from byline._attribution.cells import both


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 2, (1, 2)),
        ((1, 3), 2, (1, 2, 3)),
        (1, -1, 1),
        (-1, 1, 1),
        (-1, 2, (-1, 2)),
        (-1, -1, -1),
        ((1, 2), -3, (-3, 1, 2)),
    ],
)
def test_lines_add_up(one, other, expected):
    """
    Final lines and neighbours add up; a line is no neighbour of its own.
    """
    assert expected == both(one, other)
