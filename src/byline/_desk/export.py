"""The store as flat tables, row by row, for other tools; what the columns mean is said once, here."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Literal, TextIO

from .._store import sketches
from ..exceptions import MissingExtraError
from ..store import Store

Table = Literal["incidents", "latency", "functions", "findings"]
Row = dict[str, object]

_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an exported table."""

    name: str
    kind: Literal["text", "integer", "number", "time", "boolean"]
    meaning: str


def _columns(text: str) -> tuple[Column, ...]:
    found = []
    for line in text.strip().splitlines():
        name, kind, meaning = line.split(None, 2)
        found.append(Column(name, kind, meaning))  # type: ignore[arg-type]  # written below
    return tuple(found)


TABLES: Mapping[Table, tuple[Column, ...]] = {
    "incidents": _columns("""
        id text Random id; `byline why ID` explains it.
        time time When it happened.
        function text The innermost marked function.
        error_type text The exception's class.
        message text Its message, scrubbed.
        path text File of the line that raised, relative to the repository.
        line integer The line that raised.
        fingerprint text Equal for failures of one kind.
        pattern text The failure pattern it is a sign of, or empty.
        certainty text `high`, `medium` or `low`; empty without a pattern.
        commit text First suspect; empty without one.
        tool text Tool of the first suspect.
        model text Model of the first suspect, as recorded.
        suspect_reason text Why it is the first suspect.
        function_commit text The commit that wrote most of the function.
        last_commit text The function's version.
        suppressed integer Incidents of this kind held back since the last one.
        trace_id text 32 hexadecimal digits, or empty.
        span_id text 16 hexadecimal digits, or empty.
        sentry_event_id text Of Sentry's event of the same exception, or empty.
        service text `service.name`.
        revision text The deployed revision.
        duration_s number From the call to the failure.
        stacktrace text Files, lines and functions.
    """),
    "latency": _columns("""
        function text The marked function.
        last_commit text The function's version.
        error_type text Empty for calls that returned.
        start time Start of the span.
        minutes integer Its length: 15, or 1440 where only days are left.
        calls integer Calls in it, over all processes.
        total_s number Sum of their durations.
        minimum_s number The shortest.
        maximum_s number The longest.
        p50_s number Half of them took no longer.
        p95_s number 95 % of them took no longer.
        p99_s number 99 % of them took no longer.
        scale integer Bucket i counts durations above 2^(i/2^scale) up to 2^((i+1)/2^scale).
        zero_calls integer Calls of duration zero.
        first_bucket integer i of the first bucket.
        buckets text JSON list of calls per bucket.
    """),
    "functions": _columns("""
        function text The marked function.
        commit text The commit that wrote most of it.
        last_commit text Its version.
        path text File, relative to the repository.
        line integer Line of `def`.
        tool text The AI tool, or `unknown`.
        model text The model as recorded.
        evidence text Where the strongest mark was found.
        confidence text `high`, `medium`, `low` or `none`.
        status text How the running code relates to the scanned code.
        ai_lines integer Behaviour lines by AI.
        lines integer Behaviour lines.
        committed_at time When the commit was made.
        first_seen time When a program with this version first started.
        last_seen time When one was last there.
    """),
    "findings": _columns("""
        fingerprint text Equal for findings of one kind.
        handling text What became of the exception.
        function text The marked function.
        error_type text The exception's class.
        path text File of the handler.
        line integer Line of the handler.
        handler text `except`, `with` or `finally`.
        returned text Type of what was returned instead.
        commit text The commit that wrote the handler's line.
        last_commit text The function's version.
        is_new boolean Whether the line is newer than the baseline.
        count integer How many exceptions.
        first_seen time The first.
        last_seen time The last.
        message text Message of one of them, scrubbed.
        pattern text The failure pattern it is a sign of, or empty.
        certainty text `high`, `medium` or `low`; empty without a pattern.
    """),
}
"""People are not in them: rank changes and tools."""


def rows(store: Store, table: Table, *, since: timedelta | datetime | None = None) -> Iterator[Row]:
    """Yield the rows of a table, times as whole nanoseconds since the epoch."""
    sources: dict[Table, Callable[[Store, timedelta | datetime | None], Iterator[Row]]] = {
        "incidents": _incidents,
        "latency": _latency,
        "functions": _functions,
        "findings": _findings,
    }
    names = [each.name for each in TABLES[table]]
    for row in sources[table](store, since):
        yield {name: row[name] for name in names}


