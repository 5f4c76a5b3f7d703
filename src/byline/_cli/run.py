"""``byline run``: starts a program with byline on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from .._config import Config
from ..exceptions import ManifestError, RunError, StoreError

EXAMPLES = """
\b
Examples:
  byline run app.py
  byline run -m shop.worker --queue mail
  byline run gunicorn shop.web:app --workers 4
"""


@click.command(
    epilog=EXAMPLES,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--manifest", type=click.Path(path_type=Path), help="The manifest. Default: look for it.")
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="The store to write. Default: .byline/byline.db beside the manifest.",
)
@click.option(
    "--no-store", is_flag=True, help="Write no store; the program's own OpenTelemetry gets everything."
)
@click.option("-m", "module", is_flag=True, help="Run a module, as python -m does.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="PROGRAM [ARGUMENT]...")
def command(
    *, manifest: Path | None, store: Path | None, no_store: bool, module: bool, words: tuple[str, ...]
) -> None:
    """
    Run a program with every AI function measured.

    The functions are those that the manifest of `byline scan` names. Failures and
    latencies go to the embedded store, for `byline why` and `byline incidents`.
    """
    from .._instrumentation.command import bare_line, command_line, environment, program_name
    from .._manifest import Manifest, find

    config = Config.from_env(os.environ)
    words = ("-m", *words) if module else words
    line = command_line(words)
    if config.disabled:
        click.echo("byline: off (BYLINE_DISABLED)", err=True)
        _become(bare_line(words), dict(os.environ))
    entry = Path(words[0]) if Path(words[0]).is_file() else Path.cwd()
    found = find(str(manifest or config.manifest), entry) or find("", Path.cwd())
    if found is not None:
        try:
            Manifest.open(found)
        except ManifestError as error:
            if manifest or config.manifest:
                raise
            # Merely found: the program runs on without it.
            click.echo(f"byline: {error}", err=True)
            found = None
    named = store or (Path(config.store) if config.store else None)
    place = None if no_store else _ready(named, default=_beside(found))
    _say(found, place)
    _become(line, environment(os.environ, program=program_name(words), manifest=found, store=place))


def _ready(named: Path | None, *, default: Path) -> Path | None:
    """Make sure that a store can be written; None when the default one cannot, and the program runs on without it."""
    from ..store import Store

    try:
        Store.open(named or default, create=True).close()
    except StoreError as error:
        if named:
            raise
        click.echo(f"byline: {error}\nbyline: nothing is recorded", err=True)
        return None
    return named or default


def _become(line: list[str], environ: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    try:
        os.execve(line[0], line, environ)  # noqa: S606  # no shell is wanted
    except OSError as error:
        raise RunError(f"{line[0]!r} cannot be started: {error.strerror}.") from error


def _beside(manifest: Path | None) -> Path:
    """Return the store's default place: in the folder that holds the manifest, else here."""
    if manifest is not None and manifest.parent.name == ".byline":
        return manifest.parent / "byline.db"
    return Path(".byline") / "byline.db"


def _say(manifest: Path | None, store: Path | None) -> None:
    """Tell on stderr what is on; the program's own output stays as it is."""
    if manifest is None:
        click.echo(
            "byline: no manifest, so only @ai_generated functions are measured. Make one: byline scan",
            err=True,
        )
    if store is not None:
        click.echo(f"byline: writing to {store}", err=True)
