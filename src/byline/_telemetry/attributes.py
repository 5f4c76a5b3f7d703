"""The attributes of a span, a data point and a marked function, made from its attribution; no signals here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from .. import _semconv, _wire
from .._config import AuthorForm, Config
from .._registry import Entry

Attributes = dict[str, str | int]

_HASH_DIGITS = 16


def metric_attributes(entry: Entry, config: Config) -> Attributes:
    """Label a data point: only what follows from the function and its version, so that series stay few."""
    attribution = entry.attribution
    return _filled(
        {
            _semconv.FUNCTION: entry.function.name,
            _semconv.COMMIT: attribution.commit,
            _semconv.LAST_COMMIT: attribution.last_commit,
            _semconv.AUTHOR: author(attribution.author, config.author),
            _semconv.TOOL: attribution.tool,
        }
    )


def function_attributes(entry: Entry, config: Config) -> Attributes:
    """Describe a marked function once, with what would be too many labels on every data point."""
    function, attribution = entry.function, entry.attribution
    described = metric_attributes(entry, config) | _filled(
        {
            _semconv.FILE: function.path,
            _semconv.LINE: function.line,
            _semconv.MODEL: attribution.model,
            _semconv.EVIDENCE: attribution.evidence,
            _semconv.CONFIDENCE: attribution.confidence,
            _semconv.STATUS: attribution.status,
            _semconv.COMMITTED_AT: attribution.committed_at,
        }
    )
    if attribution.lines:
        # No AI line among twelve is an answer; no lines at all is none.
        described |= {_semconv.AI_LINES: attribution.ai_lines, _semconv.LINES: attribution.lines}
    return described


def span_attributes(entry: Entry, config: Config) -> Attributes:
    """Describe a call of a marked function."""
    attribution = entry.attribution
    described = function_attributes(entry, config) | _filled(
        {_semconv.SESSION: attribution.session, _semconv.CHANGE: attribution.change}
    )
    described.pop(_semconv.COMMITTED_AT, None)
    return described


def author(recorded: str, form: AuthorForm) -> str:
    """
    Return the accountable human in the form that the settings ask for.

    Args:
        recorded: A name, an address, or "Name <address>".

        form: ``hash`` stands for the address when one is recorded, else for the name.
    """
    if not recorded or form == "off":
        return ""
    name, address = _parsed(recorded) if "@" in recorded else (recorded, "")
    if form == "email":
        return address or recorded
    if form == "hash":
        known = (address or recorded).strip().lower()
        return hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    return name or recorded


def _parsed(recorded: str) -> tuple[str, str]:
    from email.utils import parseaddr  # it loads half of Python's network modules

    return parseaddr(recorded)


def _filled(described: Mapping[str, str | int]) -> Attributes:
    """Leave out what is empty."""
    return {
        name: _wire.clean(value) if isinstance(value, str) else value
        for name, value in described.items()
        if value
    }
