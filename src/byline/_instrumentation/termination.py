"""SIGTERM ends a Python program at once, past every exit function; what was measured is written first."""

from __future__ import annotations

import os
import signal
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
