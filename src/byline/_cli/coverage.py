"""``byline coverage``: what of the AI code ran in production."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .output import console, count, print_json, share, visible

if TYPE_CHECKING:
    from .._desk.coverage import CoverageReport, FunctionCoverage
    from .._manifest import Manifest

EXAMPLES = """
\b
Examples:
  byline coverage
  byline coverage a1b2c3d
  byline coverage --lcov byline.info && genhtml byline.info
  byline coverage --data .coverage && coverage report

\b
JSON keys: version, shipped, executed, handlers, handlers_never_run, functions, never_called,
unverified[], and details[] by function: function, path, first_line, commit, last_commit, called,
lines (number of AI lines), run, missing[], handlers[], handlers_never_run[]. New keys may come;
these stay.
"""

_SHOWN = 20


@click.command(epilog=EXAMPLES)
@click.argument("commit", required=False, shell_complete=options.complete_commit)
@click.option("--lcov", type=click.Path(dir_okay=False, path_type=Path), help="Write an LCOV file, too.")
@click.option(
    "--data", type=click.Path(dir_okay=False, path_type=Path), help="Write data of coverage.py, too."
)
@click.option(
    "--root",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder of the sources. Default: the working directory.",
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="What was shipped. Default: BYLINE_MANIFEST, else looked for here and above.",
)
@options.store
@options.as_json
def command(  # each option is an argument
    *,
    commit: str | None,
    lcov: Path | None,
    data: Path | None,
    root: Path | None,
    manifest: Path | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """
    Show which AI lines ran in production.

    Names the lines and error handlers that never ran, and the functions that were never called. With COMMIT (its first digits will do) only those that this commit wrote or changed last.
    """
    from .._desk.coverage import report
    from .._desk.coverage_files import write_coverage_data, write_lcov
    from .._desk.places import open_store

    folder = (root or Path.cwd()).resolve()
    with open_store(store) as opened:
        found = report(opened, _manifest(manifest), commit=commit, root=folder)
    if lcov is not None:
        write_lcov(found, lcov)
    if data is not None:
        write_coverage_data(found, data, folder)
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found)
    if not found.functions:
        raise SystemExit(1)


def _manifest(argument: Path | None) -> Manifest | None:
    """Open the manifest: one that is named or found must be right, without one the store alone answers."""
    from .._config import Config
    from .._desk.places import open_manifest
    from .._manifest import find

    if argument is None and not Config.from_env().manifest and find("", Path.cwd()) is None:
        return None
    return open_manifest(argument)


def _as_json(report: CoverageReport) -> dict[str, object]:
    numbers = ("shipped", "executed", "handlers", "handlers_never_run", "never_called")
    return {
        "version": 1,
        **{name: getattr(report, name) for name in numbers},
        "functions": len(report.functions),
        "unverified": [dataclasses.asdict(each) for each in report.unverified],
        "details": [_function_json(each) for each in report.functions],
    }


def _function_json(each: FunctionCoverage) -> dict[str, object]:
    names = ("function", "path", "first_line", "commit", "last_commit")
    return {
        **{name: getattr(each, name) for name in names},
        "called": each.is_called,
        "lines": each.number,
        "run": len(each.run),
        "missing": each.missing,
        "handlers": sorted(each.handlers),
        "handlers_never_run": sorted(each.handlers - each.handlers_run),
    }


def _print(report: CoverageReport) -> None:
    out = console()
    if not report.functions:
        out.print("No AI function is known here.")
    else:
        part = report.executed / report.shipped if report.shipped else 0.0
        out.print(
            f"AI lines shipped: {report.shipped:,}, executed: {share(part)}\n"
            f"Error handlers never run: {report.handlers_never_run:,} of {report.handlers:,}\n"
            f"AI functions never called: {report.never_called:,} of {len(report.functions):,}\n",
            style="bold",
        )
    open_ends = [each for each in report.functions if each.missing or not each.is_called]
    open_ends.sort(key=lambda each: len(each.run) - each.number)
    for each in open_ends[:_SHOWN]:
        out.print(f"{visible(each.path)}:{each.first_line}  {visible(each.function)}")
        out.print(f"  {_told(each)}", style="yellow" if each.is_called else "dim")
    if len(open_ends) > _SHOWN:
        out.print(f"and {count(len(open_ends) - _SHOWN, 'more function')} (byline coverage --json)")
    for note in report.unverified:
        out.print(f"Not sure: {visible(note.subject)} ({visible(note.reason)})", style="yellow")


def _told(each: FunctionCoverage) -> str:
    if not each.is_called:
        return f"never called, {count(each.number, 'AI line')}"
    never = sorted(each.handlers - each.handlers_run)
    handlers = f"; handlers never run: {_ranges(never)}" if never else ""
    return f"{len(each.run)} of {count(each.number, 'AI line')} ran, never: {_ranges(each.missing)}{handlers}"


def _ranges(lines: list[int]) -> str:
    """Write line numbers in ascending order as people do: 3-5, 9."""
    told = []
    for _, group in groupby(enumerate(lines), key=lambda each: each[1] - each[0]):
        numbers = [line for _, line in group]
        told.append(f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0]))
    return ", ".join(told)
