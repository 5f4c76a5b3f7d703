"""The ``byline`` command: loads a subcommand when it is used, and turns byline's errors into one sentence."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from ..exceptions import BylineError, NotFoundError
from .output import visible

COMMANDS = (
    "scan",
    "build",
    "run",
    "status",
    "latency",
    "incidents",
    "why",
    "findings",
    "coverage",
    "report",
    "export",
    "blame",
    "demo",
    "doctor",
    "manifest",
    "serve",
    "dashboards",
    "sentry",
    "completion",
)
"""In the order of use, which is the order of ``--help``. Each is ``command`` in the module of its name."""

_LONGEST = 2_000

EXAMPLES = """
\b
Examples:
  byline demo                   see it work on a small shop
  byline scan                   who wrote which function: reads git, writes the manifest
  byline build                  the same, into a package or image that has no git
  byline run app.py             measure those functions and record their failures
  byline status                 is what was deployed lately any worse
  byline why                    explain the last failure
  byline incidents --since 48h  which commits failed in two days
  byline findings               what AI code swallowed
  byline coverage               which AI lines ran, and which never did
  byline blame app.py:42        who wrote a line, and all the evidence

\b
Exit status: 0 done, 1 nothing found or a check failed, 2 wrong usage or an error.
Colours obey NO_COLOR and FORCE_COLOR. Shell completion: byline completion --help
"""


class Commands(click.Group):
    """A group that imports a subcommand's module when it is asked for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Import a command; None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{cmd_name}", __package__)
        command: click.Command = module.command
        return command

    def main(self, args: Sequence[str] | None = None, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # click's signature
        """Run; what a terminal's encoding can't show is escaped, not an error."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(
                stream, "reconfigure"
            ):  # pragma: no branch  # a program may have put another object there
                stream.reconfigure(errors="backslashreplace")
        with _pipes_may_close():
            return super().main(args, *arguments, **options)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:  # noqa: ANN401  # click's signature
        """Parse; ``--help`` prints here."""
        with _who_reads_may_have_enough():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # click's signature
        """Run the subcommand."""
        try:
            with _who_reads_may_have_enough():
                return super().invoke(ctx)
        except NotFoundError as error:
            raise NothingFound(visible(str(error), limit=_LONGEST)) from error
        except BylineError as error:
            raise Failed(visible(str(error), limit=_LONGEST)) from error
        except click.UsageError as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # click before 8.2 has no such class
                raise
            raise _Usage(error) from error


@contextmanager
def _who_reads_may_have_enough() -> Iterator[None]:
    """End with status 0 when nobody reads any more, as in ``byline report | head``; click would say 1."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        raise SystemExit(0) from error


@contextmanager
def _pipes_may_close() -> Iterator[None]:
    """Let go of what nobody reads any more, or Python complains about it when it ends."""
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Usage(click.UsageError):
    """Wrong usage, told safely: click repeats arguments as they are."""

    def __init__(self, error: click.UsageError) -> None:
        super().__init__(visible(" ".join(error.format_message().split()), limit=_LONGEST), error.ctx)


class Failed(click.ClickException):
    """An error of byline's: click shows it as one sentence on stderr."""

    exit_code = 2


class NothingFound(click.ClickException):
    """There is no such thing."""

    exit_code = 1


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001  # click's signature
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"byline {version('byline')}")
    ctx.exit()


@click.group(
    cls=Commands,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Measure the functions that AI wrote, and name the commit behind each failure."""
