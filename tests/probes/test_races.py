"""Every moment at which another thread may come in between: each swallowed exception is told once, never twice."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from byline import ai_generated
from byline._probes import monitoring, swallowed, waiting
from byline._probes.watches import Step, Watch
from byline._telemetry import worker

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="needs sys.monitoring")

ROOM = monitoring.__file__.rpartition("monitoring")[0]


@pytest.fixture
def told(monkeypatch):
    """What is told, exception by exception; those that wait are late at once."""
    found: list[str] = []

    def record(_place, _kind, handling, *, times, **_rest):
        found.extend([handling] * times)

    # byline's own thread would sweep whenever it likes: here the other thread is the test's.
    assert worker.stop(60)
    monkeypatch.setattr(swallowed, "_sweep_from_now_on", lambda: None)
    monkeypatch.setattr(swallowed.findings, "record", record)
    monkeypatch.setattr(waiting, "_WAIT_S", 0.0)
    monkeypatch.setattr(waiting, "_RETRY_WAIT_S", 0.0)
    monkeypatch.setattr(waiting, "_WAIT_SWEEPS", 1)
    swallowed.begin()
    yield found
    swallowed.finish()


class Other:
    """A thread that does what it is told, and may have to wait for a lock meanwhile."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._late = 0
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            self._done.put(None)

    def do(self, task: Callable[[], object]) -> None:
        """Run a task; go on without it when it has to wait for the lock that the caller holds."""
        self._late += 1
        self._tasks.put(task)
        self._collect(0 if waiting._lock._is_owned() else 30)  # type: ignore[attr-defined]  # as threading.Condition asks

    def _collect(self, timeout_s: float) -> None:
        try:
            while self._late:
                self._done.get(timeout_s > 0, timeout_s)
                self._late -= 1
        except queue.Empty:
            pass

    def end(self) -> None:
        """Wait until all is done."""
        self._collect(30)
        self._tasks.put(None)
        self._thread.join(30)
        assert 0 == self._late


@contextmanager
def at(moment: int, act: Callable[[], object]) -> Iterator[list[int]]:
    """Do something before the n-th instruction that this thread runs in the probes' room; counts them."""
    count = [0]

    def trace(frame: FrameType, event: str, _argument: object) -> object:
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            count[0] += 1
            if count[0] == moment:
                act()
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # before tracing begins: Python 3.12 asks only then
    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)


@ai_generated
def once(fail):
    """A handler that does something, so that it is entered and left."""
    try:
        fail()
    except ValueError:
        str(fail)
    return 1


@ai_generated
def again(fail):
    """Two attempts that fail, and one that works."""
    for attempt in range(3):
        try:
            if attempt < 2:
                fail()
            return attempt  # noqa: TRY300  # what is tried
        except ValueError:
            continue
    return None


def call(function: Callable[..., object]) -> tuple[Callable[[], None], Callable[[], None]]:
    """
    Return what the probes are told of a call: that it swallows an exception, and that it returns.

    The interpreter does not tell it here, since Python traces nothing within what monitoring calls.
    """
    code = function.__wrapped__.__code__  # type: ignore[attr-defined]  # what the wrapper measures
    entry, _ = monitoring.wanted[id(code)]
    watch = Watch(entry, code)
    (handler,) = watch.handlers
    frame = sys._getframe()  # stands for the function's

    def swallow() -> None:
        try:
            raise ValueError  # noqa: TRY301  # as the function would
        except ValueError:
            swallowed.step(watch, Step.ENTERED, handler, frame, 0, track=True)
            swallowed.step(watch, Step.DONE, handler, frame, 0, track=True)

    def end() -> None:
        swallowed.returned(watch, frame, min(handler.recovered, default=0), 1)

    return swallow, end


def sweep() -> None:
    """Find what waits, and find that it has waited long enough."""
    swallowed.sweep()
    swallowed.sweep()


FUNCTIONS = {"once": once, "retried": again}
OTHERS = {"the sweep": sweep, "the end of all": swallowed.sweep_all}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_call_that_another_thread_comes_into(function, other, told):
    """
    Whatever instruction of a call the background thread comes before, it tells what the call does not tell.
    """
    wrong: dict[int, list[str]] = {}
    moment, last, thread = 0, 1, Other()
    while moment < last:
        moment += 1
        told.clear()
        swallow, end = call(function)
        with at(moment, lambda: thread.do(other)) as count:
            swallow()
            swallow()
            end()
        last = count[0]
        thread.do(sweep)
        if 2 != len(told):
            wrong[moment] = list(told)
    thread.end()

    assert {} == wrong
    assert last > 100


@pytest.mark.parametrize("more", [0, 1], ids=["its end", "one more, and its end"])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_another_thread_that_a_call_comes_into(function, other, more, told):
    """
    Whatever instruction of the background thread a call comes before, what it swallowed is told once.
    """
    wrong: dict[int, list[str]] = {}
    moment, last, thread = 0, 1, Other()
    while moment < last:
        moment += 1
        told.clear()
        swallow, end = call(function)

        def go_on(swallow=swallow, end=end):
            for _ in range(more):
                swallow()
            end()

        thread.do(swallow)
        with at(moment, lambda go_on=go_on: thread.do(go_on)) as count:
            other()
        last = count[0]
        thread.do(sweep)
        if 1 + more != len(told):
            wrong[moment] = list(told)
    thread.end()

    assert {} == wrong
    assert last > 10


def test_a_machine_that_stands_still(told, monkeypatch):
    """
    A call that gets no turn for a while is not taken for one without end, as long as the background thread gets none.
    """
    monkeypatch.setattr(waiting, "_WAIT_S", 1.0)
    monkeypatch.setattr(waiting, "_WAIT_SWEEPS", 4)
    now = [1.0]
    monkeypatch.setattr(waiting, "monotonic", lambda: now[0])
    swallow, end = call(once)
    swallow()
    for _ in range(4):
        swallowed.sweep()
        now[0] += 60
    before = list(told)
    swallowed.sweep()

    assert ([], ["silent"]) == (before, told)
    end()
    assert ["silent"] == told
