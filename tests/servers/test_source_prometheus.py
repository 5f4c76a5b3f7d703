"""The same calls in a store and in a real Prometheus: the desk's answers agree within the histogram's buckets."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
import urllib.request
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from byline import _semconv
from byline._store import sketches
from byline.store import Calls, FunctionSeen, Store

from ..repositories import RepositoryFactory
from . import serving
from .grafana import Backend
from .metric_shop import CLAUDE
from .programs import program
from .test_grafana import prometheus, victoria_metrics

pytestmark = pytest.mark.server

OLD, NEW, WROTE = "a" * 40, "b" * 40, "c" * 40
MINUTE_S, QUARTER_S, HOUR_S = 60, 900, 3_600
BOUNDS = _semconv.DURATION_BOUNDS


class Burst(NamedTuple):
    """Calls of one function within one minute, in one process."""

    at_s: int
    function: str
    version: str
    error_type: str
    durations: tuple[float, ...]


def history(now_s: int) -> list[Burst]:
    """Two days of two functions; a third of a day ago a new version of both came, which makes one of them slower and fail."""
    found = []
    deployed_s = now_s // QUARTER_S * QUARTER_S - 8 * HOUR_S
    for quarter in range(4 * 48):
        at_s = now_s // QUARTER_S * QUARTER_S - (quarter + 1) * QUARTER_S + 7 * MINUTE_S + 30
        version = NEW if at_s > deployed_s else OLD
        factor = 2.0 if version == NEW else 1.0
        steady = tuple(0.002 * 1.08**number for number in range(40))
        found.append(Burst(at_s, "shop.total", version, "", tuple(factor * each for each in steady)))
        found.append(Burst(at_s, "shop.stock", version, "", steady))
        if version == NEW:
            found.append(Burst(at_s, "shop.total", version, "KeyError", (0.0003,) * 4))
    return sorted(found)


def seen(bursts: list[Burst]) -> list[FunctionSeen]:
    """List the versions; a process tells of its functions from its start on, before the first call."""
    found = []
    for function, version in sorted({(each.function, each.version) for each in bursts}):
        times = [each.at_s for each in bursts if (each.function, each.version) == (function, version)]
        first_s, last_s = min(times) - 7 * MINUTE_S, max(times) + 7 * MINUTE_S
        found.append(
            FunctionSeen(
                function, WROTE, version, "shop.py", 3, "Ana", "claude", "opus", "git-ai-note", "high", "ok",
                first_seen_ns=first_s * 10**9, last_seen_ns=last_s * 10**9,
            )
        )  # fmt: skip
    return found


def write_store(path: Path, bursts: list[Burst]) -> None:
    """Write it as a program's own exporter does."""
    with Store.open(path, create=True) as store:
        store.add(
            functions=seen(bursts),
            calls=[
                Calls(each.function, WROTE, each.version, each.error_type, each.at_s * 10**9, sketches.of(each.durations))
                for each in bursts
            ],
        )  # fmt: skip


