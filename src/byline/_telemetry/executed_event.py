"""Executed lines as the attributes of a log record, and back."""

from __future__ import annotations

from collections.abc import Mapping

from .. import _lines, _semconv, _wire
from .._model import ExecutedLines


def attributes_of(executed: ExecutedLines) -> dict[str, str | int]:
    """Return the attributes; what is empty is left out."""
    found: dict[str, str | int] = {
        _semconv.FUNCTION: executed.function,
        _semconv.FILE: executed.path,
        _semconv.LINE: executed.first_line,
        _semconv.COMMIT: executed.commit,
        _semconv.LAST_COMMIT: executed.last_commit,
        _semconv.EXECUTED: _lines.dumps(executed),
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
        lists = _lines.loads(str(attributes.get(_semconv.EXECUTED, "")))
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
