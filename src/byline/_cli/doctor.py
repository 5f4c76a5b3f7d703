"""``byline doctor``: what is on, what is off, and why not."""

from __future__ import annotations

import dataclasses
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import console, print_json, visible

if TYPE_CHECKING:
    from .._desk.doctor import Check
    from .._desk.overhead import Overhead

EXAMPLES = """
\b
Examples:
  byline doctor
  byline doctor --json | jq '.checks[] | select(.state != "ok")'
  byline doctor --overhead
  byline doctor --overhead --module shop.web
"""

_SHOWN = 5
_STYLES = {
    "ok": ("✓", "green"),
    "off": ("-", "bright_black"),
    "warning": ("!", "yellow"),
    "error": ("✗", "red"),
}


@click.command(epilog=EXAMPLES)
@click.option("--manifest", type=click.Path(path_type=Path), help="The manifest. Default: look for it.")
@click.option("--store", type=click.Path(path_type=Path), help="The store. Default: look for it.")
@click.option("--overhead", is_flag=True, help="Measure what marking costs, function by function.")
@click.option(
    "--module", "modules", multiple=True, help="With --overhead: import it, and measure what is marked."
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def command(
    *, manifest: Path | None, store: Path | None, overhead: bool, modules: tuple[str, ...], as_json: bool
) -> None:
    """
    Check what byline can see from here.

    Exit status 1 when a check failed; what is merely off is no failure.
    --overhead measures instead: for each AI function of the manifest, a function that does
    nothing with the same parameters. Nothing of your program is called, or even imported
    unless you name a module.
    """
    if overhead:
        _overhead(manifest, store, modules, as_json=as_json)
        return
    if modules:
        raise click.UsageError("--module belongs to --overhead.")
    from .._desk.doctor import examine

    checks = examine(Path.cwd(), manifest=str(manifest or ""), store=str(store or ""))
    if as_json:
        print_json({"version": 1, "checks": [dataclasses.asdict(each) for each in checks]})
    else:
        for each in checks:
            _print(each)
    if any(each.state == "error" for each in checks):
        raise SystemExit(1)


def _print(check: Check) -> None:
    sign, colour = _STYLES[check.state]
    click.echo(f"{click.style(sign, fg=colour, bold=True)} {check.name:<14}{visible(check.told)}")
    if check.cure:
        click.echo(f"  {'':<14}{click.style(visible(check.cure), dim=True)}")


def _overhead(manifest: Path | None, store: Path | None, modules: tuple[str, ...], *, as_json: bool) -> None:
    from .._desk.doctor import find_store
    from .._desk.overhead import measure
    from .._manifest import Manifest, find
    from ..store import Store

    path = find(str(manifest or os.environ.get("BYLINE_MANIFEST", "")), Path.cwd())
    given = store or os.environ.get("BYLINE_STORE")
    place = Path(given) if given else find_store(Path.cwd())
    sys.path.insert(0, str(Path.cwd()))  # as python -m has it
    with Store.open(place, read_only=True) if place else nullcontext() as opened:
        found = measure(Manifest.open(path) if path else None, opened, modules=modules)
    if as_json:
        print_json({"version": 1, **_as_json(found)})
    else:
        _print_overhead(found)


def _as_json(found: Overhead) -> dict[str, object]:
    return {
        "functions": [{**dataclasses.asdict(each), "ratio": each.ratio} for each in found.costs],
        "counting_ns": found.counting_ns,
        "self_duration_s": found.own_time_s,
        "unverified": [dataclasses.asdict(each) for each in found.unverified],
    }


def _print_overhead(found: Overhead) -> None:
    out = console()
    if found.costs:
        out.print(f"{'added':>10}{'of wrapt':>10}{'calls/min':>13}{'of a core':>11}", style="dim")
    for each in found.costs:
        rate = "" if each.calls_per_minute is None else f"{each.calls_per_minute:,.0f}"
        share = "" if each.share is None else f"{each.share:.4%}"
        out.print(visible(each.function), style="bold")
        out.print(f"{f'{each.added_ns:,.0f} ns':>10}{each.ratio:>10.2f}{rate:>13}{share:>11}")
    total = sum(each.share or 0.0 for each in found.costs)
    click.echo(f"Counting a call, later and in the background: {found.counting_ns:,.0f} ns.")
    if any(each.share is not None for each in found.costs):
        click.echo(f"In all, at the rates of the store: {total:.4%} of a core.")
    if found.own_time_s is not None:
        click.echo(f"byline.self.duration in the store: {found.own_time_s:,.3f} s.")
    for note in found.unverified[:_SHOWN]:
        click.echo(f"Not measured: {visible(note.subject)}: {visible(note.reason)}", err=True)
    if len(found.unverified) > _SHOWN:
        click.echo(f"Not measured: {len(found.unverified) - _SHOWN:,} more, see --json", err=True)
