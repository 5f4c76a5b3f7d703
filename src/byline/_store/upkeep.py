"""Keeps byline.db within its bounds of size and age: oldest first, in short transactions, and written down."""

# ruff: noqa: S608  # names and conditions in statements are our own; values are always parameters

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from . import findings, sketches
from .rows import MINUTE_NS, sketch_of, sketch_row

BATCH = 5_000
"""Rows that one transaction touches at most, so that no other writer waits long."""

ROUNDS = 40
"""Transactions at most per call; the next write goes on."""

_ENOUGH = 0.9
"""Thin to this share of the bound, so that not every write has to thin."""

_HOUR = 60
_FRESH_MINUTES = 120
"""The last two hours keep their minutes."""

BY_THE_HOUR = "latency by the hour"
LATENCY_REMOVED = "latency removed"
INCIDENTS_REMOVED = "incidents removed"

_WRITE_LATENCY = """
INSERT OR REPLACE INTO latency VALUES (
    :series, :minute, :minutes, :process, :calls, :total_s, :minimum_s, :maximum_s,
    :scale, :zero_calls, :first_bucket, :buckets, :exact
)
"""
_READ_LATENCY = """
SELECT * FROM latency
WHERE minute = :minute AND series = :series AND minutes = :minutes AND process = :process
"""


class Connection(Protocol):
    """What is used of a ``sqlite3.Connection``; only ``store.py`` imports that module."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:  # noqa: ANN401  # the cursor's rows are Any, too
        """Run one statement."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How big and how old a store may grow."""

    max_bytes: int
    oldest_ns: int
    now_ns: int


def write_latency(
    connection: Connection, key: dict[str, int], sketch: sketches.Sketch, *, exact: bool
) -> None:
    """
    Add a sketch to the row of its key.

    Args:
        key: ``series``, ``minute``, ``minutes`` and ``process``.
    """
    known = connection.execute(_READ_LATENCY, key).fetchone()
    if known is not None:
        sketch = sketches.merge([sketch_of(known), sketch])
        exact = exact and bool(known["exact"])
    connection.execute(_WRITE_LATENCY, {**key, **sketch_row(sketch), "exact": int(exact)})


def used_bytes(connection: Connection) -> int:
    """Return the size of the pages in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def forget_old(connection: Connection, bounds: Bounds) -> None:
    """Remove what is older than the bound of age."""
    for _ in range(ROUNDS):
        with transaction(connection):
            removed = _remove(connection, bounds.oldest_ns, BATCH, bounds)
        if not removed:
            break
    with transaction(connection):
        connection.execute(
            "DELETE FROM function WHERE last_seen_ns < :oldest_ns", {"oldest_ns": bounds.oldest_ns}
        )
        findings.forget_old(connection, bounds.oldest_ns)
        connection.execute(
            "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM latency WHERE series = series.id)"
        )


def shrink(connection: Connection, bounds: Bounds) -> None:
    """Thin until the size is within its bound: minutes become hours first, then the oldest rows go."""
    if used_bytes(connection) <= bounds.max_bytes:
        return
    for _ in range(ROUNDS):
        with transaction(connection):
            if used_bytes(connection) <= bounds.max_bytes * _ENOUGH:
                break
            if not _merge_hours(connection, bounds):
                _remove(connection, _oldest(connection), BATCH, bounds)
    # Stepped to its end: each row is a page given back.
    connection.execute("PRAGMA incremental_vacuum").fetchall()


def _merge_hours(connection: Connection, bounds: Bounds) -> int:
    """Merge the oldest minutes, over processes, into hours; nothing but resolution is lost."""
    span = {
        # The last hour merged may have been a batch's end, and go on.
        "start": _merged_until(connection) - _HOUR,
        "end": bounds.now_ns // MINUTE_NS - _FRESH_MINUTES,
        "batch": BATCH,
    }
    rows = connection.execute(
        """
        SELECT * FROM latency WHERE minute >= :start AND minute < :end AND minutes = 1
        ORDER BY minute, series LIMIT :batch
        """,
        span,
    ).fetchall()
    groups: dict[tuple[int, int], list[Any]] = {}
    for row in rows:
        groups.setdefault((row["minute"] - row["minute"] % _HOUR, row["series"]), []).append(row)
    for (hour, series), parts in groups.items():
        _delete_latency(connection, parts)
        key = {"series": series, "minute": hour, "minutes": _HOUR, "process": 0}
        exact = all(row["exact"] for row in parts)
        write_latency(connection, key, sketches.merge(sketch_of(row) for row in parts), exact=exact)
    if rows:
        until = max(hour for hour, _ in groups) + _HOUR
        _note(connection, BY_THE_HOUR, len(rows), until * MINUTE_NS, bounds)
    return len(rows)


def _merged_until(connection: Connection) -> int:
    row = connection.execute(
        "SELECT until_ns FROM thinned WHERE what = :what", {"what": BY_THE_HOUR}
    ).fetchone()
    return int(row["until_ns"]) // MINUTE_NS if row else 0


def _delete_latency(connection: Connection, rows: Iterable[Any]) -> None:
    for row in rows:
        connection.execute(
            "DELETE FROM latency "
            "WHERE minute = :minute AND series = :series AND minutes = :minutes AND process = :process",
            {name: row[name] for name in ("minute", "series", "minutes", "process")},
        )


def _oldest(connection: Connection) -> int:
    """Return the moment before which about a tenth of the incidents, or of the latency rows, lies."""
    moments = []
    for table, column, unit in (("incident", "time_ns", 1), ("latency", "minute", MINUTE_NS)):
        count = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        if count:
            row = connection.execute(
                f"SELECT {column} FROM {table} ORDER BY {column} LIMIT 1 OFFSET :tenth",
                {"tenth": min(count // 10, BATCH)},
            ).fetchone()
            moments.append((row[0] + 1) * unit)
    return min(moments, default=0)


def _remove(connection: Connection, before_ns: int, batch: int, bounds: Bounds) -> int:
    """Remove incidents and latency older than a moment, a batch of each at most."""
    removed = 0
    for what, statement, parameters in (
        (
            INCIDENTS_REMOVED,
            """
            DELETE FROM incident WHERE id IN
            (SELECT id FROM incident WHERE time_ns < :before ORDER BY time_ns LIMIT :batch)
            """,
            {"before": before_ns, "batch": batch},
        ),
        (
            LATENCY_REMOVED,
            """
            DELETE FROM latency WHERE (minute, series, minutes, process) IN
            (SELECT minute, series, minutes, process FROM latency WHERE minute < :before ORDER BY minute LIMIT :batch)
            """,
            {"before": before_ns // MINUTE_NS, "batch": batch},
        ),
    ):
        rows = connection.execute(statement, parameters).rowcount
        if rows:
            _note(connection, what, rows, before_ns, bounds)
        removed += rows
    return removed


def _note(connection: Connection, what: str, rows: int, until_ns: int, bounds: Bounds) -> None:
    connection.execute(
        """
        INSERT INTO thinned VALUES (:what, :rows, :until_ns, :at_ns)
        ON CONFLICT (what) DO UPDATE SET
            rows = rows + excluded.rows, until_ns = MAX(until_ns, excluded.until_ns), at_ns = excluded.at_ns
        """,
        {"what": what, "rows": rows, "until_ns": until_ns, "at_ns": bounds.now_ns},
    )


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Write all of it or nothing; waits for other writers at the start, never in the middle."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
