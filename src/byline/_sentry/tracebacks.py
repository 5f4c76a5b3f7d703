"""What the traceback of an exception tells: which marked functions it left, and what their wrappers keep."""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from .. import _registry
from .._telemetry.captured import Receipt

if TYPE_CHECKING:
    from .capture import Held

_MAX_DEPTH = 300
"""
Entries that are looked at when an exception leaves a function.

The traceback of one object that a program raises again and again grows without end.
"""


class Kept:
    """Lives in the wrapper's frame, and so exactly as long as the exception has its traceback."""

    __slots__ = ("__weakref__", "held", "receipt")

    def __init__(self, held: Held | None, receipt: Receipt | None) -> None:
        self.held = held
        """None when byline makes no event of the exception."""
        self.receipt = receipt
        """Of the exception's incident, where this function has it."""


def kept_in(traceback: TracebackType | None) -> Iterator[Kept]:
    """Yield what the wrappers of a traceback keep, of the outermost one first."""
    while traceback is not None:
        yield from _kept_by(traceback.tb_frame)
        traceback = traceback.tb_next


def kept_below(traceback: TracebackType) -> Iterator[Kept]:
    """Yield what the wrappers below the outermost one keep; its own locals must not be read while it is handling the exception."""
    below = traceback.tb_next
    for _ in range(_MAX_DEPTH):
        if below is None:
            return
        if below.tb_frame is not traceback.tb_frame:
            yield from _kept_by(below.tb_frame)
        below = below.tb_next


def _kept_by(frame: FrameType) -> list[Kept]:
    if not _registry.is_wrapper(frame.f_code):
        return []
    return [each for each in list(frame.f_locals.values()) if type(each) is Kept]


def raised_at(traceback: TracebackType) -> TracebackType | None:
    """Return the innermost entry, or one deep inside; None when the exception never entered the function itself."""
    last = traceback.tb_next
    for _ in range(_MAX_DEPTH):
        if last is None or last.tb_next is None:
            break
        last = last.tb_next
    return last


def has_deeper_wrapper(traceback: TracebackType) -> bool:
    """Tell whether an exception has left another marked function before this one."""
    deeper = traceback.tb_next
    while deeper is not None:
        if _registry.is_wrapper(deeper.tb_frame.f_code):
            return True
        deeper = deeper.tb_next
    return False
