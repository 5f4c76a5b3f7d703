"""Executed lines as the attributes of a log record, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from .. import _semconv, _wire
from .._model import ExecutedLines

_LISTS = ("lines", "ai", "run", "handlers", "handlers_run")


def attributes_of(executed: ExecutedLines) -> dict[str, str | int]:
    """Return the attributes; what is empty is left out."""
    found: dict[str, str | int] = {
        _semconv.FUNCTION: executed.function,
        _semconv.FILE: executed.path,
        _semconv.LINE: executed.first_line,
        _semconv.COMMIT: executed.commit,
        _semconv.LAST_COMMIT: executed.last_commit,
        _semconv.EXECUTED: lists_to_json(executed),
    }
    return {
        name: _wire.clean(value) if isinstance(value, str) else value
        for name, value in found.items()
        if value
    }


def executed_of(attributes: Mapping[str, object]) -> ExecutedLines | None:
    """Read executed lines back; None when what was received is damaged."""
    line = attributes.get(_semconv.LINE, 0)
    try:
        lists = lists_from_json(str(attributes.get(_semconv.EXECUTED, "")))
    except ValueError:
        return None
    return ExecutedLines(
        function=str(attributes.get(_semconv.FUNCTION, "")),
        path=str(attributes.get(_semconv.FILE, "")),
        first_line=line if isinstance(line, int) else 0,
        commit=str(attributes.get(_semconv.COMMIT, "")),
        last_commit=str(attributes.get(_semconv.LAST_COMMIT, "")),
        **lists,
    )


def lists_to_json(executed: ExecutedLines) -> str:
    """Write the lists of lines as one JSON object."""
    return json.dumps({name: list(getattr(executed, name)) for name in _LISTS}, separators=(",", ":"))


def lists_from_json(text: str) -> dict[str, tuple[int, ...]]:
    """
    Read the lists.

    Raises:
        ValueError: The text is not what ``lists_to_json`` writes.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"{type(found).__name__} in the place of lists of lines.")  # noqa: TRY004  # a damaged text
    return {name: _numbers(found.get(name, ())) for name in _LISTS}


def _numbers(values: Iterable[object]) -> tuple[int, ...]:
    if not isinstance(values, list | tuple) or not all(type(each) is int for each in values):
        raise ValueError(f"{values!r} in the place of line numbers.")
    return tuple(values)
