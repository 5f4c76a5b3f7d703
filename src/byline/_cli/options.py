"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ..exceptions import BylineError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36_500)


def since(ctx: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:
    """Read how long ago: ``48h``."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9})([smhdw])", value.strip().lower(), re.ASCII)
    if match is None:
        said = f"{value!r} is not a duration. Write a number and s, m, h, d or w, as in 48h."
        raise click.BadParameter(said, ctx, parameter)
    return min(timedelta(**{_UNITS[match[2]]: int(match[1])}), _LONGEST)


def complete_commit(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:  # noqa: ARG001  # click's signature
    """Offer the commits that have incidents."""
    from .._desk.places import open_store

    with suppress(BylineError), open_store(ctx.params.get("store")) as store:
        return [
            CompletionItem(each.commit[:12], help=each.suspect.subject if each.suspect else "")
            for each in store.by_commit()
            if each.commit.startswith(typed) and each.commit
        ]
    return []


def complete_incident(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:  # noqa: ARG001  # click's signature
    """Offer the newest incident of each kind, and files."""
    from .._desk.places import open_store

    with suppress(BylineError), open_store(ctx.params.get("store")) as store:
        found = [
            CompletionItem(each.last_id, help=f"{each.error_type} in {each.function}")
            for each in store.kinds(limit=20)
            if each.last_id.startswith(typed)
        ]
        if found:
            return found
    return [CompletionItem(typed, type="file")]


def complete_file(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:  # noqa: ARG001  # click's signature
    """Offer files."""
    return [CompletionItem(typed, type="file")]


store = click.option(
    "--store",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The store to read. Default: BYLINE_STORE, else .byline/byline.db here or above.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
