"""One exception in one handler: what is noted of it until it is told, and whether a value carries it on."""

from __future__ import annotations

from itertools import islice
from threading import get_ident
from typing import Any

from .._telemetry import findings
from .handling import Handler
from .reports import Told
from .watches import Watch

_TEXT_LIMIT = 500
_SHORTEST_TEXT = 3
_MOST_VALUES = 50
_PLAIN = frozenset({type(None), bool, int, float, bytes})
"""Types whose values hold nothing: looked at first, since most results have one."""


class Mark:
    """One exception in one handler."""

    __slots__ = (
        "attempting", "exception_id", "frame_id", "handler", "handling", "is_expected", "kind", "outer",
        "raising", "sample", "seen", "since", "sweeps", "text", "thread", "times", "told", "watch",
    )  # fmt: skip

    def __init__(self, watch: Watch, handler: Handler, exception: BaseException, frame_id: int) -> None:
        self.watch = watch
        self.handler = handler
        self.seen = type(exception)
        self.kind = _leaf(exception) if handler.kind == "except*" else self.seen
        self.exception_id = id(exception)
        """Never the exception: it would keep alive what its frames hold."""
        self.frame_id = frame_id
        self.handling: Told = "silent"
        self.is_expected = False
        self.attempting = False
        self.raising = False
        self.told = False
        self.times = 1
        self.text = ""
        self.sample: findings.Sample | None = None
        self.since = 0.0
        self.sweeps = 0
        """How often it was found waiting; the first time was at ``since``, by ``time.monotonic``."""
        self.thread = get_ident()
        self.outer: Mark | None = None
        """The next of those that handle the same exception."""


def is_held(mark: Mark, value: object, depth: int = 2) -> bool:
    """Tell whether a value holds the exception, or its text."""
    if type(value) in _PLAIN:
        return False
    if isinstance(value, BaseException):
        return id(value) == mark.exception_id
    if isinstance(value, str):
        return bool(mark.text) and mark.text in value
    if depth == 0 or isinstance(value, (int, float, bytes)):
        return False
    parts: Any = value
    if type(value) is dict:
        parts = value.values()
    elif type(value) not in (list, tuple, set):
        parts = getattr(value, "__dict__", {}).values()
    if not parts:
        return False
    return any(is_held(mark, part, depth - 1) for part in islice(tuple(parts), _MOST_VALUES))


def type_of(value: object) -> str:
    """Return the name of a result's type."""
    name = type(value).__qualname__
    return "" if name == "async_generator_wrapped_value" else name


def text_of(exception: BaseException) -> str:
    """Return an exception's text, if it is fit to be found again in what is said."""
    try:
        text = str(exception)
    except Exception:  # noqa: BLE001  # a user's __str__ may raise anything
        return ""
    return text if _SHORTEST_TEXT <= len(text) <= _TEXT_LIMIT else ""


def _leaf(exception: BaseException) -> type:
    """Return the type of the first exception in a group."""
    while isinstance(exception, BaseExceptionGroup):
        exception = exception.exceptions[0]
    return type(exception)
