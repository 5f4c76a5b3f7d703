"""Lists of executed lines as JSON text and back, and two of them merged; no I/O."""

from __future__ import annotations

import json
from dataclasses import replace

from ._model import ExecutedLines

_LISTS = ("lines", "ai", "run", "handlers", "handlers_run")


def dumps(executed: ExecutedLines) -> str:
    """Write the lists as one JSON object."""
    return json.dumps({name: list(getattr(executed, name)) for name in _LISTS}, separators=(",", ":"))


def loads(text: str) -> dict[str, tuple[int, ...]]:
    """
    Read the lists.

    Raises:
        ValueError: The text is not what ``dumps`` writes.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"{type(found).__name__} in the place of lists of lines.")  # noqa: TRY004  # a damaged text
    return {name: _numbers(found.get(name, [])) for name in _LISTS}


def merge(one: ExecutedLines, other: ExecutedLines) -> ExecutedLines:
    """Return what ran according to either; the place of the second."""
    return replace(
        other,
        lines=_both(one.lines, other.lines),
        ai=_both(one.ai, other.ai),
        run=_both(one.run, other.run),
        handlers=_both(one.handlers, other.handlers),
        handlers_run=_both(one.handlers_run, other.handlers_run),
    )


def _both(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*one, *other}))


def _numbers(values: object) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(type(each) is int for each in values):
        raise ValueError(f"{values!r} in the place of line numbers.")
    return tuple(values)
