"""How long functions take, by function or by the commit that wrote them, now and before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from .._model import Unverified
from ..exceptions import NotFoundError
from ..store import Latency, Totals
from .numbers import FunctionNumbers, numbers_of
from .source import Source

By = Literal["function", "commit", "version"]
Sort = Literal["time", "calls", "errors", "max"]

_FIELD: dict[By, str] = {"function": "function", "commit": "commit", "version": "last_commit"}


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """The calls of one function, commit or version."""

    name: str
    """The function's full name, or the full SHA; empty when the commit is not known."""

    functions: int
    """How many functions are in it."""

    total_s: float
    after: FunctionNumbers
    """In the window, or of the version that was asked for."""

    before: FunctionNumbers | None
    """In the window before that, or of the version before; None without calls."""


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """The answer of ``byline latency``."""

    rows: tuple[LatencyRow, ...]
    found: int
    """Rows in all, also those beyond the limit."""

    unverified: tuple[Unverified, ...]


def latency(  # noqa: PLR0913  # keyword-only filters
    store: Source,
    *,
    what: str | None = None,
    by: By = "function",
    since: timedelta = timedelta(days=1),
    sort: Sort = "time",
    limit: int | None = None,
    now: datetime | None = None,
) -> LatencyReport:
    """
    Report durations, what took most of the time first.

    Args:
        what: A function's full name, or a commit: then the versions that it made, each beside the one before it.

        by: What the calls are added up by.

        since: How long the window is; the one before it is as long.

        limit: So many rows at most; None means all.

    Raises:
        UnknownCommitError: The prefix names several commits of the store.

        NotFoundError: No calls are recorded.
    """
    now = now or datetime.now(UTC)
    function, version = _subject(store, what)
    if version:
        return _versions(store, version, sort, limit)
    window = now - since
    groups = _groups(store.totals(since=window, until=now), by, function)
    ordered = sorted(groups, key=lambda name: _rank(groups[name], sort), reverse=True)
    rows = [
        LatencyRow(
            name,
            len({each.function for each in groups[name]}),
            sum(each.total_s for each in groups[name]),
            after,
            numbers_of(name, _rows(store, by, name, function, window - since, window)),
        )
        for name in ordered[:limit]
        if (after := numbers_of(name, _rows(store, by, name, function, window, now))) is not None
    ]
    if not rows:
        raise NotFoundError(
            f"No calls{f' of {function}' if function else ''} are recorded in this time. Look further back: --since 7d"
        )
    return LatencyReport(tuple(rows), len(groups), store.gaps())


def _subject(store: Source, what: str | None) -> tuple[str | None, str]:
    """Tell a function's name from a commit: only names have dots or letters beyond f."""
    if not what:
        return None, ""
    if set(what.lower()) - set("0123456789abcdef"):
        return what, ""
    return None, store.commit(what)


def _groups(totals: Sequence[Totals], by: By, function: str | None) -> dict[str, list[Totals]]:
    groups: dict[str, list[Totals]] = {}
    for each in totals:
        if function is None or each.function == function:
            groups.setdefault(str(getattr(each, _FIELD[by])), []).append(each)
    return groups


def _rank(totals: Sequence[Totals], sort: Sort) -> float:
    ranks: dict[Sort, Callable[[Totals], float]] = {
        "time": lambda each: each.total_s,
        "calls": lambda each: each.calls,
        "errors": lambda each: each.calls if each.error_type else 0,
        "max": lambda each: each.maximum_s,
    }
    values = [ranks[sort](each) for each in totals]
    return max(values) if sort == "max" else sum(values)


def _rows(  # noqa: PLR0913, PLR0917  # one query
    store: Source, by: By, name: str, function: str | None, since: datetime, until: datetime
) -> tuple[Latency, ...]:
    return store.latency(
        function=name if by == "function" else function,
        commit=name if by == "commit" else None,
        last_commit=name if by == "version" else None,
        since=since,
        until=until,
    )


def _versions(store: Source, version: str, sort: Sort, limit: int | None) -> LatencyReport:
    """Report each function that a commit changed, and its version before."""
    seen = sorted(store.functions(), key=lambda each: each.first_seen_ns)
    before: dict[str, str | None] = {}
    previous: dict[str, str] = {}
    for each in seen:
        if each.last_commit == version:
            before.setdefault(each.function, previous.get(each.function))
        else:
            previous[each.function] = each.last_commit
    groups = _groups(store.totals(last_commit=version), "function", None)
    ordered = sorted(groups, key=lambda name: _rank(groups[name], sort), reverse=True)
    rows = []
    for name in ordered[:limit]:
        after = numbers_of(name, store.latency(function=name, last_commit=version))
        old = before.get(name)
        earlier = numbers_of(name, store.latency(function=name, last_commit=old)) if old is not None else None
        if after is not None:
            rows.append(LatencyRow(name, 1, sum(each.total_s for each in groups[name]), after, earlier))
    if not rows:
        raise NotFoundError(f"No calls of a version that {version[:10]} made are recorded.")
    return LatencyReport(tuple(rows), len(groups), store.gaps())
