"""``byline incidents``: which commits fail."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._patterns import PATTERNS
from ..exceptions import NotFoundError
from . import options
from .output import (
    NARROW,
    SHA_DIGITS,
    ago,
    console,
    count,
    duration,
    iso,
    moment,
    print_json,
    share,
    short,
    visible,
)

if TYPE_CHECKING:
    from rich.console import Console

    from .._desk.backends.address import Address
    from .._desk.incidents import CommitReport, IncidentReport
    from .._desk.source import Source
    from .._model import Incident, Suspect
    from ..store import Kind

EXAMPLES = """
\b
Examples:
  byline incidents
  byline incidents --since 48h
  byline incidents a1b2c3d
  byline incidents --tool copilot --error KeyError
  byline incidents --pattern hallucinated-api
  byline incidents --follow
  byline incidents --trace 0af7651916cd43dd8448eb211c80319c
  byline incidents --json | jq '.commits[] | {commit, count}'

\b
JSON keys: version, since_s, count, found, commits[], unverified[]. Each commit: commit, subject,
author, tool, model, change, committed_at, count, recorded, first_seen, last_seen, error_types[],
p95_s, functions[] (function, calls, errors, cancelled, error_rate, p50_s, p95_s, p99_s, exact),
incidents[]: the newest of each kind (id, fingerprint, error_type, message, function, path, line,
pattern, certainty, count, recorded, first_seen, last_seen). count has what the rate limit held back, recorded has not.
With --follow or --trace: one incident a line (time, commit, tool, id, function, error_type, …).
New keys may come; these stay.
"""

_KINDS_SHOWN = 3
_POLITE_S = 10.0
"""Between two questions to a server of a team's."""


@click.command(epilog=EXAMPLES)
@click.argument("commit", required=False, shell_complete=options.complete_commit)
@options.looking_back()
@click.option("--function", metavar="NAME", help="Only this function, by its full name.")
@click.option("--tool", metavar="NAME", help="Only commits of this AI tool.")
@click.option("--error", "error_type", metavar="TYPE", help="Only this type of exception.")
@click.option("--pattern", type=click.Choice(PATTERNS), help="Only signs of this failure pattern.")
@click.option("--trace", metavar="ID", help="Only incidents of this trace, each by itself.")
@options.limit("commits")
@click.option("--follow", "-f", is_flag=True, help="Print incidents as they happen, until interrupted.")
@options.store
@options.source("loki", "sentry")
@options.as_json
def command(
    *,
    commit: str | None,
    since: timedelta | None,
    function: str | None,
    tool: str | None,
    error_type: str | None,
    pattern: str | None,
    trace: str | None,
    limit: int,
    follow: bool,
    store: Path | None,
    source: Address | None,
    as_json: bool,
) -> None:
    """
    Show which commits fail.

    Counts incidents by the commit of their first suspect. With COMMIT (its first digits will do) only that one, with its functions and kinds of failure.
    """
    from .._desk.backends.opening import open_source
    from .._desk.incidents import report

    wanted = {
        "commit": commit,
        "function": function,
        "tool": tool,
        "error_type": error_type,
        "pattern": pattern,
    }
    with closing(open_source(source, store)) as opened:
        if follow or trace:
            _print_each(opened, {**wanted, "trace_id": trace}, since, follow=follow, as_json=as_json)
            return
        found = report(
            opened,
            commit=commit,
            function=function,
            tool=tool,
            error_type=error_type,
            pattern=pattern,
            since=since,
            limit=limit or None,
        )
    if as_json:
        print_json(_as_json(found, since))
    else:
        _print(found, since, detailed=commit is not None)
    if not found.commits:
        raise SystemExit(1)


def _print_each(
    store: Source, wanted: Mapping[str, str | None], since: timedelta | None, *, follow: bool, as_json: bool
) -> None:
    """Print incidents one by one, oldest first."""
    from .._desk.incidents import follow as follow_incidents

    out, found = console(), False
    every_s = 1.0 if store.backend == "store" else _POLITE_S
    for each in follow_incidents(store, wanted, since=since, forever=follow, every_s=every_s):
        found = True
        if as_json:
            click.echo(json.dumps(incident_json(each)))
        else:
            _print_incident(out, each)
    if not found and not follow:
        raise NotFoundError("No incident matches. List them: byline incidents")


