"""A program with every kind of callable below every order of decorators, and how each is called."""

from __future__ import annotations

import textwrap

DECORATORS = '''
import functools

KEPT = {}


def keep(function):
    """Remember a function at its definition, as a route table does."""
    KEPT[function.__name__ if hasattr(function, "__name__") else function.__func__.__name__] = function
    return function


def around(function):
    """Stand around a function, as most decorators do."""

    @functools.wraps(function)
    def inner(*arguments, **keywords):
        return function(*arguments, **keywords)

    return inner
'''

ORDERS = {
    "bare": (),
    "kept": ("keep",),
    "wrapped": ("around",),
    "kept_wrapped": ("keep", "around"),
    "wrapped_kept": ("around", "keep"),
}

FUNCTIONS = {
    "function": "def {name}(a, b=2, *rest, c=3, **more):\n    return a + b",
    "coroutine": "async def {name}(a, /, b=2):\n    return a + b",
    "generator": "def {name}(count):\n    yield from range(count)",
    "async_generator": "async def {name}(count):\n    for number in range(count):\n        yield number",
}
METHODS = {
    "method": ("", "def {name}(self, a, b=2):\n    return a + b"),
    "async_method": ("", "async def {name}(self, a):\n    return a"),
    "class_method": ("@classmethod\n", "def {name}(cls, a):\n    return a"),
    "static_method": ("@staticmethod\n", "def {name}(a):\n    return a"),
    "property": ("@property\n", "def {name}(self):\n    return 1"),
    "cached_property": ("@functools.cached_property\n", "def {name}(self):\n    return 1"),
}
OTHERS = """
@functools.lru_cache
def cached(a):
    return a


@functools.singledispatch
def dispatched(a):
    return a


@dispatched.register
def dispatched_int(a: int):
    return a


@contextlib.contextmanager
def context():
    yield 1


double = lambda a: 2 * a


class Callable:
    def __call__(self, a):
        return a


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self):
        return 1


class Square(Shape):
    def area(self):
        return super().area()


class Sized(typing.Protocol):
    def size(self) -> int:
        return 1


@dataclasses.dataclass
class Point(Sized):
    x: int = 0

    def __post_init__(self):
        self.y = self.x

    def __eq__(self, other):
        return self.x == other.x


def outer(a):
    @keep
    def nested(b):
        return a + b

    return nested


bound = functools.partial(outer, 1)
alias = outer
"""

MAIN = """
import asyncio
import sys

import kinds
from kinds import KEPT, Shop, alias, bound


async def collected(generator):
    return [each async for each in generator]


def call(kind, found):
    if kind == "coroutine":
        asyncio.run(found(1))
    elif kind == "generator":
        list(found(2))
    elif kind == "async_generator":
        asyncio.run(collected(found(2)))
    else:
        found(1)


def work():
    for name in FUNCTIONS:
        kind, _, order = name.partition("__")
        call(kind, KEPT[name] if "kept" in order else getattr(kinds, name))
    shop = Shop()
    for name in METHODS:
        kind, _, order = name.partition("__")
        found = getattr(shop, name)
        if kind == "async_method":
            asyncio.run(found(1))
        elif "property" not in kind:
            found(1)
    kinds.cached(1), kinds.cached(1)
    kinds.dispatched("a"), kinds.dispatched(1)
    with kinds.context():
        pass
    kinds.double(2)
    kinds.Callable()(1)
    kinds.Square().area()
    assert kinds.Point(1).size() == 1 and kinds.Point(1) == kinds.Point(1)
    alias(1)(2), bound()(3), KEPT["nested"](4)


work()
"""

COUNTED = {
    "cached": 1, "dispatched": 1, "dispatched_int": 1, "context": 1, "<lambda>": 1, "Callable.__call__": 1,
    "Shape.area": 1, "Square.area": 1, "Sized.size": 1, "Point.__post_init__": 3, "Point.__eq__": 1,
    "outer": 2, "outer.<locals>.nested": 3,
}  # fmt: skip
"""How often ``MAIN`` calls each of the others."""


def function_names() -> list[str]:
    return [f"{kind}__{order}" for kind in FUNCTIONS for order in ORDERS]


def method_names() -> list[str]:
    return [f"{kind}__{order}" for kind in METHODS for order in ORDERS]


def expected() -> dict[str, int]:
    """Return how often the program calls each function, by its name in the module."""
    once = dict.fromkeys([*function_names(), *(f"Shop.{name}" for name in method_names())], 1)
    return {**once, **COUNTED}


def module() -> str:
    """Return the source whose functions AI wrote."""
    parts = ["import abc\nimport contextlib\nimport dataclasses\nimport functools\nimport typing\n"]
    parts.append("from decorators import KEPT, around, keep\n")
    for kind, body in FUNCTIONS.items():
        parts += [_decorated(order) + body.format(name=f"{kind}__{order}") for order in ORDERS]
    methods = [
        above + _decorated(order) + body.format(name=f"{kind}__{order}")
        for kind, (above, body) in METHODS.items()
        for order in ORDERS
    ]
    parts.append("class Shop:\n" + textwrap.indent("\n\n".join(methods), "    "))
    return "\n\n".join(parts) + "\n" + OTHERS


def main() -> str:
    """Return the source of the program that calls them."""
    return f"FUNCTIONS = {function_names()}\nMETHODS = {method_names()}\n{MAIN}"


def _decorated(order: str) -> str:
    return "".join(f"@{each}\n" for each in ORDERS[order])
