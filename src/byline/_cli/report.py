"""``byline report``: the bug log."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .output import iso, moment

if TYPE_CHECKING:
    from .._desk.backends.address import Address

EXAMPLES = """
\b
Examples:
  byline report                              the last seven days, as Markdown
  byline report --since 30d --format html --output report.html
  byline report --format json | jq '.tools[] | {tool, model, rate, low, high}'

\b
JSON keys: version, since, until, per, calls, failed, incidents, findings, patterns[], tools[],
commits[], unverified[]. New keys may come; these stay.
"""


@click.command(epilog=EXAMPLES)
@options.looking_back("7d")
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json", "html"]),
    default="markdown",
    show_default=True,
    help="html needs byline[web].",
)
@options.output
@options.store
@options.source("prometheus")
def command(
    *, since: timedelta, form: str, output: Path | None, store: Path | None, source: Address | None
) -> None:
    """
    Write the bug log: what failed, and what is not known.

    Incidents and swallowed exceptions by failure pattern, failures by tool and model with their intervals, and what was not verified. People are not in it.
    """
    from .._desk import report_text
    from .._desk.backends.opening import open_source
    from .._desk.report import report

    with closing(open_source(source, store)) as opened:
        found = report(opened, since=since)
    if form == "json":
        text = json.dumps(report_text.as_json(found, iso), indent=2) + "\n"
    elif form == "html":
        text = report_text.as_html(found, moment)
    else:
        text = report_text.as_markdown(found, moment)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{str(output)!r} cannot be written: {error.strerror}.") from error
