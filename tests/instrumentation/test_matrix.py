"""Every kind of callable in every situation: marked, it does what it does unmarked, down to the words of its errors."""

from __future__ import annotations

import asyncio
import copy
import doctest
import functools
import importlib.util
import inspect
import pickle
import sys
import threading
import traceback
import typing
from pathlib import Path
from unittest import mock

import pytest

from byline import ai_generated

SOURCE = Path(__file__).with_name("twins.py")
MARKED_LINE = "    return byline.ai_generated(tool='claude')(target)"


def load(name, text, folder):
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """The module unmarked, and marked, each with a source file of its own."""
    folder = tmp_path_factory.mktemp("twins")
    text = SOURCE.read_text()
    marked = text.replace("    return target", MARKED_LINE, 1).replace(
        "import types", "import types, byline", 1
    )
    assert text.count("\n") == marked.count("\n")
    yield load("twin_plain", text, folder), load("twin_marked", marked, folder)
    for name in ("twin_plain", "twin_marked"):
        del sys.modules[name]


# --- kinds: how to get at the callable, and how to call it to its end


def direct(function, *arguments, **keywords):
    return function(*arguments, **keywords)


def awaiting(function, *arguments, **keywords):
    pending = function(*arguments, **keywords)
    try:
        while True:
            pending.send(None)
    except StopIteration as stop:
        return stop.value


def iterating(function, *arguments, **keywords):
    return list(function(*arguments, **keywords))


def async_iterating(function, *arguments, **keywords):
    async def gather():
        return [each async for each in function(*arguments, **keywords)]

    return awaiting(gather)


def reading(get, a):
    thing = get()
    thing.a = a
    return thing.value


KINDS = {
    "function": (lambda module: functools.partial(module.plain, d=4), direct),
    "async": (lambda module: module.awaited, awaiting),
    "generator": (lambda module: module.numbers, iterating),
    "async generator": (lambda module: module.stream, async_iterating),
    "returns awaitable": (lambda module: module.hands_on, awaiting),
    "old coroutine": (lambda module: module.old_coroutine, awaiting),
    "method": (lambda module: module.Thing().method, direct),
    "static method": (lambda module: module.Thing.static, direct),
    "static method above": (lambda module: module.Thing.static_above, direct),
    "class method": (lambda module: module.Thing.of_class, direct),
    "async method": (lambda module: module.Thing().method_async, awaiting),
    "property": (lambda module: module.Thing, reading),
    "class form": (lambda module: module.Whole().method, direct),
    "nested": (lambda module: module.nested, direct),
    "lambda": (lambda module: module.short, direct),
    "partial": (lambda module: module.part, direct),
    "callable object": (lambda module: module.thing, direct),
    "mark below": (lambda module: module.below, direct),
    "mark above": (lambda module: module.above, direct),
}
INSPECTED = {
    **KINDS,
    "function": (lambda module: module.plain, direct),
    "property": (lambda module: module.Thing.__dict__["value"].fget, direct),
    "method": (lambda module: module.Thing.method, direct),
    "class": (lambda module: module.Whole, direct),
}


class OwnError(Exception):
    """The program's own."""


class OwnExit(BaseException):
    """The program's own, and no error."""


def outcome(run, function, *arguments, **keywords):
    """What a caller sees of a call: the result, or the exception with the frames that are not ours."""
    try:
        return run(function, *arguments, **keywords)
    except BaseException as exception:  # noqa: BLE001  # whatever a caller sees is compared
        frames = [
            each
            for each in traceback.extract_tb(exception.__traceback__)
            if not each.filename.startswith("<byline ") and not each.filename.endswith("proxy.py")
        ]
        names = [each.name for each in frames]
        # A proxy hands on in one more frame.
        return (
            type(exception).__name__, exception.args, exception.__cause__, exception.__context__,
            [each for each in names if each not in ("_forward", "call")],
        )  # fmt: skip


def in_thread(run, function):
    found = []
    thread = threading.Thread(target=lambda: found.append(outcome(run, function, 1)))
    thread.start()
    thread.join()
    return found


def raising(kind):
    def situation(run, function):
        error = kind("why")
        return outcome(run, function, error), getattr(error, "__notes__", None)

    return situation


