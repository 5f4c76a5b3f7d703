"""Every panel and variable of every board, on a shop's telemetry in real Prometheus and VictoriaMetrics servers."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from byline import _semconv
from byline._grafana import files

from . import metric_shop, serving
from .grafana import Backend, Board, Value, filled
from .programs import program

pytestmark = pytest.mark.server

PATHS = {
    "scrape": "classic",
    "scrape into native histograms": "native",
    "OTLP and remote write": "classic",
    "OTLP": "classic",
    "OTLP with exponential histograms": "classic",
}
"""The ways to a server, and the kind of histogram that it ends up with."""

LOAD_S = 20


class Way:
    """One way from the shop to a metrics server, with what was measured at its start."""

    def __init__(self, backend: Backend, shop: metric_shop.Shop, folder: Path, histograms: str) -> None:
        self.backend = backend
        self.shop = shop
        self._folder = folder
        self._histograms = histograms

    def board(self, name: str) -> Board:
        """Return a board for the kind of histograms that this way ends up with."""
        return Board(files.GENERATED / self._histograms / "dashboards" / f"{name}.json")

    def took(self, instance: str) -> list[float]:
        """Return how long the calls of ``quote`` took in one process, in seconds."""
        lines = (self._folder / f"took-{instance}").read_text().splitlines()[:-1]
        return [json.loads(line) for line in lines]


SCRAPE = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: shop
    scrape_protocols: [OpenMetricsText1.0.0]
    convert_classic_histograms_to_nhcb: {native}
    static_configs: [{{targets: {targets}}}]
"""


def prometheus(stack: ExitStack, folder: Path, configuration: str) -> str:
    """Start a Prometheus; return its address."""
    (folder / "prometheus.yml").write_text(configuration)
    port = serving.free_port()
    words = [
        program("prometheus"), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage,native-histograms",
    ]  # fmt: skip
    stack.enter_context(serving.running(words, folder)).listens(port)
    return f"http://127.0.0.1:{port}"


def victoria_metrics(stack: ExitStack, folder: Path) -> str:
    """Start a VictoriaMetrics; return its address."""
    port = serving.free_port()
    words = [
        program("victoria-metrics"), f"-storageDataPath={folder / 'victoria'}", f"-httpListenAddr=127.0.0.1:{port}",
        "-opentelemetry.usePrometheusNaming", "-search.latencyOffset=0s",
    ]  # fmt: skip
    stack.enter_context(serving.running(words, folder)).listens(port)
    return f"http://127.0.0.1:{port}"


def vmagent(stack: ExitStack, folder: Path, target: str) -> str:
    """Start an agent that takes OTLP and writes it on to a Prometheus; return its address."""
    port = serving.free_port()
    words = [
        program("vmagent"), f"-remoteWrite.url={target}/api/v1/write", "-remoteWrite.forcePromProto",
        "-remoteWrite.flushInterval=200ms", f"-remoteWrite.tmpDataPath={folder / 'agent'}",
        f"-httpListenAddr=127.0.0.1:{port}", "-opentelemetry.usePrometheusNaming",
    ]  # fmt: skip
    stack.enter_context(serving.running(words, folder)).listens(port)
    return f"http://127.0.0.1:{port}"


def begin(stack: ExitStack, way: str, folder: Path) -> tuple[str, str, list[str]]:
    """Start the servers of a way; return where to ask, the shop's way to report, and an address for each of its processes."""
    if way.startswith("scrape"):
        ports = [str(serving.free_port()) for _ in range(2)]
        targets = json.dumps([f"127.0.0.1:{port}" for port in ports])
        native = "true" if PATHS[way] == "native" else "false"
        return prometheus(stack, folder, SCRAPE.format(targets=targets, native=native)), "scrape", ports
    if way == "OTLP and remote write":
        server = prometheus(stack, folder, "scrape_configs: []\n")
        return server, "otlp", [f"{vmagent(stack, folder, server)}/opentelemetry/v1/metrics"] * 2
    server = victoria_metrics(stack, folder)
    return (
        server,
        "exponential" if "exponential" in way else "otlp",
        [f"{server}/opentelemetry/v1/metrics"] * 2,
    )


