"""A module of every kind of callable. test_matrix.py loads it twice, as it is and marked, and compares the two."""

from __future__ import annotations

import functools
import types


def mark(target):
    """Return it as it is; the marked twin has ai_generated here."""
    return target


@mark
def plain(a: int, b: int = 2, /, c: str = "c", *rest: int, d: int, e: int = 5, **more: int) -> tuple:
    """
    Take every kind of parameter.

    >>> plain(1, d=4)
    (1, 2, 'c', (), 4, 5, {})
    """
    return act(a, (a, b, c, rest, d, e, more))


@mark
async def awaited(a: int, *, d: int = 4) -> tuple:
    """Be async."""
    await nothing()
    return act(a, (a, d))


@mark
def numbers(a: int, *, d: int = 4) -> object:
    """Be a generator."""
    got = yield 1
    yield (got, act(a, d))
    return "end"


@mark
async def stream(a: int, *, d: int = 4) -> object:
    """Be an async generator."""
    got = yield 1
    await nothing()
    yield (got, act(a, d))


@mark
def hands_on(a: int, *, d: int = 4) -> object:
    """Be a plain function that returns what is to be awaited."""
    return _inner(a, d)


@mark
@types.coroutine
def old_coroutine(a: int, *, d: int = 4) -> object:
    """Be a coroutine of the old kind."""
    yield
    return act(a, (a, d))


async def _inner(a, d):
    await nothing()
    return act(a, (a, d))


class Thing:
    """Has methods."""

    @mark
    def method(self, a: int, *, d: int = 4) -> tuple:
        """Be a method."""
        return act(a, (a, d))

    @staticmethod
    @mark
    def static(a: int, *, d: int = 4) -> tuple:
        """Be a static method."""
        return act(a, (a, d))

    @mark
    @staticmethod
    def static_above(a: int, *, d: int = 4) -> tuple:
        """Be a static method marked above."""
        return act(a, (a, d))

    @mark
    @classmethod
    def of_class(cls, a: int, *, d: int = 4) -> tuple:
        """Be a class method."""
        return act(a, (cls.__name__, a, d))

    @mark
    async def method_async(self, a: int, *, d: int = 4) -> tuple:
        """Be an async method."""
        await nothing()
        return act(a, (a, d))

    @mark
    @property
    def value(self) -> object:
        """Be a property."""
        return act(self.a, self.a)


@mark
class Whole:
    """Is marked as a class."""

    def method(self, a: int, *, d: int = 4) -> tuple:
        """Be a method of a marked class."""
        return act(a, (a, d))


class _Callable:
    """A callable object."""

    def __call__(self, a: int, *, d: int = 4) -> tuple:
        """Be called."""
        return act(a, (a, d))


def _outer():
    @mark
    def nested(a: int, *, d: int = 4) -> tuple:
        """Be nested."""
        return act(a, (a, d))

    return nested


def _cut(function):
    @functools.wraps(function)
    def around(*arguments, **keywords):
        return function(*arguments, **keywords)

    return around


@_cut
@mark
def below(a: int, *, d: int = 4) -> tuple:
    """Be marked below another decorator."""
    return act(a, (a, d))


@mark
@_cut
def above(a: int, *, d: int = 4) -> tuple:
    """Be marked above another decorator."""
    return act(a, (a, d))


nested = _outer()
short = mark(lambda a, *, d=4: act(a, (a, d)))
part = mark(functools.partial(_outer.__globals__["below"].__wrapped__, d=7))
thing = mark(_Callable())


@types.coroutine
def nothing():
    """Wait for one turn."""
    yield


def act(a, result):
    """Do what the first argument says."""
    if isinstance(a, BaseException):
        raise a
    return a() if callable(a) else result
