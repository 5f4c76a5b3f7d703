"""Ends that pass every exit function by: SIGTERM, and the end of a child of multiprocessing or Celery. What was measured is written first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import FrameType
from typing import Protocol

from .._telemetry import worker

FLUSH_TIMEOUT_S = 3.0

_OFTEN_S = 0.02
"""How often it is flushed from SIGTERM on, where the program's own handler decides when it ends."""

_OFTEN_FOR_S = 30.0
"""For how long: the program may have taken the signal for something else."""


class _Flush(Protocol):
    def __call__(self, *, goes_on: bool = False) -> None:
        """Flush; ``goes_on`` where this may not be the end yet."""


_flush: _Flush | None = None
_theirs: Callable[[int, FrameType | None], object] | None = None
"""The program's handler, which ours calls."""

_WAIT_S = 1.0
"""How long the program's own handler may wait for the first of these."""

_often: threading.Thread | None = None
_enough = threading.Event()

_is_ending = False
"""Whether our handler runs: a reminder may come in between."""

_pipe: tuple[int, int] | None = None
"""Where a child of multiprocessing finds the numbers of the signals it got, and where Python writes them."""


def flush_before_end(flush: _Flush) -> None:
    """
    Flush when SIGTERM comes, for a limited time, then end as the signal would have ended the program.

    A program with a handler of its own ends in its own way: most reach the exit functions, but
    uvicorn sets the default handler back and raises the signal again. So it is flushed first, and
    from then on often. A handler that the program sets later takes the place of this one.
    """
    global _flush, _theirs  # noqa: PLW0603  # replaced together
    _flush = flush
    _flush_when_child_ends()
    is_child = _is_child()
    if is_child and (util := sys.modules.get("multiprocessing.util")) is not None:
        util.Finalize(None, _flush_child, exitpriority=-100)
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set handlers
    present = signal.getsignal(signal.SIGTERM)
    if present is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_signal)
        if is_child:
            _remind_from_now_on()
    elif callable(present) and present not in (_on_signal, _on_their_signal):
        _theirs = present
        signal.signal(signal.SIGTERM, _on_their_signal)


def _is_child() -> bool:
    """Tell whether this is a child of multiprocessing that is at its work."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def stop_flushing() -> None:
    """End what SIGTERM has begun: the last flush is about to come."""
    often = _often
    _enough.set()
    if often is not None and often is not threading.current_thread():
        often.join(FLUSH_TIMEOUT_S)


def restore() -> None:
    """Give the signal back, if it is still ours."""
    global _flush, _theirs  # as above
    _flush, theirs, _theirs = None, _theirs, None
    if threading.current_thread() is not threading.main_thread():
        return
    _remind_no_longer()
    present = signal.getsignal(signal.SIGTERM)
    if present is _on_signal:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    elif present is _on_their_signal and theirs is not None:
        signal.signal(signal.SIGTERM, theirs)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    global _is_ending  # noqa: PLW0603  # one flag, of the main thread
    if _is_ending:
        return
    _is_ending = True
    flush = _flush
    if flush is not None:
        # On a thread of its own: the one that was interrupted may hold a lock that the flush needs.
        thread = threading.Thread(target=flush, name="byline-flush", daemon=True)
        thread.start()
        thread.join(FLUSH_TIMEOUT_S)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _remind_from_now_on() -> None:
    """
    See to it that SIGTERM ends a child of multiprocessing that waits for a lock or a queue.

    Python only notes a signal when it comes, and runs the handler when the main thread goes on. One
    that comes just before the main thread waits, or to another thread, wakes nobody, so
    ``Pool.terminate()`` would wait for a child that would wait for ever. So the background thread is
    told of signals too, and sends SIGTERM to the main thread again until it is heard.
    """
    global _pipe  # noqa: PLW0603  # one pipe
    if _pipe is not None or not hasattr(signal, "pthread_kill"):
        return
    try:
        reading, writing = os.pipe()
    except OSError:  # no descriptor is left: the program needs them more
        return
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    others = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    if others != -1:  # somebody else listens already
        signal.set_wakeup_fd(others)
        os.close(reading)
        os.close(writing)
        return
    _pipe = reading, writing
    worker.each_tick(_remind)


def _remind_no_longer() -> tuple[int, ...]:
    """Return the pipe, which stays open: the background thread may be about to read it."""
    global _pipe  # as above
    if _pipe is None:
        return ()
    pipe, _pipe = _pipe, None
    others = signal.set_wakeup_fd(-1)
    if others not in (-1, pipe[1]):
        signal.set_wakeup_fd(others)
    return pipe


def _remind() -> None:
    pipe = _pipe
    if pipe is None:
        return
    with suppress(OSError):  # mostly: nothing has come
        if signal.SIGTERM in os.read(pipe[0], 512) and signal.getsignal(signal.SIGTERM) is _on_signal:
            # It is read again at the next tick, should this one not be heard either.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _on_their_signal(number: int, frame: FrameType | None) -> None:
    global _often  # noqa: PLW0603  # one thread
    if _flush is not None and (_often is None or not _often.is_alive()):
        _enough.clear()
        is_flushed = threading.Event()
        _often = threading.Thread(target=_flush_often, args=(is_flushed,), name="byline-flush", daemon=True)
        _often.start()
        is_flushed.wait(_WAIT_S)
    theirs = _theirs
    if theirs is not None:
        theirs(number, frame)


def _flush_often(is_flushed: threading.Event) -> None:
    until = monotonic() + _OFTEN_FOR_S
    while (flush := _flush) is not None and monotonic() < until:
        flush(goes_on=True)
        is_flushed.set()
        if _enough.wait(_OFTEN_S):
            return


class _Child:
    """What multiprocessing keeps a hook on."""


_child = _Child()


_is_hooked = False
"""Whether children of multiprocessing have ours among their hooks, as a child of a child inherits it."""


def _after_fork_in_child() -> None:
    global _often, _enough, _is_ending  # the thread stayed in the parent, and whoever held the event's lock
    _often, _enough, _is_ending = None, threading.Event(), False
    for each in _remind_no_longer():  # what the child is told is not the parent's to hear
        os.close(each)
    if _flush is not None:
        _flush_when_child_ends()


def _flush_when_child_ends() -> None:
    """
    Flush when a child of multiprocessing or Celery ends: it leaves by ``os._exit``, past atexit.

    The finalizers of multiprocessing do run. They are cleared when the child starts, so ours is
    added behind that, by the hook that multiprocessing has for its own locks; a child that turns
    byline on itself, as its work, is past the hook.
    A worker of Celery's pool passes even those by; Celery says so beforehand, by a signal.
    """
    global _is_hooked  # noqa: PLW0603  # a flag
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _is_hooked:
        _is_hooked = True
        util.register_after_fork(_child, lambda _: _begin_child(util.Finalize))
    celery = sys.modules.get("celery.signals")
    if celery is not None:
        celery.worker_process_shutdown.connect(_flush_child, weak=False)


def _begin_child(finalize: Callable[..., object]) -> None:
    finalize(None, _flush_child, exitpriority=-100)
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is _on_signal:
        _remind_from_now_on()


def _flush_child(**_told: object) -> None:
    if _flush is not None:
        _flush()


if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
