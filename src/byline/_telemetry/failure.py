"""What is said of an exception: its type, its message without secrets, and its stack without source text."""

from __future__ import annotations

import traceback
from types import CodeType

from .. import _config, _registry
from .frames import chain
from .scrub import STACK_LIMIT, scrub


def type_name(kind: type) -> str:
    """Return an exception type's name as OpenTelemetry's ``exception.type`` wants it."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def stacktrace(exception: BaseException) -> str:
    """
    Return a traceback without source text, without our own frames, scrubbed.

    Files, lines and functions are enough to find the code; the code itself stays where it is.
    """
    parts = []
    for each in chain(exception):
        summary = traceback.StackSummary()
        for code, line in _places(each):
            summary.append(
                traceback.FrameSummary(code.co_filename, line, code.co_name, lookup_line=False, line="")
            )
        head = ["Traceback (most recent call last):\n"] if summary else []
        parts.append("".join([*head, *summary.format(), f"{type_name(type(each))}: {message(each)}\n"]))
    return "\n".join(parts)[-STACK_LIMIT:]


def _places(exception: BaseException) -> list[tuple[CodeType, int]]:
    return [
        (frame.f_code, line)
        for frame, line in traceback.walk_tb(exception.__traceback__)
        if not _registry.is_wrapper(frame.f_code)
    ]


def message(exception: BaseException) -> str:
    if _config.current().messages == "off":
        return ""
    try:
        return scrub(str(exception))
    except Exception as error:  # noqa: BLE001  # a user's __str__ may raise anything
        return f"<message of {type(exception).__name__} raised {type(error).__name__}>"
