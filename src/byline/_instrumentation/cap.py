"""``BYLINE_MAX_RATE``: a function that is called too often is timed no longer; its failures still count."""

from __future__ import annotations

import logging
import threading
from types import FunctionType
from weakref import WeakSet

from .._model import Unverified
from .._telemetry import latency, worker
from .._telemetry.recorder import Recorder
from . import lookup, signature, templates

_log = logging.getLogger("byline")

_lock = threading.Lock()  # for the below
_rate = 0
_wrappers: dict[int, WeakSet[FunctionType]] = {}
"""By the id of the recorder, which lives as long as its wrappers."""


def start(rate: int) -> None:
    """Watch from now on; 0 for no limit."""
    global _rate  # noqa: PLW0603  # one number
    _rate = rate
    latency.limit(rate, _cap if rate else None)


def stop() -> None:
    """Watch no longer; what was capped stays so."""
    start(0)


def remember(recorder: Recorder, wrapper: FunctionType, kind: str) -> None:
    """Know a wrapper again; generators are timed step by step and not capped."""
    if _rate and kind in templates.CAPPED:
        with _lock:
            _wrappers.setdefault(id(recorder), WeakSet()).add(wrapper)


def _cap(recorder: Recorder) -> None:
    """Exchange the code of a function's wrappers, so that every reference to them is reached."""
    with _lock:
        wrappers = list(_wrappers.pop(id(recorder), ()))
    for wrapper in wrappers:
        coroutine = "coroutine" in wrapper.__code__.co_filename.partition("(")[0]
        kind = "coroutine" if coroutine else "function"
        wrapper.__code__ = signature.with_same_cells(wrapper, templates.CAPPED[kind])
    if wrappers:
        name = recorder.entry.function.name
        _log.warning("%s is called more than %d times a second and is timed no longer.", name, _rate)
        reason = f"called more than {_rate} times a second: timed no longer, failures still count"
        lookup.note(Unverified(name, reason, "raise BYLINE_MAX_RATE, or leave the function out"))


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.Lock()


worker.after_fork(_after_fork_in_child)
