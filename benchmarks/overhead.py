"""
What a measured call costs beside other ways to measure it: ratios from one interleaved run.

Run it with each Python: ``python benchmarks/overhead.py``. It needs byline and no network, and
prints a Markdown table; peers that are installed (``benchmarks/requirements.txt``) have rows of their
own. ``--svg FILE`` draws the table. A ratio compares added cost per call, the bare call subtracted; only
ratios of one run mean anything.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import math
import statistics
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, thread_time
from xml.sax.saxutils import escape

import wrapt
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from byline import _semconv, ai_generated
from byline._config import Config
from byline._telemetry import latency, signals, spans
from byline._telemetry.durations import Durations

Call = Callable[[int], None]

ATTRIBUTES = {
    "code.function.name": "shop.cart.total",
    "byline.commit": "3f2c1ab9d0e43f2c1ab9d0e43f2c1ab9d0e43f2c",
    "byline.last_commit": "3f2c1ab9d0e43f2c1ab9d0e43f2c1ab9d0e43f2c",
    "byline.author": "Ana Souza",
    "byline.tool": "claude",
    "error.type": "none",
}


DURATIONS = Durations(_semconv.DURATION_BOUNDS)


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
    """Time a number of calls, in processor time: what other programs do meanwhile does not count."""

    def run(number: int) -> float:
        repeat = range(number)
        start = thread_time()
        for _ in repeat:
            call(1)
        return thread_time() - start

    return run


def sampled(call: Call, mode: str = "off") -> Callable[[int], float]:
    """Time a call inside a trace that records."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("bench")

    def run(number: int) -> float:
        spans.configure(Config(spans=mode))  # type: ignore[arg-type]  # one of the modes
        try:
            with tracer.start_as_current_span("request"):
                return timed(call)(number)
        finally:
            spans.configure(Config())

    return run


def counted_by_hand() -> Call:
    """Count exceptions as people do."""
    seen = {"errors": 0}

    def call(a: int, b: int = 2) -> None:
        try:
            raising(a, b)
        except Exception:
            seen["errors"] += 1
            raise

    return call


def raising(a: int, b: int = 2) -> None:  # noqa: ARG001  # as the others
    """Fail."""
    raise KeyError(a)


@ai_generated(tool="claude")
def measured_raising(a: int, b: int = 2) -> None:  # noqa: ARG001  # as the others
    """Fail, and be measured."""
    raise KeyError(a)


def caught(call: Call) -> Callable[[int], float]:
    """Time a call that raises."""

    def quiet(a: int) -> None:
        try:  # noqa: SIM105  # suppress() would be measured too
            call(a)
        except KeyError:
            pass

    return timed(quiet)


def request(step: Call) -> Call:
    """Do what a small web request does: forty calls, and some parsing and rendering between them."""
    order = {"id": 7, "lines": [{"sku": f"sku-{number}", "price": number * 1.5} for number in range(20)]}

    def handle(a: int, b: int = 2) -> None:
        for number in range(40):
            step(a, b)
            if number % 10 == 0:
                json.loads(json.dumps(order))

    return handle


def peers() -> dict[str, tuple[Callable[[int], float], int]]:
    """Return the peers that are installed."""
    found: dict[str, tuple[Callable[[int], float], int]] = {}
    for name, make in PEERS.items():
        try:
            found[name] = (timed(make()), 20)
        except ImportError:
            continue
    return found


def _prometheus() -> Call:
    module = importlib.import_module("prometheus_client")
    return module.Histogram("bench_seconds", "A call.").time()(bare)  # type: ignore[no-any-return]


def _autometrics() -> Call:
    module = importlib.import_module("autometrics")
    module.init(tracker="prometheus")
    return module.autometrics(bare)  # type: ignore[no-any-return]


def _sentry() -> Call:
    return importlib.import_module("sentry_sdk").trace(bare)  # type: ignore[no-any-return]


PEERS: dict[str, Callable[[], Call]] = {
    "prometheus_client `Histogram.time`": _prometheus,
    "autometrics": _autometrics,
    "`sentry_sdk.trace`, no transaction": _sentry,
}


