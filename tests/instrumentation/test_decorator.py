"""``@ai_generated`` on everything that can be called, in any order, and what it may say."""

from __future__ import annotations

import abc
import asyncio
import copy
import dataclasses
import doctest
import enum
import functools
import inspect
import os
import pickle
import subprocess
import sys
import typing
from unittest import mock

import pytest

from byline import _config, _registry, ai_generated
from byline._config import Config
from byline._instrumentation import declaration, lookup
from byline._instrumentation.declaration import Declaration, declared
from byline._instrumentation.decorator import mark
from byline._model import Attribution
from byline.exceptions import ConfigError

FOUND = Attribution(
    "ai", "medium", "ok", "c" * 40, "d" * 40, "Ana", "copilot", "gpt", "trailer", "s1", "7", 3, 4, 99
)


@ai_generated
def add(a: int, b: int = 2) -> int:
    """
    Add.

    >>> add(1)
    3
    """
    return a + b


@ai_generated
async def later(a):
    return a


@ai_generated
def count(n):
    yield from range(n)


@ai_generated
async def stream(n):
    for each in range(n):
        yield each


@ai_generated
@functools.lru_cache
def cached(a):
    return a


class Adder:
    """A callable object."""

    def __init__(self, by):
        self.by = by

    def __call__(self, a):
        return a + self.by

    async def method(self, a):
        return a + self.by


adder = ai_generated(Adder(1))
bound = ai_generated(Adder(2).method)
part = ai_generated(functools.partial(lambda a, b: a + b, 3))


class Shop:
    """Each way a class holds a function."""

    @ai_generated
    def method(self):
        return self

    @ai_generated
    @staticmethod
    def static_above():
        return 1

    @staticmethod
    @ai_generated
    def static_below():
        return 1

    @ai_generated
    @classmethod
    def class_above(cls):
        return cls

    @classmethod
    @ai_generated
    def class_below(cls):
        return cls

    @ai_generated
    @property
    def property_above(self):
        """Text."""
        return self._value

    @property_above.setter
    def property_above(self, value):
        self._value = value

    @property
    @ai_generated
    def property_below(self):
        return 1

    @ai_generated
    @functools.cached_property
    def cached_above(self):
        return 1

    @ai_generated
    @functools.lru_cache  # noqa: B019  # one object, and it is the order that counts
    def lru_above(self):
        return self

    half = ai_generated(functools.partialmethod(lambda self, a, b: (self, a, b), 1))


def calls(metrics, name) -> int:
    return sum(
        point.count
        for point in metrics()["byline.call.duration"]
        if point.attributes["code.function.name"].endswith(name)
    )


def set_value(shop):
    shop.property_above = 5
    return shop.property_above


@pytest.mark.parametrize(
    ("name", "call", "expected"),
    [
        (".add", lambda _: add(1), 3),
        (".later", lambda _: asyncio.run(later(1)), 1),
        (".count", lambda _: list(count(2)), [0, 1]),
        (".cached", lambda _: cached(4), 4),
        ("Adder.__call__", lambda _: adder(1), 2),
        ("Adder.method", lambda _: asyncio.run(bound(1)), 3),
        (".<lambda>", lambda _: part(1), 4),
        (".<lambda>", lambda shop: shop.half(2)[1:], (1, 2)),
        ("Shop.method", lambda shop: shop.method() is shop, True),
        ("Shop.method", lambda shop: Shop.method(shop) is shop, True),
        ("Shop.static_above", lambda shop: shop.static_above(), 1),
        ("Shop.static_below", lambda _: Shop.static_below(), 1),
        ("Shop.class_above", lambda shop: shop.class_above(), Shop),
        ("Shop.class_below", lambda _: Shop.class_below(), Shop),
        ("Shop.property_above", set_value, 5),
        ("Shop.property_below", lambda shop: shop.property_below, 1),
        ("Shop.cached_above", lambda shop: shop.cached_above + shop.cached_above, 2),
        ("Shop.lru_above", lambda shop: shop.lru_above() is shop, True),
    ],
    ids=[
        "function", "async", "generator", "cached", "callable", "bound", "partial", "partialmethod",
        "method", "method on class", "static above", "static below", "class above", "class below",
        "property above", "property below", "cached property", "lru method",
    ],
)  # fmt: skip
def test_is_measured(name, call, expected, metrics):
    """
    A marked function is measured however it is reached, and does what it did.
    """
    assert expected == call(Shop())
    assert 1 == calls(metrics, name)


