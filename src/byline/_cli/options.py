"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ..exceptions import BylineError

if TYPE_CHECKING:
    from .._config import AuthorForm

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36_500)

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


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


def complete_version(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:  # noqa: ARG001  # click's signature
    """Offer the commits that made versions of functions, the newest first."""
    from .._desk.places import open_store

    with suppress(BylineError), open_store(ctx.params.get("store")) as store:
        seen = sorted(store.functions(), key=lambda each: -each.first_seen_ns)
        names = dict.fromkeys(each.last_commit[:12] for each in seen if each.last_commit)
        return [CompletionItem(name) for name in names if name.startswith(typed)]
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


def source(*backends: str) -> Decorator:
    """Return the option that names whom to ask, for a command that the store and some backends can answer."""
    able = ("store", *(f"{each}=URL" for each in backends))

    def read(ctx: click.Context, parameter: click.Parameter, value: str) -> object:  # noqa: ARG001  # click's signature
        from .._desk.backends import address
        from .._desk.backends.opening import ANSWERS

        found = address.read(value)
        if found is not None and found.backend not in backends:
            raise click.UsageError(
                f"{address.TITLES[found.backend]} cannot answer byline {ctx.info_name}: of byline's telemetry it holds "
                f"{ANSWERS[found.backend]}. Sources that can: {', '.join(able)}."
            )
        return found

    return click.option(
        "--source", metavar="NAME", default="store", callback=read,
        help=f"Whom to ask: {' or '.join(able)}. Tokens come from the environment. Default: store.",
    )  # fmt: skip


output = click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Default: standard output."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def looking_back(default: str = "", *, what: str = "How far to look back") -> Decorator:
    """Add ``--since``; without a default it is None, which means all."""
    return click.option(
        "--since", metavar=default or "48h", default=default or None, callback=since,
        help=f"{what}: a number and s, m, h, d or w. Default: {default or 'all'}.",
    )  # fmt: skip


def limit(what: str) -> Decorator:
    """Add ``--limit`` to a command that lists something."""
    return click.option(
        "--limit", type=click.IntRange(0), default=20, show_default=True, help=f"So many {what}; 0 for all."
    )


@dataclass(frozen=True, slots=True)
class Scanning:
    """How to scan, as the commands that do it are told."""

    everything: bool
    fetches: bool
    allow_shallow: bool
    author: AuthorForm
    moves: bool
    cache: bool


_SCANNING = (
    click.option(
        "--all", "everything", is_flag=True, help="Also attribute lines older than the first AI commit."
    ),
    click.option(
        "--fetch", "fetches", is_flag=True,
        help="First fetch notes and the heads of pull requests from the remote.",
    ),
    click.option(
        "--allow-shallow", is_flag=True, help="Go on in a shallow clone; older lines are unknown."
    ),
    click.option(
        "--author", type=click.Choice(["name", "email"]), default="name", show_default=True,
        help="Write people by name or by e-mail address.",
    ),
    click.option(
        "--moves", is_flag=True,
        help="Give moved and copied lines to whoever wrote them first; takes many times longer.",
    ),
    click.option(
        "--cache/--no-cache", default=True, show_default=True,
        help="Go on from the last scan, kept in .git/byline. The result is the same.",
    ),
)  # fmt: skip


def scanning(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a scan to a command, which gets them as one ``how``."""

    @wraps(command)
    def with_how(**values: Any) -> None:  # noqa: ANN401  # click's
        how = Scanning(**{name: values.pop(name) for name in Scanning.__dataclass_fields__})
        command(**values, how=how)

    found: Callable[..., None] = with_how
    for option in reversed(_SCANNING):
        found = option(found)
    return found
