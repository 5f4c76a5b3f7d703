"""What goes into byline.db and comes out of it, as frozen values, and their form as rows; no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any

from .. import _wire
from .._model import Attribution, Incident, Suspect, Unverified
from .sketches import Sketch

Row = Mapping[str, Any]

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one function with one outcome in one process, as they come from a metric."""

    function: str
    commit: str
    last_commit: str
    error_type: str
    """Empty for calls that returned."""

    time_ns: int
    """When they were collected: wall clock, nanoseconds since the epoch."""

    sketch: Sketch
    process: str = ""
    service: str = ""
    revision: str = ""
    exact: bool = True
    """False when rebuilt from a histogram with explicit bounds."""

    @property
    def minute(self) -> int:
        """The minute they belong to, since the epoch."""
        return self.time_ns // MINUTE_NS


@dataclass(frozen=True, slots=True)
class Latency:
    """All stored calls of one function's version with one outcome, merged over processes and time."""

    function: str
    commit: str
    last_commit: str
    error_type: str
    sketch: Sketch
    first_ns: int
    """Start of the first minute with calls."""

    last_ns: int
    """End of the last minute with calls."""

    exact: bool = True


@dataclass(frozen=True, slots=True)
class Totals:
    """All stored calls of one function's version with one outcome, without their distribution: quick for many."""

    function: str
    commit: str
    last_commit: str
    error_type: str
    calls: int
    total_s: float
    maximum_s: float
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Block:
    """Calls of one series within a quarter hour."""

    error_type: str
    start_ns: int
    minutes: int
    """15, or more where only longer sums are left."""

    sketch: Sketch


@dataclass(frozen=True, slots=True)
class FunctionSeen:
    """A version of a marked function that ran somewhere, called or not."""

    function: str
    commit: str
    last_commit: str
    path: str = ""
    line: int = 0
    author: str = ""
    tool: str = ""
    model: str = ""
    evidence: str = ""
    confidence: str = ""
    status: str = ""
    ai_lines: int = 0
    lines: int = 0
    committed_at: int = 0
    first_seen_ns: int = 0
    last_seen_ns: int = 0


@dataclass(frozen=True, slots=True)
class CommitIncidents:
    """The incidents whose first suspect is one commit."""

    commit: str
    """Full SHA; empty for incidents without a suspect."""

    incidents: int
    """With those that the rate limit held back."""

    recorded: int
    """Without them."""

    functions: tuple[str, ...]
    """Marked functions, most incidents first."""

    error_types: tuple[str, ...]
    """Most frequent first."""

    first_ns: int
    last_ns: int
    suspect: Suspect | None = None
    """The commit's facts, from the newest of its incidents."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Incidents of one fingerprint with one first suspect, and the newest of them."""

    fingerprint: str
    incidents: int
    """With those that the rate limit held back."""

    recorded: int
    """Without them."""

    first_ns: int
    last_ns: int
    last_id: str
    """Id of the newest."""

    commit: str
    """Of the first suspect; empty without one."""

    function: str
    error_type: str
    message: str
    path: str
    line: int
    tool: str = ""
    """Of the first suspect."""

    pattern: str = ""
    """The failure pattern that the newest is a sign of, see ``_patterns``; empty when no rule knows it."""

    certainty: str = ""


@dataclass(frozen=True, slots=True)
class Thinned:
    """What the bounds of size and age took away."""

    what: str
    rows: int
    until_ns: int
    """Nothing younger than this was touched."""

    at_ns: int
    """When it last happened."""


_COMMON = (
    "function", "error_type", "stacktrace", "path", "line", "fingerprint", "pattern", "certainty", "service", "revision"
)  # fmt: skip
_OWN = ("id", "time_ns", "message", "suppressed", "trace_id", "span_id", "duration_s", "sentry_event_id")
_MESSAGE = "\x1a"
"""Stands for the message inside a stack trace, which would differ from incident to incident without it."""


