"""The one table the run room shares: which code object is which marked function, which file has which lines.

No manifest and no git here: whoever knows an answer puts it in.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import CodeType
from typing import Protocol

from ._model import Attribution, Deployment, Function, LineAttribution, Status


class SourceLines(Protocol):
    """The line attributions of one source file."""

    path: str
    """Relative to the repository's root."""

    @property
    def status(self) -> Status:
        """``ok``, or ``stale`` when the running file is not the scanned one."""

    def line(self, number: int) -> LineAttribution | None:
        """Who wrote a line, 1-based; None when nothing is known of it."""

    def function_at(self, number: int) -> tuple[Function, Attribution] | None:
        """The innermost known function around a line."""


class Entry:
    """
    A marked function and what is known of it.

    Mutable on purpose: in development the attribution arrives after the function was
    wrapped. ``attribution`` is replaced whole, so readers need no lock.
    """

    __slots__ = ("attribution", "code", "function", "settled")

    def __init__(self, code: CodeType, function: Function, attribution: Attribution) -> None:
        self.code = code
        self.function = function
        self.attribution = attribution
        self.settled = attribution.status != "pending"
        """False while git may still answer."""

    def settle(self, function: Function, attribution: Attribution) -> None:
        """Put the final answer in."""
        self.function = function
        self.attribution = attribution
        self.settled = True


WRAPPER_FILENAME = "<byline "
"""How the file name of every generated wrapper starts, so that a traceback shows which frames are ours."""


def is_wrapper(code: CodeType) -> bool:
    """Tell whether a code object is a wrapper of ours."""
    return code.co_filename.startswith(WRAPPER_FILENAME)


_lock = threading.Lock()

# A code object hashes by content, far slower than id() for a long function. So key
# by id, and keep the object alive (Entry.code) so that its id stays its own.
_entries: dict[int, Entry] = {}
_files: dict[str, SourceLines | None] = {}
_resolver: Callable[[str], SourceLines | None] | None = None
_deployed: Callable[[], Deployment] | None = None


def add(entry: Entry) -> Entry:
    """Register a marked function; a second registration of the same code returns the first entry."""
    with _lock:
        return _entries.setdefault(id(entry.code), entry)


def find(code: CodeType) -> Entry | None:
    """Return the entry of a code object, or None when it is not marked."""
    return _entries.get(id(code))


def entries() -> tuple[Entry, ...]:
    """Return all marked functions, in the order they were marked."""
    with _lock:
        return tuple(_entries.values())


def put_file(filename: str, lines: SourceLines | None) -> None:
    """Remember what is known of a file, by the name its code objects carry."""
    with _lock:
        _files[filename] = lines


def lines_of(filename: str) -> SourceLines | None:
    """Return what is known of a file; asks the resolver once per file."""
    try:
        return _files[filename]
    except KeyError:
        pass
    resolver = _resolver
    lines = resolver(filename) if resolver else None
    put_file(filename, lines)
    return lines


def deployment() -> Deployment:
    """Return what is known of the running revision."""
    return _deployed() if _deployed else Deployment()


def set_resolver(
    resolver: Callable[[str], SourceLines | None] | None,
    deployed: Callable[[], Deployment] | None = None,
) -> None:
    """
    Set who answers for files that nobody put in; forgets the files that had no answer.

    Args:
        deployed: Who answers for the running revision.
    """
    global _resolver, _deployed  # the module state that is replaced whole
    with _lock:
        _resolver, _deployed = resolver, deployed
        for filename in [name for name, lines in _files.items() if lines is None]:
            del _files[filename]


def clear() -> None:
    """Forget everything (tests, and uninstrument)."""
    with _lock:
        _entries.clear()
        _files.clear()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
