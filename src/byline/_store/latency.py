"""The statements about latency: each takes an open connection and returns frozen values."""

# ruff: noqa: S608  # names and conditions in statements are our own; values are always parameters

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from .._wire import clean
from . import sketches, sums
from .conditions import Parameters, where, whole
from .rows import MINUTE_NS, Block, Calls, Latency, Totals, sketch_of, sketch_row
from .upkeep import BY_THE_DAY, BY_THE_QUARTER, thinned_before
from .windows import DAY, QUARTER, Part, cover, minutes_of, within

_TABLES = {1: "latency", QUARTER: "latency_sum", DAY: "latency_sum"}
_INDEXES = {1: "latency_series", QUARTER: "latency_sum_series", DAY: "latency_sum_series"}
"""Named, because SQLite would rather read all rows of the window."""

_SERIES = ("function", "commit_sha", "last_commit", "error_type")
_SHARED = (
    "l.series, l.minute, l.minutes, l.calls, l.total_s, l.minimum_s, l.maximum_s, "
    "l.scale, l.zero_calls, l.first_bucket, l.buckets, l.exact"
)
_MOST = 400
"""Series that one statement names."""

_WRITE = """
INSERT OR REPLACE INTO latency VALUES (
    :series, :minute, :minutes, :process, :calls, :total_s, :minimum_s, :maximum_s,
    :scale, :zero_calls, :first_bucket, :buckets, :exact
)
"""
_READ = """
SELECT * FROM latency
WHERE minute = :minute AND series = :series AND minutes = :minutes AND process = :process
"""


def add(connection: sums.Connection, calls: Iterable[Calls]) -> None:
    """Add calls to the minute they belong to."""
    for each in calls:
        series = _number(
            connection,
            "series",
            {
                "function": each.function,
                "commit_sha": each.commit,
                "last_commit": each.last_commit,
                "error_type": each.error_type,
            },
        )
        process = {"name": each.process, "service": each.service, "revision": each.revision}
        key = {
            "series": series,
            "minute": each.minute,
            "minutes": 1,
            "process": _number(connection, "process", process),
        }
        _write(connection, key, each.sketch, exact=each.exact)
        sums.add_late(connection, series, each.minute, each.sketch, exact=each.exact)


def _write(connection: sums.Connection, key: dict[str, int], sketch: sketches.Sketch, *, exact: bool) -> None:
    known = connection.execute(_READ, key).fetchone()
    if known is not None:
        sketch = sketches.merge([sketch_of(known), sketch])
        exact = exact and bool(known["exact"])
    connection.execute(_WRITE, {**key, **sketch_row(sketch), "exact": int(exact)})


def _number(connection: sums.Connection, table: str, values: dict[str, str]) -> int:
    cleaned = {name: clean(value) for name, value in values.items()}
    condition, parameters = where(cleaned)
    row = connection.execute(f"SELECT id FROM {table} {condition}", parameters).fetchone()
    if row is not None:
        return int(row["id"])
    names = ", ".join(f":{name}" for name in cleaned)
    cursor = connection.execute(f"INSERT INTO {table} ({', '.join(cleaned)}) VALUES ({names})", cleaned)
    return int(cursor.lastrowid)


def select(
    connection: sums.Connection, wanted: Parameters, functions: Collection[str] | None = None
) -> tuple[Latency, ...]:
    """
    Return calls by function, version and outcome.

    Args:
        functions: Only these; None means all that are wanted.
    """
    rows = _rows(connection, wanted, functions)
    found = [_merged(list(group)) for _, group in groupby(rows, key=lambda row: row["series"])]
    return tuple(
        sorted(found, key=lambda each: (each.function, each.last_commit, each.commit, each.error_type))
    )


def _merged(rows: Sequence[Any]) -> Latency:
    first = rows[0]
    return Latency(
        first["function"],
        first["commit_sha"],
        first["last_commit"],
        first["error_type"],
        sketches.merge(sketch_of(row) for row in rows),
        min(row["minute"] for row in rows) * MINUTE_NS,
        max(row["minute"] + row["minutes"] for row in rows) * MINUTE_NS,
        all(row["exact"] for row in rows),
    )


