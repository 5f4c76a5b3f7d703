"""A team's Loki as a source of incidents and findings, whose attributes it keeps as structured metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from ... import _label_names as names, _semconv
from ..._model import Finding, Incident
from ..._telemetry.finding_event import finding_of
from ..._telemetry.incident_event import incident_of
from ...exceptions import SourceError
from .collected import Collected, Filters
from .http import Client, field, listed
from .promql import equal, starting

PAGE = 1_000
"""Entries of one answer; Loki allows 5,000 unless told otherwise."""

LONGEST = timedelta(days=30)
"""Of one query; Loki allows 30 days and an hour unless told otherwise."""

_DIGITS, _TIME_DIGITS = 15, 19

_EVERYTHING = f'{names.label(_semconv.SERVICE_NAME)}=~".+"'
_WHOLE = frozenset({
    _semconv.LINE, _semconv.AI_LINES, _semconv.LINES, _semconv.COMMITTED_AT, _semconv.SUPPRESSED,
    _semconv.FINDING_COUNT,
})  # fmt: skip
_ATTRIBUTES = {
    names.label(value): value
    for name, value in vars(_semconv).items()
    if name.isupper() and isinstance(value, str)
}
"""Attributes by the label that they arrive as."""

_INCIDENT = {
    "id": _semconv.INCIDENT_ID, "commit": _semconv.COMMIT, "function": _semconv.INCIDENT_FUNCTION,
    "tool": _semconv.TOOL, "error_type": _semconv.ERROR_TYPE, "pattern": _semconv.PATTERN,
    "fingerprint": _semconv.FINGERPRINT, "trace_id": "trace_id", "path": _semconv.FILE, "line": _semconv.LINE,
    "sentry_event_id": _semconv.SENTRY_EVENT_ID,
}  # fmt: skip
_FINDING = {
    "commit": _semconv.COMMIT, "last_commit": _semconv.LAST_COMMIT, "function": _semconv.FUNCTION,
    "fingerprint": _semconv.FINDING_FINGERPRINT,
}  # fmt: skip
_STARTS = {("id", True), ("commit", True), ("commit", False), ("last_commit", False), ("fingerprint", False)}
"""What the start is enough of: for an incident or not."""


class Loki(Collected):
    """Answers questions about incidents and findings by LogQL."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.address)
        self._client = client

    def _incidents(self, wanted: Filters, since: datetime, until: datetime, limit: int) -> Iterator[Incident]:
        for time_ns, labels in self._entries(
            query_of(self._select, wanted, incidents=True), since, until, limit
        ):
            yield incident_of(
                attributes_of(labels),
                time_ns=time_ns,
                trace_id=_hexadecimal(labels.get("trace_id", "")),
                span_id=_hexadecimal(labels.get("span_id", "")),
                resource=attributes_of(labels),
            )

    def _swallowed(self, wanted: Filters, since: datetime, until: datetime, limit: int) -> Iterator[Finding]:
        query = query_of(self._select, wanted, incidents=False)
        for time_ns, labels in self._entries(query, since, until, limit):
            found = finding_of(
                attributes_of(labels),
                time_ns=time_ns,
                trace_id=_hexadecimal(labels.get("trace_id", "")),
                span_id=_hexadecimal(labels.get("span_id", "")),
                resource=attributes_of(labels),
            )
            if found.count:
                yield found

    @property
    def _select(self) -> str:
        return self._address.select or _EVERYTHING

    def _entries(
        self, query: str, since: datetime, until: datetime, limit: int
    ) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Yield log entries, newest first, a page after the other and a month after the other."""
        given, first_ns, end_ns = 0, _ns(since), _ns(until)
        longest_ns = _ns(LONGEST)
        seen: set[tuple[int, str]] = set()
        while end_ns > first_ns and given < limit:
            start_ns = max(first_ns, end_ns - longest_ns)
            size = min(PAGE, limit - given + len(seen))
            page = self._page(query, start_ns, end_ns, size)
            new = [each for each in page if (each[0], repr(each[1])) not in seen]
            yield from new[: limit - given]
            given += len(new)
            seen = {(time_ns, repr(labels)) for time_ns, labels in page if time_ns == page[-1][0]}
            # The end is not part of a window; entries of its very moment come again, and are known.
            end_ns = page[-1][0] + 1 if len(page) >= size and new else start_ns

    def _page(self, query: str, start_ns: int, end_ns: int, size: int) -> list[tuple[int, Mapping[str, str]]]:
        told = self._client.get(
            "/loki/api/v1/query_range",
            {"query": query, "start": start_ns, "end": end_ns, "limit": size, "direction": "backward"},
        )
        if field(told, "status") != "success" or field(told, "data", "resultType") != "streams":
            raise SourceError(
                f"{self.name} answers with JSON that is not Loki's. Check the URL: /loki/api/v1/query_range comes after it."
            )
        found = []
        for stream in listed(field(told, "data", "result")):
            labels = field(stream, "stream")
            for entry in listed(field(stream, "values")):
                time_ns = listed(entry)[0] if listed(entry) else None
                if (
                    isinstance(labels, dict)
                    and isinstance(time_ns, str)
                    and time_ns.isdecimal()
                    and len(time_ns) <= _TIME_DIGITS
                ):
                    found.append((int(time_ns), {str(name): str(value) for name, value in labels.items()}))
        return sorted(found, key=lambda each: -each[0])


def query_of(select: str, wanted: Filters, *, incidents: bool) -> str:
    """Return the LogQL that finds byline's events."""
    known = _INCIDENT if incidents else _FINDING
    parts = [f'{names.INCIDENT if incidents else names.label(_semconv.FINDING_ID)} != ""']
    for name, value in wanted.items():
        matcher = starting if (name, incidents) in _STARTS else equal
        parts.append(matcher(names.label(known[name]), str(value)))
    return f"{{{select}}} | {' | '.join(parts)}"


def attributes_of(labels: Mapping[str, str]) -> dict[str, object]:
    """Give labels the names and the types of the attributes that they were."""
    found: dict[str, object] = {}
    for label, text in labels.items():
        name = _ATTRIBUTES.get(label)
        if name is None:
            continue
        if name in _WHOLE:
            found[name] = int(text) if text.isdecimal() and len(text) <= _DIGITS else 0
        elif name == _semconv.DURATION:
            found[name] = _number(text)
        elif name == _semconv.FINDING_NEW:
            found[name] = text.lower() != "false"
        else:
            found[name] = text
    return found


def _ns(moment: datetime | timedelta) -> int:
    seconds = moment.total_seconds() if isinstance(moment, timedelta) else moment.timestamp()
    return round(seconds * 1e6) * 1_000


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0
