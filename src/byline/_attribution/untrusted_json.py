"""JSON that other programs wrote: a value is of the type that was asked for, or empty."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

MAX_CHARACTERS = 8 * 1024 * 1024
"""A record longer than this is not read; the longest seen in public has 3.2 MB, nearly all of it prompts."""

_LAST_LINE = 10_000_000
_MOST_GAPS = 200


def parse(text: str) -> object:
    """Return the value of a JSON text, None when it is none."""
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def parse_many(text: str) -> Iterator[object]:
    """
    Yield the JSON values in a text, one per line or one after the other, and skip what is none.

    It gives up after many gaps, since each may cost a look at all the rest.
    """
    decoder = json.JSONDecoder()
    position = gaps = 0
    while position < len(text) and gaps < _MOST_GAPS:
        if text[position].isspace():
            position += 1
            continue
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            gaps += 1
            newline = text.find("\n", position)
            position = newline + 1 if newline >= 0 else len(text)
        else:
            yield value


def table(value: object, *keys: str) -> Mapping[str, object]:
    """Return an object, or the one inside it that the keys lead to; empty when it is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[object]:
    """Return an array; empty when it is none."""
    return value if isinstance(value, list) else ()


def text_of(value: object) -> str:
    """Return a string; empty when it is none."""
    return value if isinstance(value, str) else ""


def line_of(value: object) -> int:
    """Return a line number; 0 when it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LAST_LINE:
        return 0
    return value


def line_range(start: object, end: object) -> tuple[int, int] | None:
    """Return the first and the last line; None when they are no range."""
    first, last = line_of(start), line_of(end)
    return (first, last) if first and first <= last else None
