"""How commands print: safe text, times, durations, JSON, and the terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from .._desk.words import SHA_DIGITS, ago, count, duration, iso, moment, share, short, visible

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "SHA_DIGITS", "ago", "console", "count", "duration", "iso", "moment", "print_json", "share", "short", "visible",
]  # fmt: skip

_WIDE = 200
NARROW = 64
"""Columns of a terminal below which tables leave something out, so that no line is broken."""


def console() -> Console:
    """Return the terminal; colours obey NO_COLOR and FORCE_COLOR, and nothing in a text is markup."""
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to the command, as without rich: rich would exit with status 1."""
            raise  # noqa: PLE0704  # rich calls this where it handles the error

    # Without a terminal nothing is as narrow as one: a pipe gets whole lines.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE
    return Terminal(highlight=False, markup=False, emoji=False, width=width, soft_wrap=True)


def print_json(value: object) -> None:
    """Print a value as JSON, in ASCII: readable by every program, whatever is in it."""
    click.echo(json.dumps(value, indent=2))
