"""The decorator keeps the types of whatever it marks, bare and with arguments; checked by three type checkers, never run."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar, assert_type, overload

import byline
from byline import ai_generated

T = TypeVar("T")
P = ParamSpec("P")

# --- functions: every kind of parameter, and generic ones


@ai_generated
def bare(a: int, /, b: str, *rest: float, c: bytes = b"", **more: bool) -> list[int]:
    return [a]


@ai_generated(tool="claude", model="opus", commit="c0ffee1", author="Ana", session="1", reviewed_by="Ben")
def argued(a: int, /, b: str, *rest: float, c: bytes = b"", **more: bool) -> list[int]:
    return [a]


@ai_generated()
def empty(a: int) -> str:
    return str(a)


@ai_generated(reviewed_for=("edge cases", "security"))
def generic(items: list[T], default: T) -> T:
    return items[0] if items else default


assert_type(bare(1, "b", 1.0, c=b"c", d=True), list[int])
assert_type(argued(1, "b", 1.0, c=b"c", d=True), list[int])
assert_type(empty(1), str)
assert_type(generic([1], 2), int)
assert_type(generic(["a"], "b"), str)
bare(1, 2)  # type: ignore[arg-type]
bare(1, "b", c="c")  # type: ignore[arg-type]
argued(1)  # type: ignore[call-arg]
argued(1, "b", d=1.5)  # type: ignore[arg-type]
empty("a")  # type: ignore[arg-type]


@overload
def either(value: int) -> str: ...
@overload
def either(value: str) -> int: ...
@ai_generated
def either(value: int | str) -> int | str:
    return str(value) if isinstance(value, int) else len(value)


assert_type(either(1), str)
assert_type(either("a"), int)
either(1.5)  # type: ignore[call-overload]

# --- async functions and generators


@ai_generated
async def fetched(url: str) -> bytes:
    return url.encode()


@ai_generated(tool="codex")
async def fetched_too(url: str) -> bytes:
    return url.encode()


@ai_generated
def numbers(count: int) -> Generator[int, str, bool]:
    said = yield count
    return bool(said)


@ai_generated(tool="codex")
def lines(text: str) -> Iterator[str]:
    yield from text.splitlines()


@ai_generated
async def stream(count: int) -> AsyncGenerator[int, str]:
    yield count


@ai_generated(tool="codex")
async def pages(count: int) -> AsyncIterator[int]:
    yield count


async def use() -> None:
    assert_type(await fetched("/"), bytes)
    assert_type(await fetched_too("/"), bytes)
    await fetched(1)  # type: ignore[arg-type]
    assert_type([each async for each in stream(1)], list[int])
    assert_type([each async for each in pages(1)], list[int])
    async with opened_later("a") as text:
        assert_type(text, str)


assert_type(numbers(1), Generator[int, str, bool])
assert_type(lines("a"), Iterator[str])
assert_type(stream(1), AsyncGenerator[int, str])
assert_type(pages(1), AsyncIterator[int])
fetched("/").decode()  # type: ignore[attr-defined]  # not awaited
numbers("1")  # type: ignore[arg-type]

# --- methods, in either order of decorators


class Cart(Generic[T]):
    @ai_generated
    def __init__(self, first: T) -> None:
        self.first = first

    @ai_generated
    def add(self, item: T) -> int:
        return 1

    @ai_generated(tool="claude")
    async def sent(self, to: str) -> bool:
        return bool(to)

    @classmethod
    @ai_generated
    def made(cls, first: T) -> Cart[T]:
        return cls(first)

    @ai_generated(tool="claude")
    @classmethod
    def made_too(cls, first: T) -> Cart[T]:
        return cls(first)

    @staticmethod
    @ai_generated
    def currency(number: int) -> str:
        return "EUR"

    @ai_generated
    @staticmethod
    def currency_too(number: int) -> str:
        return "EUR"

    @property
    @ai_generated
    def size(self) -> int:
        return 0

    @size.setter
    @ai_generated(tool="claude")
    def size(self, value: int) -> None: ...

    # Above @property, mypy takes no decorator, whichever it is.
    @property
    @ai_generated(tool="claude")
    def weight(self) -> float:
        return 0.0

    @functools.cached_property
    @ai_generated(tool="claude")
    def label(self) -> str:
        return ""


cart = Cart(1.5)
assert_type(cart, Cart[float])
assert_type(cart.add(1.0), int)
assert_type(Cart[str].made("a"), Cart[str])
assert_type(Cart[str].made_too("a"), Cart[str])
assert_type(Cart.currency(1), str)
assert_type(cart.currency_too(1), str)
assert_type(cart.size, int)
assert_type(cart.weight, float)
assert_type(cart.label, str)
cart.size = 2
cart.add("a")  # type: ignore[arg-type]
cart.add()  # type: ignore[call-arg]
Cart.currency("a")  # type: ignore[arg-type]
cart.size = "a"  # type: ignore[assignment]
cart.weight = 1.0  # type: ignore[misc]  # it has no setter

# --- classes: the class stays that class


class Named(Protocol):
    def name(self) -> str: ...


@ai_generated
class Order:
    def __init__(self, number: int) -> None:
        self.number = number

    def name(self) -> str:
        return str(self.number)


@ai_generated(tool="claude")
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


@ai_generated(tool="claude")
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


class Express(Order):
    """A marked class is still one to inherit from."""


named: Named = Order(1)
kind: type[Order] = Express
assert_type(Order(1).number, int)
assert_type(Point(1, y=2).x, int)
assert_type(Express(1).name(), str)
Order("a")  # type: ignore[arg-type]
Point(1, z=2)  # type: ignore[call-arg]
Point(1).x = 2  # type: ignore[misc]  # frozen
Shape()  # type: ignore[abstract]

# --- with other decorators, as a function call, and handed on


@functools.lru_cache
@ai_generated
def cached(a: int) -> str:
    return str(a)


@ai_generated
@functools.lru_cache
def cached_too(a: int) -> str:
    return str(a)


@contextlib.contextmanager
@ai_generated
def opened(name: str) -> Generator[str, None, None]:
    yield name


@contextlib.asynccontextmanager
@ai_generated(tool="claude")
async def opened_later(name: str) -> AsyncGenerator[str, None]:
    yield name


@functools.singledispatch
@ai_generated
def shown(value: object) -> str:
    return repr(value)


def with_number(function: Callable[Concatenate[int, P], T]) -> Callable[P, T]:
    return functools.partial(function, 1)


@with_number
@ai_generated
def numbered(number: int, name: str) -> str:
    return name * number


with opened("a") as text:
    assert_type(text, str)
assert_type(cached(1), str)
cached.cache_clear()
cached_too.cache_clear()
assert_type(shown(1), str)
assert_type(numbered("a"), str)
assert_type(ai_generated(len)([1]), int)
assert_type(ai_generated(tool="claude")(functools.partial(empty, 1))(), str)
handler: Callable[[int], str] = ai_generated(empty)
number: Callable[[int], int] = ai_generated(empty)  # type: ignore[assignment]
opened(1)  # type: ignore[arg-type]

# --- wrong uses of the decorator itself

ai_generated(1)  # type: ignore[call-overload]
ai_generated("claude")  # type: ignore[call-overload]
ai_generated(tool=1)  # type: ignore[call-overload]
ai_generated(tools="claude")  # type: ignore[call-overload]
ai_generated(reviewed_for=1)  # type: ignore[call-overload]
ai_generated(empty, tool="claude")  # type: ignore[call-overload]
ai_generated(target=empty)  # type: ignore[call-overload]
ai_generated(tool="claude")(1)  # type: ignore[type-var]
byline.ai_generated(tool="claude")()  # type: ignore[call-arg]
