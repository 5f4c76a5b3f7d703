"""
What a measured call costs beside other ways to measure it: ratios from one interleaved run.

Run it with each Python: ``python benchmarks/overhead.py``. It needs byline and no network, and
prints a Markdown table. A ratio compares added cost per call, the bare call subtracted; only
ratios of one run mean anything.
"""

from __future__ import annotations

import argparse
import gc
import inspect
import statistics
import sys
from collections.abc import Callable
from time import perf_counter

import wrapt
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from byline import _registry, ai_generated
from byline._telemetry import latency

Call = Callable[[int], None]

ATTRIBUTES = {
    "code.function.name": "shop.cart.total",
    "byline.commit": "3f2c1ab9d0e43f2c1ab9d0e43f2c1ab9d0e43f2c",
    "byline.last_commit": "3f2c1ab9d0e43f2c1ab9d0e43f2c1ab9d0e43f2c",
    "byline.author": "Ana Souza",
    "byline.tool": "claude",
    "error.type": "none",
}


def bare(a: int, b: int = 2) -> None:
    """Do nothing: what is left is the cost of the call."""


def floor(a: int, b: int = 2) -> None:
    """Read the clock before and after: no exact timer in Python can cost less."""
    start = perf_counter()
    bare(a, b)
    perf_counter() - start


@ai_generated(tool="claude")
def measured(a: int, b: int = 2) -> None:
    """Be measured by byline."""


_ENTRY = _registry.find(inspect.unwrap(measured).__code__)
assert _ENTRY is not None  # noqa: S101  # it was just marked
RECORDER = latency.recorder_for(_ENTRY)


def passed_on(wrapped: Call, _instance: object, args: tuple[int], kwargs: dict[str, int]) -> None:
    """Do nothing through wrapt."""
    wrapped(*args, **kwargs)


def recorded(histogram: metrics.Histogram) -> Call:
    """Record each call's time with the metrics API."""

    def call(a: int, b: int = 2) -> None:
        start = perf_counter()
        bare(a, b)
        histogram.record(perf_counter() - start, ATTRIBUTES)

    return call


def spanned(tracer: trace.Tracer) -> Call:
    """Put a span around each call with the trace API."""

    def call(a: int, b: int = 2) -> None:
        with tracer.start_as_current_span("shop.cart.total", attributes=ATTRIBUTES):
            bare(a, b)

    return call


def unsampled(call: Call) -> Callable[[int], float]:
    """Time a call inside a trace that is not sampled, as most are in production."""
    parent = NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(0)))

    def run(number: int) -> float:
        with trace.use_span(parent):
            return timed(call)(number)

    return run


def timed(call: Call) -> Callable[[int], float]:
    """Time a number of calls."""

    def run(number: int) -> float:
        repeat = range(number)
        start = perf_counter()
        for _ in repeat:
            call(1)
        return perf_counter() - start

    return run


def contestants() -> dict[str, tuple[Callable[[int], float], int]]:
    """Return what is compared, each with the share of the calls it gets: slow ones need fewer."""
    trace.set_tracer_provider(TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.0))))
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
    histogram = metrics.get_meter("bench").create_histogram("bench.duration")
    tracer = trace.get_tracer("bench")
    return {
        "bare": (timed(bare), 1),
        "two clock reads (the floor)": (timed(floor), 1),
        "byline, no trace": (timed(measured), 1),
        "byline, unsampled trace": (unsampled(measured), 1),
        "empty wrapt wrapper": (timed(wrapt.FunctionWrapper(bare, passed_on)), 1),
        "OTel `Histogram.record`": (timed(recorded(histogram)), 20),
        "OTel span, unsampled": (unsampled(spanned(tracer)), 20),
    }


def medians(calls: int, rounds: int) -> dict[str, float]:
    """Return the median cost of a call of each, in seconds, measured in turns."""
    runs = contestants()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for each in range(rounds + 1):
        for name, (run, share) in runs.items():
            number = max(calls // share, 1)
            taken = run(number) / number
            # Recording the samples is measured by itself, below; the next turn starts without any.
            RECORDER.clear()
            gc.collect()
            if each:  # the first round warms up
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def background(calls: int, rounds: int) -> float:
    """Return what recording a sample costs, later and off the calling thread."""
    times = []
    for _ in range(rounds):
        RECORDER.durations.extend([0.001] * calls)
        start = perf_counter()
        latency.drain()
        times.append((perf_counter() - start) / calls)
    return statistics.median(times)


def table(added: dict[str, float]) -> str:
    """Return the Markdown table."""
    wrapper, own = added["empty wrapt wrapper"], added["byline, no trace"]
    lines = [
        f"Python {sys.version.split()[0]}, added cost of a call that does nothing:",
        "",
        "| way | empty wrapt wrapper = 1 | byline, no trace = 1 |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {cost / wrapper:.2f} | {cost / own:.1f} |" for name, cost in added.items()]
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000, help="calls per turn")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each")
    options = parser.parse_args()
    taken = medians(options.calls, options.rounds)
    added = {name: cost - taken["bare"] for name, cost in taken.items() if name != "bare"}
    added["byline in the background, per sample"] = background(options.calls // 20, options.rounds)
    print(table(added))


if __name__ == "__main__":
    main()