@pytest.fixture(scope="module")
def ways(tmp_path_factory) -> Iterator[dict[str, Way]]:
    """Drive two deployments of the shop on every way, at the same time and for a while."""
    found, processes = {}, []
    shop = metric_shop.make(tmp_path_factory.mktemp("shop"))
    for checkout in (shop.before, shop.after):
        serving.byline(checkout, "scan")
    with ExitStack() as stack:
        for name, histograms in PATHS.items():
            folder = tmp_path_factory.mktemp("way")
            address, path, targets = begin(stack, name, folder)
            for checkout, target in zip((shop.before, shop.after), targets, strict=True):
                took = folder / f"took-{checkout.name}"
                words = [sys.executable, "program.py", path, target, checkout.name, str(took)]
                processes.append(stack.enter_context(serving.running(words, checkout)))
            found[name] = Way(Backend(address), shop, folder, histograms)
        for process in processes:
            process.wait_for("open")
        time.sleep(LOAD_S)
        assert all(each.is_running() for each in processes), [each.said() for each in processes]
        yield found


@pytest.fixture(params=PATHS, ids=str)
def way(ways, request) -> Way:
    """Return one of the ways."""
    return ways[request.param]


def ask_all(way: Way, board: Board, **choice: Value) -> dict[str, list[dict[str, Any]]]:
    """Return what every query of a board finds, by its panel and text."""
    values = board.choose(way.backend, **choice)
    found = {}
    for query in board.queries():
        expression = filled(query.expression, values)
        found[f"{query.panel}: {expression}"] = way.backend.ask(query, expression)
    return found


@pytest.mark.parametrize("choose", [
    pytest.param(lambda _: {}, id="all"),
    pytest.param(lambda shop: {"commit": [shop.quoted]}, id="one"),
    pytest.param(lambda shop: {"commit": [shop.quoted, shop.counted]}, id="several"),
])  # fmt: skip
def test_no_panel_is_empty(way, choose):
    """
    Every variable has values, and every panel shows something, whatever commits are chosen.
    """
    found = ask_all(way, way.board("byline-commits"), **choose(way.shop))

    assert [] == [panel for panel, series in found.items() if not series]


@pytest.mark.parametrize("name", ["byline-commit", "byline-fleet"])
def test_other_boards(way, name):
    """
    So do the boards of one commit and of the fleet.
    """
    found = ask_all(way, way.board(name), commit=way.shop.quoted)

    assert [] == [panel for panel, series in found.items() if not series]


def test_a_name_is_no_pattern(way):
    """
    What stands in a commit's name is taken by the letter: no error, and no other commit's series.
    """
    found = ask_all(way, way.board("byline-commits"), commit=["a+b.c|d", ".+"])

    assert [] == [panel for panel, series in found.items() if "by commit: " in panel and series]


@pytest.mark.parametrize("deployment", ["before", "after"])
def test_p95(way, deployment):
    """
    P95 of a version is the true one, as exactly as the buckets are narrow.
    """
    version = way.shop.quoted if deployment == "before" else way.shop.rounded
    board = way.board("byline-commit")
    values = board.choose(way.backend, commit=way.shop.quoted)
    [query] = [each for each in board.queries() if each.panel == "Functions" and "0.95" in each.expression]
    told = {
        each["metric"]["byline_last_commit"]: float(each["value"][1])
        for each in way.backend.ask(query, filled(query.expression, values))
        if each["metric"]["code_function_name"] == "quotes.quote"
    }
    took = way.took(deployment)

    # The server has not counted quite the same calls as the file, so the neighbours of P95 count too.
    low, _ = bucket(metric_shop.percentile(took, 0.93))
    _, high = bucket(metric_shop.percentile(took, 0.97))
    assert low <= told[version] <= high


def bucket(seconds: float) -> tuple[float, float]:
    """Return the bounds of the bucket that a duration is counted in."""
    bounds = (0.0, *_semconv.DURATION_BOUNDS)
    return next((low, high) for low, high in pairwise(bounds) if seconds <= high)


def test_before_and_after(way):
    """
    The board of the commit that wrote a function shows it getting slower with the commit that changed it.
    """
    board = way.board("byline-commit")
    values = board.choose(way.backend, commit=way.shop.quoted)
    [query] = [each for each in board.queries() if each.panel == "P95 before and after"]

    last = {
        each["metric"]["byline_last_commit"]: float(each["values"][-1][1])
        for each in way.backend.ask(query, filled(query.expression, values))
        if each["metric"]["code_function_name"] == "quotes.quote"
    }

    assert last[way.shop.rounded] > 1.3 * last[way.shop.quoted]


@pytest.mark.parametrize("name", ["scrape", "scrape into native histograms"])
def test_exemplars(ways, name):
    """
    Where the way can carry them, single calls lead from a panel to their traces.
    """
    way = ways[name]
    board = way.board("byline-commits")
    values = board.choose(way.backend)
    [query] = [each for each in board.queries() if each.has_exemplars]

    found = way.backend.exemplars(filled(query.expression, values))

    assert found
    assert all(re.fullmatch("[0-9a-f]{32}", each["labels"]["trace_id"]) for each in found)
