"""The statements about incidents: each takes an open connection and returns frozen values."""

# ruff: noqa: S608  # names and conditions in statements are our own; values are always parameters

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from .._model import Incident, Suspect
from .._wire import loads_all
from . import sums
from .conditions import Parameters, where, whole
from .rows import MINUTE_NS, CommitIncidents, Kind, failure_row, incident_of, incident_row
from .upkeep import INCIDENTS_REMOVED, thinned_before
from .windows import FOREVER, QUARTER, SPANS, cover, minutes_within, within

_WINDOW = {"since": "time_ns >= :since", "until": "time_ns < :until"}
# The indexes have only incidents with a trace, or an event, and SQLite must see that no others are wanted.
_SPECIAL = {
    **_WINDOW,
    "id": "i.id = :id",
    "trace_id": "trace_id = :trace_id AND trace_id != ''",
    "sentry_event_id": "sentry_event_id = :sentry_event_id AND sentry_event_id != ''",
}
_ALL = dict.fromkeys(SPANS, FOREVER)
"""Sums of incidents are written with them, so they are always complete."""

_ONE = "failure, 1 AS recorded, 1 + suppressed AS incidents, time_ns AS first_ns, time_ns AS last_ns"
_FACTS = (
    "f.fingerprint, f.commit_sha, f.function, f.error_type, f.path, f.line, f.tool, f.pattern, f.certainty"
)
_SUM = "failure, recorded, incidents, first_ns, last_ns"


def add(connection: sums.Connection, incidents: Iterable[Incident]) -> None:
    """Write incidents; one that is there already, by its id, stays as it is."""
    for incident in incidents:
        failure = _failure(connection, failure_row(incident))
        row = {**incident_row(incident), "failure": failure}
        written = connection.execute(f"INSERT OR IGNORE INTO incident {_values(row)}", row).rowcount
        if written > 0:
            sums.add_incident(connection, failure, incident.time_ns, 1 + incident.suppressed)


def _failure(connection: sums.Connection, row: dict[str, object]) -> int:
    found = connection.execute("SELECT id FROM failure WHERE digest = :digest", row).fetchone()
    if found is not None:
        return int(found["id"])
    return int(connection.execute(f"INSERT INTO failure {_values(row)}", row).lastrowid)


def _values(row: Mapping[str, object]) -> str:
    return f"({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"


def select(connection: sums.Connection, wanted: Parameters, limit: int | None) -> tuple[Incident, ...]:
    """Return incidents, newest first."""
    conditions, parameters = where(wanted, _SPECIAL)
    rows = connection.execute(
        f"SELECT f.*, i.* FROM incident AS i JOIN failure AS f ON f.id = i.failure {conditions} "
        "ORDER BY i.time_ns DESC, i.id LIMIT :limit",
        {**parameters, "limit": -1 if limit is None else limit},
    )
    return tuple(incident_of(_joined(row)) for row in rows)


def select_after(connection: sums.Connection, time_ns: int, after: str, limit: int) -> tuple[Incident, ...]:
    """Return the incidents that follow one, by moment and id, oldest first."""
    rows = connection.execute(
        "SELECT f.*, i.* FROM incident AS i JOIN failure AS f ON f.id = i.failure "
        "WHERE i.time_ns >= :time_ns AND (i.time_ns > :time_ns OR i.id > :after) "
        "ORDER BY i.time_ns, i.id LIMIT :limit",
        {"time_ns": time_ns, "after": after, "limit": limit},
    )
    return tuple(incident_of(_joined(row)) for row in rows)


def _joined(row: Any) -> dict[str, Any]:  # noqa: ANN401  # a row of sqlite3
    """Return a row of both tables; the later of two columns called ``id`` is the incident's."""
    return dict(zip(row.keys(), row, strict=True))


