"""``byline findings``: what AI code swallowed."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .incidents import facts
from .output import ago, console, count, iso, print_json, short, visible

if TYPE_CHECKING:
    from rich.console import Console

    from .._desk.backends.address import Address
    from .._desk.findings import FindingReport
    from ..store import FindingKind

EXAMPLES = """
\b
Examples:
  byline findings
  byline findings --since 48h --new-since 2026-11-01
  byline findings a1b2c3d
  byline findings --all --json | jq '.findings[] | {handling, path, line, count}'

\b
JSON keys: version, since_s, count, findings[], others (number of exceptions by handling that are
not shown), known, unverified[]. Each finding: fingerprint, handling, function, error_type, path,
line, handler, returned, count, first_seen, last_seen, new, commit, subject, author, tool, model,
change, committed_at (of the handler's line), last_commit (of the function), pattern, certainty, message, stacktrace,
trace_id, span_id, service, revision. New keys may come; these stay.
"""

_TOLD = {
    "silent": ("told nobody", "bold red"),
    "weak": ("told in passing", "yellow"),
    "logged": ("logged", "green"),
    "reported": ("reported", "green"),
    "retried": ("tried again, and it worked", "green"),
    "expected": ("control flow", "dim"),
}


@click.command(epilog=EXAMPLES)
@click.argument("what", metavar="[FINDING | COMMIT]", required=False)
@options.looking_back()
@click.option(
    "--new-since",
    metavar="DATE|COMMIT",
    help="Only handlers whose line is newer than this day or this commit of the manifest.",
)
@click.option(
    "--all", "everything", is_flag=True, help="Also what was logged, reported, retried or expected."
)
@options.store
@options.source("loki")
@options.as_json
def command(  # each option is an argument
    *,
    what: str | None,
    since: timedelta | None,
    new_since: str | None,
    everything: bool,
    store: Path | None,
    source: Address | None,
    as_json: bool,
) -> None:
    """
    Show the exceptions that AI code swallowed.

    An exception is swallowed when a marked function handled it and passed it on to nobody. Each line names the handler, the commit that wrote it, and what was returned instead.
    """
    from .._desk.backends.opening import open_source
    from .._desk.findings import moment_of, report

    newer_than = moment_of(new_since) if new_since else 0
    with closing(open_source(source, store)) as opened:
        found = report(opened, what=what or "", since=since, newer_than=newer_than, everything=everything)
    if as_json:
        print_json(_as_json(found, since))
    else:
        _print(found, detailed=bool(what))
    if not found.kinds:
        raise SystemExit(1)


def _as_json(report: FindingReport, since: timedelta | None) -> dict[str, object]:
    return {
        "version": 1,
        "since_s": since.total_seconds() if since else None,
        "count": report.count,
        "findings": [_finding_json(each) for each in report.kinds],
        "others": report.others,
        "known": report.known,
        "unverified": [dataclasses.asdict(each) for each in report.unverified],
    }


def _finding_json(kind: FindingKind) -> dict[str, object]:
    last, owner = kind.last, kind.last.owner
    names = (
        "fingerprint",
        "handling",
        "function",
        "error_type",
        "path",
        "line",
        "handler",
        "returned",
        "count",
    )
    facts_of_owner = ("commit", "subject", "author", "tool", "model", "change")
    rest = ("pattern", "certainty", "message", "stacktrace", "trace_id", "span_id", "service", "revision")
    return {
        **{name: getattr(last, name) for name in names},
        "first_seen": iso(kind.first_ns),
        "last_seen": iso(last.time_ns),
        "new": last.is_new,
        **{name: getattr(owner, name, "") for name in facts_of_owner},
        "committed_at": iso(owner.committed_at * 1_000_000_000) if owner else None,
        "last_commit": last.attribution.last_commit,
        **{name: getattr(last, name) for name in rest},
    }


def _print(report: FindingReport, *, detailed: bool) -> None:
    out = console()
    if report.kinds:
        functions = len({each.last.function for each in report.kinds})
        out.print(
            f"{count(report.count, 'swallowed exception')} in {count(functions, 'function')}\n", style="bold"
        )
    else:
        out.print("No silent failures.")
    for number, each in enumerate(report.kinds):
        if number:
            out.print()
        _print_kind(out, each, detailed=detailed)
    if report.others:
        told = ", ".join(f"{number:,} {handling}" for handling, number in report.others.items())
        out.print(f"\nNot shown: {told} (byline findings --all)", style="dim")
    if report.known:
        out.print(f"\nNot shown: {report.known:,} in handlers that were there before", style="dim")
    for note in report.unverified:
        out.print(f"\nNot seen: {visible(note.subject)} ({visible(note.reason)})", style="yellow")
    if report.kinds and not detailed:
        first = report.kinds[0].last
        out.print("\nNext", style="bold")
        out.print(f"  byline findings {visible(first.fingerprint)}")
        if first.owner is not None:
            out.print(f"  git show {visible(short(first.owner.commit))} -- {visible(first.path)}")


def _print_kind(out: Console, kind: FindingKind, *, detailed: bool) -> None:
    from rich.text import Text

    last = kind.last
    told, style = _TOLD[last.handling]
    instead = f", returned {visible(last.returned)}" if last.returned else ""
    out.print(
        Text.assemble(
            (f"{visible(last.path)}:{last.line}", "bold"),
            f"  {visible(last.handler)} in {visible(last.function)}\n  ",
            (visible(last.error_type), "red"),
            f" {count(last.count, 'time')}, ",
            (told, style),
            instead,
        )
    )
    commit = last.owner.commit if last.owner else ""
    who = facts(last.owner) if last.owner else "no commit is known for this line"
    out.print(Text.assemble("  ", (visible(short(commit)) or "unknown", "bold yellow"), f"  {who}"))
    out.print(f"  first {ago(kind.first_ns)}, last {ago(last.time_ns)}", style="dim")
    if last.pattern:
        out.print(f"  a sign of: {visible(last.pattern)} ({visible(last.certainty)} certainty)", style="dim")
    if detailed:
        if last.message:
            out.print(f"  {visible(last.message)}")
        for line in last.stacktrace.splitlines():
            out.print(f"    {visible(line)}", style="dim")
