"""The statements behind ``byline.store``: each takes an open connection and returns frozen values."""

# ruff: noqa: S608  # names and conditions in statements are our own; values are always parameters

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from .._model import Incident, Suspect, Unverified
from .._wire import clean, loads_all
from . import finding_schema, sketches
from .rows import (
    MINUTE_NS,
    Calls,
    CommitIncidents,
    FunctionSeen,
    Kind,
    Latency,
    Thinned,
    function_of,
    function_row,
    incident_of,
    incident_row,
    sketch_of,
)
from .upkeep import Connection, write_latency

Parameters = Mapping[str, object]

# What reading a version of a function again is worth a write.
_SEEN_EVERY_NS = 10 * MINUTE_NS

_COMMIT_COLUMNS = (
    ("incident", "commit_sha"),
    ("series", "commit_sha"),
    ("series", "last_commit"),
    ("function", "commit_sha"),
    ("function", "last_commit"),
    *finding_schema.COMMIT_COLUMNS,
)


def add_incidents(connection: Connection, incidents: Iterable[Incident]) -> None:
    """Write incidents; one that is there already, by its id, stays as it is."""
    for incident in incidents:
        row = incident_row(incident)
        names = ", ".join(f":{name}" for name in row)
        connection.execute(f"INSERT OR IGNORE INTO incident ({', '.join(row)}) VALUES ({names})", row)


def add_functions(connection: Connection, functions: Iterable[FunctionSeen], now_ns: int) -> None:
    """Write functions; of a known version only the last time it was seen changes."""
    for function in functions:
        row = {**function_row(function), "every": _SEEN_EVERY_NS}
        row["last_seen_ns"] = row["last_seen_ns"] or now_ns
        row["first_seen_ns"] = row["first_seen_ns"] or row["last_seen_ns"]
        names = [name for name in row if name != "every"]
        connection.execute(
            f"INSERT INTO function ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "
            "ON CONFLICT DO UPDATE SET last_seen_ns = excluded.last_seen_ns "
            "WHERE excluded.last_seen_ns >= last_seen_ns + :every",
            row,
        )


def add_latency(connection: Connection, calls: Iterable[Calls]) -> None:
    """Add calls to the minute they belong to."""
    for each in calls:
        series = {
            "function": clean(each.function),
            "commit_sha": clean(each.commit),
            "last_commit": clean(each.last_commit),
            "error_type": clean(each.error_type),
        }
        process = {
            "name": clean(each.process),
            "service": clean(each.service),
            "revision": clean(each.revision),
        }
        key = {
            "series": _number(connection, "series", series),
            "minute": each.minute,
            "minutes": 1,
            "process": _number(connection, "process", process),
        }
        write_latency(connection, key, each.sketch, exact=each.exact)


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


def _number(connection: Connection, table: str, values: Parameters) -> int:
    where = " AND ".join(f"{name} = :{name}" for name in values)
    row = connection.execute(f"SELECT id FROM {table} WHERE {where}", values).fetchone()
    if row is None:
        names = ", ".join(f":{name}" for name in values)
        cursor = connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({names})", values)
        return int(cursor.lastrowid)
    return int(row["id"])


def incidents(connection: Connection, wanted: Parameters, limit: int | None) -> tuple[Incident, ...]:
    """Return incidents, newest first."""
    where, parameters = _where(wanted, {"since": "time_ns >= :since", "until": "time_ns < :until"})
    rows = connection.execute(
        f"SELECT * FROM incident {where} ORDER BY time_ns DESC, id LIMIT :limit",
        {**parameters, "limit": -1 if limit is None else limit},
    )
    return tuple(incident_of(row) for row in rows)


def incident_ids(connection: Connection, prefix: str, limit: int) -> tuple[str, ...]:
    """Return the ids that start with a prefix."""
    rows = connection.execute(
        "SELECT id FROM incident WHERE id >= :low AND id < :high ORDER BY id LIMIT :limit",
        {"low": prefix, "high": prefix + "\U0010ffff", "limit": limit},
    )
    return tuple(row["id"] for row in rows)


def by_commit(connection: Connection, wanted: Parameters) -> tuple[CommitIncidents, ...]:
    """Return the incidents of each commit, newest first."""
    where, parameters = _where(wanted, {"since": "time_ns >= :since", "until": "time_ns < :until"})
    rows = connection.execute(
        "SELECT commit_sha, function, error_type, COUNT(*) AS recorded, SUM(1 + suppressed) AS incidents, "
        f"MIN(time_ns) AS first_ns, MAX(time_ns) AS last_ns FROM incident {where} "
        "GROUP BY commit_sha, function, error_type ORDER BY commit_sha",
        parameters,
    ).fetchall()
    found = [
        _commit_incidents(connection, commit, list(group))
        for commit, group in groupby(rows, key=lambda row: row["commit_sha"])
    ]
    return tuple(sorted(found, key=lambda each: (-each.last_ns, each.commit)))


