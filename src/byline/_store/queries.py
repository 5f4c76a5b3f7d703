"""The statements about functions, commits and what is not known: each takes an open connection."""

# ruff: noqa: S608  # names and conditions in statements are our own; values are always parameters

from __future__ import annotations

import json
from collections.abc import Iterable

from .._model import Unverified
from .._wire import clean
from . import finding_schema
from .conditions import Parameters, where
from .rows import MINUTE_NS, FunctionSeen, Thinned, function_of, function_row
from .sums import Connection

# What reading a version of a function again is worth a write.
_SEEN_EVERY_NS = 5 * MINUTE_NS

_COMMIT_COLUMNS = (
    ("failure", "commit_sha"),
    ("series", "commit_sha"),
    ("series", "last_commit"),
    ("function", "commit_sha"),
    ("function", "last_commit"),
    *finding_schema.COMMIT_COLUMNS,
)


def add_functions(connection: Connection, functions: Iterable[FunctionSeen], now_ns: int) -> None:
    """Write functions; of a known version only the last time it was seen changes."""
    rows = []
    for function in functions:
        row = function_row(function)
        row["last_seen_ns"] = row["last_seen_ns"] or now_ns
        row["first_seen_ns"] = row["first_seen_ns"] or row["last_seen_ns"]
        rows.append(row)
    if rows:
        connection.executemany(
            f"INSERT INTO function ({', '.join(rows[0])}) VALUES ({', '.join(f':{name}' for name in rows[0])}) "
            "ON CONFLICT DO UPDATE SET last_seen_ns = excluded.last_seen_ns "
            f"WHERE excluded.last_seen_ns >= last_seen_ns + {_SEEN_EVERY_NS}",
            rows,
        )


def add_unverified(connection: Connection, notes: Iterable[Unverified], at_ns: int) -> None:
    """Write what a program could not tell; a reason given before is renewed."""
    for note in notes:
        connection.execute(
            "INSERT OR REPLACE INTO unverified VALUES (:subject, :reason, :cure, :at_ns)",
            {
                "subject": clean(note.subject),
                "reason": clean(note.reason),
                "cure": clean(note.cure),
                "at_ns": at_ns,
            },
        )


def add_own_time(connection: Connection, seconds: float) -> None:
    """Add to what byline's own counting has cost."""
    if seconds:
        connection.execute(
            "INSERT INTO meta VALUES ('self_duration_s', :seconds) "
            "ON CONFLICT DO UPDATE SET value = CAST(value AS REAL) + :seconds",
            {"seconds": seconds},
        )


def own_time(connection: Connection) -> float:
    """Return what byline's own counting has cost so far, in seconds."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'self_duration_s'").fetchone()
    return float(row["value"]) if row else 0.0


def functions(connection: Connection, wanted: Parameters) -> tuple[FunctionSeen, ...]:
    """Return the versions of functions seen, by name, the version seen last first."""
    conditions, parameters = where(wanted)
    rows = connection.execute(
        f"SELECT * FROM function {conditions} ORDER BY function, last_seen_ns DESC, last_commit",
        parameters,
    )
    return tuple(function_of(row) for row in rows)


def commits(connection: Connection, prefix: str) -> tuple[str, ...]:
    """Return the SHAs that start with a prefix, in order."""
    union = " UNION ".join(
        f"SELECT {column} AS sha FROM {table} WHERE {column} >= :low AND {column} < :high"
        for table, column in _COMMIT_COLUMNS
    )
    # "g" follows the last hexadecimal digit.
    rows = connection.execute(f"{union} ORDER BY sha", {"low": prefix or "0", "high": prefix + "g"})
    return tuple(row["sha"] for row in rows)


def thinned(connection: Connection) -> tuple[Thinned, ...]:
    """Return what was taken away, by its kind."""
    rows = connection.execute("SELECT what, rows, until_ns, at_ns FROM thinned ORDER BY what")
    return tuple(Thinned(row["what"], row["rows"], row["until_ns"], row["at_ns"]) for row in rows)


def unverified(connection: Connection, since_ns: int) -> tuple[Unverified, ...]:
    """Return what programs could not tell since a moment, newest first."""
    rows = connection.execute(
        "SELECT subject, reason, cure FROM unverified WHERE at_ns >= :since ORDER BY at_ns DESC, subject, reason",
        {"since": since_ns},
    )
    return tuple(Unverified(row["subject"], row["reason"], row["cure"]) for row in rows)


def created_by(version: str, now_ns: int) -> dict[str, str]:
    """Return the facts that a new file starts with."""
    return {"created_at_ns": json.dumps(now_ns), "created_by": f"byline {version}"}
