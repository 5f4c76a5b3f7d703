"""Marked code, kept between two starts where Python keeps its bytecode, under a name that Python itself never loads."""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from importlib.util import MAGIC_NUMBER, cache_from_source
from threading import get_ident
from types import CodeType

_FORMAT = b"byline 1\n"
"""Changes with whatever changes how a module is marked."""


def kept(path: str, data: bytes, lines: frozenset[int], make: Callable[[], CodeType]) -> CodeType:
    """
    Return the code that an earlier start made of the same source; else make it, and keep it.

    As Python does with its own: nothing is written where ``sys.dont_write_bytecode`` is set or the
    folder cannot be written, and a file that does not fit is made anew.

    Args:
        data: The source.

        lines: Where the marks are; with the source it decides whether a kept file fits.
    """
    try:
        cache = cache_from_source(path, optimization="byline")
    except NotImplementedError:  # this Python keeps no bytecode
        return make()
    key = _key(path, data, lines)
    code = _read(cache, key)
    if code is None:
        code = make()
        if not sys.dont_write_bytecode:
            _write(cache, key + marshal.dumps(code), path)
    return code


def _key(path: str, data: bytes, lines: frozenset[int]) -> bytes:
    """Tell apart whatever would compile to something else; a time stamp could not."""
    digest = sha256(MAGIC_NUMBER)
    digest.update(f"{path}\n{sys.flags.optimize}\n{sorted(lines)}\n".encode("utf-8", "surrogateescape"))
    digest.update(data)
    return _FORMAT + digest.digest()


def _read(cache: str, key: bytes) -> CodeType | None:
    try:
        with open(cache, "rb") as file:  # noqa: PTH123  # at the start of a program pathlib's price counts
            found = file.read()
        if not found.startswith(key):
            return None
        code = marshal.loads(memoryview(found)[len(key) :])  # noqa: S302  # as much ours as a .pyc is Python's
    except (OSError, EOFError, ValueError, TypeError):
        return None
    return code if isinstance(code, CodeType) else None


def _write(cache: str, content: bytes, path: str) -> None:
    """Write whole or not at all, readable for those who may read the source."""
    temporary = f"{cache}.{os.getpid()}.{get_ident()}"
    with suppress(OSError):
        mode = os.stat(path).st_mode & 0o666 | 0o200  # noqa: PTH116  # as above
        os.makedirs(os.path.dirname(cache), exist_ok=True)  # noqa: PTH103, PTH120  # as above
        try:
            number = os.open(temporary, os.O_EXCL | os.O_CREAT | os.O_WRONLY, mode)
            with open(number, "wb") as file:  # noqa: PTH123  # as above
                file.write(content)
            os.replace(temporary, cache)  # noqa: PTH105  # as above
        except OSError:
            os.unlink(temporary)  # noqa: PTH108  # as above
            raise