def _commit_incidents(connection: Connection, commit: str, rows: Sequence[Any]) -> CommitIncidents:
    functions: Counter[str] = Counter()
    error_types: Counter[str] = Counter()
    for row in rows:
        functions[row["function"]] += row["incidents"]
        error_types[row["error_type"]] += row["incidents"]
    newest = connection.execute(
        "SELECT suspects FROM incident WHERE commit_sha = :commit ORDER BY time_ns DESC LIMIT 1",
        {"commit": commit},
    ).fetchone()
    suspects = loads_all(Suspect, newest["suspects"])
    return CommitIncidents(
        commit,
        sum(row["incidents"] for row in rows),
        sum(row["recorded"] for row in rows),
        tuple(name for name, _ in functions.most_common()),
        tuple(name for name, _ in error_types.most_common()),
        min(row["first_ns"] for row in rows),
        max(row["last_ns"] for row in rows),
        suspects[0] if suspects else None,
    )


def kinds(connection: Connection, wanted: Parameters, limit: int | None) -> tuple[Kind, ...]:
    """Return incidents by fingerprint and commit, the kind seen last first."""
    where, parameters = _where(wanted, {"since": "time_ns >= :since", "until": "time_ns < :until"})
    # Beside a single MAX(), SQLite takes plain columns from the row that has the maximum.
    rows = connection.execute(
        f"""
        SELECT fingerprint, SUM(1 + suppressed) AS incidents, COUNT(*) AS recorded, MIN(time_ns) AS first_ns,
            MAX(time_ns) AS last_ns, id, commit_sha, function, error_type, message, path, line
        FROM incident {where}
        GROUP BY fingerprint, commit_sha ORDER BY last_ns DESC, id LIMIT :limit
        """,
        {**parameters, "limit": -1 if limit is None else limit},
    )
    return tuple(
        Kind(
            row["fingerprint"],
            row["incidents"],
            row["recorded"],
            row["first_ns"],
            row["last_ns"],
            row["id"],
            row["commit_sha"],
            row["function"],
            row["error_type"],
            row["message"],
            row["path"],
            row["line"],
        )
        for row in rows
    )


def count_incidents(connection: Connection) -> int:
    """Return how many incidents are recorded."""
    return int(connection.execute("SELECT COUNT(*) FROM incident").fetchone()[0])


def latency(connection: Connection, wanted: Parameters) -> tuple[Latency, ...]:
    """Return calls by function, version and outcome."""
    # A row counts when any part of its minutes lies in the window.
    window = {"since": "(minute + minutes) > :since", "until": "minute < :until"}
    minutes = {
        name: value // MINUTE_NS
        for name, value in wanted.items()
        if name in window and isinstance(value, int)
    }
    where, parameters = _where({**wanted, **minutes}, window)
    rows = connection.execute(
        "SELECT s.function, s.commit_sha, s.last_commit, s.error_type, l.* "
        f"FROM latency AS l JOIN series AS s ON s.id = l.series {where} ORDER BY l.series",
        parameters,
    )
    found = [_latency(list(group)) for _, group in groupby(rows, key=lambda row: row["series"])]
    return tuple(
        sorted(found, key=lambda each: (each.function, each.last_commit, each.commit, each.error_type))
    )


def _latency(rows: Sequence[Any]) -> Latency:
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


def functions(connection: Connection, wanted: Parameters) -> tuple[FunctionSeen, ...]:
    """Return the versions of functions seen, by name, the version seen last first."""
    where, parameters = _where(wanted, {})
    rows = connection.execute(
        f"SELECT * FROM function {where} ORDER BY function, last_seen_ns DESC, last_commit",
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


def _where(wanted: Parameters, special: Mapping[str, str]) -> tuple[str, dict[str, object]]:
    """Return the conditions for what is wanted; None means all."""
    parameters = {name: value for name, value in wanted.items() if value is not None}
    conditions = [special.get(name, f"{name} = :{name}") for name in parameters]
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), parameters


def created_by(version: str, now_ns: int) -> dict[str, str]:
    """Return the facts that a new file starts with."""
    return {"created_at_ns": json.dumps(now_ns), "created_by": f"byline {version}"}
