"""Keeps byline.db within its bounds of size and age: oldest first, in short transactions, and written down."""

# ruff: noqa: S608  # names and conditions in statements are our own; values are always parameters

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import findings, sums
from .rows import MINUTE_NS
from .sums import Connection
from .windows import DAY, QUARTER, SPANS

BATCH = 5_000
"""Rows that one transaction touches at most, so that no other writer waits long."""

ROUNDS = 40
"""Transactions at most per call; the next write goes on."""

SUM_ROUNDS = 20
"""The same, for sums."""

_STEP = 50
"""What a step of summing costs without any row, in rows."""

_ENOUGH = 0.9
"""Thin to this share of the bound, so that not every write has to thin."""

_FRESH_MINUTES = 120
"""The last two hours keep their minutes."""

_FRESH_QUARTERS = 2 * DAY
"""The last two days keep their quarter hours: the watch over a new version needs them."""

_BATCH_SPANS = 4
"""Spans whose finer rows one transaction removes."""

BY_THE_QUARTER = "latency by the quarter hour"
BY_THE_DAY = "latency by the day"
LATENCY_REMOVED = "latency removed"
INCIDENTS_REMOVED = "incidents removed"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How big and how old a store may grow."""

    max_bytes: int
    oldest_ns: int
    now_ns: int


def used_bytes(connection: Connection) -> int:
    """Return the size of the pages in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def sum_up(connection: Connection, now_ns: int) -> bool:
    """Sum up what is due, in short transactions; tell whether all of it is done."""
    for _ in range(SUM_ROUNDS):
        with transaction(connection):
            if not _sum_batch(connection, now_ns):
                return True
    return False


def _sum_batch(connection: Connection, now_ns: int) -> bool:
    """Sum up a batch of rows; tell whether more is due."""
    left = BATCH
    while left > 0:
        rows = sums.sum_up(connection, now_ns)
        if rows is None:
            return False
        left -= rows + _STEP
    return True


def forget_old(connection: Connection, bounds: Bounds) -> None:
    """Remove what is older than the bound of age."""
    oldest = bounds.oldest_ns // MINUTE_NS
    for _ in range(ROUNDS):
        with transaction(connection):
            removed = _remove_incidents(connection, bounds.oldest_ns, bounds)
            removed += _remove_latency(connection, "latency", 1, oldest, LATENCY_REMOVED, bounds)
            for minutes in SPANS:
                removed += _remove_latency(
                    connection, "latency_sum", minutes, oldest, LATENCY_REMOVED, bounds
                )
                removed += _remove_sums(connection, minutes, oldest)
        if not removed:
            break
    with transaction(connection):
        connection.execute(
            "DELETE FROM function WHERE last_seen_ns < :oldest_ns", {"oldest_ns": bounds.oldest_ns}
        )
        findings.forget_old(connection, bounds.oldest_ns)
        connection.execute(
            "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM latency WHERE series = series.id) "
            "AND NOT EXISTS (SELECT 1 FROM latency_sum WHERE series = series.id)"
        )
        connection.execute(
            "DELETE FROM failure WHERE NOT EXISTS (SELECT 1 FROM incident WHERE failure = failure.id) "
            "AND NOT EXISTS (SELECT 1 FROM incident_sum WHERE failure = failure.id)"
        )


def shrink(connection: Connection, bounds: Bounds) -> None:
    """
    Thin until the size is within its bound: resolution first, then the oldest rows.

    Minutes that are in quarter hours go first, then quarter hours that are in days. Nothing
    is missing in an answer then, but its edges are coarser. After that the oldest go: incidents,
    whose numbers stay, and latency.
    """
    if used_bytes(connection) <= bounds.max_bytes:
        return
    for _ in range(ROUNDS):
        with transaction(connection):
            if used_bytes(connection) <= bounds.max_bytes * _ENOUGH:
                break
            # What is summed can be thinned without a loss.
            if not _thin(connection, bounds) and not _sum_batch(connection, bounds.now_ns):
                _remove_oldest(connection, bounds)
    # Stepped to its end: each row is a page given back.
    connection.execute("PRAGMA incremental_vacuum").fetchall()


