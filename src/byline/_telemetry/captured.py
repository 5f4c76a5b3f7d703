"""What a call's thread takes down of an exception, and the incident that it becomes off that thread."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from .. import _patterns, _registry, _suspects
from .._dataclass import dataclass
from .._model import Incident, Unverified
from .._registry import Entry
from .frames import Frame, facts_of

if TYPE_CHECKING:
    from opentelemetry import trace


@dataclass(slots=True)
class Receipt:
    """What an exception's incident will be known by, for whoever else tells of the exception."""

    id: str
    sentry_event_id: str = ""


@dataclass(slots=True)
class Captured:
    """What the call's thread takes down; everything else is done off it."""

    receipt: Receipt
    entry: Entry
    time_ns: int
    duration_s: float
    error_type: str
    message: str
    stacktrace: str
    frames: list[Frame]
    span_context: trace.SpanContext | None
    suppressed: int
    signs: _patterns.Signs = ((), "")


def incident_of(captured: Captured) -> Incident:
    """Find the suspects of a captured exception."""
    entry = captured.entry
    facts = facts_of(captured.frames)
    suspects, unverified = _suspects.rank(facts)
    match = _patterns.classify(*captured.signs)
    raising = next((each for each in facts if each.path), None)
    line = raising.line if raising else entry.function.line
    if not entry.attribution.commit:
        unverified = (*unverified, Unverified(entry.function.name, _no_commit(entry)))
    first = raising.function.first_line if raising and raising.function else 0
    # Relative to the function, so that an edit above it does not make it another failure.
    place = f"{raising.path if raising else ''}:{raising.qualname if raising else ''}:{line - first}"
    kind = f"{entry.function.name}|{captured.error_type}|{place}"
    return Incident(
        id=captured.receipt.id,
        time_ns=captured.time_ns,
        function=entry.function.name,
        error_type=captured.error_type,
        message=captured.message,
        stacktrace=captured.stacktrace,
        path=raising.path if raising else entry.function.path,
        line=line,
        fingerprint=sha256(kind.encode("utf-8", "surrogatepass")).hexdigest()[:12],
        attribution=entry.attribution,
        suspects=suspects,
        unverified=unverified,
        suppressed=captured.suppressed,
        duration_s=captured.duration_s,
        pattern=match.pattern if match else "",
        certainty=match.certainty if match else "",
        sentry_event_id=captured.receipt.sentry_event_id,
    )


def _no_commit(entry: Entry) -> str:
    # With a manifest in force git is not asked.
    unknown = (
        "the manifest does not name it: its file is newer than the scan, or no AI had touched it (scan again: byline scan)"
        if _registry.deployment().revision
        else "no manifest is in force, and git does not know its file"
    )
    return {
        "stale": "the function changed after the scan: scan again",
        "pending": "git had not answered in time",
        "unknown": unknown,
    }.get(entry.attribution.status, "no commit is known for it")