def ids(connection: sums.Connection, prefix: str, limit: int) -> tuple[str, ...]:
    """Return the ids that start with a prefix."""
    rows = connection.execute(
        "SELECT id FROM incident WHERE id >= :low AND id < :high ORDER BY id LIMIT :limit",
        {"low": prefix, "high": prefix + "\U0010ffff", "limit": limit},
    )
    return tuple(row["id"] for row in rows)


def count(connection: sums.Connection) -> int:
    """Return how many incidents are recorded."""
    return int(connection.execute("SELECT COUNT(*) FROM incident").fetchone()[0])


def by_commit(connection: sums.Connection, wanted: Parameters) -> tuple[CommitIncidents, ...]:
    """Return the incidents of each commit, newest first."""
    rows = connection.execute(
        f"""
        {_tally(connection, wanted)}
        SELECT commit_sha, function, error_type, SUM(recorded) AS recorded, SUM(incidents) AS incidents,
            MIN(first_ns) AS first_ns, MAX(last_ns) AS last_ns, MAX(failure) AS failure
        FROM tally JOIN failure AS f ON f.id = failure {_matching(wanted)}
        GROUP BY commit_sha, function, error_type ORDER BY commit_sha
        """,
        _of_failures(wanted),
    ).fetchall()
    found = [
        _commit_incidents(connection, commit, list(group))
        for commit, group in groupby(rows, key=lambda row: row["commit_sha"])
    ]
    return tuple(sorted(found, key=lambda each: (-each.last_ns, each.commit)))


def over_time(connection: sums.Connection, start: int, minutes: int) -> tuple[tuple[int, str, int], ...]:
    """
    Return how many incidents each commit had in each slot of time, in order of time; slots without any are left out.

    Args:
        start: Where the first slot begins, in minutes since the epoch; on a quarter hour.

        minutes: Length of a slot, in whole quarter hours.
    """
    rows = connection.execute(
        """
        SELECT (minute - :start) / :minutes AS slot, commit_sha, SUM(incidents) AS incidents
        FROM incident_sum JOIN failure AS f ON f.id = failure
        WHERE minutes = :quarter AND minute >= :start GROUP BY slot, commit_sha ORDER BY slot, commit_sha
        """,
        {"start": start, "minutes": minutes, "quarter": QUARTER},
    )
    return tuple((row["slot"], row["commit_sha"], row["incidents"]) for row in rows)


def _commit_incidents(connection: sums.Connection, commit: str, rows: Sequence[Any]) -> CommitIncidents:
    functions: Counter[str] = Counter()
    error_types: Counter[str] = Counter()
    for row in rows:
        functions[row["function"]] += row["incidents"]
        error_types[row["error_type"]] += row["incidents"]
    newest = max(rows, key=lambda row: row["last_ns"])
    facts = connection.execute("SELECT suspects FROM failure WHERE id = :id", {"id": newest["failure"]})
    suspects = loads_all(Suspect, facts.fetchone()["suspects"])
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


def kinds(
    connection: sums.Connection,
    wanted: Parameters,
    limit: int | None,
    commits: Sequence[str] | None = None,
    samples: int | None = None,
) -> tuple[Kind, ...]:
    """
    Return incidents by fingerprint and commit, the kind seen last first.

    Args:
        commits: Of these only, and so many of each as ``limit`` says.

        samples: So many kinds of each pattern get their newest incident, the most frequent first.
    """
    rows = connection.execute(
        f"{_tally(connection, wanted)} SELECT {_FACTS}, tally.* "
        f"FROM tally JOIN failure AS f ON f.id = failure {_matching(wanted)} ORDER BY last_ns, failure DESC",
        _of_failures(wanted),
    )
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        if commits is None or row["commit_sha"] in commits:
            groups.setdefault((row["fingerprint"], row["commit_sha"]), []).append(row)
    found = [_kind(group) for group in groups.values()]
    found.sort(key=lambda each: (-each[0].last_ns, each[1]))
    if commits is None:
        found = found[:limit]
    elif limit is not None:
        found = _first_of_each(found, limit)
    chosen = None if samples is None else _most_frequent(found, samples)
    return tuple(
        _with_newest(connection, kind, failure) if chosen is None or number in chosen else kind
        for number, (kind, failure) in enumerate(found)
    )


