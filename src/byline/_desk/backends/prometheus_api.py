"""Prometheus' HTTP API: instant and range queries, and the values of labels; what is asked comes from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ...exceptions import SourceError
from .http import Client, Parameters, field, listed


class Sample(NamedTuple):
    """One number, or one native histogram, of a series."""

    labels: Mapping[str, str]
    at_s: float
    value: float
    histogram: object = None

    def label(self, name: str) -> str:
        """Return a label's value; empty without it."""
        return self.labels.get(name, "")


class Api:
    """A server that speaks it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.name = client.address.name
        self.select = client.address.select

    def query(self, expression: str, at_s: float) -> Iterator[Sample]:
        """Ask for one moment, in seconds since the epoch."""
        data = self._ask("query", {"query": expression, "time": f"{at_s:.3f}"})
        for each in listed(field(data, "result")):
            yield from _samples(each, [field(each, "value")], [field(each, "histogram")])

    def query_range(self, expression: str, start_s: int, end_s: int, step_s: int) -> Iterator[Sample]:
        """Ask for many moments: the first, the last, and those between them."""
        parameters: Parameters = {"query": expression, "start": start_s, "end": end_s, "step": step_s}
        for each in listed(field(self._ask("query_range", parameters), "result")):
            yield from _samples(each, listed(field(each, "values")), listed(field(each, "histograms")))

    def values(self, label: str, series: str, start_s: float) -> list[str]:
        """Return the values that a label has had since a moment."""
        data = self._ask(f"label/{label}/values", {"match[]": series, "start": round(start_s)})
        return [each for each in listed(data) if isinstance(each, str)]

    def _ask(self, path: str, parameters: Parameters) -> object:
        told = self._client.get(f"/api/v1/{path}", parameters)
        if field(told, "status") != "success":
            raise SourceError(
                f"{self.name} answers with JSON that is not Prometheus'. Check the URL: /api/v1/query comes after it."
            )
        return field(told, "data")


def _samples(series: object, values: Sequence[object], histograms: Sequence[object]) -> Iterator[Sample]:
    metric = field(series, "metric")
    labels = {str(name): str(value) for name, value in metric.items()} if isinstance(metric, dict) else {}
    for each in values:
        if isinstance(each, list) and len(each) == 2 and math.isfinite(value := number(each[1])):  # noqa: PLR2004  # time and value
            yield Sample(labels, number(each[0]), value)
    for each in histograms:
        if isinstance(each, list) and len(each) == 2:  # noqa: PLR2004  # as above
            yield Sample(labels, number(each[0]), number(field(each[1], "count")), each[1])


def number(text: object) -> float:
    try:
        return float(text)  # type: ignore[arg-type]  # anything else raises
    except (TypeError, ValueError):
        return math.nan