def thinned_before(connection: Connection, what: str) -> int:
    """Return the minute before which something was thinned; 0 when nothing was."""
    row = connection.execute("SELECT until_ns FROM thinned WHERE what = :what", {"what": what}).fetchone()
    return -(-int(row["until_ns"]) // MINUTE_NS) if row else 0


def _thin(connection: Connection, bounds: Bounds) -> int:
    """Remove a batch of rows that longer ones hold, too: the oldest, and no fresh ones."""
    now, reach = bounds.now_ns // MINUTE_NS, sums.reach(connection)
    ends = {
        QUARTER: min(reach.get(QUARTER, 0), now - _FRESH_MINUTES),
        DAY: min(reach.get(DAY, 0), now - _FRESH_QUARTERS),
    }
    for table, finer, minutes, what in (
        ("latency", 1, QUARTER, BY_THE_QUARTER),
        ("latency_sum", QUARTER, DAY, BY_THE_DAY),
    ):
        # What was thinned ends with a span: a window that begins in it takes the whole span.
        start = _oldest_minute(connection, table, finer)
        end = min(start - start % minutes + _BATCH_SPANS * minutes, ends[minutes] - ends[minutes] % minutes)
        removed = _remove_latency(connection, table, finer, end, what, bounds)
        if removed:
            return removed
    return 0


def _remove_oldest(connection: Connection, bounds: Bounds) -> None:
    """Remove about a tenth of what is left, up to a batch."""
    before_ns = _oldest(connection)
    before = before_ns // MINUTE_NS
    removed = _remove_incidents(connection, before_ns, bounds)
    removed += _remove_latency(connection, "latency", 1, before, LATENCY_REMOVED, bounds)
    for minutes in SPANS:
        removed += _remove_latency(connection, "latency_sum", minutes, before, LATENCY_REMOVED, bounds)
    if not removed:
        # Only numbers are left. A tenth of the days goes.
        first, last = connection.execute("SELECT MIN(minute), MAX(minute) FROM incident_sum").fetchone()
        for minutes in SPANS:
            _remove_sums(connection, minutes, (first or 0) + max(DAY, ((last or 0) - (first or 0)) // 10))


def _oldest_minute(connection: Connection, table: str, minutes: int) -> int:
    length = f"WHERE minutes = {minutes}" if minutes > 1 else ""
    row = connection.execute(f"SELECT MIN(minute) AS minute FROM {table} {length}").fetchone()
    return int(row["minute"] or 0)


def _oldest(connection: Connection) -> int:
    """Return the moment before which about a tenth of the incidents, or of the latency, lies."""
    moments = []
    for rows, column, length, unit in (
        ("incident", "time_ns", 1, 1),
        ("latency", "minute", 1, MINUTE_NS),
        *((f"latency_sum WHERE minutes = {minutes}", "minute", minutes, MINUTE_NS) for minutes in SPANS),
    ):
        count = connection.execute(f"SELECT COUNT(*) FROM {rows}").fetchone()[0]
        if count:
            row = connection.execute(
                f"SELECT {column} FROM {rows} ORDER BY {column} LIMIT 1 OFFSET :tenth",
                {"tenth": min(count // 10, BATCH)},
            ).fetchone()
            moments.append((row[0] + length) * unit)
    return min(moments, default=0)


def _remove_incidents(connection: Connection, before_ns: int, bounds: Bounds) -> int:
    rows: int = connection.execute(
        """
        DELETE FROM incident WHERE id IN
        (SELECT id FROM incident WHERE time_ns < :before ORDER BY time_ns LIMIT :batch)
        """,
        {"before": before_ns, "batch": BATCH},
    ).rowcount
    if rows:
        _note(connection, INCIDENTS_REMOVED, rows, before_ns, bounds)
    return rows


def _remove_latency(  # noqa: PLR0913, PLR0917  # a table, its rows, and why
    connection: Connection, table: str, minutes: int, before: int, what: str, bounds: Bounds
) -> int:
    """Remove rows of one length that end before a minute, the oldest first, up to a batch."""
    key = "minute, series, minutes" + (", process" if table == "latency" else "")
    rows: int = connection.execute(
        f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} "
        "WHERE minutes = :minutes AND minute <= :last ORDER BY minute LIMIT :batch)",
        {"minutes": minutes, "last": before - minutes, "batch": BATCH},
    ).rowcount
    if rows:
        _note(connection, what, rows, before * MINUTE_NS, bounds)
    return rows


def _remove_sums(connection: Connection, minutes: int, before: int) -> int:
    """Remove the numbers of incidents that were removed before."""
    rows: int = connection.execute(
        "DELETE FROM incident_sum WHERE minutes = :minutes AND minute <= :last",
        {"minutes": minutes, "last": before - minutes},
    ).rowcount
    return rows


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
