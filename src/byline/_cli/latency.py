"""``byline latency``: how long functions take, now and before."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .output import NARROW, console, count, duration, iso, print_json, share, short, visible

if TYPE_CHECKING:
    from rich.console import Console

    from .._desk.backends.address import Address
    from .._desk.latency import By, LatencyReport, LatencyRow, Sort
    from .._desk.numbers import FunctionNumbers

EXAMPLES = """
\b
Examples:
  byline latency                          what took most of the time in the last day
  byline latency --since 7d --sort calls
  byline latency shop.cart.Cart.total     one function, this day and the day before
  byline latency a1b2c3d                  what a commit changed, beside the version before it
  byline latency --by commit --json | jq '.rows[] | {name, p95: .after.p95_s}'

\b
JSON keys: version, by, since_s, found, rows[], unverified[]. Each row: name, functions, total_s,
after and before (or null): calls, errors, cancelled, error_rate, p50_s, p95_s, p99_s, exact,
first_seen, last_seen. New keys may come; these stay.
"""


@click.command(epilog=EXAMPLES)
@click.argument(
    "what", metavar="[FUNCTION | COMMIT]", required=False, shell_complete=options.complete_version
)
@click.option(
    "--by",
    type=click.Choice(["function", "commit", "version"]),
    default="function",
    show_default=True,
    help="Add calls up by function, by the commit that wrote it, or by the one that changed it last.",
)
@options.looking_back("24h", what="How long the window is")
@click.option(
    "--sort",
    type=click.Choice(["time", "calls", "errors", "max"]),
    default="time",
    show_default=True,
    help="What comes first: the most time in all, calls, failures, or the longest call.",
)
@options.limit("rows")
@options.store
@options.source("prometheus")
@options.as_json
def command(
    *,
    what: str | None,
    by: By,
    since: timedelta,
    sort: Sort,
    limit: int,
    store: Path | None,
    source: Address | None,
    as_json: bool,
) -> None:
    """
    Show how long functions take, now and before.

    P50, P95 and P99 are of all calls of the window, merged exactly over processes; before is the window as long right before it. With a COMMIT: of the versions it made, and before is the version before.
    """
    from .._desk.backends.opening import open_source
    from .._desk.latency import latency

    if sort == "max" and source is not None:
        raise click.UsageError(
            f"{source.name} does not keep the longest call. Sort by time, calls or errors, or ask the store."
        )
    with closing(open_source(source, store)) as opened:
        found = latency(opened, what=what, by=by, since=since, sort=sort, limit=limit or None)
    if as_json:
        print_json(_as_json(found, by, since))
    else:
        _print(console(), found, by)


def _as_json(found: LatencyReport, by: By, since: timedelta) -> dict[str, object]:
    return {
        "version": 1,
        "by": by,
        "since_s": since.total_seconds(),
        "found": found.found,
        "rows": [
            {
                "name": each.name,
                "functions": each.functions,
                "total_s": each.total_s,
                "after": _numbers_json(each.after),
                "before": _numbers_json(each.before) if each.before else None,
            }
            for each in found.rows
        ],
        "unverified": [dataclasses.asdict(each) for each in found.unverified],
    }


def _numbers_json(numbers: FunctionNumbers) -> dict[str, object]:
    names = ("calls", "errors", "cancelled", "error_rate", "p50_s", "p95_s", "p99_s", "exact")
    return {
        **{name: getattr(numbers, name) for name in names},
        "first_seen": iso(numbers.first_ns),
        "last_seen": iso(numbers.last_ns),
    }


def _print(out: Console, found: LatencyReport, by: By) -> None:
    """Print the numbers in columns below each name: names are long, and terminals narrow."""
    p50 = f"  {'P50':>8}" if out.width >= NARROW else ""
    out.print(f"{'':<8}{'calls':>11}  {'failed':>7}{p50}  {'P95':>8}  {'P99':>8}", style="dim")
    for each in found.rows:
        _print_row(out, each, by)
    if found.found > len(found.rows):
        out.print(f"… and {found.found - len(found.rows):,} more; --limit 0 lists all", style="dim")
    if not all(each.after.exact for each in found.rows):
        out.print("~ estimated from the buckets of a histogram", style="dim")
    for note in found.unverified:
        out.print(f"\nNot in this answer: {visible(note.subject)} ({visible(note.reason)})", style="yellow")


def _print_row(out: Console, row: LatencyRow, by: By) -> None:
    from rich.text import Text

    name = visible(row.name) if by == "function" else visible(short(row.name)) or "unknown"
    more = "" if by == "function" else f"  {count(row.functions, 'function')}"
    out.print(Text.assemble((name, "bold"), (more, "dim")))
    if row.before is not None:
        out.print(f"  before{_columns(out, row.before)}", style="dim")
    change = ""
    if row.before is not None and row.before.p95_s:
        change = f"  P95 {100 * (row.after.p95_s / row.before.p95_s - 1):+.0f} %"
    out.print(f"  now   {_columns(out, row.after)}{change}")


def _columns(out: Console, numbers: FunctionNumbers) -> str:
    estimated = "" if numbers.exact else " ~"
    p50 = f"  {duration(numbers.p50_s):>8}" if out.width >= NARROW else ""
    return (
        f"{numbers.calls:>11,}  {share(numbers.error_rate):>7}{p50}  "
        f"{duration(numbers.p95_s):>8}  {duration(numbers.p99_s):>8}{estimated}"
    )
