"""
Runs a board's queries as Grafana would: its variables one after another, then every panel.

Grafana itself cannot be installed here; what it does with variables is done here by its documentation.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

RATE_INTERVAL, RANGE_S = "10s", 60

Value = str | list[str]


class Query(NamedTuple):
    """One query of one panel."""

    panel: str
    expression: str
    is_instant: bool
    has_exemplars: bool


class Backend:
    """A server with the HTTP API of Prometheus."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, path: str, **parameters: Any) -> Any:
        """Ask; an answer that says no fails the test."""
        query = urllib.parse.urlencode(
            {name.rstrip("_"): value for name, value in parameters.items()}, doseq=True
        )
        try:
            with urllib.request.urlopen(f"{self._address}/api/v1/{path}?{query}", timeout=30) as answer:  # noqa: S310
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode(errors='replace')}") from None
        assert told["status"] == "success", told
        return told["data"]

    def values(self, query: str) -> list[str]:
        """Answer a variable's query."""
        of_label = re.fullmatch(r"label_values\((.+), *(\w+)\)", query)
        of_metric = re.fullmatch(r"label_names\((.+)\)", query)
        of_result = re.fullmatch(r"query_result\((.+)\)", query)
        start = time.time() - RANGE_S
        if of_result:
            found = self.get("query", query=of_result[1], time=time.time())["result"]
            return [_line_of(each) for each in found]
        if of_label:
            return list(self.get(f"label/{of_label[2]}/values", start=start, **{"match[]": of_label[1]}))
        assert of_metric, query
        selector = f'{{__name__=~".*{of_metric[1]}.*"}}'
        return list(self.get("labels", start=start, **{"match[]": selector}))

    def ask(self, query: Query, expression: str) -> list[dict[str, Any]]:
        """Return the series of a query that hold a number."""
        if query.is_instant:
            found = self.get("query", query=expression, time=time.time())["result"]
            return [each for each in found if each["value"][1] != "NaN"]
        now = time.time()
        found = self.get("query_range", query=expression, start=now - RANGE_S, end=now, step=1)["result"]
        return [each for each in found if any(value != "NaN" for _, value in each["values"])]

    def exemplars(self, expression: str) -> list[dict[str, Any]]:
        """Return the exemplars of the series in an expression."""
        now = time.time()
        found = self.get("query_exemplars", query=expression, start=now - RANGE_S, end=now)
        return [each for series in found for each in series["exemplars"]]


class Board:
    """A dashboard, as the package carries it."""

    def __init__(self, path: Path) -> None:
        drawn = json.loads(path.read_text("utf-8"))
        self.histograms = path.parent.parent.name
        self._variables = drawn["templating"]["list"]
        self.panels = drawn["panels"]

    def choose(self, backend: Backend, **chosen: Value) -> dict[str, str]:
        """
        Return the value of every variable, as it stands in queries: what is chosen, else everything, else the first.

        Raises:
            AssertionError: A variable's query finds nothing, and nothing is chosen for it.
        """
        values: dict[str, str] = {}
        for variable in self._variables:
            name = variable["name"]
            if variable["type"] != "query":
                values[name] = variable.get("current", {}).get("value", "")
                continue
            query = filled(variable["query"], values)
            found = backend.values(query)
            if variable.get("regex"):
                pattern = re.compile(variable["regex"].strip("/"))
                matches = [match for match in map(pattern.search, found) if match]
                found = [match[1] if match.re.groups else match[0] for match in matches]
            if name in chosen:
                values[name] = _escaped(chosen[name], variable)
                continue
            assert found, f"no value for ${name}: {query}"
            if not variable.get("includeAll"):
                values[name] = _escaped(found[0], variable)
                continue
            # What stands for everything is taken as it is.
            values[name] = variable.get("allValue") or _escaped(found, variable)
        return values

    def queries(self, kind: str = "prometheus") -> Iterator[Query]:
        """List the queries that go to one kind of data source."""
        for panel in self.panels:
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == kind:
                    yield Query(
                        panel["title"], target.get("expr") or target["query"],
                        bool(target.get("instant")), bool(target.get("exemplar")),
                    )  # fmt: skip


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put the values of variables into a query; those that Grafana has itself need not be given."""
    built_in = {"__rate_interval": RATE_INTERVAL, "__range": f"{RANGE_S}s", "__auto": RATE_INTERVAL}

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name.isdigit():  # of a pattern; Grafana has no such variable, and leaves it
            return match[0]
        return values[name] if name in values else built_in[name]

    return re.sub(r"\$(?:(\w+)|\{(\w+)(?::\w+)?\})", value, text)


def _escaped(chosen: Value, variable: Mapping[str, Any]) -> str:
    """Write what is chosen as Grafana's Prometheus data source does: as a pattern where several can be chosen."""
    if not variable.get("multi") and not variable.get("includeAll"):
        assert isinstance(chosen, str)
        return chosen.replace("\\", r"\\").replace("'", r"\\'")
    several = [chosen] if isinstance(chosen, str) else chosen
    escaped = [re.sub(r"[$^*{}\[\]+?.()|]", r"\\\\\g<0>", each.replace("\\", r"\\\\")) for each in several]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _line_of(series: Mapping[str, Any]) -> str:
    """Write a series as the line of text that a variable's pattern looks into."""
    labels = ",".join(f'{name}="{value}"' for name, value in series["metric"].items() if name != "__name__")
    at, value = series["value"]
    return f"{series['metric'].get('__name__', '')}{{{labels}}} {value} {at * 1000:.0f}"
