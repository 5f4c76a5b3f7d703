"""``byline doctor``: what is on, what is off, and why not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import print_json, visible

if TYPE_CHECKING:
    from .._desk.doctor import Check

EXAMPLES = """
\b
Examples:
  byline doctor
  byline doctor --json | jq '.checks[] | select(.state != "ok")'
"""

_STYLES = {
    "ok": ("✓", "green"),
    "off": ("-", "bright_black"),
    "warning": ("!", "yellow"),
    "error": ("✗", "red"),
}


@click.command(epilog=EXAMPLES)
@click.option("--manifest", type=click.Path(path_type=Path), help="The manifest. Default: look for it.")
@click.option("--store", type=click.Path(path_type=Path), help="The store. Default: look for it.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def command(*, manifest: Path | None, store: Path | None, as_json: bool) -> None:
    """
    Check what byline can see from here.

    Exit status 1 when a check failed; what is merely off is no failure.
    """
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