def _print_incident(out: Console, incident: Incident) -> None:
    from rich.text import Text

    commit = incident.suspects[0].commit if incident.suspects else ""
    out.print(
        Text.assemble(
            f"{moment(incident.time_ns)}  ",
            (visible(incident.id), "cyan"),
            "  ",
            (visible(short(commit)) or "unknown", "bold yellow"),
            f"  {visible(incident.path)}:{incident.line}\n    ",
            (visible(incident.error_type), "bold red"),
            f": {visible(incident.message)}" if incident.message else "",
        )
    )


def incident_json(incident: Incident) -> dict[str, object]:
    """Return one incident for programs, without its stack trace."""
    names = ("id", "function", "error_type", "message", "path", "line", "fingerprint", "service", "revision",
             "pattern", "certainty", "trace_id", "span_id", "duration_s", "suppressed", "sentry_event_id")  # fmt: skip
    return {
        "time": iso(incident.time_ns),
        "commit": incident.suspects[0].commit if incident.suspects else "",
        "tool": incident.suspects[0].tool if incident.suspects else "",
        **{name: getattr(incident, name) for name in names},
    }


def _as_json(report: IncidentReport, since: timedelta | None) -> dict[str, object]:
    return {
        "version": 1,
        "since_s": since.total_seconds() if since else None,
        "count": report.incidents,
        "found": report.found,
        "commits": [_commit_json(each) for each in report.commits],
        "unverified": [dataclasses.asdict(each) for each in report.unverified],
    }


def _commit_json(report: CommitReport) -> dict[str, object]:
    known = {each.function: each for each in report.numbers}
    return {
        "commit": report.commit,
        **_facts_json(report.suspect),
        "count": report.incidents,
        "recorded": report.recorded,
        "first_seen": iso(report.first_ns),
        "last_seen": iso(report.last_ns),
        "error_types": list(report.error_types),
        "p95_s": report.p95_s,
        "functions": [
            {
                "function": name,
                **{
                    key: getattr(known.get(name), key, None)
                    for key in (
                        "calls",
                        "errors",
                        "cancelled",
                        "error_rate",
                        "p50_s",
                        "p95_s",
                        "p99_s",
                        "exact",
                    )
                },
            }
            for name in report.functions
        ],
        "incidents": [kind_json(each) for each in report.kinds],
    }


def _facts_json(suspect: Suspect | None) -> dict[str, object]:
    names = ("subject", "author", "tool", "model", "change")
    committed_at = iso(suspect.committed_at * 1_000_000_000) if suspect else None
    return {**{name: getattr(suspect, name, "") for name in names}, "committed_at": committed_at}


def kind_json(kind: Kind) -> dict[str, object]:
    """Return a kind of incident for programs."""
    names = ("fingerprint", "error_type", "message", "function", "path", "line", "pattern", "certainty")
    return {
        "id": kind.last_id,
        **{name: getattr(kind, name) for name in names},
        "count": kind.incidents,
        "recorded": kind.recorded,
        "first_seen": iso(kind.first_ns),
        "last_seen": iso(kind.last_ns),
    }


def _print(report: IncidentReport, since: timedelta | None, *, detailed: bool) -> None:
    out = console()
    window = f" in the last {_span(since)}" if since else ""
    if not report.commits:
        out.print(f"No incidents{window}.")
    elif detailed:
        for each in report.commits:
            _print_commit(out, each)
    else:
        unknown = any(not each.commit for each in report.commits)
        commits = count(report.found - unknown, "commit")
        out.print(f"{count(report.incidents, 'incident')}{window}, first suspects: {commits}\n", style="bold")
        _print_table(out, report)
        if report.found > len(report.commits):
            out.print(f"… and {report.found - len(report.commits):,} more; --limit 0 lists all", style="dim")
    for note in report.unverified:
        out.print(f"\nNot in this answer: {visible(note.subject)} ({visible(note.reason)})", style="yellow")
    if report.commits:
        newest = max((kind for each in report.commits for kind in each.kinds), key=lambda kind: kind.last_ns)
        out.print("\nNext", style="bold")
        out.print(f"  byline why {visible(newest.last_id)}")
        named = next((each.commit for each in report.commits if each.commit), "")
        if named and not detailed:
            out.print(f"  byline incidents {visible(short(named))}")
        elif named:
            out.print(f"  git show {visible(short(named))}")


