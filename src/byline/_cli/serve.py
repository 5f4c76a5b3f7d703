"""``byline serve``: the desk as pages on this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from ..exceptions import ManifestError, MissingExtraError
from . import options

EXAMPLES = """
\b
Examples:
  byline serve
  byline serve --port 0 --open
  byline serve --store /srv/shop/.byline/byline.db

\b
The pages can only be read, and only from this machine. To read them elsewhere, forward the port:
  ssh -L 8765:127.0.0.1:8765 HOST
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8765,
    show_default=True,
    help="0 takes one that is free.",
)
@click.option("--open", "opens", is_flag=True, help="Open the first page in a browser.")
@options.store
def command(*, port: int, opens: bool, store: Path | None) -> None:
    """
    Show commits, functions and incidents as pages.

    Read-only, on 127.0.0.1, over the store, and up to date while they are open. Needs byline[web].
    """
    from .._desk.places import open_manifest, open_store

    try:
        from .._web.server import serve
    except ImportError as error:
        raise MissingExtraError("byline serve needs its web extra. Run: pip install 'byline[web]'") from error
    with open_store(store) as opened:
        path = opened.path
    manifest = None
    with suppress(ManifestError):  # lines of code are shown only where the scanned files are
        manifest = open_manifest(None, start=path.parent)

    def ready(address: str) -> None:
        click.echo(f"{path} at {address} (end with Ctrl-C)")
        if opens:
            click.launch(address)

    serve(path, port, manifest=manifest, ready=ready)
