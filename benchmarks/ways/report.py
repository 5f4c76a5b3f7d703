"""What was measured, as Markdown tables, goals and a chart: ratios only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WRAPT, FLOOR, OWN = "empty wrapt wrapper", "two clock reads (the floor)", "byline with its drain"
_ROUNDED = 10
"""From here on, whole numbers are exact enough."""

COUNTER = "`try`/`except` with a counter"


@dataclass(frozen=True, slots=True)
class Measured:
    """One Python's figures."""

    found: dict[str, Any]

    @property
    def name(self) -> str:
        """The column's head."""
        return self.found["python"] + (" (PGO)" if self.found["pgo"] else "")

    def added(self, kind: str = "nothing") -> dict[str, float]:
        """Return what each way adds to a bare call of a kind, in seconds; the drain's part by itself too."""
        bare, drain = self.found["taken"][f"{kind} / bare"], self.found["drain"]
        costs = {
            name.partition(" / ")[2]: cost - bare
            for name, cost in self.found["taken"].items()
            if name.startswith(f"{kind} / ") and not name.endswith(" / bare")
        }
        # In "4 threads" the background's work is in the figure already.
        own = costs.get("byline, unsampled trace")
        if own is not None:
            costs[f"{OWN}, unsampled trace"] = own + (drain if kind != "4 threads" else 0.0)
        if "byline, no trace" in costs:
            costs[f"{OWN}, no trace"] = costs["byline, no trace"] + drain
        return costs

    @property
    def own(self) -> float:
        """What byline adds in all, inside a trace that is not sampled."""
        return self.added()[f"{OWN}, unsampled trace"]


def tables(measured: list[dict[str, Any]]) -> str:
    """Return all tables."""
    columns = [Measured(each) for each in measured]
    parts = [
        "The added cost of a call that does nothing, as a multiple of what an empty wrapt wrapper adds:",
        _table("way", columns, _calls(columns)),
        "Other kinds of calls, in the same unit, the bare call of the kind subtracted; with four threads, processor time of the whole process:",
        _table("kind, way", columns, _kinds(columns)),
        "A small web request (Flask, called as WSGI) in which every function is measured, by what a request costs more:",
        _table("way", columns, _requests(columns)),
        "The goals, with the drain and in a trace that is not sampled:",
        _table("goal", columns, _goals(columns)),
    ]
    return "\n\n".join(parts) + "\n"


Row = tuple[str, list[str]]


def _table(head: str, columns: list[Measured], rows: Iterator[Row]) -> str:
    lines = [
        f"| {head} | {' | '.join(each.name for each in columns)} |",
        f"|---|{'---|' * len(columns)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows),
    ]
    return "\n".join(lines)


def _calls(columns: list[Measured]) -> Iterator[Row]:
    last = _of_all(columns, "nothing")
    for name in sorted(last, key=lambda each: last[each]):
        yield name, [_number(each.added().get(name, 0.0) / each.added()[WRAPT]) for each in columns]


def _kinds(columns: list[Measured]) -> Iterator[Row]:
    kinds = dict.fromkeys(name.partition(" / ")[0] for name in columns[-1].found["taken"])
    for kind in kinds:
        if kind in ("nothing", "request"):
            continue
        last = _of_all(columns, kind)
        for name in sorted(last, key=lambda each: last[each]):
            yield (
                f"{kind}: {name}",
                [_number(each.added(kind).get(name, 0.0) / each.added()[WRAPT]) for each in columns],
            )


def _of_all(columns: list[Measured], kind: str) -> dict[str, float]:
    """Return the ways of all columns; of one that several have, the last one's figure, to sort by."""
    found: dict[str, float] = {}
    for each in columns:
        found |= {name: cost / each.added()[WRAPT] for name, cost in each.added(kind).items()}
    return found


def _requests(columns: list[Measured]) -> Iterator[Row]:
    if "request / bare" not in columns[-1].found["taken"]:
        return
    shares = [_shares(each) for each in columns]
    every = {name: share for each in shares for name, share in each.items()}
    for name in sorted(every, key=lambda each: every[each]):
        yield name, [f"{each[name]:+.1%}" if name in each else "" for each in shares]