def _print_table(out: Console, report: IncidentReport) -> None:
    """Print the numbers in columns, and below them what needs the whole width of a narrow terminal."""
    from rich.text import Text

    is_wide = out.width >= NARROW
    first = f"{'first':<11}  " if is_wide else ""
    out.print(f"{'commit':<{SHA_DIGITS}}  {'incidents':>9}  {first}{'last':<11}  {'P95':>8}", style="dim")
    for each in report.commits:
        p95 = "" if each.p95_s is None else duration(each.p95_s)
        first = f"{ago(each.first_ns):<11}  " if is_wide else ""
        out.print(
            Text.assemble(
                (f"{visible(short(each.commit)) or 'unknown':<{SHA_DIGITS}}", "bold yellow"),
                (f"  {each.incidents:>9,}", "bold"),
                f"  {first}{ago(each.last_ns):<11}  {p95:>8}",
            )
        )
        out.print(f"  {facts(each.suspect)}")
        for kind in _distinct(each.kinds):
            out.print(Text.assemble("  ", (visible(kind.error_type), "red"), f" in {visible(kind.function)}"))


def _distinct(kinds: tuple[Kind, ...]) -> list[Kind]:
    """Return one kind for each function and exception, the first few."""
    found = {(each.error_type, each.function): each for each in reversed(kinds)}
    return list(reversed(found.values()))[:_KINDS_SHOWN]


def _print_commit(out: Console, report: CommitReport) -> None:
    from rich.text import Text

    title = Text.assemble(
        (visible(short(report.commit)) or "unknown", "bold yellow"), "  ", (facts(report.suspect), "bold")
    )
    out.print(title)
    held = report.incidents - report.recorded
    rest = f" ({held:,} of them held back by the rate limit)" if held else ""
    out.print(
        f"{count(report.incidents, 'incident')}{rest}, first {ago(report.first_ns)}, last {ago(report.last_ns)}"
    )
    known = {each.function: each for each in report.numbers}
    out.print("\nFunctions", style="bold")
    for name in report.functions:
        numbers = known.get(name)
        out.print(f"  {visible(name)}")
        if numbers is None:
            out.print("    no calls known", style="dim")
            continue
        out.print(
            f"    {count(numbers.calls, 'call')}, {share(numbers.error_rate)} failed, "
            f"P50 {duration(numbers.p50_s)}, P95 {duration(numbers.p95_s)}, P99 {duration(numbers.p99_s)}"
        )
    out.print("\nFailures", style="bold")
    for kind in report.kinds:
        line = Text.assemble(
            "  ",
            (visible(kind.last_id), "cyan"),
            f"  {count(kind.incidents, 'time')}, last {ago(kind.last_ns)}  {visible(kind.path)}:{kind.line}\n    ",
            (visible(kind.error_type), "bold red"),
            f": {visible(kind.message)}" if kind.message else "",
        )
        out.print(line)
        if kind.pattern:
            out.print(
                f"    a sign of: {visible(kind.pattern)} ({visible(kind.certainty)} certainty)", style="dim"
            )


def facts(suspect: Suspect | None) -> str:
    """Return a commit's facts in one line."""
    if suspect is None:
        return "no commit could be suspected"
    known = suspect.change and f"#{suspect.change}" in suspect.subject
    change = f"PR {suspect.change}" if suspect.change and not known else ""
    who = " · ".join(
        visible(each) for each in (suspect.subject, suspect.tool, suspect.author, change) if each
    )
    return who or "nothing more is known of this commit"


def _span(since: timedelta) -> str:
    seconds = int(since.total_seconds())
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
