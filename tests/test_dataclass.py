"""byline's dataclasses are, to whoever asks, what the standard library's are."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from byline import _dataclass
from byline._model import Contribution

Decorator = Callable[..., Callable[[type], type]]


def _classes(dataclass: Decorator, field: Callable[..., Any]) -> tuple[Any, Any]:
    @dataclass(frozen=True, slots=True)
    class Point:
        """Somewhere."""

        x: int
        y: int = 0
        names: dict[str, int] = field(default_factory=dict)

        @property
        def total(self) -> int:
            return self.x + self.y

    @dataclass(slots=True)
    class Counter:
        """A sum."""

        number: int = 1

        def __post_init__(self) -> None:
            if self.number < 0:
                raise ValueError("negative")

    return Point, Counter


OURS = _classes(_dataclass.dataclass, _dataclass.field)
THEIRS = _classes(dataclasses.dataclass, dataclasses.field)


def _both(ask: Callable[[Any, Any], object]) -> tuple[object, object]:
    return ask(*OURS), ask(*THEIRS)


def _error(call: Callable[[], object]) -> tuple[type, str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which one is what is compared
        call()
    return type(caught.value), str(caught.value)


def _assign(value: Any, name: str) -> Callable[[], object]:
    return lambda: setattr(value, name, 5)


QUESTIONS: dict[str, Callable[[Any, Any], object]] = {
    "shown": lambda point, counter: repr(point(1, 2)) + repr(counter()),
    "equal": lambda point, counter: (point(1, names={}) == point(1), point(1) == point(2), counter() == counter(1)),
    "unequal": lambda point, counter: (point(1) == (1, 0, {}), counter() == 1, point(1) != point(1)),
    "own_names": lambda point, _: (point(1).names is point(1).names, point(1, 2).total),
    "signatures": lambda point, counter: (str(inspect.signature(point)), str(inspect.signature(counter.__init__))),
    "slots": lambda point, counter: (point.__slots__, counter.__match_args__, point.__doc__, point.__module__),
    "names": lambda point, counter: (point.__qualname__.rpartition(".")[2], point.__init__.__annotations__),
    "asdict": lambda point, _: dataclasses.asdict(point(1, names={"a": 1})),
    "replace": lambda point, _: dataclasses.astuple(dataclasses.replace(point(1), y=3)),
    "fields": lambda point, counter: [
        (each.name, each.type, each.default, each.default_factory)
        for kind in (point, counter)
        for each in dataclasses.fields(kind)
    ],
    "described": lambda point, counter: (dataclasses.is_dataclass(point), counter.__dataclass_params__.frozen),
    "frozen": lambda point, _: _error(_assign(point(1), "x")),
    "undeletable": lambda point, _: _error(lambda: delattr(point(1), "x")),
    "unhashable_content": lambda point, _: _error(lambda: hash(point(1))),
    "unhashable": lambda _, counter: _error(lambda: hash(counter())),
    "no_dict": lambda _, counter: _error(_assign(counter(), "z"))[0],
    "post_init": lambda _, counter: _error(lambda: counter(-1)),
    "missing": lambda point, _: _error(point)[1].rpartition(".")[2],
    "unknown": lambda point, _: _error(lambda: point(1, z=2))[1].rpartition(".")[2],
    "copied": lambda point, _: copy.deepcopy(point(1, names={"a": 2})).names,
}  # fmt: skip


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_answers_are_those_of_the_standard_library(ask: Callable[[Any, Any], object]) -> None:
    mine, theirs = _both(ask)
    assert mine == theirs


def test_a_changeable_value_changes() -> None:
    counter = OURS[1](3)
    counter.number += 1
    assert counter == OURS[1](4)


def test_one_can_be_hashed_pickled_and_matched() -> None:
    value = Contribution("a" * 40, 3)
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301  # just pickled
    assert {value: 1}[Contribution("a" * 40, lines=3)] == 1
    match value:
        case Contribution(commit, lines=3):
            assert commit == "a" * 40
        case _:
            pytest.fail("no match")


def test_the_standard_library_may_build_on_one() -> None:
    @dataclasses.dataclass(frozen=True)
    class More(Contribution):
        share: float = 0.5

    assert [each.name for each in dataclasses.fields(More)] == ["commit", "lines", "share"]
    assert More("a", 1).share == 0.5  # as declared


def test_the_first_value_is_made_deep_in_a_recursion_too() -> None:
    program = """
import sys
from byline._model import Contribution

def deep(left):
    return Contribution("a", 1) if not left else deep(left - 1)

print(deep(sys.getrecursionlimit() - 30))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Contribution(commit='a', lines=1)", done.stderr