def _shares(column: Measured) -> dict[str, float]:
    bare = column.found["taken"]["request / bare"]
    costs = column.added("request")
    # One drained sample is in it; a request leaves more of them.
    own = f"{OWN}, unsampled trace"
    costs[own] += column.found["drain"] * (column.found["calls"] - 1)
    return {name: cost / bare for name, cost in costs.items()}


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to reach, on stock builds and on those with PGO."""

    name: str
    stock: float
    pgo: float
    at_least: bool = False

    def cell(self, value: float | None, *, pgo: bool) -> str:
        """Return the figure, and whether it is reached."""
        if value is None:
            return ""
        aim = self.pgo if pgo else self.stock
        met = value >= aim if self.at_least else value <= aim
        return f"{_number(value)} {'✓' if met else f'✗ ({_number(aim)})'}"


GOALS = (
    Goal("times the floor, with the drain, unsampled trace: at most 1.6", 1.6, 1.6),
    Goal("of an empty wrapt wrapper: at most 0.40, PGO 0.65", 0.40, 0.65),
    Goal("times cheaper than `Histogram.record`: 50, PGO 40", 50, 40, at_least=True),
    Goal("times cheaper than span + histogram + counter: 150, PGO 120", 150, 120, at_least=True),
    Goal("times cheaper than autometrics: 20, PGO 18", 20, 18, at_least=True),
    Goal("times cheaper than `Histogram.time`: 5, PGO 4.5", 5, 4.5, at_least=True),
    Goal("times cheaper than `logfire.instrument`: 300, PGO 280", 300, 280, at_least=True),
    Goal("sampled, `BYLINE_SPANS=all`, of an OTel child span: at most 0.9", 0.9, 0.9),
    Goal("sampled, `BYLINE_SPANS=lazy`, of an OTel child span: at most 1/15", 1 / 15, 1 / 15),
    Goal("request of about 40 calls, unsampled trace: at most 10 %", 10, 10),
    Goal("raising call, times `try`/`except` with a counter: at most 3", 3, 3),
    Goal("bytes per marked function: at most 2,500", 2_500, 2_500),
    Goal("µs to mark a function: at most 30", 30, 30),
    Goal("bytes per waiting call: at most 32", 32, 32),
    Goal("bytes left by a million calls: at most 2,000", 2_000, 2_000),
)  # fmt: skip


def _goals(columns: list[Measured]) -> Iterator[Row]:
    values = [_values(each) for each in columns]
    for number, goal in enumerate(GOALS):
        yield (
            goal.name,
            [
                goal.cell(each[number], pgo=column.found["pgo"])
                for each, column in zip(values, columns, strict=True)
            ],
        )


def _values(column: Measured) -> list[float | None]:
    added, own, kept = column.added(), column.own, column.found["memory"]
    span = added["OTel decorator, sampled"]

    def times(name: str) -> float | None:
        return added[name] / own if name in added else None

    taken = column.found["taken"]
    request = _shares(column)[f"{OWN}, unsampled trace"] * 100 if "request / bare" in taken else None
    return [
        own / added[FLOOR],
        own / added[WRAPT],
        times("OTel `Histogram.record`"),
        times("OTel span + histogram + counter, unsampled"),
        times("autometrics, Prometheus"),
        times("prometheus_client `Histogram.time`"),
        times("`logfire.instrument`"),
        added["byline, sampled, `BYLINE_SPANS=all`"] / span,
        added["byline, sampled, `BYLINE_SPANS=lazy`"] / span,
        request,
        taken["raising / byline, unsampled trace"] / taken[f"raising / {COUNTER}"],
        kept["bytes per function"],
        kept["µs to mark a function"],
        kept["bytes per waiting call"],
        kept["bytes left by a million calls"],
    ]


def _number(value: float) -> str:
    if value <= 0:
        return "-"  # not there, or less than what the measurement can tell apart
    return f"{value:.2f}" if abs(value) < _ROUNDED else f"{value:,.0f}"


def chart(measured: dict[str, Any]) -> str:
    """Draw what each way adds to a call that does nothing, on a logarithmic scale, as SVG."""
    import pygal
    from pygal.style import LightColorizedStyle

    column = Measured(measured)
    added = {
        name: cost
        for name, cost in column.added().items()
        if name not in ("byline, no trace", "byline, unsampled trace")
    }
    drawing = pygal.HorizontalBar(
        js=(), show_legend=False, logarithmic=True, print_values=True, explicit_size=True, width=960, height=760,
        disable_xml_declaration=True, style=LightColorizedStyle, truncate_label=-1,
        title=f"Added cost of a call; an empty wrapt wrapper is 1 (Python {column.name})",
        value_formatter=_number,
    )  # fmt: skip
    names = sorted(added, key=lambda each: -added[each])
    drawing.x_labels = [name.replace("`", "") for name in names]
    drawing.add(
        "",
        [
            {
                "value": added[name] / added[WRAPT],
                "color": "#2a9d6e" if name.startswith("byline") else "#9aa0a6",
            }
            for name in names
        ],
    )
    drawn: str = drawing.render(is_unicode=True)
    return drawn
