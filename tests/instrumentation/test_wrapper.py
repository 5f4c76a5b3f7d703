"""A measured function does what it did before, and every call of it is counted once."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
import time
import traceback
import types
from contextlib import contextmanager, suppress

import pytest
from opentelemetry import trace

from byline import _registry
from byline._instrumentation.wrapper import wrap
from byline._model import Attribution, Function
from byline._registry import Entry
from byline._telemetry import incidents

AI = Attribution("ai", "high", "ok", "c" * 40, "d" * 40, "Ana", "claude", evidence="note")


def mark(function):
    code = function.__code__
    where = Function("shop", function.__name__, "shop.py", code.co_firstlineno, code.co_firstlineno, 0)
    return wrap(function, _registry.add(Entry(code, where, AI)))


class BoomError(Exception):
    """What fails."""


# Each kind: how to make a marked function from a body, and how to run one call to its end.


def sync(body):
    @mark
    def work():
        return body()

    return work


def coroutine(body):
    @mark
    async def work():
        await asyncio.sleep(0)
        return body()

    return lambda: asyncio.run(work())


def generator(body):
    @mark
    def work():
        yield 1
        return body()

    def run():
        running = work()
        next(running)
        try:
            next(running)
        except StopIteration as stop:
            return stop.value

    return run


def async_generator(body):
    @mark
    async def work():
        await asyncio.sleep(0)
        yield body()

    async def run():
        (value,) = [each async for each in work()]
        return value

    return lambda: asyncio.run(run())


def returns_coroutine(body):
    async def inner():
        await asyncio.sleep(0)
        return body()

    @mark
    def work():
        return inner()

    return lambda: asyncio.run(work())


def returns_future(body):
    async def inner():
        await asyncio.sleep(0)
        return body()

    @mark
    def work():
        return asyncio.ensure_future(inner())

    async def run():
        return await work()

    return lambda: asyncio.run(run())


def iterable_coroutine(body):
    @mark
    @types.coroutine
    def work():
        yield from asyncio.sleep(0).__await__()
        return body()

    async def run():
        return await work()

    return lambda: asyncio.run(run())


KINDS = [sync, coroutine, generator, async_generator, returns_coroutine, returns_future, iterable_coroutine]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)


def counts(metrics) -> dict[str, int]:
    """Calls of shop.work by outcome."""
    return {
        point.attributes.get("error.type", "ok"): point.count
        for point in metrics().get("byline.call.duration", [])
        if point.attributes["code.function.name"] == "shop.work"
    }


def failing(exception):
    def body():
        raise exception

    return body


@each_kind
def test_returns(kind, metrics):
    """
    The result is the function's, and each call is one sample.
    """
    run = kind(lambda: 7)

    assert [7, 7, 7] == [run(), run(), run()]
    assert {"ok": 3} == counts(metrics)


@each_kind
def test_raises(kind, metrics, logs):
    """
    The very exception of the user leaves, once counted as a failure and once reported.
    """
    error = BoomError("edge")

    with pytest.raises(BoomError) as caught:
        kind(failing(error))()

    assert error is caught.value
    assert {f"{BoomError.__module__}.BoomError": 1} == counts(metrics)
    assert ["byline.incident"] == [each.event_name for each in logs()]


@each_kind
@pytest.mark.parametrize("context", [False, True], ids=["no cause", "handled"])
def test_traceback_is_the_users(kind, context):
    """
    The exception's context is what it would be without byline, and its last frame is the function that raised.
    """

    def body():
        if not context:
            raise BoomError
        try:
            {}["missing"]
        except KeyError:
            raise BoomError  # noqa: B904  # the context is the test

    with pytest.raises(BoomError) as caught:
        kind(body)()

    tb = caught.value.__traceback__
    while tb.tb_next:
        tb = tb.tb_next
    assert (body.__code__, KeyError if context else type(None)) == (
        tb.tb_frame.f_code, type(caught.value.__context__)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("exception", "outcome"),
    [
        (asyncio.CancelledError, "cancelled"),
        (KeyboardInterrupt, "KeyboardInterrupt"),
        (SystemExit(3), "SystemExit"),
        (SystemExit(0), "ok"),
        (SystemExit, "ok"),
        (GeneratorExit, "ok"),
        (StopIteration, "ok"),
        (StopAsyncIteration, "ok"),
    ],
    ids=repr,
)
def test_control_flow_is_no_incident(exception, outcome, metrics, logs):
    """
    Cancellation, interruption and the ends of iterators are outcomes of a call, and nobody's fault.
    """
    kind = exception if isinstance(exception, type) else type(exception)

    with pytest.raises(kind):
        sync(failing(exception))()

    assert ({outcome: 1}, []) == (counts(metrics), logs())


def test_cancelled_as_trio_spells_it(metrics, logs):
    """
    Cancellations of other frameworks are told by their names.
    """

    class Cancelled(BaseException):
        pass

    with pytest.raises(Cancelled):
        sync(failing(Cancelled()))()

    assert ({"cancelled": 1}, []) == (counts(metrics), logs())


@pytest.mark.parametrize("kind", [coroutine, async_generator, returns_coroutine, returns_future])
def test_cancelled_task(kind, metrics, logs):
    """
    A cancelled task is a cancelled call, at whatever await it was.
    """

    async def main():
        task = asyncio.create_task(forever(kind))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert ({"cancelled": 1}, []) == (counts(metrics), logs())


async def forever(kind):
    if kind is coroutine:

        async def work():
            await asyncio.sleep(60)

    elif kind is async_generator:

        async def work():
            await asyncio.sleep(60)
            yield

    elif kind is returns_coroutine:

        def work():
            return asyncio.sleep(60)

    else:

        def work():
            return asyncio.ensure_future(asyncio.sleep(60))

    if kind is async_generator:
        return [each async for each in mark(work)()]
    return await mark(work)()


@pytest.mark.parametrize("kind", [coroutine, returns_coroutine])
def test_closed_coroutine_is_cancelled(kind, metrics):
    """
    A coroutine that is closed before its end was abandoned.
    """

    class Pause:
        def __await__(self):
            yield

    async def pause():
        await Pause()

    work = mark(pause) if kind is coroutine else mark(lambda: pause())  # noqa: PLW0108  # a plain function that returns a coroutine
    running = work()
    running.send(None)
    running.close()

    points = [point for point in metrics()["byline.call.duration"] if point.attributes.get("error.type")]
    assert [("cancelled", 1)] == [(point.attributes["error.type"], point.count) for point in points]


def test_runs_once():
    """
    A function that fails is not called again.
    """
    calls = []

    def body():
        calls.append(1)
        raise BoomError

    with pytest.raises(BoomError):
        sync(body)()

    assert [1] == calls


def test_inner_function_reports(monkeypatch):
    """
    Every marked frame tells of the exception; wrappers further in can be told from the traceback.
    """
    told = []

    def body():
        raise BoomError

    @mark
    async def inner():
        body()

    @mark
    def between():
        return inner()

    @mark
    async def outer():
        await between()

    monkeypatch.setattr(
        incidents,
        "capture",
        lambda entry, exception, *_: told.append((entry.function.qualname, wrappers_inside(exception))),
    )
    with pytest.raises(BoomError):
        asyncio.run(outer())

    assert [("inner", 0), ("between", 1), ("outer", 2)] == told


def wrappers_inside(exception) -> int:
    frames = (frame for frame, _ in traceback.walk_tb(exception.__traceback__.tb_next))
    return sum(_registry.is_wrapper(frame.f_code) for frame in frames)


# --- generators -------------------------------------------------------------------


def test_generator_protocol(metrics):
    """
    What is sent, thrown and returned passes through, and it is one call.
    """

    @mark
    def work():
        got = yield 1
        try:
            yield got
        except BoomError as error:
            yield error
        return 5

    running, boom = work(), BoomError()

    assert [1, "a", boom] == [next(running), running.send("a"), running.throw(boom)]
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert (5, {"ok": 1}) == (stop.value.value, counts(metrics))


def test_async_generator_protocol(metrics):
    """
    What is sent and thrown passes through, and it is one call.
    """

    @mark
    async def work():
        got = yield 1
        try:
            yield got
        except BoomError as error:
            yield error

    async def main():
        running, boom = work(), BoomError()
        seen = [await anext(running), await running.asend("a"), (await running.athrow(boom)) is boom]
        with pytest.raises(StopAsyncIteration):
            await anext(running)
        return seen

    assert [1, "a", True] == asyncio.run(main())
    assert {"ok": 1} == counts(metrics)


@pytest.mark.parametrize("how", ["close", "break", "throw", "collect"])
def test_generator_closed_early(how, metrics, logs):
    """
    A generator that is left early cleans up at once, and was no failure.
    """
    log = []

    @mark
    def work():
        try:
            yield 1
            yield 2
        finally:
            log.append("clean")

    running = work()
    next(running)
    if how == "close":
        running.close()
    elif how == "throw":
        with pytest.raises(GeneratorExit):
            running.throw(GeneratorExit)
    elif how == "break":
        for _ in running:
            break
    del running
    gc.collect()

    assert (["clean"], {"ok": 1}, []) == (log, counts(metrics), logs())


def test_generator_that_ignores_close():
    """
    Python's complaint about a generator that will not close stays.
    """

    @mark
    def work():
        with suppress(GeneratorExit):
            yield 1
        yield 2

    running = work()
    next(running)

    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        running.close()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="close() returns a value from 3.13 on")
def test_generator_close_returns():
    """
    What a generator returns when it is closed reaches the closer.
    """

    @mark
    def work():
        try:
            yield
        except GeneratorExit:
            return 5

    running = work()
    next(running)

    assert 5 == running.close()


def test_generator_time_is_the_time_inside(metrics):
    """
    The consumer's time between two items is not the generator's.
    """

    @mark
    def work():
        yield 1
        time.sleep(0.02)
        yield 2

    outside_s, begun_s = 0.0, time.perf_counter()
    for _ in work():
        paused_s = time.perf_counter()
        time.sleep(0.1)
        outside_s += time.perf_counter() - paused_s
    inside_s = time.perf_counter() - begun_s - outside_s

    point = next(point for point in metrics()["byline.call.duration"])
    assert 1 == point.count
    assert 0.02 <= point.sum <= inside_s


def test_async_generator_left_early(metrics):
    """
    An async generator that a loop left is closed by the event loop, without a word.
    """
    problems, log = [], []

    @mark
    async def work():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0.01)
            log.append("clean")

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        kept = work()
        await anext(kept)
        async for _ in work():
            break
        await asyncio.sleep(0.05)
        return kept  # still open when the loop shuts down

    asyncio.run(main())

    assert (["clean", "clean"], [], {"ok": 2}) == (log, problems, counts(metrics))


def test_generator_that_was_never_started(metrics):
    """
    No step, no call.
    """

    @mark
    def work():
        yield

    work()

    assert {} == counts(metrics)


def test_contextmanager_on_top(metrics):
    """
    A context manager made from a marked generator re-raises what its block raises.
    """

    @contextmanager
    @mark
    def work():
        yield 3

    with pytest.raises(BoomError), work():
        raise BoomError

    assert 1 == sum(counts(metrics).values())


# --- the rest of Python -----------------------------------------------------------


def test_recursion(metrics):
    """
    A function that calls itself is counted at every level.
    """

    @mark
    def work(n=4):
        return work(n - 1) if n else 0

    work()

    assert {"ok": 5} == counts(metrics)


def test_recursion_error_is_the_users():
    """
    Where no stack is left, what leaves is still a RecursionError, and calls work again afterwards.
    """

    @mark
    def work(n):
        return work(n + 1) if n >= 0 else n

    with pytest.raises(RecursionError):
        work(0)

    assert -1 == work(-1)


def test_threads(metrics):
    """
    No call is lost when many threads call at once while the buffers are drained.
    """
    work = sync(lambda: None)
    total, seen, done = 20_000, 0, False

    def call():
        for _ in range(total):
            work()

    threads = [threading.Thread(target=call) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for each in threads:
            each.start()
        while not done:
            done = not any(each.is_alive() for each in threads)
            seen += counts(metrics).get("ok", 0)
        seen += counts(metrics).get("ok", 0)
    finally:
        sys.setswitchinterval(interval)

    assert 4 * total == seen


@pytest.mark.parametrize("how", ["raise", "throw"])
def test_exception_is_not_kept_alive(how):
    """
    An exception goes when the user lets go of it, without waiting for the garbage collector.
    """

    class PreciousError(Exception):
        pass

    @mark
    def work():
        if how == "raise":
            raise PreciousError
        yield

    def run():
        running = work()
        with suppress(PreciousError):
            next(running)
            running.throw(PreciousError())

    gc.collect()
    gc.disable()
    try:
        run()
        left = [each for each in gc.get_objects() if type(each) is PreciousError]
    finally:
        gc.enable()

    assert [] == left


def test_unhashable_result():
    """
    A result whose class cannot be hashed is returned all the same.
    """

    class Meta(type):
        __hash__ = None

    class Odd(metaclass=Meta):
        pass

    assert Odd is type(sync(Odd)())


def test_result_that_can_be_awaited_stays_itself():
    """
    An awaitable that is neither a coroutine nor a future is handed on as it is.
    """

    class Lazy:
        def __await__(self):
            yield

    lazy = Lazy()

    assert lazy is sync(lambda: lazy)()


def test_returned_coroutine_is_a_coroutine():
    """
    What a function returned as a coroutine can be made a task, and has the same name.
    """

    async def inner():
        return 3

    @mark
    def work():
        return inner()

    running = work()

    assert (True, inner.__qualname__) == (inspect.iscoroutine(running), running.__qualname__)
    assert 3 == asyncio.run(running)


def test_exception_of_a_future_stays_unseen():
    """
    byline does not look at a future's exception, so asyncio still tells when nobody did.
    """
    told = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
        work = mark(lambda: asyncio.ensure_future(fail()))
        work()
        await asyncio.sleep(0.01)
        gc.collect()

    async def fail():
        raise BoomError

    asyncio.run(main())

    assert ["Task exception was never retrieved"] == told


def test_own_failure_stays_ours(monkeypatch, caplog):
    """
    When byline fails to record, the user's exception leaves all the same, and the log says so once.
    """

    def broken(*_):
        raise RuntimeError("ours")

    monkeypatch.setattr(incidents, "capture", broken)
    work = sync(failing(BoomError()))

    for _ in range(2):
        with pytest.raises(BoomError):
            work()

    assert 1 == sum("recording a failed call" in each.message for each in caplog.records)


def test_no_context_outside_a_trace():
    """
    Without a trace, nothing is put into OpenTelemetry's context.
    """
    assert not sync(lambda: trace.get_current_span().is_recording())()


def test_future_that_takes_no_callback(metrics, caplog):
    """
    A future that refuses to be watched is returned, and counted as the call it was.
    """

    class Closed:
        def __await__(self):
            yield

        def add_done_callback(self, callback):
            raise RuntimeError("closed")

    closed = Closed()

    @mark
    def work():
        return closed

    assert closed is work()
    assert ({"ok": 1}, 1) == (counts(metrics), len(caplog.records))
