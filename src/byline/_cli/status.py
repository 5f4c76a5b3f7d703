"""``byline status``: how far production has proven what was deployed lately."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .output import ago, console, count, duration, iso, print_json, share, short, visible

if TYPE_CHECKING:
    from rich.console import Console

    from .._desk.backends.address import Address
    from .._desk.comparison import Change
    from .._desk.status import CommitStatus, Status, VersionStatus

EXAMPLES = """
\b
Examples:
  byline status                        versions first seen in the last 48 hours
  byline status a1b2c3d                those that one commit made
  byline status --since 7d
  byline status --fail-on suspect      in a pipeline, after a canary ran for a while
  byline status --json | jq '.commits[].versions[] | select(.state == "suspect")'

\b
States: shipped (never called), exercised (not enough calls to judge), watched (nothing speaks
against it so far), proven (no worse than before, after the probation), suspect.

\b
JSON keys: version, since_s, probation_s, commits[], unverified[]. Each commit: commit, counts,
first_seen, versions[] (function, commit, last_commit, previous, tool, state, reason, first_seen,
calls, previous_calls, changes[], findings[]). Each change: metric, before, after, change, low,
high, verdict, reason. New keys may come; these stay.
"""

_COLOURS = {
    "suspect": "bold red",
    "shipped": "cyan",
    "exercised": "cyan",
    "watched": "yellow",
    "proven": "green",
}


@click.command(epilog=EXAMPLES)
@click.argument("commit", required=False, shell_complete=options.complete_version)
@click.option(
    "--since",
    metavar="48h",
    callback=options.since,
    help="Versions first seen within this time. Default: 48h.",
)
@click.option(
    "--probation", metavar="48h", callback=options.since, help="How long a version is watched. Default: 48h."
)
@click.option(
    "--fail-on", type=click.Choice(["suspect"]), help="Exit with status 1 when a version is in this state."
)
@options.store
@options.source("prometheus")
@options.as_json
def command(
    *,
    commit: str | None,
    since: timedelta | None,
    probation: timedelta | None,
    fail_on: str | None,
    store: Path | None,
    source: Address | None,
    as_json: bool,
) -> None:
    """
    Tell whether new versions of functions are any worse.

    Compares each version of a function that AI wrote with the one before it: P50, P95, P99, failures and what it swallows. COMMIT is the one that made the version; its first digits will do.
    """
    from .._desk.backends.opening import open_source
    from .._desk.status import PROBATION, status

    if commit and since:
        raise click.UsageError("Give a COMMIT or --since, not both: a commit is looked at however old it is.")
    since, probation = since or PROBATION, probation or PROBATION
    with closing(open_source(source, store)) as opened:
        found = status(opened, commit=commit, since=since, probation=probation)
    if as_json:
        print_json(_as_json(found, since, probation))
    else:
        _print(console(), found, detailed=commit is not None)
    if fail_on and found.suspects:
        raise SystemExit(1)


def _as_json(found: Status, since: timedelta, probation: timedelta) -> dict[str, object]:
    return {
        "version": 1,
        "since_s": since.total_seconds(),
        "probation_s": probation.total_seconds(),
        "commits": [
            {
                "commit": each.commit,
                "counts": each.counts,
                "first_seen": iso(each.first_seen_ns),
                "versions": [_version_json(version) for version in each.versions],
            }
            for each in found.commits
        ],
        "unverified": [dataclasses.asdict(each) for each in found.unverified],
    }


def _version_json(version: VersionStatus) -> dict[str, object]:
    names = (
        "function",
        "commit",
        "last_commit",
        "previous",
        "tool",
        "state",
        "reason",
        "calls",
        "previous_calls",
    )
    return {
        **{name: getattr(version, name) for name in names},
        "first_seen": iso(version.first_seen_ns),
        "changes": [_change_json(each) for each in version.changes],
        "findings": [
            {
                "fingerprint": each.last.fingerprint,
                "handling": each.last.handling,
                "error_type": each.last.error_type,
                "count": each.count,
            }
            for each in version.findings
        ],
    }


def _change_json(change: Change) -> dict[str, object]:
    values = dataclasses.asdict(change)
    finite = {name: _finite(values[name]) for name in ("change", "low", "high")}
    return {**values, **finite}


def _finite(number: float | None) -> float | None:
    return None if number is None or number in {float("inf"), float("-inf")} else number


def _print(out: Console, found: Status, *, detailed: bool) -> None:
    if not found.commits:
        out.print(
            "No new version of a function was first seen in this time. Versions as old as the store are not new; "
            "byline status COMMIT tells of them too."
        )
    for number, each in enumerate(found.commits):
        if number:
            out.print()
        _print_commit(out, each, detailed=detailed)
    for note in found.unverified:
        out.print(f"\nNot in this answer: {visible(note.subject)} ({visible(note.reason)})", style="yellow")


def _print_commit(out: Console, commit: CommitStatus, *, detailed: bool) -> None:
    from rich.text import Text

    parts = [
        Text.assemble((f"{number:,} {state}", _COLOURS[state])) for state, number in commit.counts.items()
    ]
    out.print(
        Text.assemble(
            (visible(short(commit.commit)) or "unknown", "bold yellow"),
            f": {count(len(commit.versions), 'function')}, ",
            Text(", ").join(parts),
            (f"  (first seen {ago(commit.first_seen_ns)})", "dim"),
        )
    )
    for each in commit.versions:
        if detailed or each.state != "proven":
            _print_version(out, each, detailed=detailed)


def _print_version(out: Console, version: VersionStatus, *, detailed: bool) -> None:
    from rich.text import Text

    out.print(
        Text.assemble(
            "  ",
            (f"{version.state:<9}", _COLOURS[version.state]),
            f"  {visible(version.function)}: {version.reason}",
        )
    )
    shown = version.changes if detailed else version.worse
    for each in shown:
        out.print(f"             {told(each)}", style="" if each.verdict == "worse" else "dim")
    if detailed and version.previous:
        out.print(
            f"             {count(version.calls, 'call')}, {version.previous_calls:,} of {visible(short(version.previous))}",
            style="dim",
        )


def told(change: Change) -> str:
    """Return a change in one line."""
    if change.metric == "errors":
        text = f"failures {share(change.before)} → {share(change.after)}"
        if change.low is None or change.high is None:
            return text
        return f"{text} (95 % interval {100 * change.low:+.1f} to {100 * change.high:+.1f} points)"
    text = f"{change.metric.upper()} {duration(change.before)} → {duration(change.after)}, {100 * change.change:+.0f} %"
    if change.low is None or change.high is None:
        return text
    return f"{text} (95 % interval {100 * change.low:+.0f} to {100 * change.high:+.0f})"