def _first_of_each(kinds: Iterable[tuple[Kind, int]], limit: int) -> list[tuple[Kind, int]]:
    """Keep the first kinds of each commit."""
    seen: Counter[str] = Counter()
    kept = []
    for each in kinds:
        seen[each[0].commit] += 1
        if seen[each[0].commit] <= limit:
            kept.append(each)
    return kept


def _most_frequent(kinds: Sequence[tuple[Kind, int]], number: int) -> frozenset[int]:
    """Return the places of the most frequent kinds of each pattern; of equal ones those that come first."""
    groups: dict[str, list[int]] = {}
    for place, (kind, _) in enumerate(kinds):
        groups.setdefault(kind.pattern, []).append(place)
    return frozenset(
        place
        for group in groups.values()
        for place in sorted(group, key=lambda each: -kinds[each][0].incidents)[:number]
    )


def _kind(rows: Sequence[Any]) -> tuple[Kind, int]:
    """Add up rows in order of time; return the kind without its newest incident, and the failure that has it."""
    last = rows[-1]
    kind = Kind(
        last["fingerprint"],
        sum(row["incidents"] for row in rows),
        sum(row["recorded"] for row in rows),
        min(row["first_ns"] for row in rows),
        last["last_ns"],
        "",
        last["commit_sha"],
        last["function"],
        last["error_type"],
        "",
        last["path"],
        last["line"],
        last["tool"],
        last["pattern"],
        last["certainty"],
    )
    return kind, last["failure"]


def _with_newest(connection: sums.Connection, kind: Kind, failure: int) -> Kind:
    """Name the newest incident; thinning may have taken it: then only its sums are left."""
    newest = connection.execute(
        "SELECT id, message FROM incident WHERE failure = :failure AND time_ns <= :last_ns "
        "ORDER BY time_ns DESC, id LIMIT 1",
        {"failure": failure, "last_ns": kind.last_ns},
    ).fetchone()
    return replace(kind, last_id=newest["id"], message=newest["message"]) if newest else kind


def _of_failures(wanted: Parameters) -> dict[str, object]:
    return {name: value for name, value in wanted.items() if name not in _WINDOW and value is not None}


def _matching(wanted: Parameters) -> str:
    return where(_of_failures(wanted))[0]


def _tally(connection: sums.Connection, wanted: Parameters) -> str:
    """
    Return the common table of failures within the window and how often each occurred.

    Whole quarter hours and days come from their sums, the edges of the window from the incidents.
    """
    since, until = whole(wanted, "since"), whole(wanted, "until")
    start, end = minutes_within(since, until)
    gone = thinned_before(connection, INCIDENTS_REMOVED)
    parts = cover(start, end, reach=_ALL, thinned={1: gone})
    selected = [
        f"SELECT {_SUM} FROM incident_sum WHERE {within(each)}" for each in parts if each.minutes != 1
    ]
    edges = [(each.start * MINUTE_NS, each.end * MINUTE_NS) for each in parts if each.minutes == 1]
    if start > end:
        edges = [(since or 0, until or 0)]
    else:
        edges += [(since or 0, start * MINUTE_NS), (end * MINUTE_NS, until or 0)]
    selected += [
        f"SELECT {_ONE} FROM incident WHERE time_ns >= {low} AND time_ns < {high}"
        for low, high in edges
        if low < high
    ]
    return f"""
        WITH part AS ({" UNION ALL ".join(selected) or f"SELECT {_SUM} FROM incident_sum WHERE 0"}),
        tally AS (
            SELECT failure, SUM(recorded) AS recorded, SUM(incidents) AS incidents,
                MIN(first_ns) AS first_ns, MAX(last_ns) AS last_ns
            FROM part GROUP BY failure
        )
        """
