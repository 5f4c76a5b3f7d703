"""``byline build``: puts the manifest into a package, for a wheel or an image without git."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .output import console, count, print_json, share, short, visible
from .scan import progress, summary_json

if TYPE_CHECKING:
    from .._attribution.build import Built
    from .._attribution.summary import Summary

EXAMPLES = """
\b
Examples:
  byline build
  byline build src/shop
  byline build --fetch
  byline build --previous last/byline.manifest
  byline build -o /app/byline.manifest --fail-under-coverage 50

\b
JSON keys: those of byline scan, and release (revision, committed_at), carried, coverage,
cache (state, reason, path, taken_over).
"""


@click.command(epilog=EXAMPLES)
@click.argument("package", metavar="[PACKAGE_DIR]", type=click.Path(path_type=Path), default=Path())
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the manifest. Default: byline.manifest in the package.",
)  # fmt: skip
@click.option(
    "--previous", type=click.Path(dir_okay=False, path_type=Path), metavar="OLD",
    help="The last release's manifest: keeps when each version of a function first shipped.",
)  # fmt: skip
@click.option(
    "--fail-under-coverage", "least", type=click.FloatRange(0, 100), metavar="N",
    help="Exit with status 1 when fewer than N % of the lines have a known author.",
)  # fmt: skip
@options.scanning
@options.as_json
def command(
    *,
    package: Path,
    output: Path | None,
    previous: Path | None,
    least: float | None,
    how: options.Scanning,
    as_json: bool,
) -> None:
    """
    Put the manifest into a package, to be shipped with it.

    Reads the git history and writes byline.manifest beside the code of PACKAGE_DIR (default: the
    project's only package, here or in src), where a running program finds it without git.
    """
    from .._attribution.build import build
    from .._attribution.fetch import fetch_records
    from .._attribution.repository import Repository
    from .._attribution.summary import summarize

    with progress(quiet=as_json) as tell:
        if how.fetches:
            fetch_records(Repository.open(package), progress=tell)
        built = build(
            package,
            output=output,
            previous=previous,
            everything=how.everything,
            allow_shallow=how.allow_shallow,
            author=how.author,
            moves=how.moves,
            cache=how.cache,
            progress=tell,
        )
    summary = summarize(built.scan)
    coverage = 100 * summary.known_share
    if as_json:
        print_json(_as_json(built, summary, coverage))
    else:
        _print(built, summary)
    if least is not None and coverage < least:
        click.echo(f"Coverage is {coverage:.1f} %, less than {least:g} %.", err=True)
        raise SystemExit(1)


def _as_json(built: Built, summary: Summary, coverage: float) -> dict[str, object]:
    release = {"revision": built.release.revision, "committed_at": built.release.committed_at}
    return {
        **summary_json(summary, built.path, built.size),
        "release": release,
        "carried": built.carried,
        "coverage": round(coverage, 2),
        "cache": dataclasses.asdict(built.scan.cache),
    }


def _print(built: Built, summary: Summary) -> None:
    out = console()
    out.print(f"Wrote {visible(str(built.path))} ({built.size:,} bytes)", style="bold")
    out.print(f"  revision   {short(summary.revision)}")
    out.print(f"  functions  {summary.functions:,}, by AI {summary.ai_functions:,}")
    if built.carried:
        recorded = sum(len(file.functions) for file in built.scan.files)
        out.print(f"  shipped    {built.carried:,} of {count(recorded, 'function')} before, unchanged since")
    total = summary.lines_known + summary.lines_unknown
    out.print(f"  coverage   {share(summary.known_share)} of {count(total, 'line')} have a known author")
    if summary.unverified:
        out.print(
            f"  {count(len(summary.unverified), 'thing')} not verified: byline manifest show --json",
            style="yellow",
        )