def totals(connection: sums.Connection, wanted: Parameters) -> tuple[Totals, ...]:
    """Return calls by function, version and outcome, without their distribution."""
    selected = " UNION ALL ".join(
        "SELECT series, calls, total_s, maximum_s, minute, minute + minutes AS ends "
        f"FROM {_TABLES[each.minutes]} AS l WHERE {within(each)}"
        for each in _cover(connection, wanted)
    )
    condition, parameters = where(_of_series(wanted))
    rows = connection.execute(
        f"""
        WITH tally AS (
            SELECT series, SUM(calls) AS calls, SUM(total_s) AS total_s, MAX(maximum_s) AS maximum_s,
                MIN(minute) AS first_minute, MAX(ends) AS last_minute
            FROM ({selected}) GROUP BY series
        )
        SELECT s.*, tally.* FROM tally JOIN series AS s ON s.id = tally.series {condition}
        ORDER BY function, last_commit, commit_sha, error_type
        """,
        parameters,
    )
    return tuple(
        Totals(
            row["function"],
            row["commit_sha"],
            row["last_commit"],
            row["error_type"],
            row["calls"],
            row["total_s"],
            row["maximum_s"],
            row["first_minute"] * MINUTE_NS,
            row["last_minute"] * MINUTE_NS,
        )
        for row in rows
    )


def blocks(connection: sums.Connection, wanted: Parameters) -> tuple[Block, ...]:
    """Return calls by outcome and quarter hour, in order of time; where only days are left, by the day."""
    rows = _rows(connection, wanted, longest=QUARTER)
    groups: dict[tuple[int, int, str], list[Any]] = {}
    for row in rows:
        length = max(row["minutes"], QUARTER)
        start = row["minute"] - row["minute"] % length
        groups.setdefault((start, length, row["error_type"]), []).append(row)
    return tuple(
        Block(error_type, start * MINUTE_NS, length, sketches.merge(map(sketch_of, group)))
        for (start, length, error_type), group in sorted(groups.items())
    )


def _rows(
    connection: sums.Connection,
    wanted: Parameters,
    functions: Collection[str] | None = None,
    *,
    longest: int = DAY,
) -> Iterator[Any]:
    """Select rows by series and time: the longest that fit into the window, but none longer than wanted."""
    parts = _cover(connection, wanted, longest=longest)
    for some in _batches(_series(connection, wanted, functions)):
        numbers = ", ".join(map(str, some))
        selected = " UNION ALL ".join(
            f"SELECT s.function, s.commit_sha, s.last_commit, s.error_type, {_SHARED} "
            f"FROM series AS s CROSS JOIN {_TABLES[each.minutes]} AS l INDEXED BY {_INDEXES[each.minutes]} "
            "ON l.series = s.id "
            f"WHERE s.id IN ({numbers}) AND {within(each)}"
            for each in parts
        )
        if selected:
            yield from connection.execute(f"{selected} ORDER BY series, minute")


def _cover(connection: sums.Connection, wanted: Parameters, *, longest: int = DAY) -> tuple[Part, ...]:
    """Cover the window; every minute that has a part in it counts."""
    start, end = minutes_of(whole(wanted, "since"), whole(wanted, "until"))
    reach = sums.reach(connection)
    coarse = thinned_before(connection, BY_THE_DAY)
    thinned = {1: max(thinned_before(connection, BY_THE_QUARTER), coarse), QUARTER: coarse}
    if longest == DAY:
        return cover(start, end, reach=reach, thinned=thinned)
    # Quarter hours where there still are some, and days before that.
    gone = min(max(start, thinned[QUARTER]), end)
    fine = {QUARTER: reach.get(QUARTER, 0)}
    return (
        *cover(start, gone, reach=reach, thinned=thinned),
        *cover(gone, end, reach=fine, thinned=thinned),
    )


def _series(connection: sums.Connection, wanted: Parameters, functions: Collection[str] | None) -> list[int]:
    if functions is not None:
        one_by_one = ({**wanted, "function": name} for name in dict.fromkeys(functions))
        return sorted({number for each in one_by_one for number in _series(connection, each, None)})
    condition, parameters = where(_of_series(wanted))
    return [
        row["id"] for row in connection.execute(f"SELECT id FROM series {condition} ORDER BY id", parameters)
    ]


def _of_series(wanted: Parameters) -> dict[str, object]:
    return {name: value for name, value in wanted.items() if name in _SERIES and value is not None}


def _batches(numbers: Sequence[int]) -> Iterator[Collection[int]]:
    for start in range(0, len(numbers), _MOST):
        yield numbers[start : start + _MOST]
