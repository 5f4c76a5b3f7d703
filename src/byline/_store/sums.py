"""Sums up latency by the quarter hour and by the day, in short transactions; exact, and each row once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol

from . import sketches
from .rows import MINUTE_NS, sketch_of, sketch_row
from .windows import SPANS

SERIES = 250
"""Series that one transaction sums up, so that no other writer waits long."""

_GRACE = 2
"""Minutes to wait for who writes late; who writes even later is added to the sums at once."""

_WRITE = """
INSERT OR REPLACE INTO latency_sum VALUES (
    :minutes, :minute, :series, :calls, :total_s, :minimum_s, :maximum_s,
    :scale, :zero_calls, :first_bucket, :buckets, :exact
)
"""


class Connection(Protocol):
    """What is used of a ``sqlite3.Connection``; only ``file.py`` imports that module."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:  # noqa: ANN401  # the cursor's rows are Any, too
        """Run one statement."""

    def executemany(self, sql: str, parameters: Any, /) -> Any:  # noqa: ANN401  # as above
        """Run one statement for each of many rows."""


def reach(connection: Connection) -> dict[int, int]:
    """Return for each length of sums the minute up to which they are complete."""
    return {row["minutes"]: row["minute"] for row in connection.execute("SELECT * FROM summed")}


def sum_up(connection: Connection, now_ns: int) -> int | None:
    """
    Sum up one step of what is due, inside the caller's transaction.

    Returns:
        How many rows were added up; None when nothing is due.
    """
    now = now_ns // MINUTE_NS - _GRACE
    for finer, minutes in zip((1, *SPANS), SPANS, strict=False):
        until = now if finer == 1 else reach(connection).get(finer, 0)
        rows = _step(connection, finer, minutes, until)
        if rows is not None:
            return rows
    return None


def _step(connection: Connection, finer: int, minutes: int, until: int) -> int | None:
    """Sum up the next series of the next span that is over; None when there is no such span."""
    start, after = _progress(connection, minutes)
    if not after:
        start = max(start, _first(connection, finer, start, until, minutes))
    if start + minutes > until:
        _reached(connection, minutes, start, after)
        return None
    statement = "SELECT id FROM series WHERE id > :after ORDER BY id LIMIT :limit"
    wanted = [row["id"] for row in connection.execute(statement, {"after": after, "limit": SERIES})]
    if not wanted:
        _reached(connection, minutes, start + minutes, 0)
        return 0
    span = {"start": start, "end": start + minutes, "low": wanted[0], "high": wanted[-1]}
    rows = connection.execute(_SOURCE[finer], span).fetchall()
    for series, parts in groupby(rows, key=lambda row: row["series"]):
        found = list(parts)
        key = {"minutes": minutes, "minute": start, "series": series}
        _write(connection, key, [sketch_of(row) for row in found], exact=all(row["exact"] for row in found))
    _reached(connection, minutes, start, wanted[-1])
    return len(rows)


_SOURCE = {
    1: """
    SELECT l.* FROM series AS s CROSS JOIN latency AS l INDEXED BY latency_series ON l.series = s.id
    WHERE s.id BETWEEN :low AND :high AND l.minute >= :start AND l.minute < :end ORDER BY s.id
    """,
    SPANS[0]: f"""
    SELECT l.* FROM series AS s CROSS JOIN latency_sum AS l INDEXED BY latency_sum_series ON l.series = s.id
    WHERE s.id BETWEEN :low AND :high AND l.minutes = {SPANS[0]} AND l.minute >= :start AND l.minute < :end ORDER BY s.id
    """,  # noqa: S608  # our own number
}
"""By series first: the order that the index has, and the one that grouping needs."""


def _progress(connection: Connection, minutes: int) -> tuple[int, int]:
    row = connection.execute("SELECT * FROM summed WHERE minutes = :minutes", {"minutes": minutes}).fetchone()
    return (row["minute"], row["series"]) if row else (0, 0)


def _reached(connection: Connection, minutes: int, minute: int, series: int) -> None:
    known = _progress(connection, minutes)
    if known != (minute, series):
        connection.execute(
            "INSERT OR REPLACE INTO summed VALUES (:minutes, :minute, :series)",
            {"minutes": minutes, "minute": minute, "series": series},
        )


def _first(connection: Connection, finer: int, start: int, until: int, minutes: int) -> int:
    """Return the next span with rows in it, or the one that is not over yet: an idle night takes one step."""
    table, length = ("latency", "") if finer == 1 else ("latency_sum", f"minutes = {finer} AND ")
    statement = f"SELECT MIN(minute) AS minute FROM {table} WHERE {length}minute >= :start"  # noqa: S608  # our own names
    row = connection.execute(statement, {"start": start}).fetchone()
    found = until if row["minute"] is None else min(int(row["minute"]), until)
    return found - found % minutes


def add_late(
    connection: Connection, series: int, minute: int, sketch: sketches.Sketch, *, exact: bool
) -> None:
    """Add calls to the sums that their minute is in already; their own row is written by the caller."""
    for minutes in SPANS:
        start = minute - minute % minutes
        summed, after = _progress(connection, minutes)
        if start > summed or (start == summed and series > after):
            return
        _write(connection, {"minutes": minutes, "minute": start, "series": series}, [sketch], exact=exact)


def _write(
    connection: Connection, key: dict[str, int], parts: Sequence[sketches.Sketch], *, exact: bool
) -> None:
    known = connection.execute(
        "SELECT * FROM latency_sum WHERE minutes = :minutes AND minute = :minute AND series = :series", key
    ).fetchone()
    if known is not None:
        parts = [sketch_of(known), *parts]
        exact = exact and bool(known["exact"])
    merged = sketches.merge(parts)
    connection.execute(_WRITE, {**key, **sketch_row(merged), "exact": int(exact)})


def add_incident(connection: Connection, failure: int, time_ns: int, incidents: int) -> None:
    """Count an incident that was written, in each of its spans."""
    for minutes in SPANS:
        minute = time_ns // MINUTE_NS
        connection.execute(
            """
            INSERT INTO incident_sum VALUES (:minutes, :minute, :failure, 1, :incidents, :time_ns, :time_ns)
            ON CONFLICT DO UPDATE SET
                recorded = recorded + 1, incidents = incidents + excluded.incidents,
                first_ns = MIN(first_ns, excluded.first_ns), last_ns = MAX(last_ns, excluded.last_ns)
            """,
            {
                "minutes": minutes,
                "minute": minute - minute % minutes,
                "failure": failure,
                "incidents": incidents,
                "time_ns": time_ns,
            },
        )
