"""Syntax trees while something else makes one, too."""

from __future__ import annotations

import ast
import gc

import pytest

from byline._attribution.functions import functions_in
from byline._parsing import undisturbed

SOURCE = "".join(
    f"def f{number}(a):\n    return [a, {{'b': (a, a)}}, a + 1]\n" for number in range(300)
).encode()


@pytest.fixture
def interrupted():
    """Make a garbage collection, in the midst of a syntax tree, make another one: as a second thread would."""
    threshold = gc.get_threshold()
    left = [3]

    def interrupt(phase: str, _info: dict[str, int]) -> None:
        if phase == "stop" and left[0]:
            left[0] -= 1
            _deeper(30)

    gc.callbacks.append(interrupt)
    gc.set_threshold(50)
    yield
    gc.set_threshold(*threshold)
    gc.callbacks.remove(interrupt)


def _deeper(levels: int) -> object:
    return _deeper(levels - 1) if levels else ast.parse("x = 1")


@pytest.mark.usefixtures("interrupted")
def test_a_tree_is_made_although_another_one_came_in_between():
    """
    Python 3.11 raises SystemError then; the next try works.
    """
    assert 300 == len(functions_in(SOURCE))


def test_what_fails_each_time_is_no_disturbance():
    """
    After some tries the error is told.
    """
    calls = []

    def fail() -> None:
        calls.append(1)
        raise SystemError("something else")

    with pytest.raises(SystemError, match="something else"):
        undisturbed(fail)
    assert 1 < len(calls) < 100
