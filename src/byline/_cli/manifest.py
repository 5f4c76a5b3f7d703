"""``byline manifest show``: what is in a manifest, for people and for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..exceptions import ManifestError
from .output import console, count, print_json, short, visible

if TYPE_CHECKING:
    from .._manifest import Manifest

EXAMPLES = """
\b
Examples:
  byline manifest show
  byline manifest show build/byline.manifest --json | jq '.functions[].name'
"""


@click.group()
def command() -> None:
    """Look into a manifest."""


@command.command(epilog=EXAMPLES)
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(*, path: Path | None, as_json: bool) -> None:
    """Print the functions of a manifest, with who wrote them."""
    from .._config import Config
    from .._manifest import Manifest, find

    found = find(str(path or Config.from_env().manifest), Path.cwd())
    if found is None:
        raise ManifestError("There is no manifest here or above. Make one: byline scan")
    manifest = Manifest.open(found)
    if as_json:
        print_json(_as_json(manifest))
    else:
        _print(manifest)


def _as_json(manifest: Manifest) -> dict[str, object]:
    return {
        "version": 1,
        **manifest.header.to_json(),
        "functions_seen": manifest.header.functions,
        "functions": list(_functions(manifest)),
        "commits": [
            {name: value for name, value in dataclasses.asdict(each).items() if name != "evidence"}
            for each in manifest.commits()
        ],
    }


def _functions(manifest: Manifest) -> Iterator[dict[str, object]]:
    for file in manifest.files():
        for function, attribution in file.functions():
            release = file.first_shipped(function)
            yield {
                "name": function.name,
                **dataclasses.asdict(function),
                **dataclasses.asdict(attribution),
                "first_shipped": dataclasses.asdict(release) if release else None,
            }


def _print(manifest: Manifest) -> None:
    from rich.text import Text

    header = manifest.header
    terminal = console()
    terminal.print(
        f"{visible(str(manifest.path))}: revision {short(header.revision)} {visible(header.branch)}"
    )
    for file in manifest.files():
        for function, who in file.functions():
            if who.verdict != "ai":
                continue
            changed = "" if who.last_commit == who.commit else f", last changed by {short(who.last_commit)}"
            terminal.print(
                Text.assemble((visible(function.name), "bold"), f"  {visible(function.path)}:{function.line}")
            )
            terminal.print(
                f"  {who.ai_lines} of {count(who.lines, 'line')} by AI · {visible(who.tool)}, {who.confidence} confidence"
                f" · {visible(who.author)}\n  {short(who.commit) or 'unknown'}{changed}",
                style="dim",
            )