def open_metrics(bursts: list[Burst]) -> str:
    """Write it as a process for each version would be scraped every minute, while its functions run."""
    lines = []
    duration, info = "byline_call_duration_seconds", "byline_function_info"
    series = sorted({(each.function, each.version, each.error_type) for each in bursts})
    known = {(each.function, each.last_commit): each for each in seen(bursts)}
    lines.append(f"# TYPE {info} gauge")
    for (function, version), each in known.items():
        labels = (
            f'job="shop",instance="{version[:4]}",code_function_name="{function}",byline_commit="{WROTE}",'
            f'byline_last_commit="{version}",byline_tool="claude",byline_model="opus",byline_confidence="high",'
            'byline_status="ok",code_file_path="shop.py",code_line_number="3"'
        )
        lines += [
            f"{info}{{{labels}}} 1 {at_s}"
            for at_s in range(each.first_seen_ns // 10**9, each.last_seen_ns // 10**9 + 1, MINUTE_S)
        ]
    lines.append(f"# TYPE {duration} histogram")
    for function, version, error_type in series:
        own = [each for each in bursts if each[1:4] == (function, version, error_type)]
        labels = (
            f'job="shop",instance="{version[:4]}",code_function_name="{function}",byline_commit="{WROTE}",'
            f'byline_last_commit="{version}"' + (f',error_type="{error_type}"' if error_type else "")
        )
        counts, total = Counter(), 0.0
        by_minute = {each.at_s: each.durations for each in own}
        # A series begins with its first call.
        for at_s in range(own[0].at_s, known[function, version].last_seen_ns // 10**9 + 1, MINUTE_S):
            for each in by_minute.get(at_s, ()):
                counts[bisect_left(BOUNDS, each)] += 1
                total += each
            reached = 0
            for index, bound in enumerate((*map(str, BOUNDS), "+Inf")):
                reached += counts[index]
                lines.append(f'{duration}_bucket{{{labels},le="{bound}"}} {reached} {at_s}')
            lines.append(f"{duration}_count{{{labels}}} {reached} {at_s}")
            lines.append(f"{duration}_sum{{{labels}}} {total} {at_s}")
    return "\n".join([*lines, "# EOF\n"])


class Shop(NamedTuple):
    """The same history twice."""

    folder: Path
    store: Path
    server: str

    def ask(self, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Ask the store and the server; return both answers."""
        return (
            serving.answer(self.folder, *words, "--json", "--store", str(self.store)),
            serving.answer(self.folder, *words, "--json", "--source", f"prometheus={self.server}"),
        )


@pytest.fixture(scope="module", params=["Prometheus", "VictoriaMetrics"], ids=str)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two days of a shop in a store, and in a metrics server."""
    folder = tmp_path_factory.mktemp("shop")
    bursts = history(int(time.time()))
    write_store(folder / "byline.db", bursts)
    with ExitStack() as stack:
        fill = into_prometheus if request.param == "Prometheus" else into_victoria_metrics
        yield Shop(folder, folder / "byline.db", fill(stack, folder, open_metrics(bursts)))


def into_prometheus(stack: ExitStack, folder: Path, text: str) -> str:
    """Make blocks of it, and start a Prometheus on them."""
    (folder / "metrics.txt").write_text(text)
    subprocess.run(
        [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "metrics.txt", "tsdb"],
        cwd=folder, check=True, capture_output=True, timeout=100,
    )  # fmt: skip
    server = prometheus(stack, folder, "scrape_configs: []\n")
    wait_until_ready(server)
    return server


def wait_until_ready(server: str) -> None:
    """Wait until it answers: it listens before that."""
    end = time.monotonic() + serving.START_TIMEOUT_S
    while serving.status_of(f"{server}/-/ready") != 200:
        assert time.monotonic() < end
        time.sleep(0.1)


def into_victoria_metrics(stack: ExitStack, folder: Path, text: str) -> str:
    """Start a VictoriaMetrics, and import it: times are in milliseconds there."""
    server = victoria_metrics(stack, folder)
    lines = [f"{line}000\n" for line in text.splitlines() if not line.startswith("#")]
    request = urllib.request.Request(f"{server}/api/v1/import/prometheus", data="".join(lines).encode())  # noqa: S310
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310  # our own server
        pass
    wait_for(server, 'byline_function_info{code_function_name="shop.total"}[2d]')
    return server


def wait_for(server: str, selector: str, number: int = 1) -> None:
    """Wait until so many series are there to be asked for."""
    backend = Backend(server)
    end = time.monotonic() + serving.START_TIMEOUT_S
    while len(backend.get("query", query=f"last_over_time({selector})")["result"]) < number:
        assert time.monotonic() < end, selector
        time.sleep(0.2)


def bucket(seconds: float) -> tuple[float, float]:
    """Return the bounds of the bucket that a duration is counted in."""
    index = bisect_left(BOUNDS, seconds)
    return (BOUNDS[index - 1] if index else 0.0), (BOUNDS[index] if index < len(BOUNDS) else math.inf)


def is_near(exact: float, estimated: float) -> bool:
    """Tell whether an estimate is in the bucket of the exact value, give or take a sketch's own bucket at its edges."""
    low, high = bucket(exact)
    return low / 1.1 <= estimated <= high * 1.1


def test_latency(shop):
    """
    As many calls and failures to the last one; P50, P95 and P99 in the right bucket, and called estimates.
    """
    exact, estimated = shop.ask("latency", "--since", "24h")

    for one, other in zip(exact["rows"], estimated["rows"], strict=True):
        assert one["name"] == other["name"]
        assert one["total_s"] == pytest.approx(other["total_s"])
        for when in ("before", "after"):
            for name in ("calls", "errors", "cancelled", "error_rate"):
                assert one[when][name] == other[when][name], name
            for name in ("p50_s", "p95_s", "p99_s"):
                assert is_near(one[when][name], other[when][name]), name
            assert (True, False) == (one[when]["exact"], other[when]["exact"])
    assert "a factor 2.5 apart" in estimated["unverified"][0]["reason"]


def test_latency_of_a_commit(shop):
    """
    Beside the version before it.
    """
    exact, estimated = shop.ask("latency", NEW[:8])

    for one, other in zip(exact["rows"], estimated["rows"], strict=True):
        assert one["name"] == other["name"]
        assert one["after"]["calls"] == other["after"]["calls"]
        assert one["before"]["calls"] == other["before"]["calls"]
        assert is_near(one["after"]["p95_s"], other["after"]["p95_s"])


def test_status(shop):
    """
    The same versions in the same state, for the same metrics.
    """
    exact, estimated = shop.ask("status", NEW[:8])

    (one,), (other,) = exact["commits"], estimated["commits"]
    assert one["counts"] == other["counts"]
    for mine, theirs in zip(one["versions"], other["versions"], strict=True):
        for name in (
            "function",
            "commit",
            "last_commit",
            "previous",
            "tool",
            "state",
            "reason",
            "calls",
            "previous_calls",
        ):
            assert mine[name] == theirs[name], name
        assert [(each["metric"], each["verdict"]) for each in mine["changes"]] == [
            (each["metric"], each["verdict"]) for each in theirs["changes"]
        ]
        for change, estimate in zip(mine["changes"], theirs["changes"], strict=True):
            for when in ("before", "after"):
                if change["metric"] == "errors":
                    assert change[when] == pytest.approx(estimate[when])
                else:
                    assert is_near(change[when], estimate[when]), change
    assert ["shop.total"] == [each["function"] for each in one["versions"] if each["state"] == "suspect"]


def test_report(shop):
    """
    Calls and failures by tool are the same; what a counter cannot know is listed.
    """
    exact = serving.answer(shop.folder, "report", "--format", "json", "--store", str(shop.store))
    estimated = serving.answer(
        shop.folder, "report", "--format", "json", "--source", f"prometheus={shop.server}"
    )

    for name in ("calls", "failed", "tools"):
        assert exact[name] == estimated[name], name
    told = json.dumps(estimated["unverified"])
    for gap in (
        "messages, lines and ids of incidents",
        "error handlers that never ran",
        "what programs could not tell",
    ):
        assert gap in told


SHOP = """\
import time


def quote(seconds):
    if seconds > 0.03:
        raise KeyError("country")
    time.sleep(seconds)


def weigh(amount):
    try:
        return 10 / amount
    except ZeroDivisionError:
        return None
"""

PROGRAM = """\
import random
import sys
import time

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

import byline
from byline.otel import metric_exporter, prometheus_collector

path, address = sys.argv[1:]
if path == "scrape":
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from prometheus_client import REGISTRY, start_http_server

    REGISTRY.register(prometheus_collector())
    start_http_server(int(address), addr="127.0.0.1")
    reader = PrometheusMetricReader()
else:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    exporter = metric_exporter(OTLPMetricExporter(endpoint=address), exponential=True)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=500)
metrics.set_meter_provider(MeterProvider([reader]))
byline.instrument()

from shop import quote, weigh

rng = random.Random(0)
for _ in range(300):
    try:
        quote(min(rng.lognormvariate(-5.5, 0.8), 0.04))
    except KeyError:
        pass
    weigh(rng.choice([0, 1]))
print("called", flush=True)
time.sleep(600)
"""

TWICE = """
scrape_configs:
  - job_name: classic
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: native
    convert_classic_histograms_to_nhcb: true
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Shop]]:
    """A program that was scraped as classic and native histograms, one that sent exponential ones, and their stores."""
    found = {}
    with ExitStack() as stack:
        for path in ("scrape", "exponential"):
            folder = tmp_path_factory.mktemp(path)
            repository = RepositoryFactory(folder / "shop")
            repository.commit({"program.py": PROGRAM}, message="Open the shop")
            repository.commit({"shop.py": SHOP}, message="Quote the shipping" + CLAUDE)
            serving.byline(folder / "shop", "scan")
            if path == "scrape":
                address = str(serving.free_port())
                server = prometheus(stack, folder, TWICE.format(port=address))
                wait_until_ready(server)
            else:
                server = victoria_metrics(stack, folder)
                address = f"{server}/opentelemetry/v1/metrics"
            store = folder / "byline.db"
            words = [sys.executable, "program.py", path, address]
            running = stack.enter_context(serving.running(words, folder / "shop", BYLINE_STORE=str(store)))
            running.wait_for("called")
            # What is counted is offered from then on; one sample that was taken later has it all.
            called_s = time.time() + 1
            wait_for_sample(server, called_s, 2 if path == "scrape" else 1)
            running.end()
            if path == "scrape":
                found |= {
                    job: Shop(folder, store, f'{server}{{job="{job}"}}') for job in ("classic", "native")
                }
            else:
                found["vmrange"] = Shop(folder, store, server)
        yield found


def wait_for_sample(server: str, after_s: float, jobs: int) -> None:
    """Wait until every job has a sample that is newer than a moment."""
    backend = Backend(server)
    asked = f'timestamp(byline_function_info{{code_function_name="shop.quote"}}) > {after_s}'
    end = time.monotonic() + serving.START_TIMEOUT_S
    while len(backend.get("query", query=asked)["result"]) < jobs:
        assert time.monotonic() < end, asked
        time.sleep(0.2)


@pytest.mark.parametrize("kind", ["classic", "native", "vmrange"])
def test_a_running_program(live, kind):
    """
    What one program told its store and a server is the same, whatever histograms the server keeps.
    """
    exact, estimated = live[kind].ask("latency")

    assert ["shop.quote", "shop.weigh"] == [each["name"] for each in estimated["rows"]]
    for one, other in zip(exact["rows"], estimated["rows"], strict=True):
        for name in ("calls", "errors", "error_rate"):
            assert one["after"][name] == other["after"][name], name
        assert one["total_s"] == pytest.approx(other["total_s"])
        if kind == "vmrange":
            # Some calls may be in two buckets there, which moves a rank: far, where the durations have two peaks.
            ratio = other["after"]["p50_s"] / one["after"]["p50_s"]
            assert one["name"] == "shop.weigh" or 0.5 < ratio < 2
            continue
        for name in ("p50_s", "p95_s", "p99_s"):
            assert is_near(one["after"][name], other["after"][name]), name
    assert 300 == exact["rows"][0]["after"]["calls"]


@pytest.mark.parametrize("kind", ["classic", "native"])
def test_report_of_a_running_program(live, kind):
    """
    Failures and what was swallowed, by their patterns; only what a counter cannot know is missing.
    """
    folder, store, server = live[kind]
    exact, estimated = (
        serving.answer(folder, "report", "--format", "json", *words)
        for words in (("--store", str(store)), ("--source", f"prometheus={server}"))
    )

    for name in ("calls", "failed", "incidents", "findings", "tools"):
        assert exact[name] == estimated[name], name
    for mine, theirs in zip(exact["patterns"], estimated["patterns"], strict=True):
        for name in ("pattern", "incidents", "findings", "commits"):
            assert mine[name] == theirs[name], name


def test_a_restart_and_a_pause(tmp_path):
    """
    A process that starts again under its labels, and an hour without a scrape, cost no more than what a guess is off.
    """
    now_s = int(time.time()) // MINUTE_S * MINUTE_S
    restarted_s, paused_s = now_s - 3 * HOUR_S, now_s - 6 * HOUR_S
    labels = 'job="shop",instance="a",code_function_name="shop.total",byline_commit="' + WROTE + '"'
    lines, calls = ["# TYPE byline_call_duration_seconds histogram"], 0
    for at_s in range(now_s - 10 * HOUR_S, now_s, MINUTE_S):
        calls = 4 if at_s == restarted_s else calls + 4
        if paused_s <= at_s < paused_s + HOUR_S:
            continue
        duration = "byline_call_duration_seconds"
        buckets = (
            f'{duration}_bucket{{{labels},le="{bound}"}} {calls} {at_s}'
            for bound in ("0.0025", "0.005", "+Inf")
        )
        lines += [
            *buckets,
            f"{duration}_count{{{labels}}} {calls} {at_s}",
            f"{duration}_sum{{{labels}}} {calls * 0.002} {at_s}",
        ]
    with ExitStack() as stack:
        server = into_prometheus(stack, tmp_path, "\n".join([*lines, "# EOF\n"]))
        told = {
            hours: serving.answer(tmp_path, "latency", "--json", "--since", f"{hours}h", "--source", f"prometheus={server}")
            for hours in (2, 5, 8, 24)
        }  # fmt: skip

    for hours, answer in told.items():
        expected = 4 * 60 * min(hours, 10)
        assert expected == pytest.approx(answer["rows"][0]["after"]["calls"], rel=0.02), hours
        assert 0.002 * expected == pytest.approx(answer["rows"][0]["total_s"], rel=0.02), hours
