"""
What a measured call costs beside other ways to measure it: ratios from one interleaved run for each Python.

``python benchmarks/overhead.py`` measures in this Python; name interpreters to measure in each, one
after the other, all in processes of their own. It needs byline and no network; peers that are
installed (``benchmarks/requirements.txt``) have rows. It prints Markdown tables; ``--write FOLDER`` writes
them and the chart there. A ratio compares added cost, the bare call subtracted; only ratios of one run mean anything.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import subprocess
import sys
import sysconfig
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from time import thread_time
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from ways import bodies, peers, report, web
from ways.bodies import Run
from ways.peers import Way

from byline import _semconv, ai_generated
from byline._instrumentation import lookup
from byline._telemetry import latency, signals
from byline._telemetry.durations import Durations

TURN_S = 0.006
"""How long one turn of one contestant takes, about."""

SHAPES_OF = (
    "empty wrapt wrapper", "byline, unsampled trace", "prometheus_client `Histogram.time`",
    "autometrics, Prometheus", "OTel `Histogram.record`", "OTel decorator, unsampled", "`sentry_sdk.trace`, no transaction",
)  # fmt: skip
"""The ways that are measured on every kind of call."""

REQUESTS_OF = (
    *SHAPES_OF, "`logfire.instrument`", "OTel span + histogram + counter, unsampled",
    "byline, sampled, `BYLINE_SPANS=lazy`", "byline, sampled, `BYLINE_SPANS=all`", "OTel decorator, sampled",
)  # fmt: skip

# These decorate what they cannot measure: the making of the coroutine or the generator.
MADE_ONLY = {
    ("async", "prometheus_client `Histogram.time`"),
    ("async", "OTel `Histogram.record`"),
    ("generator of 3", "prometheus_client `Histogram.time`"),
    ("generator of 3", "autometrics, Prometheus"),
    ("generator of 3", "OTel `Histogram.record`"),
    ("generator of 3", "OTel decorator, unsampled"),
    ("generator of 3", "`sentry_sdk.trace`, no transaction"),
}

DURATIONS = Durations(_semconv.DURATION_BOUNDS)


@dataclass(slots=True)
class Contestant:
    """What takes a turn in each round."""

    way: Way
    run: Run
    calls: int = 1
    """Per turn."""

    def turn(self) -> float:
        """Return the seconds that one call took."""
        left, taken = self.calls, 0.0
        while left:
            number = min(left, self.way.limit)
            with self.way.around():
                taken += self.run(number)
            left -= number
        return taken / self.calls

    def calibrate(self) -> None:
        """Find how many calls make a turn."""
        self.calls = bodies.THREADS
        while self.calls < 10**6:
            taken = self.turn() * self.calls
            if taken > TURN_S / 3:
                self.calls = max(bodies.THREADS, int(self.calls * TURN_S / taken))
                return
            self.calls *= 4


def contestants() -> dict[str, Contestant]:
    """Return all, named ``kind / way``."""
    known = peers.ways()
    bare = Way(lambda function: function)
    found = {"nothing / bare": Contestant(bare, bodies.timed(bodies.nothing))}
    for name, way in known.items():
        if "counter" in name and "try" in name:
            continue
        found[f"nothing / {name}"] = Contestant(way, bodies.timed(way.decorate(bodies.copy(bodies.nothing))))
    for kind, make in bodies.KINDS.items():
        names = [each for each in SHAPES_OF if each in known and (kind, each) not in MADE_ONLY]
        if kind == "raising":
            names.append("`try`/`except` with a counter")
        found[f"{kind} / bare"] = Contestant(bare, make(bare.decorate))
        found |= {f"{kind} / {name}": Contestant(known[name], make(known[name].decorate)) for name in names}
    try:
        found["request / bare"] = Contestant(bare, web.requests(bare.decorate))
    except ImportError:
        return found
    for name in REQUESTS_OF:
        if name in known:
            found[f"request / {name}"] = Contestant(known[name], web.requests(known[name].decorate))
    return found


def medians(rounds: int) -> dict[str, float]:
    """Return the median cost of a call of each, in seconds, measured in turns."""
    runs = contestants()
    for each in runs.values():
        each.calibrate()
        latency.clear_all()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, each in runs.items():
            # Counting the samples is measured by itself, below; the next turn starts without any.
            latency.clear_all()
            gc.collect(0)
            times[name].append(each.turn())
    return {name: statistics.median(taken) for name, taken in times.items()}


def drain_cost(rounds: int, calls: int = 25_000) -> float:
    """Return what it costs, later and off the calling thread, to count a sample into a distribution."""
    measured = ai_generated(tool="claude")(bodies.copy(bodies.nothing))
    run, times = bodies.timed(measured), []
    for _ in range(rounds):
        latency.clear_all()
        run(calls)
        start = thread_time()
        latency.drain_all()
        times.append((thread_time() - start) / calls)
    return statistics.median(times)


def memory() -> dict[str, float]:
    """Return bytes per call that waits, and what a million calls and a marked function leave."""
    measured = ai_generated(tool="claude")(bodies.copy(bodies.nothing))
    run, calls = bodies.timed(measured), 20_000
    run(calls)
    latency.drain_all()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run(calls)
    held = (tracemalloc.get_traced_memory()[0] - before) / calls
    for _ in range(49):
        run(calls)
        latency.drain_all()
    gc.collect()
    left = tracemalloc.get_traced_memory()[0] - before
    several = [bodies.copy(bodies.nothing) for _ in range(1_000)]
    before = tracemalloc.get_traced_memory()[0]
    marked = [ai_generated(tool="claude")(each) for each in several]
    per_function = (tracemalloc.get_traced_memory()[0] - before) / len(marked)
    tracemalloc.stop()
    several = [bodies.copy(bodies.nothing) for _ in range(1_000)]
    start = thread_time()
    marked = [ai_generated(tool="claude")(each) for each in several]
    spent = (thread_time() - start) / len(marked)
    return {
        "bytes per waiting call": held,
        "bytes left by a million calls": left,
        "bytes per function": per_function,
        "µs to mark a function": spent * 1e6,
    }


def measure(rounds: int) -> dict[str, Any]:
    """Measure everything in this Python."""
    trace.set_tracer_provider(TracerProvider(sampler=ParentBased(ALWAYS_OFF)))
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
    # As with byline.otel.metric_exporter(): without it the drain would record call by call, meanwhile.
    signals.take_distributions(DURATIONS)
    lookup.when_unknown(None)  # nobody asks git meanwhile
    kept = memory()
    taken = medians(rounds)
    # Distributions build with PGO without saying so in the options.
    optimised = sys.base_prefix == "/usr" or "--enable-optimizations" in str(
        sysconfig.get_config_var("CONFIG_ARGS")
    )
    return {
        "python": platform.python_version(),
        "pgo": optimised,
        "drain": drain_cost(rounds),
        "taken": taken,
        "memory": kept,
        "calls": web.count_calls() if "request / bare" in taken else 0,
    }


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="*", help="interpreters to measure in; default: this one")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each")
    parser.add_argument("--json", action="store_true", help="print what was measured")
    parser.add_argument("--load", type=Path, nargs="*", default=[], help="use what was printed with --json")
    parser.add_argument("--write", type=Path, help="write overhead.inc and overhead.svg into this folder")
    options = parser.parse_args()
    measured = [json.loads(each.read_text("utf-8")) for each in options.load]
    for python in options.pythons:
        command = [python, __file__, "--json", "--rounds", str(options.rounds)]
        measured.append(
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        )
    measured = measured or [measure(options.rounds)]
    if options.json:
        print(json.dumps(measured[0]))
        return
    tables = report.tables(measured)
    print(tables)
    if options.write:
        (options.write / "overhead.inc").write_text(tables, "utf-8")
        (options.write / "overhead.svg").write_text(report.chart(measured[-1]), "utf-8")


if __name__ == "__main__":
    main()