@pytest.mark.parametrize("function", [add, later, count, stream, Shop.method], ids=lambda each: each.__name__)
def test_identity(function):
    """
    Whoever looks at a marked function sees the function.
    """
    inner = function.__wrapped__

    for look in (
        inspect.signature,
        inspect.getsource,
        inspect.getdoc,
        inspect.iscoroutinefunction,
        asyncio.iscoroutinefunction if sys.version_info < (3, 14) else inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        typing.get_type_hints,
        inspect.getfullargspec,
    ):
        assert look(inner) == look(function)
    for name in (
        "__name__",
        "__qualname__",
        "__module__",
        "__doc__",
        "__annotations__",
        "__defaults__",
        "__kwdefaults__",
    ):
        assert getattr(inner, name) == getattr(function, name)


@pytest.mark.parametrize(
    "target",
    [add, later, cached, Shop.method, Shop().static_above],
    ids=["function", "async", "cached", "method", "static"],
)
def test_pickles_by_name(target):
    """
    What is pickled by its name comes back as itself.
    """
    assert target is pickle.loads(pickle.dumps(target))  # noqa: S301  # our own


@pytest.mark.parametrize(
    "again",
    [lambda: pickle.loads(pickle.dumps(adder)), lambda: copy.copy(adder), lambda: copy.deepcopy(adder)],  # noqa: S301  # our own
    ids=["pickle", "copy", "deepcopy"],
)
def test_copies_are_measured(again, metrics):
    """
    A copy of a marked object is another object, of the same class, and marked.
    """
    other = again()

    assert (2, True, False) == (other(1), isinstance(other, Adder), other is adder)
    assert 1 == calls(metrics, "Adder.__call__")


def test_function_copies():
    """
    A copied function is the function, as Python has it.
    """
    assert add is copy.copy(add) is copy.deepcopy(add)


def test_cached_function_keeps_its_tools():
    """
    What a decorator added is still there.
    """
    cached(1)

    assert cached.cache_info().currsize


def test_autospec():
    """
    A mock made from a marked function checks its arguments.
    """
    spec = mock.create_autospec(add)

    with pytest.raises(TypeError):
        spec(1, 2, 3)


def test_doctest_finds_it():
    """
    The examples in a marked function's docstring are found and run.
    """
    found = doctest.DocTestFinder().find(sys.modules[__name__], globs={"add": add})

    assert [1] == [len(each.examples) for each in found if each.name.endswith(".add")]


@pytest.mark.parametrize(
    "target",
    [add, cached, adder, bound, part, Shop.method, Shop.__dict__["static_above"]],
    ids=["function", "cached", "callable", "bound", "partial", "method", "static"],
)
def test_twice_is_once(target):
    """
    To mark what is marked returns it.
    """
    assert target is mark(target)


def test_property_parts():
    """
    Whichever parts a property has are marked, and no others.
    """

    def write(self, value=None): ...

    found = ai_generated(property(None, write, write))

    assert (None, True, True) == (
        found.fget,
        _registry.is_wrapper(found.fset.__code__),
        _registry.is_wrapper(found.fdel.__code__),
    )


def test_twice_with_a_decorator_between(metrics):
    """
    A function marked below and above another decorator is one measured function.
    """

    def other(function):
        @functools.wraps(function)
        def call(*args):
            return function(*args)

        return call

    @ai_generated(tool="claude")
    @other
    @ai_generated
    def work():
        return 1

    work()

    assert 1 == calls(metrics, ".work")
    assert "claude" == _registry.find(inspect.unwrap(work).__code__).attribution.tool


def test_decorator_below():
    """
    Marked above another decorator, it is still the user's function that is attributed.
    """

    @functools.wraps(add.__wrapped__)
    def call(*args):
        return add.__wrapped__(*args)

    assert (3, add.__wrapped__) == (ai_generated(call)(1), inspect.unwrap(ai_generated(call)))


# --- classes ----------------------------------------------------------------------


@ai_generated
@dataclasses.dataclass
class Order(abc.ABC):
    """A class with methods of every kind, some of them not its own."""

    total: int

    def own(self):
        return super().__hash__

    async def later(self):
        return 1

    @property
    def net(self):
        return self.total

    @staticmethod
    def make():
        return 1

    @abc.abstractmethod
    def left_open(self): ...

    class Inner:
        def inner(self): ...


def test_class_marks_what_its_body_defines():
    """
    Methods of the class body are marked; generated, inherited and nested ones are not.
    """
    inside = {
        "own": Order.own,
        "later": Order.later,
        "net": Order.net.fget,
        "make": Order.make,
        "left_open": Order.left_open,
        "__init__": Order.__init__,
        "__eq__": Order.__eq__,
        "inner": Order.Inner.inner,
    }
    marked = {name for name, each in inside.items() if _registry.is_wrapper(each.__code__)}

    assert {"own", "later", "net", "make", "left_open"} == marked
    assert frozenset({"left_open"}) == Order.__abstractmethods__