def incident_row(incident: Incident) -> dict[str, object]:
    """Return what is an incident's own."""
    return _cleaned({name: getattr(incident, name) for name in _OWN})


def failure_row(incident: Incident) -> dict[str, object]:
    """Return what an incident has in common with others of its kind."""
    first = incident.suspects[0] if incident.suspects else None
    row = {name: getattr(incident, name) for name in _COMMON}
    row["stacktrace"] = _without(incident.message, incident.stacktrace)
    row |= {
        "commit_sha": first.commit if first else "",
        "tool": first.tool if first else "",
        "function_commit": incident.attribution.commit,
        "last_commit": incident.attribution.last_commit,
        "attribution": _wire.dumps(incident.attribution),
        "suspects": _wire.dumps(incident.suspects),
        "unverified": _wire.dumps(incident.unverified),
    }
    row = _cleaned(row)
    digest = blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=12)
    return {"digest": digest.hexdigest(), **row}


def _without(message: str, stacktrace: str) -> str:
    """Put a sign in the place of the message, where that can be undone."""
    if not message or _MESSAGE in stacktrace or _MESSAGE in message:
        return stacktrace
    return stacktrace.replace(message, _MESSAGE)


def _cleaned(row: dict[str, object]) -> dict[str, object]:
    return {name: _wire.clean(value) if isinstance(value, str) else value for name, value in row.items()}


def incident_of(row: Row) -> Incident:
    """
    Read an incident, from both its rows.

    Raises:
        ValueError: One of its JSON columns is damaged.
    """
    return Incident(
        **{name: row[name] for name in (*_COMMON, *_OWN) if name != "stacktrace"},
        stacktrace=row["stacktrace"].replace(_MESSAGE, row["message"]),
        attribution=_wire.loads(Attribution, row["attribution"]),
        suspects=_wire.loads_all(Suspect, row["suspects"]),
        unverified=_wire.loads_all(Unverified, row["unverified"]),
    )


def sketch_row(sketch: Sketch) -> dict[str, object]:
    """Return the columns of ``latency`` that hold a sketch."""
    return {
        "calls": sketch.count,
        "total_s": sketch.total,
        "minimum_s": sketch.minimum,
        "maximum_s": sketch.maximum,
        "scale": sketch.scale,
        "zero_calls": sketch.zero_count,
        "first_bucket": sketch.offset,
        "buckets": _packed(sketch.buckets),
    }


def sketch_of(row: Row) -> Sketch:
    """Read a sketch."""
    return Sketch(
        row["calls"],
        row["total_s"],
        row["minimum_s"],
        row["maximum_s"],
        row["scale"],
        row["zero_calls"],
        row["first_bucket"],
        _unpacked(row["buckets"]),
    )


def _packed(buckets: Sequence[int]) -> str:
    """Write the buckets, a run of empty ones as its negative length: few calls fill few of many buckets."""
    packed: list[int] = []
    for calls in buckets:
        if calls:
            packed.append(calls)
        elif packed and packed[-1] < 0:
            packed[-1] -= 1
        else:
            packed.append(-1)
    return json.dumps(packed, separators=(",", ":"))


def _unpacked(text: str) -> tuple[int, ...]:
    numbers = json.loads(text)
    if "-" not in text:
        return tuple(numbers)
    buckets: list[int] = []
    for number in numbers:
        buckets += [0] * -number if number < 0 else [number]
    return tuple(buckets)


_FUNCTION_COLUMNS = {
    "commit_sha" if each.name == "commit" else each.name: each.name for each in fields(FunctionSeen)
}


def function_row(function: FunctionSeen) -> dict[str, object]:
    """Return a function as a row."""
    return {
        column: _wire.clean(value) if isinstance(value := getattr(function, name), str) else value
        for column, name in _FUNCTION_COLUMNS.items()
    }


def function_of(row: Row) -> FunctionSeen:
    """Read a function."""
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118  # sqlite3.Row iterates over values
    return FunctionSeen(commit=values.pop("commit_sha"), **values)