def in_handler(run, function):
    """Called while another exception is handled, its own has that one as context."""
    try:
        [].index(1)
    except ValueError as first:
        try:
            run(function, OwnError())
        except OwnError as second:
            return second.__context__ is first


def re_entered(run, function):
    return outcome(run, function, lambda: run(function, 1))


def cause(run, function):
    error = OwnError("why")
    error.__cause__ = KeyError("first")
    return str(outcome(run, function, error))


SITUATIONS = {
    "returns": lambda run, function: outcome(run, function, 1),
    "exception": raising(OwnError),
    "BaseException": raising(OwnExit),
    "KeyboardInterrupt": raising(KeyboardInterrupt),
    "MemoryError": raising(MemoryError),
    "RecursionError": raising(RecursionError),
    "SystemExit": raising(SystemExit),
    "GeneratorExit": lambda run, function: outcome(run, function, GeneratorExit("why"))[0],
    "CancelledError": raising(asyncio.CancelledError),
    "cause": cause,
    "context": in_handler,
    "re-entered": re_entered,
    "thread": in_thread,
    "copy": lambda run, function: outcome(run, copy.copy(function), 1),
    "deepcopy": lambda run, function: outcome(run, copy.deepcopy(function), 1),
    "wraps on top": lambda run, function: outcome(run, functools.partial(_with_wraps, function), 1),
    "twice": lambda run, function: [outcome(run, function, 1) for _ in range(2)],
}


def _with_wraps(function, *arguments):
    @functools.wraps(function, [each for each in functools.WRAPPER_ASSIGNMENTS if hasattr(function, each)])
    def around(*arguments):
        return function(*arguments)

    return around(*arguments)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_does_the_same(kind, situation, twins):
    """
    Marked or not, a caller sees the same.
    """
    get, run = KINDS[kind]

    bare, marked = (SITUATIONS[situation](run, get(module)) for module in twins)

    assert bare == marked


@pytest.mark.parametrize("arguments", [(), (1, 2, 3, 4, 5, 6, 7), (1,)], ids=["none", "many", "one"])
@pytest.mark.parametrize("keywords", [{}, {"d": 1}, {"x": 1}, {"a": 1}], ids=["-", "d", "x", "a"])
@pytest.mark.parametrize("kind", [each for each in KINDS if each != "property"])
def test_takes_the_same_arguments(kind, arguments, keywords, twins):
    """
    What is accepted is accepted, and what is wrong is said in the same words.
    """
    get, run = (INSPECTED | {"method": KINDS["method"]})[kind]

    bare, marked = (outcome(run, get(module), *arguments, **keywords)[:2] for module in twins)

    assert bare == marked


def looked_at(function):
    """What tools see of it."""
    target = inspect.unwrap(function)
    hints = {}
    if inspect.isroutine(function):
        hints = typing.get_type_hints(function)
    has_source = inspect.isfunction(target) or inspect.ismethod(target)  # from 3.14 on a partial is a routine
    return {
        "signature": str(inspect.signature(function)),
        "coroutine": inspect.iscoroutinefunction(function),
        "generator": inspect.isgeneratorfunction(function),
        "async generator": inspect.isasyncgenfunction(function),
        "awaitable": asyncio.iscoroutinefunction(function) if sys.version_info < (3, 14) else None,
        "function": inspect.isfunction(function),
        "method": inspect.ismethod(function),
        "routine": inspect.isroutine(function),
        "name": getattr(function, "__name__", None),
        "qualname": getattr(function, "__qualname__", None),
        "doc": inspect.getdoc(function),
        "hints": hints,
        "defaults": getattr(function, "__defaults__", None),
        "keyword defaults": getattr(function, "__kwdefaults__", None),
        "source": inspect.getsource(target) if has_source else None,
        "comments": inspect.getcomments(target) if has_source else None,
        "file": Path(inspect.getfile(target)).stem.replace("plain", "marked") if has_source else None,
        "autospec": autospec(function),
        "pickled": pickled(function),
    }


def autospec(function):
    spec = mock.create_autospec(function)
    try:
        pending = spec(1, 2, 3, 4, 5, 6, 7, x=1)
        if inspect.iscoroutine(pending):
            awaiting(lambda: pending)
    except TypeError as error:
        return str(error)
    return type(spec).__name__


