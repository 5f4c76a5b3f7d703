"""A service, a Collector of core components, and a metrics server, as core.yaml puts them together."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from byline._grafana import files

from . import metric_shop, serving
from .grafana import Backend, Board, filled
from .programs import program
from .test_grafana import victoria_metrics

pytestmark = pytest.mark.stack

CONFIGURATION = Path(__file__).parents[2] / "collector-config"
NOT_IN_CORE = ("tail_sampling", "health_check", "prometheusremotewrite", "sentry")


def validate(path: Path, **variables: str) -> str:
    """Let the Collector check a configuration; return what it has against it."""
    done = subprocess.run(
        [program("otelcol"), "validate", f"--config={path}"],
        env=serving.clean_environment(**variables), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr if done.returncode else ""


def addresses(server: str) -> dict[str, str]:
    """Return the settings of core.yaml that send everything to one server."""
    return {
        "BYLINE_METRICS": f"{server}/opentelemetry/v1/metrics",
        "BYLINE_TRACES": f"{server}/traces",
        "BYLINE_LOGS": f"{server}/logs",
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
