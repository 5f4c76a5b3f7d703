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
import yaml

from byline import _label_names as names, _semconv
from byline._grafana import files

from . import metric_shop, serving
from .grafana import Backend, Board, Value, filled
from .programs import program

pytestmark = pytest.mark.server

PATHS = {
    "scrape": "classic",
    "scrape into native histograms": "native",
    "scrape with promoted resource attributes": "classic",
    "OTLP and remote write": "classic",
    "OTLP": "classic",
    "OTLP with exponential histograms": "classic",
}
"""The ways to a server, and the kind of histogram that it ends up with."""

LOAD_S = 20
DOCS = Path(__file__).parents[2] / "docs/how-to"

PROMOTED = {"service_name": "shop", "service_namespace": "prod", "service_version": "3f2a9c1b4d5e"}
"""Labels that stand on every series where resource attributes are promoted."""


class Way:
    """One way from the shop to a metrics server, with what was measured at its start."""

    def __init__(self, name: str, backend: Backend, shop: metric_shop.Shop, folder: Path) -> None:
        self.name = name
        self.backend = backend
        self.shop = shop
        self.is_exponential = "exponential" in name
        self._folder = folder
        self._histograms = PATHS[name]

    @property
    def service_label(self) -> str:
        """The label that names the service."""
        return "job" if "job" in self.backend.values(f"label_names({names.INFO})") else "service_name"

    def board(self, name: str) -> Board:
        """Return a board for the kind of histograms that this way ends up with."""
        return Board(files.GENERATED / self._histograms / "dashboards" / f"{name}.json")

    def took(self, instance: str) -> list[float]:
        """Return how long the calls of ``quote`` took in one process, in seconds."""
        lines = (self._folder / f"took-{instance}").read_text().splitlines()[:-1]
        return [json.loads(line) for line in lines]


SCRAPE = """
scrape_configs:
  - job_name: {job}
    scrape_protocols: [OpenMetricsText1.0.0]
    convert_classic_histograms_to_nhcb: {native}
    static_configs: [{{targets: {targets}, labels: {labels}}}]
"""


def prometheus(
    stack: ExitStack, folder: Path, configuration: str = "", *, histograms: str = "classic"
) -> str:
    """Start a Prometheus that has byline's rules, without the time that alerts wait; return its address."""
    rules = yaml.safe_load((files.GENERATED / histograms / "rules/byline.yaml").read_text("utf-8"))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule.pop("for", None)
    for group in rules["groups"]:
        group["interval"] = "2s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    told = f"global: {{scrape_interval: 1s}}\nrule_files: [rules.yaml]\n{configuration}"
    (folder / "prometheus.yml").write_text(told)
    port = serving.free_port()
    words = [
        program("prometheus"), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage,native-histograms",
    ]  # fmt: skip
    stack.enter_context(serving.running(words, folder)).listens(port)
    return f"http://127.0.0.1:{port}"


def victoria_metrics(stack: ExitStack, folder: Path, port: int = 0) -> str:
    """Start a VictoriaMetrics; return its address."""
    port = port or serving.free_port()
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
        is_promoted = "promoted" in way
        configuration = SCRAPE.format(
            job="prod/shop"
            if is_promoted
            else "shop",  # as an OTLP receiver calls a service with a namespace
            native="true" if PATHS[way] == "native" else "false",
            targets=targets,
            labels=json.dumps(PROMOTED if is_promoted else {}),
        )
        return prometheus(stack, folder, configuration, histograms=PATHS[way]), "scrape", ports
    if way == "OTLP and remote write":
        server = prometheus(stack, folder)
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
        for name in PATHS:
            folder = tmp_path_factory.mktemp("way")
            address, path, targets = begin(stack, name, folder)
            for checkout, target in zip((shop.before, shop.after), targets, strict=True):
                took = folder / f"took-{checkout.name}"
                words = [sys.executable, "program.py", path, target, checkout.name, str(took)]
                processes.append(stack.enter_context(serving.running(words, checkout)))
            found[name] = Way(name, Backend(address), shop, folder)
        for process in processes:
            process.wait_for("open")
        time.sleep(LOAD_S)
        assert all(each.is_running() for each in processes), [each.said() for each in processes]
        yield found


