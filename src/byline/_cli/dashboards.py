"""``byline dashboards``: Grafana's boards and Prometheus' rules, into a folder."""

from __future__ import annotations

import json
from pathlib import Path

import click

from . import options

EXAMPLES = """
\b
Examples:
  byline dashboards grafana
  byline dashboards grafana --histograms native
  byline dashboards grafana --runbook https://wiki.example.com/byline
  byline dashboards grafana --sentry https://sentry.example.com/organizations/shop/issues/

\b
Then mount grafana/dashboards where grafana/provisioning/byline.yaml says, or import the boards by hand,
and name grafana/rules/byline.yaml under rule_files in prometheus.yml.
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--histograms",
    type=click.Choice(["classic", "native"]),
    default="classic",
    show_default=True,
    help="How byline.call.duration is stored: in buckets (also VictoriaMetrics), or as Prometheus' native histograms.",
)
@click.option(
    "--runbook",
    metavar="URL",
    help="The page that alerts link to. Default: byline's own, as a path in its repository.",
)
@click.option(
    "--sentry",
    metavar="URL",
    help="Your Sentry's page of issues, to which commits lead. Default: that of sentry.io.",
)
@options.as_json
def command(*, folder: Path, histograms: str, runbook: str | None, sentry: str | None, as_json: bool) -> None:
    """
    Write Grafana dashboards and alert rules.

    They go into FOLDER, with the file that tells Grafana of them.

    Files of an earlier version are replaced; others in FOLDER stay.
    """
    from .._grafana import files

    written = files.write(
        folder,
        histograms="native" if histograms == "native" else "classic",
        runbook=(runbook or files.RUNBOOK).rstrip("#"),
        sentry=sentry or files.SENTRY,
    )
    if as_json:
        click.echo(
            json.dumps(
                {
                    "version": 1,
                    "files": [{"path": str(path), "changed": changed} for path, changed in written],
                },
                indent=2,
            )
        )
        return
    for path, changed in written:
        click.echo(f"{'wrote' if changed else 'kept '}  {path}")
