"""``byline demo``: the main job on a small real service, in a folder of its own."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import click

from ..exceptions import ConfigError

EXAMPLES = """
\b
Examples:
  byline demo
  byline demo shop-demo
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
def command(*, folder: Path | None) -> None:
    """
    See byline at work on a small shop with planted failures.

    Makes a git repository with people's and AI tools' commits in FOLDER (default: a new
    temporary one), runs the service under load, and asks which commits failed. The folder stays.
    """
    from .._demo.show import play

    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="byline-demo-"))
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"The folder {str(folder)!r} is not empty. Name a new one.")
    else:
        folder.mkdir(parents=True, exist_ok=True)
    play(folder.resolve(), _say)
    _say(f"Everything is in {folder}. Try next:")
    for line in (
        *_put_on_path(),
        f"cd {shlex.quote(str(folder))}",
        "byline why --json",
        "byline incidents --since 1h",
        *(["byline coverage"] if sys.version_info >= (3, 12) else []),
        "byline manifest show",
        "byline doctor",
    ):
        click.echo(f"  {line}")


def _put_on_path() -> list[str]:
    """Return what makes the next commands work where this one was started by its whole path."""
    scripts = Path(sys.executable).parent
    if shutil.which("byline") or not (scripts / "byline").exists():
        return []
    return [f"export PATH={shlex.quote(str(scripts))}:$PATH"]


def _say(line: str) -> None:
    """Print a line of the story, set apart from what the commands print."""
    if line.startswith("$"):
        click.secho(f"\n{line}", bold=True, fg="cyan")
    else:
        click.echo(line)