def contestants() -> dict[str, tuple[Callable[[int], float], int]]:
    """Return what is compared, each with the share of the calls it gets: slow ones need fewer."""
    trace.set_tracer_provider(TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.0))))
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
    # As with byline.otel.metric_exporter(): without it the drain would record call by call, meanwhile.
    signals.take_distributions(DURATIONS)
    histogram = metrics.get_meter("bench").create_histogram("bench.duration")
    counter = metrics.get_meter("bench").create_counter("bench.calls")
    tracer = trace.get_tracer("bench")
    recorded_call, spanned_call = recorded(histogram), spanned(tracer)

    def everything(a: int, b: int = 2) -> None:
        with tracer.start_as_current_span("shop.cart.total", attributes=ATTRIBUTES):
            recorded_call(a, b)
        counter.add(1, ATTRIBUTES)

    return {
        "bare": (timed(bare), 1),
        "two clock reads (the floor)": (timed(floor), 1),
        "byline, no trace": (timed(measured), 1),
        "byline, unsampled trace": (unsampled(measured), 1),
        "empty wrapt wrapper": (timed(wrapt.FunctionWrapper(bare, passed_on)), 1),
        **peers(),
        "OTel `Histogram.record`": (timed(recorded_call), 20),
        "OTel span, unsampled": (unsampled(spanned_call), 20),
        "OTel span + histogram + counter, unsampled": (unsampled(everything), 20),
        "byline, sampled, `BYLINE_SPANS=lazy`": (sampled(measured, "lazy"), 20),
        "byline, sampled, `BYLINE_SPANS=all`": (sampled(measured, "all"), 50),
        "OTel child span, sampled": (sampled(spanned_call), 50),
        "raising, bare": (caught(raising), 10),
        "raising, `try`/`except` with a counter": (caught(counted_by_hand()), 10),
        "raising, byline": (caught(measured_raising), 10),
        "request of 40 calls, bare": (timed(request(bare)), 100),
        "request of 40 calls, byline": (timed(request(measured)), 100),
        "request of 40 calls, wrapt": (timed(request(wrapt.FunctionWrapper(bare, passed_on))), 100),
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
            latency.clear_all()
            gc.collect()
            if each:  # the first round warms up
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def background(calls: int, rounds: int) -> float:
    """Return what it costs, later and off the calling thread, to count a sample into a distribution."""
    times = []
    for _ in range(rounds):
        timed(measured)(calls)
        start = thread_time()
        latency.drain_all()
        times.append((thread_time() - start) / calls)
    return statistics.median(times)


def memory(calls: int) -> float:
    """Return the bytes that a call holds until it is drained."""
    latency.clear_all()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    timed(measured)(calls)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    latency.clear_all()
    return held / calls


ASIDE = ("raising", "request")


def table(taken: dict[str, float], drained: float, held: float) -> str:
    """Return the Markdown tables."""
    added = added_costs(taken)
    added["byline with its drain, no trace"] = added["byline, no trace"] + drained
    wrapper, least = added["empty wrapt wrapper"], added["two clock reads (the floor)"]
    own = added["byline with its drain, no trace"]
    lines = [
        f"Python {sys.version.split()[0]}, added cost of a call that does nothing:",
        "",
        "| way | floor = 1 | empty wrapt wrapper = 1 | byline with its drain = 1 |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {cost / least:.2f} | {cost / wrapper:.2f} | {cost / own:.1f} |"
        for name, cost in sorted(added.items(), key=lambda each: each[1])
    ]
    by_hand = taken["raising, byline"] / taken["raising, `try`/`except` with a counter"]
    whole = taken["request of 40 calls, bare"]
    shares = {
        name.rpartition(", ")[2]: (cost + (40 * drained if "byline" in name else 0.0)) / whole - 1
        for name, cost in taken.items()
        if name.startswith("request") and "bare" not in name
    }
    lines += [
        "",
        f"A call that raises, in a place where many do: {by_hand:.1f} times `try`/`except` with a counter.",
        "A request with 40 marked calls: "
        + ", ".join(f"{name} {share:+.1%}" for name, share in shares.items())
        + ".",
        f"Memory of a call that waits for its drain: {held:.0f} bytes.",
    ]
    return "\n".join(lines)


def added_costs(taken: dict[str, float]) -> dict[str, float]:
    """Return what each way adds to a bare call."""
    return {
        name: cost - taken["bare"]
        for name, cost in taken.items()
        if name != "bare" and not name.startswith(ASIDE)
    }


def chart(added: dict[str, float]) -> str:
    """Draw the added costs, on a logarithmic scale, as SVG."""
    least = min(added.values())
    rows = []
    for number, (name, cost) in enumerate(sorted(added.items(), key=lambda each: each[1])):
        width, top = 60 + 60 * math.log2(cost / least), 10 + 24 * number
        colour = "#2a7" if name.startswith("byline") else "#999"
        label = escape(name.replace("`", ""))
        rows.append(
            f'<text x="300" y="{top + 14}" text-anchor="end">{label}</text>'
            f'<rect x="310" y="{top}" width="{width:.0f}" height="18" fill="{colour}"/>'
            f'<text x="{320 + width:.0f}" y="{top + 14}">{cost / least:.1f}</text>'
        )
    size = f'width="960" height="{20 + 24 * len(rows)}"'
    body = "\n".join(rows)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">\n{body}\n</svg>\n'


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000, help="calls per turn")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each")
    parser.add_argument("--svg", type=Path, help="draw the table here")
    options = parser.parse_args()
    taken = medians(options.calls, options.rounds)
    drained = background(options.calls // 4, options.rounds)
    print(table(taken, drained, memory(options.calls)))
    if options.svg:
        options.svg.write_text(chart(added_costs(taken)), "utf-8")


if __name__ == "__main__":
    main()
