"""OpenTelemetry's API, loaded when there is something to tell: a program's start need not wait for it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry import trace

_FORK_TIMEOUT_S = 5.0

_lock = threading.RLock()
ANNOUNCED = frozenset({"opentelemetry.metrics", "opentelemetry._logs"})
"""The modules whose import says that somebody may listen."""

_loaded = False
_is_announced = False
"""Whether somebody says when the program imports the API, see ``expect``."""


def load() -> None:
    """Import the API, mostly on the background thread; the first time takes as long as a small program's start."""
    global _loaded  # noqa: PLW0603  # a flag, with its lock
    if _loaded:
        return
    # A fork waits for this lock: a child must not inherit a module that is half imported.
    with _lock:
        import opentelemetry._logs
        import opentelemetry.metrics
        import opentelemetry.trace  # noqa: F401  # to have it loaded is the point

        _loaded = True


def is_loaded() -> bool:
    """Tell whether somebody has imported the API's part that metrics or logs need: without it nobody listens."""
    # Not by isdisjoint(), which looks at every module of the program, and a start asks for each marked function.
    return any(each in sys.modules for each in ANNOUNCED)


def current_span() -> trace.Span | None:
    """Return the current span; who has not loaded OpenTelemetry has none."""
    get_current_span = getattr(sys.modules.get("opentelemetry.trace"), "get_current_span", None)
    return get_current_span() if get_current_span is not None else None


def span_context() -> trace.SpanContext | None:
    """Return the ids of the current span, if there is one."""
    span = current_span()
    return span.get_span_context() if span is not None else None


def is_wanted() -> bool:
    """Tell whether to be ready for the program's providers now: nobody will say when they come, or they are here."""
    return not _is_announced or is_loaded()


def expect(*, announced: bool) -> None:
    """Set whether an import hook watches for the API."""
    global _is_announced  # noqa: PLW0603  # one flag
    _is_announced = announced


def _before_fork() -> None:
    _lock.acquire(timeout=_FORK_TIMEOUT_S)


def _after_fork_in_parent() -> None:
    with contextlib.suppress(RuntimeError):  # it was not acquired in time
        _lock.release()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # its owner may not be here
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
