"""``byline completion``: prints the script that completes byline's commands in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

EXAMPLES = """
\b
Examples:
  bash: echo 'eval "$(byline completion bash)"' >> ~/.bashrc
  zsh:  echo 'eval "$(byline completion zsh)"' >> ~/.zshrc
  fish: byline completion fish > ~/.config/fish/completions/byline.fish
"""


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """
    Print a shell's completion script.

    It completes commands, options, commits that failed and incidents.
    """
    from .main import main

    known = get_completion_class(shell)
    if known is None:  # pragma: no cover  # click has had these three from the start
        raise click.UsageError(f"click cannot complete in {shell}.")
    click.echo(known(main, {}, "byline", "_BYLINE_COMPLETE").source())
