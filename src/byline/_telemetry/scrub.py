"""What may leave the process of an exception's text: no secrets, no addresses, no endless strings."""

from __future__ import annotations

import re
from functools import cache

MESSAGE_LIMIT = 1_000
STACK_LIMIT = 16_000

_PATTERNS = (
    (r"[\w.+-]+@[\w-]+\.[\w.-]+", "<email>"),
    (r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)", "<credentials>"),
    (r"(?i)\b(bearer|basic|token)\s+[\w.~+/=-]{8,}", r"\1 <secret>"),
    (
        r"(?i)\b((?:api[_-]?key|password|passwd|secret|token|authorization)['\"]?\s*[=:]\s*['\"]?)[^\s'\",;]+",
        r"\1<secret>",
    ),
    (r"\beyJ[\w-]+\.[\w-]+\.[\w-]*", "<token>"),
    (r"\b[0-9a-fA-F]{32,}\b", "<hex>"),
    (r"\b(?:\d[ -]?){12,19}\b", "<number>"),
)  # fmt: skip


def scrub(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """
    Take out what looks like a secret or a person's data, and cut the rest to ``limit`` characters.

    A safety net, not a guarantee: ``BYLINE_MESSAGES=off`` keeps messages in the process.
    """
    text = text[: 2 * limit]
    for pattern, replacement in _compiled():
        text = pattern.sub(replacement, text)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text


# When something is first told: to compile them would be a good part of what a start costs.
@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in _PATTERNS)