@pytest.fixture(params=PATHS, ids=str)
def way(ways, request) -> Way:
    """Return one of the ways."""
    return ways[request.param]


def ask_all(way: Way, board: str, **choice: Value) -> dict[str, list[dict[str, Any]]]:
    """Return what every query of a board finds, by its panel and text."""
    found, drawn = {}, way.board(board)
    values = drawn.choose(way.backend, **choice)
    for query in drawn.queries():
        expression = filled(query.expression, values)
        found[f"{query.panel}: {expression}"] = way.backend.ask(query, expression)
    return found


@pytest.mark.parametrize(("board", "choose"), [
    pytest.param("byline-commits", lambda _: {}, id="commits-all"),
    pytest.param("byline-commits", lambda shop: {"commit": [shop.quoted]}, id="commits-one"),
    pytest.param("byline-commits", lambda shop: {"commit": [shop.quoted, shop.counted]}, id="commits-several"),
    pytest.param("byline-commits", lambda _: {"author": [metric_shop.ON_CALL]}, id="commits-author_like_a_pattern"),
    pytest.param("byline-commits", lambda _: {"tool": ["claude"], "function": ["quotes.quote", "quotes.weigh"]}, id="commits-functions"),
    pytest.param("byline-commit", lambda shop: {"commit": shop.quoted}, id="commit-that_wrote"),
    pytest.param("byline-commit", lambda shop: {"commit": shop.quoted, "function": ["quotes.quote"]}, id="commit-one_function"),
    pytest.param("byline-fleet", lambda _: {}, id="fleet"),
])  # fmt: skip
def test_no_panel_is_empty(way, board, choose):
    """
    Every variable has values, and every panel shows something, whatever is chosen.
    """
    found = ask_all(way, board, **choose(way.shop))

    assert [] == [panel for panel, series in found.items() if not series]


def test_a_commit_that_changed_a_function_has_a_board(way):
    """
    A version of the watch list leads to functions before and after, though another commit wrote most of them.
    """
    found = ask_all(way, "byline-commit", commit=way.shop.rounded)

    # It has raised nothing: the line that fails is older.
    assert {"Incidents"} == {panel.partition(":")[0] for panel, series in found.items() if not series}


@pytest.mark.parametrize("name", ["a+b.c|d", ".+", "it's \\ (odd) [one]"])
def test_a_name_is_no_pattern(way, name):
    """
    What stands in a commit's name is taken by the letter: no error, and no other commit's series.
    """
    found = {
        **ask_all(way, "byline-commits", commit=[name, "^.*$"]),
        **ask_all(way, "byline-commit", commit=name, function=[name]),
    }

    always = ("Incidents: (sum", "Incidents: sum")  # a number, 0 if nothing is found
    assert [] == [panel for panel, series in found.items() if series and not panel.startswith(always)]


def test_one_service_is_all_there_is(way):
    """
    A service that is chosen by its name is found, and another is not.
    """
    service = way.backend.values(f"label_values({names.INFO}, {way.service_label})")
    everything = ask_all(way, "byline-fleet")

    assert [len(series) for series in everything.values()] == [
        len(series) for series in ask_all(way, "byline-fleet", service=service).values()
    ]


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
    low, _ = bucket(metric_shop.percentile(took, 0.93), way)
    _, high = bucket(metric_shop.percentile(took, 0.97), way)
    assert low <= told[version] <= high


def bucket(seconds: float, way: Way) -> tuple[float, float]:
    """Return the bounds of the bucket that a duration is counted in."""
    if way.is_exponential:
        return 0.99 * seconds, 1.01 * seconds
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


