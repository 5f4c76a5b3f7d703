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
        start = time.time() - RANGE_S
        if of_label:
            return list(self.get(f"label/{of_label[2]}/values", start=start, **{"match[]": of_label[1]}))
        assert of_metric, query
        return list(self.get("labels", start=start, **{"match[]": of_metric[1]}))

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
        self._variables = drawn["templating"]["list"]
        self.panels = drawn["panels"]

    def choose(self, backend: Backend, **chosen: Value) -> dict[str, Value]:
        """
        Return the value of every variable: what is chosen, else everything, else the first there is.

        Raises:
            AssertionError: A variable's query finds nothing, and nothing is chosen for it.
        """
        values: dict[str, Value] = {}
        for variable in self._variables:
            name = variable["name"]
            if variable["type"] != "query":
                values[name] = variable.get("current", {}).get("value", "")
                continue
            found = backend.values(filled(variable["query"], values))
            if variable.get("regex"):
                pattern = re.compile(variable["regex"].strip("/"))
                matches = [match for match in map(pattern.search, found) if match]
                found = [match[1] if match.re.groups else match[0] for match in matches]
            if name in chosen:
                values[name] = chosen[name]
                continue
            assert found, f"no value for ${name}: {filled(variable['query'], values)}"
            everything: Value = variable.get("allValue", found) if variable.get("includeAll") else found[0]
            values[name] = everything
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


def filled(text: str, values: Mapping[str, Value]) -> str:
    """Put values into a query: several as a regular expression, everything else as it is."""
    built_in = {"__rate_interval": RATE_INTERVAL, "__range": f"{RANGE_S}s"}

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in built_in:
            return built_in[name]
        found = values[name]
        if isinstance(found, str):
            return found
        escaped = [re.sub(r"[\\^$*+?.()|\[\]{}]", r"\\\\\g<0>", each) for each in found]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return re.sub(r"\$(?:(\w+)|\{(\w+)(?::\w+)?\})", value, text)
