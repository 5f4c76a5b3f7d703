"""What the wrapper knows of the probes: light, so that a program that is not watched loads nothing for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import CodeType

from .._registry import Entry

wanted: dict[int, tuple[Entry, CodeType]] = {}
"""Marked functions by the id of their code, called or not."""

pending: dict[int, object] = {}
"""Frames in which an exception was handled, by id; kept by swallowed.py."""

_lock = threading.Lock()
_begin: Callable[[CodeType], None] | None = None
_ended: Callable[[BaseException], None] | None = None


def use(begin: Callable[[CodeType], None] | None, ended: Callable[[BaseException], None] | None) -> None:
    """Set who watches a function, and who is told of a call that ended by an exception."""
    global _begin, _ended  # each replaced whole
    _begin, _ended = begin, ended


def watch(entry: Entry) -> None:
    """Watch a marked function from now on, or as soon as watching starts; costs next to nothing."""
    want(entry, entry.code)


def want(entry: Entry, code: CodeType) -> None:
    """Watch a code object that belongs to a marked function."""
    with _lock:
        if id(code) in wanted:
            return
        wanted[id(code)] = (entry, code)
    if _begin is not None:
        _begin(code)


def raised(exception: BaseException) -> None:
    """Tell what became of the exceptions that a call handled before it ended by this one; called by the wrapper."""
    if pending and _ended is not None:
        _ended(exception)


def after_fork_in_child() -> None:
    """Renew the lock: whoever held it stayed in the parent."""
    global _lock  # noqa: PLW0603  # as said
    _lock = threading.Lock()
