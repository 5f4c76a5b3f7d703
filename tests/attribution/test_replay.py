"""Lines on their way back: what becomes of two that meet."""

from __future__ import annotations

import pytest

from byline._attribution.replay import both


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 2, (1, 2)),
        ((1, 3), 2, (1, 2, 3)),
        (1, -1, 1),
        (-1, 1, 1),
        (-1, 2, 2),
        (-1, -1, -1),
        ((1, 2), -3, (1, 2)),
    ],
)
def test_lines_that_look_for_an_owner_win_over_neighbours(one, other, expected):
    """
    Final lines add up; a line that is only a neighbour counts as long as it is alone.
    """
    assert expected == both(one, other)
