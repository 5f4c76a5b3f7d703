"""How the desk's answers are put for people: safe text, times, durations, shares; no terminal and no page here."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

SHA_DIGITS = 10

# Control characters, marks that reorder or hide text, and lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_AGES = (("min", 60), ("h", 3_600), ("days", 86_400))


def visible(text: str, limit: int = 300) -> str:
    """Return one line without anything that a terminal would obey, cut to a length."""
    cut = len(text) - limit
    shown = _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text[:limit])
    return f"{shown}… (and {cut:,} more characters)" if cut > 0 else shown


def short(sha: str) -> str:
    """Return a SHA as people write it."""
    return sha[:SHA_DIGITS]


def iso(time_ns: int) -> str | None:
    """Return a moment for programs; None for none."""
    if not time_ns:
        return None
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000 // 1_000:06}Z"


def moment(time_ns: int) -> str:
    """Return a moment for people, in UTC."""
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(time_ns: int, now_ns: int | None = None) -> str:
    """Return how long ago a moment was."""
    seconds = ((time.time_ns() if now_ns is None else now_ns) - time_ns) / 1e9
    if seconds < 1:
        return "just now"
    unit, size = "s", 1
    for name, least in _AGES:
        if seconds >= 2 * least or (least == _AGES[0][1] and seconds >= least):
            unit, size = name, least
    return f"{int(seconds // size)} {unit} ago"


def duration(seconds: float) -> str:
    """Return a duration with three digits and a unit that fits."""
    if seconds >= 100:  # noqa: PLR2004  # three digits
        return f"{seconds:,.0f} s"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def share(part: float) -> str:
    """Return a share in per cent; a small one is not rounded to nothing."""
    if 0 < part < 0.001:  # noqa: PLR2004  # one decimal would say 0.0 %
        return "< 0.1 %"
    return f"{100 * part:.1f} %"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