def test_class_stays_the_class():
    """
    Marking a class returns that class.
    """

    class Colour(enum.Enum):
        RED = 1

        def name_it(self):
            return self.name

    assert Colour is ai_generated(Colour)
    assert ("RED", [Colour.RED]) == (Colour.RED.name_it(), list(Colour))


def test_class_that_forbids_it(caplog):
    """
    A metaclass that lets nothing be set keeps its class usable, and the log says so.
    """

    class Closed(type):
        def __setattr__(cls, name, value):
            raise AttributeError(name)

    @ai_generated
    class Till(metaclass=Closed):
        def sum(self):
            return 1

    assert 1 == Till().sum()
    assert ["byline"] == [each.name for each in caplog.records]


# --- what cannot be marked, and what may be said ----------------------------------


@pytest.mark.parametrize(
    "target",
    [5, "claude", len, functools.partial(dict, a=1), functools.partial(len)],
    ids=["number", "text", "builtin", "partial class", "partial builtin"],
)
def test_unmarkable(target):
    """
    What has no Python code is refused, by name and with a cure.
    """
    with pytest.raises(TypeError, match=r"cannot mark .*: .*\."):
        ai_generated(target)


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"tool": 5}, TypeError, r"ai_generated\(tool=5\): tool is text"),
        ({"author": None}, TypeError, r"ai_generated\(author=None\)"),
        ({"reviewed_for": "edges"}, TypeError, r"reviewed_for=\('edge cases',\)"),
        ({"reviewed_for": [1]}, TypeError, "is a list of texts"),
        ({"reviewed_for": 1}, TypeError, "is a list of texts"),
        ({"commit": "HEAD"}, ConfigError, "not the SHA of a commit"),
    ],
    ids=["number", "None", "text for a list", "list of numbers", "number for a list", "no SHA"],
)
def test_malformed(said, error, message):
    """
    A value of the wrong kind is an error where it is written, also when byline is disabled.
    """
    _config.use(Config(disabled=True))
    try:
        with pytest.raises(error, match=message):
            ai_generated(**said)
    finally:
        _config.use(None)


def test_disabled():
    """
    With BYLINE_DISABLED=1 the mark returns what it was given, and nothing is started.
    """
    code = (
        "import threading\nfrom byline import ai_generated\n"
        "def f(): pass\n"
        "class C: pass\n"
        "print(ai_generated(f) is f, ai_generated(tool='x')(C) is C, threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "BYLINE_DISABLED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "True True 1\n" == done.stdout


@pytest.mark.parametrize(
    ("found", "said", "expected"),
    [
        (FOUND, Declaration(), dataclasses.replace(FOUND, confidence="high", evidence="decorator")),
        (
            FOUND,
            Declaration(tool="claude", model="m", session="s2", author="Ben", commit="cccc"),
            dataclasses.replace(
                FOUND, confidence="high", evidence="decorator",
                tool="claude", model="m", session="s2", author="Ben",
            ),
        ),
        (
            FOUND,
            Declaration(commit="abcd"),
            Attribution(
                "ai", "high", "ok", "abcd", "d" * 40, tool="unknown", evidence="decorator", ai_lines=3, lines=4
            ),
        ),
        (
            Attribution(status="pending"),
            Declaration(tool="codex"),
            Attribution("ai", "high", "pending", tool="codex", evidence="decorator"),
        ),
        (
            Attribution("human", "high", "ok", "c" * 40),
            Declaration(),
            Attribution("ai", "high", "ok", "c" * 40, tool="unknown", evidence="decorator"),
        ),
        (FOUND, None, FOUND),
    ],
    ids=["bare", "all", "another commit", "pending", "human", "nothing said"],
)  # fmt: skip
def test_declared(found, said, expected):
    """
    A person's word wins over what was found, and nothing else of it is lost.
    """
    assert expected == declared(found, said)


def test_declaration_outlives_the_scan():
    """
    What was declared is remembered for the attribution that arrives later.
    """

    @ai_generated(tool="Claude ", reviewed_by="Ben", reviewed_for=["edges"])
    def work():
        pass

    entry = lookup.entry_for(work.__wrapped__.__code__, "shop")
    said = declaration.of(entry)

    assert Declaration(tool="claude", reviewed_by="Ben", reviewed_for=("edges",)) == said
    assert ("claude", "c" * 40) == (declared(FOUND, said).tool, declared(FOUND, said).commit)


def test_import_stays_light():
    """
    The mark loads neither the SDK nor wrapt, git, sqlite or the command line.
    """
    heavy = ("opentelemetry.sdk", "wrapt", "git", "sqlite3", "click", "sentry_sdk", "rich")
    code = (
        "import sys, byline\n"
        "@byline.ai_generated(tool='claude')\n"
        "def f(): pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout
