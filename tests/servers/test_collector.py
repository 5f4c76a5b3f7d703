"""A service, a Collector of core components, and a metrics server, as core.yaml puts them together."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from byline import _label_names as names
from byline._grafana import files

from . import loki_stand_in, metric_shop, serving, trace_receiver
from .grafana import Backend, Board, filled
from .programs import program
from .test_grafana import victoria_metrics

pytestmark = pytest.mark.stack

CONFIGURATION = Path(__file__).parents[2] / "collector-config"
REQUESTS, FAILED = 50, 10
PROGRAM = f"""
from opentelemetry import trace

from quotes import quote

tracer = trace.get_tracer("shop")
for number in range({REQUESTS}):
    with tracer.start_as_current_span("request"):
        try:
            quote(0.001, fails=number % {REQUESTS // FAILED} == 0)
        except KeyError:
            pass
"""

NOT_IN_CORE = ("tail_sampling", "health_check", "prometheusremotewrite", "sentry")


def validate(path: Path, **variables: str) -> str:
    """Let the Collector check a configuration; return what it has against it."""
    done = subprocess.run(
        [program("otelcol"), "validate", f"--config={path}"],
        env=serving.clean_environment(**variables), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr if done.returncode else ""


def distro(folder: Path) -> Path:
    """Install what opentelemetry-distro adds, without which nobody reads OTEL_*_EXPORTER; return where."""
    about = folder / "distro" / "distro-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: distro\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[opentelemetry_configurator]\nconfigurator = opentelemetry.sdk._configuration:_OTelSDKConfigurator\n"
    )
    return about.parent


def addresses(metrics: str, *, traces: str = "", logs: str = "") -> dict[str, str]:
    """Return the settings of core.yaml that send each signal to a server."""
    return {
        "BYLINE_METRICS": f"{metrics}/opentelemetry/v1/metrics",
        "BYLINE_TRACES": f"{traces or metrics}/v1/traces",
        "BYLINE_LOGS": f"{logs or metrics}/otlp/v1/logs",
    }


def test_core_is_valid():
    """
    The Collector takes core.yaml as it is.
    """
    assert "" == validate(CONFIGURATION / "core.yaml", **addresses("http://127.0.0.1:1"))


def test_a_mistake_is_found(tmp_path):
    """
    The check can fail.
    """
    told = (CONFIGURATION / "core.yaml").read_text().replace("check_interval", "check_intervall")
    (tmp_path / "core.yaml").write_text(told)

    assert "check_intervall" in validate(tmp_path / "core.yaml", **addresses("http://127.0.0.1:1"))


def test_contrib_without_its_own_components_is_valid(tmp_path):
    """
    What contrib.yaml shares with every Collector is taken too; the rest this Collector does not know.
    """
    told = yaml.safe_load((CONFIGURATION / "contrib.yaml").read_text())
    for kind in ("processors", "exporters", "extensions"):
        told[kind] = {name: each for name, each in told[kind].items() if name not in NOT_IN_CORE}
    told["service"].pop("extensions")
    for pipeline in told["service"]["pipelines"].values():
        pipeline["processors"] = [name for name in pipeline["processors"] if name not in NOT_IN_CORE]
    (tmp_path / "contrib.yaml").write_text(yaml.safe_dump(told))

    assert "" == validate(tmp_path / "contrib.yaml")


def test_service_collector_backend(tmp_path):
    """
    What two processes of a service send through the Collector is on the board of AI commits.
    """
    shop = metric_shop.make(tmp_path / "shop")
    with ExitStack() as stack:
        server = victoria_metrics(stack, tmp_path)
        words = [program("otelcol"), f"--config={CONFIGURATION / 'core.yaml'}"]
        collector = stack.enter_context(serving.running(words, tmp_path, **addresses(server)))
        collector.listens(4318)
        for checkout in (shop.before, shop.after):
            serving.byline(checkout, "scan")
            words = [
                sys.executable,
                "program.py",
                "otlp",
                "http://127.0.0.1:4318/v1/metrics",
                checkout.name,
                str(tmp_path / checkout.name),
            ]
            stack.enter_context(serving.running(words, checkout)).wait_for("open")
        time.sleep(15)
        backend, board = Backend(server), Board(files.GENERATED / "classic/dashboards/byline-commits.json")
        values = board.choose(backend)

        empty = [
            query.panel
            for query in board.queries()
            if not backend.ask(query, filled(query.expression, values))
        ]

    assert [] == empty, collector.said()


def counter(backend: Backend, series: str) -> int:
    """Return a counter's value over all series, once the Collector has sent its batch and the server shows it."""
    end = time.monotonic() + 20
    while not (found := backend.get("query", query=f"sum({series})")["result"]):
        assert time.monotonic() < end, backend.get("labels")
        time.sleep(0.2)
    return int(found[0]["value"][1])


def test_a_failure_is_a_number_a_record_and_a_trace(tmp_path):
    """
    What opentelemetry-instrument sends through the Collector tells of one commit in all three backends, without a loss.
    """
    shop = metric_shop.make(tmp_path / "shop")
    serving.byline(shop.before, "scan")
    (shop.before / "request.py").write_text(PROGRAM)
    settings = {
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "byline_otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "byline,otel",
        "PYTHONPATH": str(distro(tmp_path)),
    }
    with ExitStack() as stack:
        server = victoria_metrics(stack, tmp_path)
        traces = stack.enter_context(trace_receiver.running())
        logs = stack.enter_context(loki_stand_in.running())
        words = [program("otelcol"), f"--config={CONFIGURATION / 'core.yaml'}"]
        told = addresses(server, traces=traces.url, logs=logs.url)
        collector = stack.enter_context(serving.running(words, tmp_path, **told))
        collector.listens(4318)
        done = subprocess.run(
            [serving.SCRIPTS / "opentelemetry-instrument", sys.executable, "request.py"],
            cwd=shop.before, env=serving.clean_environment(**settings), capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (0, "") == (done.returncode, done.stderr)
        selector = f'{{byline_commit="{shop.quoted}",vcs_ref_head_revision="{shop.counted}"}}'
        counted = {
            name: counter(Backend(server), f"{name}{selector}") for name in (names.COUNT, names.INCIDENTS)
        }

    mine = [each for each in traces.spans if each.attributes.get("byline.commit") == shop.quoted]
    failed = {each.trace_id for each in mine if each.has_failed}
    records = [
        each
        for _, each in logs.entries
        if each.get("byline_incident_id") and each["byline_commit"] == shop.quoted
    ]
    held_back = sum(int(each.get("byline_incident_suppressed", 0)) for each in records)
    assert {names.COUNT: REQUESTS, names.INCIDENTS: FAILED} == counted
    assert (REQUESTS, FAILED) == (len(mine), len(failed))
    assert {"shop"} == {each["service_name"] for each in records}
    assert {each["trace_id"] for each in records} <= failed
    assert 1 <= len(records) + held_back <= FAILED
