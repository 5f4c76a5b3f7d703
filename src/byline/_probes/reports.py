"""How a program tells of an exception it handles: logging, error trackers, spans, a print. Data, and how it is noticed."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import CodeType, FrameType, FunctionType
from typing import Literal

from .entrance import pending as pending_frames
from .tool import api

Told = Literal["silent", "weak", "logged", "reported", "passed-on"]
"""How loudly, in ascending order; ``passed-on`` is no finding."""

RANK: Mapping[str, int] = {"silent": 0, "weak": 1, "logged": 2, "reported": 3, "passed-on": 4}

WORDS: Mapping[str, Told] = {
    "print": "weak",
    "pprint": "weak",
    "stderr": "weak",
    "stdout": "weak",
    "echo": "weak",
    "secho": "weak",
    "set_exception": "passed-on",
}
"""What it means when a handler reaches for one of ``handling.WORDS``."""

REPORTERS: tuple[tuple[str, str, Told], ...] = (
    # Module, function in it, and what a call of it with the exception at hand means.
    ("traceback", "print_exception", "logged"),
    ("traceback", "format_exception", "weak"),
    ("traceback", "format_exc", "weak"),
    ("warnings", "_showwarnmsg", "weak"),
    ("concurrent.futures._base", "Future.set_exception", "passed-on"),
    ("opentelemetry.sdk.trace", "Span.record_exception", "reported"),
    ("sentry_sdk.client", "_Client.capture_event", "reported"),
    ("sentry_sdk.scope", "Scope.capture_exception", "reported"),
    ("rollbar", "report_exc_info", "reported"),
    ("bugsnag.client", "Client.notify", "reported"),
    ("bugsnag.client", "Client.notify_exc_info", "reported"),
    ("elasticapm.base", "Client.capture", "reported"),
    ("newrelic.api.time_trace", "TimeTrace.notice_error", "reported"),
    ("ddtrace.trace", "Span.set_exc_info", "reported"),
    ("structlog._base", "BoundLoggerBase._proxy_to_logger", "weak"),
    ("loguru._logger", "Logger._log", "weak"),
)
"""
Functions that are watched for being called, where their module is loaded. Nothing of them is replaced.

A logger's own level decides between weak and logged.
"""

_STRONG_WORDS = frozenset({"error", "exception", "critical", "fatal"})
_LOGGING = logging.Logger.callHandlers.__code__


_watched: dict[int, tuple[CodeType, Told]] = {}
_seen_modules = 0
_tool: int | None = None
_live_lock = threading.RLock()
_live = False
"""Whether a call of a reporter is told to us."""

open_handlers: dict[int, object] = {}
"""Exceptions being handled, by id; kept by swallowed.py."""


Note = Callable[[BaseException | None, Told, Callable[[], str]], None]


def _nobody(exception: BaseException | None, handling: Told, message: Callable[[], str]) -> None:
    """Stand for swallowed.py until it is there."""


_note: Note = _nobody


def use(note: Note) -> None:
    """Set who is told of a report: an exception, or None for the one being handled, and what else is said."""
    global _note  # noqa: PLW0603  # once, at import
    _note = note


def start(tool: int) -> None:
    """Get ready; nothing is watched until an exception is handled."""
    global _tool, _live, _seen_modules  # one state
    _tool, _live, _seen_modules = tool, False, 0
    _watched[id(_LOGGING)] = (_LOGGING, "weak")


def stop() -> None:
    """Watch no more."""
    global _tool, _live  # one state
    if _tool is not None:
        for code, _ in _watched.values():
            api.set_local_events(_tool, code, 0)
    _tool, _live = None, False
    _watched.clear()


def listen() -> None:
    """Be told of reports, until no exception is being handled any more."""
    global _live, _seen_modules  # noqa: PLW0603  # one state
    if _tool is None:
        return
    if len(sys.modules) != _seen_modules:
        _seen_modules = len(sys.modules)
        for code, handling in _reporters():
            if id(code) not in _watched:
                _watched[id(code)] = (code, handling)
                _live = False
    _set(live=True)


def _set(*, live: bool) -> None:
    global _live  # noqa: PLW0603  # one state
    with _live_lock:
        # Who handles an exception says so first and comes here then, so that nobody is left without.
        if live is _live or _tool is None or (not live and (open_handlers or pending_frames)):
            return
        _live = live
        for code, _ in tuple(_watched.values()):
            api.set_local_events(_tool, code, api.events.PY_START if live else 0)


def is_reporter(code: CodeType) -> bool:
    """Tell whether a function is one of those that report."""
    return id(code) in _watched


def started(code: CodeType, frame: FrameType) -> None:
    """Note what a reporter was called with."""
    if not (open_handlers or pending_frames):
        _set(live=False)
        return
    given = frame.f_locals
    for exception, handling in _told(code, given):
        _note(exception, handling, lambda: _message(given))


def _reporters() -> Iterator[tuple[CodeType, Told]]:
    for name, path, handling in REPORTERS:
        found: object = sys.modules.get(name)
        for part in path.split("."):
            found = getattr(found, part, None)
        found = getattr(found, "__wrapped__", found)
        if isinstance(found, FunctionType):
            yield found.__code__, handling


def _message(given: Mapping[str, object]) -> str:
    record = given.get("record")
    if isinstance(record, logging.LogRecord):
        return record.getMessage()
    return " ".join(str(given.get(name, "")) for name in ("event", "message", "value"))


def _told(code: CodeType, given: Mapping[str, object]) -> Iterator[tuple[BaseException | None, Told]]:
    """Yield each exception that a report is about; None stands for the one being handled."""
    handling = _watched[id(code)][1]
    record = given.get("record")
    if isinstance(record, logging.LogRecord):
        has_traceback = bool(record.exc_info and record.exc_info[1])
        handling = "logged" if record.levelno >= logging.ERROR or has_traceback else "weak"
        if has_traceback:
            yield record.exc_info[1], "logged"  # type: ignore[index]  # as has_traceback says
        values: object = record.args
    else:
        handling = _by_level(handling, given)
        values = given
    yield None, handling
    parts = values.values() if isinstance(values, Mapping) else values if isinstance(values, tuple) else ()
    for value in islice(parts, 20):
        if isinstance(value, BaseException):
            yield value, handling
        elif isinstance(value, tuple) and len(value) == 3 and isinstance(value[1], BaseException):  # noqa: PLR2004  # as sys.exc_info() is
            yield value[1], handling


def _by_level(handling: Told, given: Mapping[str, object]) -> Told:
    """Read a logger's level from the arguments that structlog and loguru give it."""
    if handling != "weak":
        return handling
    words = {str(given.get(name, "")).lower() for name in ("method_name", "name", "level")}
    return "logged" if words & _STRONG_WORDS else handling


def after_fork_in_child() -> None:
    """Renew the lock: whoever held it stayed in the parent."""
    global _live_lock  # noqa: PLW0603  # as said
    _live_lock = threading.RLock()
