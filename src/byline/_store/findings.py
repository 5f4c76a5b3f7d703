"""The statements for findings and executed lines: each takes an open connection and returns frozen values."""

# ruff: noqa: S608  # names and conditions in statements are our own; values are always parameters

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Protocol

from .. import _lines, _wire
from .._model import Attribution, ExecutedLines, Finding, Suspect

HOUR_NS = 3_600_000_000_000

_KIND = (
    "fingerprint", "handling", "function", "error_type", "path", "line", "handler", "returned", "commit_sha",
    "last_commit", "is_new", "service", "revision",
)  # fmt: skip
_SAMPLE = ("owner", "attribution", "message", "stacktrace", "pattern", "certainty", "trace_id", "span_id")


class Connection(Protocol):
    """What is used of a ``sqlite3.Connection``."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:  # noqa: ANN401  # the cursor's rows are Any, too
        """Run one statement."""


@dataclass(frozen=True, slots=True)
class FindingKind:
    """All findings of one kind."""

    last: Finding
    """The newest, with the count of all."""

    first_ns: int
    """When the first event of them came."""

    @property
    def count(self) -> int:
        """How many exceptions were swallowed."""
        return self.last.count


def add_findings(connection: Connection, findings: Iterable[Finding]) -> None:
    """Add findings to the hour they belong to."""
    for finding in findings:
        row = _row(finding)
        kind = "|".join(str(row[name]) for name in _KIND)
        row["digest"] = sha256(kind.encode()).hexdigest()[:32]
        connection.execute(
            f"INSERT INTO finding_kind ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)}) "
            f"ON CONFLICT (digest) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _SAMPLE)} "
            "WHERE excluded.stacktrace != '' OR stacktrace = ''",
            row,
        )
        found = connection.execute("SELECT id FROM finding_kind WHERE digest = :digest", row).fetchone()
        connection.execute(
            "INSERT INTO finding VALUES (:kind, :hour, :findings, :at, :at) "
            "ON CONFLICT (hour, kind) DO UPDATE SET findings = findings + excluded.findings, "
            "first_ns = MIN(first_ns, excluded.first_ns), last_ns = MAX(last_ns, excluded.last_ns)",
            {
                "kind": found["id"],
                "hour": finding.time_ns // HOUR_NS,
                "findings": finding.count,
                "at": finding.time_ns,
            },
        )


def findings(connection: Connection, wanted: Mapping[str, object]) -> tuple[FindingKind, ...]:
    """
    Return findings by kind and function version, the most frequent first.

    Args:
        wanted: Of ``commit_sha``, ``last_commit``, ``function`` and ``fingerprint`` (its first
            digits) what is asked for, ``since`` and ``until``; None means all.
    """
    special = {
        "since": "last_ns >= :since",
        "until": "first_ns < :until",
        "fingerprint": "substr(fingerprint, 1, length(:fingerprint)) = :fingerprint",
    }
    parameters = {name: value for name, value in wanted.items() if value is not None}
    conditions = [special.get(name, f"{name} = :{name}") for name in parameters]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(
        "SELECT k.*, SUM(f.findings) AS number, MIN(f.first_ns) AS first, MAX(f.last_ns) AS last "
        f"FROM finding AS f JOIN finding_kind AS k ON k.id = f.kind {where} GROUP BY k.id",
        parameters,
    )
    merged: dict[tuple[object, ...], FindingKind] = {}
    for row in rows:
        kind = FindingKind(_finding(row), row["first"])
        # Deployments of one version differ in revision and line only.
        last = kind.last
        key = (
            last.fingerprint,
            last.returned,
            last.attribution.last_commit,
            last.owner and last.owner.commit,
        )
        merged[key] = _merged(merged[key], kind) if key in merged else kind
    return tuple(sorted(merged.values(), key=lambda each: (-each.count, each.last.function, each.last.line)))


def _merged(one: FindingKind, other: FindingKind) -> FindingKind:
    newest = max(one, other, key=lambda each: each.last.time_ns)
    return FindingKind(replace(newest.last, count=one.count + other.count), min(one.first_ns, other.first_ns))


def _row(finding: Finding) -> dict[str, object]:
    row: dict[str, object] = {
        "commit_sha": finding.owner.commit if finding.owner else "",
        "last_commit": finding.attribution.last_commit,
        "is_new": int(finding.is_new),
        "owner": _wire.dumps([finding.owner] if finding.owner else []),
        "attribution": _wire.dumps(finding.attribution),
    }
    row |= {name: getattr(finding, name) for name in (*_KIND, *_SAMPLE) if name not in row}
    return {name: _wire.clean(value) if isinstance(value, str) else value for name, value in row.items()}


def _finding(row: Mapping[str, Any]) -> Finding:
    own = ("commit_sha", "last_commit", "is_new", "owner", "attribution")
    return Finding(
        id=row["fingerprint"],
        time_ns=row["last"],
        count=row["number"],
        owner=next(iter(_wire.loads_all(Suspect, row["owner"])), None),
        attribution=_wire.loads(Attribution, row["attribution"]),
        is_new=bool(row["is_new"]),
        **{name: row[name] for name in (*_KIND, *_SAMPLE) if name not in own},
    )


def add_executed(connection: Connection, executed: Iterable[ExecutedLines], now_ns: int) -> None:
    """Write which lines ran, with those known to have run before."""
    for each in executed:
        key = {
            "function": _wire.clean(each.function),
            "commit_sha": each.commit,
            "last_commit": each.last_commit,
        }
        known = connection.execute(
            "SELECT * FROM executed WHERE function = :function AND commit_sha = :commit_sha "
            "AND last_commit = :last_commit",
            key,
        ).fetchone()
        merged = _lines.merge(_executed(known), each) if known is not None else each
        connection.execute(
            "INSERT OR REPLACE INTO executed "
            "VALUES (:function, :commit_sha, :last_commit, :path, :first_line, :lists, :last_ns)",
            {
                **key,
                "path": _wire.clean(merged.path),
                "first_line": merged.first_line,
                "lists": _lines.dumps(merged),
                "last_ns": now_ns,
            },
        )


def executed(connection: Connection, wanted: Mapping[str, object]) -> tuple[ExecutedLines, ...]:
    """Return which lines ran, by function and version, the version seen last first."""
    parameters = {name: value for name, value in wanted.items() if value is not None}
    where = f"WHERE {' AND '.join(f'{name} = :{name}' for name in parameters)}" if parameters else ""
    rows = connection.execute(f"SELECT * FROM executed {where} ORDER BY function, last_ns DESC", parameters)
    return tuple(_executed(row) for row in rows)


def _executed(row: Mapping[str, Any]) -> ExecutedLines:
    return ExecutedLines(
        function=row["function"],
        path=row["path"],
        first_line=row["first_line"],
        commit=row["commit_sha"],
        last_commit=row["last_commit"],
        **_lines.loads(row["lists"]),
    )


def forget_old(connection: Connection, oldest_ns: int) -> None:
    """Remove what is older than a moment."""
    oldest = {"hour": oldest_ns // HOUR_NS, "oldest_ns": oldest_ns}
    connection.execute("DELETE FROM finding WHERE hour < :hour", oldest)
    connection.execute(
        "DELETE FROM finding_kind WHERE NOT EXISTS (SELECT 1 FROM finding WHERE kind = finding_kind.id)"
    )
    connection.execute("DELETE FROM executed WHERE last_ns < :oldest_ns", oldest)
