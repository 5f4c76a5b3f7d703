"""The one background thread of the run room: what a call leaves to do later is done here."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from .. import _config
from . import faults

Task = Callable[[], object]

TICK_S = 0.25
"""How often the tick callbacks run. Buffers grow in between, so this bounds their memory."""

HURRY_S = 0.01
"""When the next tick comes while there is much to do."""

LIMIT = 4_096
"""Tasks that may wait. More are refused, and counted."""

EXIT_S = 2.0
"""How long the end of a program may wait for tasks."""

_FORK_S = 0.1
_UNDIVIDED_S = 1.0
"""How long a fork waits for a step that must be whole. Ours are shorter; a program's own log processor may not be."""

_PROVIDERS = {
    "opentelemetry.trace": "get_tracer_provider",
    "opentelemetry.metrics": "get_meter_provider",
    "opentelemetry._logs": "get_logger_provider",
}

_logger = logging.getLogger("byline")


class Worker:
    """
    A daemon thread that starts with its first task and can be stopped, twice, and after a fork.

    ``queue.SimpleQueue`` carries the tasks because its ``put`` is reentrant: a task may be
    submitted by a ``__del__`` or a signal handler that interrupts another submit.
    """

    def __init__(self) -> None:
        self.refused = 0
        """Tasks that found the queue full."""
        self._ticks: list[Task] = []
        self._first: list[Task] = []
        self._first_of_end: list[Task] = []
        self._last: list[Task] = []
        self._ends: list[Task] = []
        self._exit_order: tuple[int, ...] | None = None
        self._in_child: list[Task] = []
        self._forking = 0
        """Threads that are about to fork."""
        self._paused = False
        """Whether the thread was stopped for them."""
        self._hurried = False
        self._flushing = False
        self._fresh()

    def _fresh(self) -> None:
        """Drop what belongs to a former thread, or to a parent process."""
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._undivided = threading.RLock()
        self._held_by: set[int] = set()
        """Threads that took the lock above to fork."""
        self._thread: threading.Thread | None = None
        self._wanted = False
        self._exiting = False

    def submit(self, task: Task) -> bool:
        """
        Run a task later, on the background thread; never raises and never waits.

        Returns:
            False when the task was refused: byline is disabled, or too many tasks wait.
        """
        if self._exiting:
            _run(task)
            return True
        if self._queue.qsize() >= LIMIT:
            self.refused += 1
            return False
        if not self._start():
            return False
        self._queue.put(task)
        return True

    def each_tick(self, callback: Task) -> None:
        """Run a callback every ``TICK_S`` seconds and at each flush; a second registration changes nothing."""
        if callback not in self._ticks:
            self._ticks.append(callback)
        self._start()

    def hurry(self) -> None:
        """Let the next tick come soon; said in a tick callback that found much to do."""
        self._hurried = True

    def before_stop(self, callback: Task) -> None:
        """Run a callback, on the stopping thread, before the last flush: what others still owe is awaited here."""
        if callback not in self._first:
            self._first.append(callback)

    def before_end(self, callback: Task) -> None:
        """As before_stop, where the program ends: what is under way is not waited for."""
        if callback not in self._first_of_end:
            self._first_of_end.append(callback)

    def at_end(self, callback: Task) -> None:
        """Run a callback when the program ends, behind the exit functions of whoever registered one after this module was loaded."""
        self._ends.append(callback)

    def not_at_end(self, callback: Task) -> None:
        """Undo ``at_end``; repeating it does no harm."""
        if callback in self._ends:
            self._ends.remove(callback)

    def at_stop(self, callback: Task) -> None:
        """Run a callback, on the stopping thread, when everything else is done."""
        if callback not in self._last:
            self._last.append(callback)

    def after_fork(self, callback: Task) -> None:
        """Run a callback in each forked child, before the thread starts there: it must find nothing of the parent's."""
        self._in_child.append(callback)

    @contextmanager
    def undivided(self) -> Iterator[None]:
        """
        Do something that no fork may come into: hand something to OpenTelemetry, which takes locks.

        A child that is forked meanwhile would have these locks held for ever, by a thread that it
        does not have. Neither side waits without end, since it may be the other one's caller.
        """
        lock = self._undivided  # in a child that this very block forks it is another one
        self._let_fork()
        is_held = lock.acquire(timeout=_UNDIVIDED_S)
        try:
            yield
        finally:
            if is_held:
                lock.release()

    def _let_fork(self) -> None:
        """Step back: who takes a lock again at once takes it before those who wait for it."""
        deadline = monotonic() + _UNDIVIDED_S
        while self._forking and threading.get_ident() not in self._held_by and monotonic() < deadline:
            sleep(0.001)

    def flush(self, timeout_s: float = EXIT_S) -> bool:
        """Do what is waiting, then the tick callbacks. Returns False if that took longer."""
        thread = self._thread
        if thread is None or thread is threading.current_thread() or not thread.is_alive():
            self._run_waiting()
            self._last_tick()
            return True
        done = threading.Event()
        self._queue.put(self._last_tick)
        self._queue.put(done.set)
        return done.wait(timeout_s)

    def _last_tick(self) -> None:
        self._flushing = True
        try:
            self._tick()
        finally:
            self._flushing = False

    def stop(self, timeout_s: float = EXIT_S, *, goes_on: bool = False) -> bool:
        """
        Flush, end the thread, then run the stop callbacks. A later task starts a new thread.

        Args:
            goes_on: Whether the program does: what is under way is left to its end.

        Returns:
            False when the flush took longer than allowed.
        """
        for callback in self._first if goes_on else (*self._first, *self._first_of_end):
            _run(callback)
        deadline = monotonic() + timeout_s
        flushed = self._thread is None or self.flush(timeout_s)
        self._end(max(0.0, deadline - monotonic()))
        for callback in self._last:
            _run(callback)
        return flushed

    @property
    def is_running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def is_wanted(self) -> bool:
        """Tell whether the thread was started and not stopped since; cheap enough for every call."""
        return self._wanted

    def is_exiting(self) -> bool:
        """Tell whether the program's end has come, and a submitted task runs at once."""
        return self._exiting

    def is_flushing(self) -> bool:
        """Tell whether the tick that runs is one that somebody waits for: nothing may be put off."""
        return self._flushing

    def _start(self) -> bool:
        """Return whether a thread is there to work; starts one if none is."""
        if self._wanted:
            self._stay_first_at_exit()
            return True
        if _config.current().disabled:
            return False
        with self._lock:
            self._wanted = True
            if self._thread is None:
                self._keep_up_with_queue()
                thread = threading.Thread(target=self._loop, args=(self._queue,), name="byline", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is shutting down, or the system is out of threads
                    self._wanted = False
                    return False
                self._thread = thread
        self._stay_first_at_exit()
        return True

    def _keep_up_with_queue(self) -> None:
        """
        Take the queue that fits the threads of now.

        gevent exchanges both. Its threads are greenlets of the program's own thread, which the queue
        from before would put to sleep as a whole, a quarter of a second at a time.
        """
        former = self._queue
        if isinstance(former, queue.SimpleQueue):
            return
        self._queue = queue.SimpleQueue()  # type: ignore[unreachable]  # mypy does not know of gevent
        while not former.empty():
            self._queue.put(former.get_nowait())

    def _loop(self, tasks: queue.SimpleQueue[Task | None]) -> None:
        due = monotonic() + TICK_S
        while True:
            try:
                task = tasks.get(timeout=max(0.0, due - monotonic()))
            except queue.Empty:
                task = self._tick
            if task is not None:
                _run(task)
            if not self._wanted and self._leave():
                return
            now = monotonic()
            if task == self._tick:
                due = now + self._pause()
            elif now >= due:
                self._tick()
                due = monotonic() + self._pause()

    def _pause(self) -> float:
        hurried, self._hurried = self._hurried, False
        return HURRY_S if hurried else TICK_S

    def _leave(self) -> bool:
        """Decide, on the thread, that it ends; a restart that came in between keeps it."""
        with self._lock:
            if self._wanted:
                return False
            self._thread = None
            return True

    def _end(self, timeout_s: float) -> None:
        """Ask the thread to end and wait for it, for a while."""
        with self._lock:
            thread, self._wanted = self._thread, False
        if thread is not None and thread is not threading.current_thread():
            self._queue.put(None)
            thread.join(timeout_s)

    def _tick(self) -> None:
        self._stay_first_at_exit()
        for callback in self._ticks:
            _run(callback)

    def _run_waiting(self) -> None:
        while True:
            try:
                task = self._queue.get_nowait()
            except queue.Empty:
                return
            if task is not None:
                _run(task)

    def _stay_first_at_exit(self) -> None:
        """
        Be registered with ``atexit`` after the SDK's providers are.

        Exit functions run last in, first out, and a provider registers its shutdown when
        it is made, often long after the first function was marked. So whenever another
        provider appears, go to the top again.
        """
        order = tuple(_providers())
        if order != self._exit_order:
            self._exit_order = order
            atexit.unregister(self._at_exit)
            atexit.register(self._at_exit)

    def _at_exit(self) -> None:
        if not self.stop(EXIT_S):
            _logger.warning("The program ended before byline's background work was done.")
        # Exit functions that run later may still fail: their tasks run at once.
        self._exiting = True

    def end(self) -> None:
        """Do what is to be done last; registered with ``atexit`` before any exit function that may call marked functions."""
        for callback in tuple(self._ends):
            _run(callback)

    def before_fork(self) -> None:
        """
        Stop the thread: from 3.12 on threads make fork warn. Then wait for steps that must be whole.

        Several threads may fork at once; the last one starts the thread again.
        """
        with self._lock:
            self._forking += 1
            self._paused = self._paused or self._wanted
        if self._paused:
            self._end(_FORK_S)
        if self._undivided.acquire(timeout=_UNDIVIDED_S):
            self._held_by.add(threading.get_ident())

    def after_fork_in_parent(self) -> None:
        """Go on as before."""
        if threading.get_ident() in self._held_by:
            self._held_by.remove(threading.get_ident())
            self._undivided.release()
        with self._lock:
            self._forking -= 1
            if self._forking:
                return
            paused, self._paused = self._paused, False
        if paused:
            self._start()

    def after_fork_in_child(self) -> None:
        """Start afresh: what waited is the parent's to do."""
        paused, self._paused, self._forking = self._paused, False, 0
        self._fresh()
        # The thread may meet what a callback has still to renew: so none starts it, not even by a task.
        self._wanted = True
        for callback in self._in_child:
            _run(callback)
        self._wanted = False
        if paused:
            self._start()


def _providers() -> Iterator[int]:
    """Tell the providers apart; one whose module nobody has loaded is not there."""
    for module, ask in _PROVIDERS.items():
        loaded = sys.modules.get(module)
        # A module that is just being imported may not have it yet.
        provider = getattr(loaded, ask, None)
        if provider is not None:
            yield id(provider())


def _run(task: Task) -> None:
    try:
        task()
    except BaseException as exception:  # noqa: BLE001  # on our own thread; nothing of the host's passes here
        faults.report(exception, "working in the background")


_worker = Worker()

submit = _worker.submit
each_tick = _worker.each_tick
hurry = _worker.hurry
is_wanted = _worker.is_wanted
is_flushing = _worker.is_flushing
after_fork = _worker.after_fork
undivided = _worker.undivided
before_stop = _worker.before_stop
before_end = _worker.before_end
at_end = _worker.at_end
not_at_end = _worker.not_at_end
is_exiting = _worker.is_exiting
at_stop = _worker.at_stop
flush = _worker.flush
stop = _worker.stop

atexit.register(_worker.end)  # the earlier it is registered, the later it runs

if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(
        before=_worker.before_fork,
        after_in_parent=_worker.after_fork_in_parent,
        after_in_child=_worker.after_fork_in_child,
    )
