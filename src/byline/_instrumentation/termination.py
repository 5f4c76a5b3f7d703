"""Ends that pass every exit function by: SIGTERM, and the end of a multiprocessing child. What was measured is written first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

FLUSH_TIMEOUT_S = 3.0

_flush: Callable[[], None] | None = None


def flush_before_end(flush: Callable[[], None]) -> None:
    """
    Flush when SIGTERM comes, for a limited time, then end as the signal would have ended the program.

    Only where the program has no handler of its own: a server that has one ends in its own way,
    and reaches the exit functions. A handler it sets later takes the place of this one.
    """
    global _flush  # noqa: PLW0603  # one callable, replaced whole
    _flush = flush
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set handlers
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_signal)


def restore() -> None:
    """Give the signal back, if it is still ours."""
    global _flush  # noqa: PLW0603  # as above
    _flush = None
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is _on_signal
    ):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    flush = _flush
    if flush is not None:
        # On a thread of its own: the one that was interrupted may hold a lock that the flush needs.
        thread = threading.Thread(target=flush, name="byline-flush", daemon=True)
        thread.start()
        thread.join(FLUSH_TIMEOUT_S)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


class _Child:
    """What multiprocessing keeps a hook on."""


_child = _Child()


def _after_fork_in_child() -> None:
    """
    Flush when a child of multiprocessing ends: it leaves by ``os._exit``, past atexit.

    Its finalizers do run. They are cleared when the child starts, so ours is added behind that,
    by the hook that multiprocessing has for its own locks.
    """
    util = sys.modules.get("multiprocessing.util")
    if _flush is not None and util is not None:
        util.register_after_fork(_child, lambda _: util.Finalize(None, _flush_child, exitpriority=-100))


def _flush_child() -> None:
    if _flush is not None:
        _flush()


if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