@pytest.mark.parametrize("name", [name for name in PATHS if not name.startswith("OTLP") or "remote" in name])
def test_alerts_fire(ways, name):
    """
    On live data alerts fire that should, none that should not, and each names service, commit and author.
    """
    way = ways[name]
    alerts = [each for each in way.backend.get("alerts")["alerts"] if each["state"] == "firing"]
    commits = {way.shop.quoted, way.shop.counted, way.shop.rounded}

    # Every eighth call of the commit fails: twice what a ticket is for, and near what wakes somebody.
    told = {each["labels"]["alertname"] for each in alerts} - {"BylineCommitErrorBurnPage"}
    assert {"BylineNewIncidentType", "BylineSilentFailures", "BylineCommitErrorBurnTicket"} == told
    for each in alerts:
        notes = each["annotations"]
        assert "shop: " in notes["summary"]
        assert notes["commit"] in commits
        assert notes["author"]
        assert notes["runbook_url"]
        assert not re.search(r"<no value>|\{\{|error", notes["summary"] + notes["description"]), notes


def test_recorded(ways):
    """
    What the rules record has a series for each version, of the durations that the boards show.
    """
    way = ways["scrape"]
    found = way.backend.get("query", query="byline:call_duration_seconds:p95_1h")["result"]

    versions = {each["metric"][names.VERSION] for each in found}
    assert {way.shop.quoted, way.shop.counted, way.shop.rounded} == versions


LOSING = """
import sys
import time

from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

import byline
from byline.otel import metric_exporter

exporter = metric_exporter(OTLPMetricExporter(endpoint=sys.argv[1], timeout=1))
reader = PeriodicExportingMetricReader(exporter, export_interval_millis=500)
resource = Resource.create({"service.name": "shop", "vcs.repository.url.full": "https://git.example.com/shop"})
metrics.set_meter_provider(MeterProvider([reader], resource=resource))
byline.instrument()

from stock import stock

while True:
    stock(1)
    time.sleep(0.01)
"""


def test_what_was_lost_is_on_the_board(ways, tmp_path):
    """
    Batches that nobody took are on the board of the fleet once somebody takes the next.
    """
    shop, port = ways["scrape"].shop, serving.free_port()
    (shop.before / "losing.py").write_text(LOSING)
    address = f"http://127.0.0.1:{port}/opentelemetry/v1/metrics"
    with ExitStack() as stack:
        words = [sys.executable, "losing.py", address]
        stack.enter_context(serving.running(words, shop.before)).wait_for("could not deliver a batch")
        backend = Backend(victoria_metrics(stack, tmp_path, port))
        board = Board(files.GENERATED / "classic/dashboards/byline-fleet.json")
        time.sleep(5)
        values = board.choose(backend)
        [lost] = [
            backend.ask(query, filled(query.expression, values))
            for query in board.queries()
            if names.FAILED_EXPORTS in query.expression
        ]

    assert max(float(value) for series in lost for _, value in series["values"]) >= 1


ONE_LINERS = re.findall(r"\| PromQL, [^|]+ \| `([^`]+)` \|", (DOCS / "grafana.md").read_text("utf-8"))


@pytest.mark.parametrize("query", ONE_LINERS)
def test_one_liners(way, query):
    """
    What the docs print finds something, and so does what they say to write for other kinds of histograms.
    """
    if way.board("byline-commits").histograms == "native":
        query = re.sub(r"\ble, |_bucket", "", query)
    if way.is_exponential:
        query = query.replace("by (le, ", "by (vmrange, ")
    asked = query.replace("SHA", way.shop.quoted).replace("shop.quote", "quotes.quote").replace("5m", "1m")

    assert ONE_LINERS
    assert way.backend.get("query", query=asked)["result"]


@pytest.mark.parametrize("name", [name for name in PATHS if name.startswith("scrape")])
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
