"""``byline sentry commits``: the commits of a release, for people, for programs and for Sentry."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..exceptions import ManifestError
from . import options
from .output import console, count, moment, print_json, short, visible

if TYPE_CHECKING:
    from .._sentry.release import ReleaseCommit

EXAMPLES = """
\b
Examples:
  byline sentry commits
  byline sentry commits --since 30d --json
  SENTRY_AUTH_TOKEN=… SENTRY_ORG=acme SENTRY_PROJECT=shop byline sentry commits --send
"""
SENTRY_IO = "https://sentry.io"


@click.group()
def command() -> None:
    """Tell Sentry what byline knows."""


@command.command(epilog=EXAMPLES)
@click.option("--manifest", type=click.Path(path_type=Path), help="The manifest. Default: look for it.")
@click.option(
    "--release", metavar="VERSION", help="Of the release. Default: SENTRY_RELEASE, else the revision."
)
@click.option("--since", callback=options.since, metavar="TIME", help="Only commits of that time: 30d, 12h.")
@click.option("--send", is_flag=True, help="Upload them: make or complete the release on the server.")
@options.as_json
def commits(
    *, manifest: Path | None, release: str | None, since: timedelta | None, send: bool, as_json: bool
) -> None:
    """
    Print the commits behind the functions of a release, newest first.

    They are those that the manifest names. With --send they go to Sentry's API: to SENTRY_URL
    (https://sentry.io), SENTRY_ORG and SENTRY_PROJECT, with SENTRY_AUTH_TOKEN, as sentry-cli has them.
    """
    from .._config import Config
    from .._manifest import Manifest, find
    from .._sentry.release import LIMIT, body_of, commits_of

    config = Config.from_env()
    path = find(str(manifest or config.manifest), Path.cwd())
    if path is None:
        raise ManifestError("There is no manifest here or above. Make one: byline scan")
    opened = Manifest.open(path)
    version = release or os.environ.get("SENTRY_RELEASE") or opened.header.revision
    found = commits_of(opened, form=config.author, since=since)
    projects = tuple(filter(None, os.environ.get("SENTRY_PROJECT", "").split(",")))
    body = body_of(version, projects, found[:LIMIT], opened.header.repository)
    if as_json:
        print_json(body)
    elif not send:
        _print(version, found)
    if send:
        _send(body, projects, version, min(len(found), LIMIT))


def _send(body: dict[str, object], projects: tuple[str, ...], version: str, number: int) -> None:
    from .._sentry.release import Destination, send

    destination = Destination(
        os.environ.get("SENTRY_URL") or SENTRY_IO,
        os.environ.get("SENTRY_ORG", ""),
        projects,
        os.environ.get("SENTRY_AUTH_TOKEN", ""),
    )
    send(destination, body)
    click.echo(
        f"Sent {count(number, 'commit')} of release {visible(version)} to {visible(destination.url)}",
        err=True,
    )


def _print(version: str, found: list[ReleaseCommit]) -> None:
    from rich.text import Text

    terminal = console()
    terminal.print(f"Release {visible(version)}: {count(len(found), 'commit')}")
    for each in found:
        facts = [visible(each.author), moment(each.committed_at * 1_000_000_000)]
        if each.tool:
            facts.append(f"{count(each.functions, 'function')} by {visible(each.tool)}")
        terminal.print(Text.assemble((short(each.sha), "bold yellow"), f"  {visible(each.subject)}"))
        terminal.print(f"  {' · '.join(facts)}", style="dim")