def pickled(function):
    try:
        return pickle.loads(pickle.dumps(function)) is not None  # noqa: S301  # our own
    except Exception as error:  # noqa: BLE001  # as above
        return type(error).__name__


@pytest.mark.parametrize("kind", INSPECTED)
def test_looks_the_same(kind, twins):
    """
    Signature, kind, names, hints, source, autospec and pickling are those of the function.
    """
    get, _ = INSPECTED[kind]

    bare, marked = (looked_at(get(module)) for module in twins)
    if kind == "callable object":
        # mock asks the proxy's class for __call__, and that one takes everything.
        del bare["autospec"], marked["autospec"]

    assert bare == marked


def test_doctests_are_found_and_run(twins):
    """
    doctest finds the examples of marked functions, and they hold.
    """
    found = [
        {each.name.partition(".")[2]: len(each.examples) for each in doctest.DocTestFinder().find(module)}
        for module in twins
    ]
    results = [doctest.testmod(module) for module in twins]

    assert found[0] == found[1]
    assert results[0] == results[1]
    assert 1 == results[1].attempted


# --- generators and coroutines, step by step


def steps_of_generator(function):
    told = []
    running = function(1)
    told += [next(running), running.send("sent"), running.gi_frame is not None]
    told.append(outcome(direct, running.send, "again")[:2])
    early = function(1)
    told += [next(early), early.close(), outcome(direct, next, early)[0]]
    thrown = function(1)
    next(thrown)
    told.append(outcome(direct, thrown.throw, OwnError("in"))[:2])
    for each in function(1):
        told.append(each)
        break
    return told


def steps_of_async_generator(function):
    async def run():
        told = []
        running = function(1)
        told += [await anext(running), await running.asend("sent"), await anext(running, "end")]
        early = function(1)
        told += [await anext(early), await early.aclose(), await anext(early, "end")]
        thrown = function(1)
        await anext(thrown)
        try:
            await thrown.athrow(OwnError("in"))
        except OwnError as error:
            told.append(error.args)
        async for each in function(1):
            told.append(each)
            break
        return told

    return asyncio.run(run())


def steps_of_coroutine(function):
    told = []
    running = function(1)
    told += [running.send(None), inspect.iscoroutine(running)]
    told.append(outcome(direct, running.throw, OwnError("in"))[:2])
    closed = function(1)
    closed.send(None)
    told += [closed.close(), outcome(direct, closed.send, None)[0]]
    function(1).close()

    async def cancelled():
        task = asyncio.ensure_future(function(1))
        await asyncio.sleep(0)
        task.cancel()
        return await asyncio.gather(task, return_exceptions=True)

    told.append([type(each).__name__ for each in asyncio.run(cancelled())])
    return told


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (steps_of_generator, "numbers"),
        (steps_of_async_generator, "stream"),
        (steps_of_coroutine, "awaited"),
    ],
    ids=["generator", "async generator", "coroutine"],
)
def test_steps_are_the_same(steps, name, twins):
    """
    send, throw, close, cancellation and leaving early reach the function, and what comes back is the same.
    """
    bare, marked = (steps(getattr(module, name)) for module in twins)

    assert bare == marked


# --- the end of the stack


def deep(function, left):
    """Call at so much depth that only so many frames are left, as near as Python lets us say it."""
    return function() if left <= 0 else deep(function, left - 1)


def boom():
    raise OwnError


async def boom_async():
    raise OwnError


def boom_generator():
    raise OwnError
    yield


DEEP = {
    "function": (boom, direct),
    "coroutine": (boom_async, awaiting),
    "generator": (boom_generator, iterating),
}


@pytest.mark.parametrize("kind", DEEP)
def test_at_the_end_of_the_stack(kind):
    """
    However little of the stack is left, an exception that comes is the function's own or a plain RecursionError.
    """
    function, run = DEEP[kind]
    marked = ai_generated(tool="claude")(function)
    limit, seen = sys.getrecursionlimit(), []
    for left in range(40):
        depth = limit - len(inspect.stack(0)) - left
        try:
            deep(lambda: run(marked), depth)
        except (OwnError, RecursionError) as error:
            seen.append(type(error).__name__)
    first = seen.index("OwnError")

    # Once there is room for the function itself, its exception is the one that is seen.
    assert ["RecursionError"] * first + ["OwnError"] * (40 - first) == seen
    assert "RecursionError" in seen