def _incidents(store: Store, since: timedelta | datetime | None) -> Iterator[Row]:
    for each in store.each_incident(since=since, batch=_BATCH):
        first = each.suspects[0] if each.suspects else None
        yield {
            **{name: getattr(each, name, "") for name in (column.name for column in TABLES["incidents"])},
            "time": each.time_ns,
            "commit": first.commit if first else "",
            "tool": first.tool if first else "",
            "model": first.model if first else "",
            "suspect_reason": first.reason if first else "",
            "function_commit": each.attribution.commit,
            "last_commit": each.attribution.last_commit,
        }


def _latency(store: Store, since: timedelta | datetime | None) -> Iterator[Row]:
    versions = dict.fromkeys((each.function, each.last_commit) for each in store.totals(since=since))
    for function, last_commit in versions:
        for each in store.blocks(function=function, last_commit=last_commit, since=since):
            sketch = each.sketch
            yield {
                "function": function,
                "last_commit": last_commit,
                "error_type": each.error_type,
                "start": each.start_ns,
                "minutes": each.minutes,
                "calls": sketch.count,
                "total_s": sketch.total,
                "minimum_s": sketch.minimum,
                "maximum_s": sketch.maximum,
                "p50_s": sketches.quantile(sketch, 0.50),
                "p95_s": sketches.quantile(sketch, 0.95),
                "p99_s": sketches.quantile(sketch, 0.99),
                "scale": sketch.scale,
                "zero_calls": sketch.zero_count,
                "first_bucket": sketch.offset,
                "buckets": json.dumps(list(sketch.buckets)),
            }


def _functions(store: Store, since: timedelta | datetime | None) -> Iterator[Row]:
    del since  # versions are few, and the old ones explain the other tables
    for each in store.functions():
        yield {
            **{name: getattr(each, name, "") for name in (column.name for column in TABLES["functions"])},
            "committed_at": each.committed_at * 1_000_000_000,
            "first_seen": each.first_seen_ns,
            "last_seen": each.last_seen_ns,
        }


def _findings(store: Store, since: timedelta | datetime | None) -> Iterator[Row]:
    for each in store.findings(since=since):
        last = each.last
        yield {
            **{name: getattr(last, name, "") for name in (column.name for column in TABLES["findings"])},
            "commit": last.owner.commit if last.owner else "",
            "last_commit": last.attribution.last_commit,
            "count": each.count,
            "first_seen": each.first_ns,
            "last_seen": last.time_ns,
        }


def write_csv(
    out: TextIO, table: Table, found: Iterable[Row], time_text: Callable[[int], str | None]
) -> None:
    """Write a header and rows; times in ISO 8601."""
    writer = csv.DictWriter(out, [each.name for each in TABLES[table]], lineterminator="\n")
    writer.writeheader()
    for row in found:
        writer.writerow({name: _plain(value) for name, value in _timed(table, row, time_text).items()})


def _plain(value: object) -> object:
    """Keep a spreadsheet from running text as a formula."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return value


def write_json(
    out: TextIO, table: Table, found: Iterable[Row], time_text: Callable[[int], str | None]
) -> None:
    """Write one JSON object a line."""
    out.writelines(json.dumps(_timed(table, row, time_text)) + "\n" for row in found)


def _timed(table: Table, row: Row, time_text: Callable[[int], str | None]) -> Row:
    times = {each.name for each in TABLES[table] if each.kind == "time"}
    return {
        name: time_text(value) if name in times and isinstance(value, int) else value
        for name, value in row.items()
    }


def write_parquet(path: Path, table: Table, found: Iterable[Row]) -> None:
    """
    Write a Parquet file, in batches.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError(
            "--format parquet needs pyarrow. Run: pip install 'byline[parquet]'"
        ) from error
    kinds = {
        "text": pa.string(), "integer": pa.int64(), "number": pa.float64(),
        "time": pa.timestamp("ns", tz="UTC"), "boolean": pa.bool_(),
    }  # fmt: skip
    schema = pa.schema([(each.name, kinds[each.kind]) for each in TABLES[table]])
    with parquet.ParquetWriter(path, schema) as writer:
        batch: list[Row] = []
        for row in found:
            batch.append(row)
            if len(batch) == _BATCH:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema))
