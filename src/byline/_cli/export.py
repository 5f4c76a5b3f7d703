"""``byline export``: the store as tables for other tools."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .output import iso

if TYPE_CHECKING:
    from .._desk.export import Table

EXAMPLES = """
\b
Examples:
  byline export --format csv > incidents.csv
  byline export --table latency --format parquet --output latency.parquet
  byline export --format json --since 7d | jq -c '{time, commit, error_type}'
  duckdb -c "select commit, count(*) from 'incidents.parquet' group by 1"

\b
The columns are listed in the reference, under "Exported tables".
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--table",
    type=click.Choice(["incidents", "latency", "functions", "findings"]),
    default="incidents",
    show_default=True,
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "parquet", "json"]),
    default="csv",
    show_default=True,
    help="json is one object a line; parquet needs byline[parquet] and --output.",
)
@options.looking_back()
@options.output
@options.store
def command(
    *, table: Table, form: str, since: timedelta | None, output: Path | None, store: Path | None
) -> None:
    """
    Write a table of the store for other tools.

    For DuckDB, Datasette, a notebook or a spreadsheet. Authors are not in the tables.
    """
    from .._desk import export
    from .._desk.places import open_store

    if form == "parquet" and output is None:
        raise click.UsageError("--format parquet needs --output: a Parquet file cannot be written to a pipe.")
    write = export.write_csv if form == "csv" else export.write_json
    with open_store(store) as opened:
        found = export.rows(opened, table, since=since)
        try:
            if form == "parquet" and output is not None:
                export.write_parquet(output, table, found)
            elif output is None:
                write(sys.stdout, table, found, iso)
            else:
                with output.open("w", encoding="utf-8", newline="") as file:
                    write(file, table, found, iso)
        except BrokenPipeError:
            raise  # click ends quietly: whoever reads has enough
        except OSError as error:
            raise click.UsageError(f"{str(output)!r} cannot be written: {error.strerror}.") from error
