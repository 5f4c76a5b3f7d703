"""``byline scan``: from a repository to a manifest."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .output import console, print_json, visible

if TYPE_CHECKING:
    from .._attribution.rebuild import CacheUse
    from .._attribution.summary import Summary

EXAMPLES = """
\b
Examples:
  byline scan
  byline scan services/shop -o build/byline.manifest
  byline scan --fetch --json | jq .by_tool
"""

_SHOWN = 5
_STAGES = {
    "fetch": "Fetching notes",
    "commits": "Reading commits",
    "records": "Reading notes",
    "files": "Reading files",
    "history": "Reading history",
    "diffs": "Comparing versions",
    "blame": "Finding line owners",
    "moves": "Following moved lines",
    "functions": "Reading functions",
    "versions": "Comparing functions",
    "attribution": "Attributing functions",
}


@click.command(epilog=EXAMPLES)
@click.argument("root", type=click.Path(path_type=Path), default=Path())
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the manifest. Default: .byline/byline.manifest in the repository.",
)  # fmt: skip
@options.scanning
@options.as_json
def command(
    *,
    root: Path,
    output: Path | None,
    how: options.Scanning,
    as_json: bool,
) -> None:
    """
    Find out which functions AI wrote, and write the manifest.

    Reads the git history of ROOT (default: here): who owns each line, which
    commits an AI tool signed, and which functions are mostly theirs.

    A clone brings no git notes and no pull requests, where tools like git-ai keep
    which lines AI wrote; --fetch does.
    """
    from .._attribution.fetch import fetch_records
    from .._attribution.repository import Repository
    from .._attribution.scan import scan
    from .._attribution.summary import summarize
    from .._manifest import write

    repository = Repository.open(root)
    top = repository.root
    with progress(quiet=as_json) as tell:
        if how.fetches:
            fetch_records(repository, progress=tell)
        found = scan(
            root,
            everything=how.everything,
            allow_shallow=how.allow_shallow,
            author=how.author,
            moves=how.moves,
            cache=how.cache,
            progress=tell,
        )
    target = output or _default_output(top)
    size = write(target, found.header, found.files, found.commits)
    summary = summarize(found)
    if as_json:
        print_json({**summary_json(summary, target, size), "cache": dataclasses.asdict(found.cache)})
    else:
        _print(summary, target, size, found.cache)


def _default_output(top: Path) -> Path:
    """Make the folder for byline's own files, which git does not see."""
    folder = top / ".byline"
    if not folder.exists():
        try:
            folder.mkdir()
            (folder / ".gitignore").write_text("*\n")
        except OSError:
            pass  # writing the manifest says what is wrong
    return folder / "byline.manifest"


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Show a progress bar on a terminal, and nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading commits", total=None)

        def tell(stage: str, done: int, total: int) -> None:
            bar.update(task, description=_STAGES.get(stage, stage), completed=done, total=total or None)

        yield tell


def summary_json(summary: Summary, target: Path, size: int) -> dict[str, object]:
    values = dataclasses.asdict(summary)
    values["ai_share"] = round(summary.ai_share, 4)
    values["known_share"] = round(summary.known_share, 4)
    values["unverified"] = [
        {"subject": subject, "reason": reason, "cure": cure} for subject, reason, cure in summary.unverified
    ]
    return {"version": 1, "manifest": str(target), "bytes": size, **values}


def _print(summary: Summary, target: Path, size: int, cache: CacheUse) -> None:
    from rich.table import Table

    terminal = console()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for title, count, told in _rows(summary):
        table.add_row(title, f"{count:,}", visible(told))
    if cache.state == "used":
        table.add_row("taken over", f"{cache.taken_over:,}", "files as they were in the last scan")
    terminal.print(table)
    if summary.unverified:
        terminal.print(f"\nNot verified: {len(summary.unverified)}", style="yellow")
        for subject, reason, _ in summary.unverified[:_SHOWN]:
            terminal.print(f"  {visible(subject)}: {visible(reason)}")
        if len(summary.unverified) > _SHOWN:
            terminal.print("  … all of them: byline manifest show --json")
    terminal.print(f"\nWrote {visible(str(target))} ({size:,} bytes). Next: byline run app.py")


def _rows(summary: Summary) -> Iterator[tuple[str, int, str]]:
    yield "functions", summary.functions, f"at {summary.revision[:12]}"
    yield "by AI", summary.ai_functions, f"{summary.ai_share:.1%} of all functions"
    yield "with AI lines", summary.ai_touched_functions, f"in {summary.files:,} files"
    yield "AI commits", summary.ai_commits, f"of {summary.commits:,}"
    groups = (
        ("tool", summary.by_tool),
        ("confidence", summary.by_confidence),
        ("evidence", summary.by_evidence),
    )
    for title, counts in groups:
        for number, (name, count) in enumerate(counts.items()):
            yield title if number == 0 else "", count, name
    total = summary.lines_known + summary.lines_unknown
    if total:
        told = f"{summary.known_share:.1%} of the {total:,} lines in these files; {summary.lines_unknown:,} unknown"
        yield "lines known", summary.lines_known, told
        yield "conflicting", summary.lines_conflicting, "lines whose sources disagree"
