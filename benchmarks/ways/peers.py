"""The ways to measure a call: each is a decorator, and where it needs one a place to call from."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from time import perf_counter
from typing import Any

import wrapt
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from byline import ai_generated
from byline._config import Config
from byline._telemetry import spans

from .bodies import Function

ATTRIBUTES = {
    "code.function.name": "shop.cart.total",
    "byline.commit": "3f2c1ab9d0e43f2c1ab9d0e43f2c1ab9d0e43f2c",
    "byline.last_commit": "3f2c1ab9d0e43f2c1ab9d0e43f2c1ab9d0e43f2c",
    "byline.author": "Ana Souza",
    "byline.tool": "claude",
    "error.type": "none",
}
"""What byline says of a function, for those who have to say it at each call."""

SPAN_ATTRIBUTES = {
    "code.function.name": "ways.bodies.nothing",
    "code.file.path": "benchmarks/ways/bodies.py",
    "code.line.number": 18,
    "byline.tool": "claude",
    "byline.evidence": "decorator",
    "byline.confidence": "high",
    "byline.status": "unknown",
}
"""What byline says on a span of a function that only the decorator marks, as the measured ones."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to measure a call."""

    decorate: Callable[[Function], Function]
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    """Where the calls are made."""

    limit: int = 10**9
    """Calls that one stay there may make."""


def floor(function: Function) -> Function:
    """Read the clock before and after, with the exact signature: no exact timer in Python can cost less."""

    clock = perf_counter

    def call(a: int, b: int = 2) -> object:
        start = clock()
        result = function(a, b)
        clock() - start
        return result

    return call


def counting(function: Function) -> Function:
    """Count exceptions as people do."""
    seen = {"errors": 0}

    def call(a: int, b: int = 2) -> object:
        try:
            return function(a, b)
        except Exception:
            seen["errors"] += 1
            raise

    return call


def _pass_on(wrapped: Function, _instance: object, arguments: Any, keywords: Any) -> object:  # noqa: ANN401  # wrapt's form
    return wrapped(*arguments, **keywords)


def _wrapt(function: Function) -> Function:
    return wrapt.FunctionWrapper(function, _pass_on)


def _histogram() -> Way:
    histogram = metrics.get_meter("bench").create_histogram("bench.duration")

    def decorate(function: Function) -> Function:
        @wraps(function)
        def call(*arguments: object, **keywords: object) -> object:
            start = perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                histogram.record(perf_counter() - start, ATTRIBUTES)

        return call

    return Way(decorate)


def _everything() -> Way:
    meter, tracer = metrics.get_meter("bench"), TracerProvider(sampler=ALWAYS_OFF).get_tracer("bench")
    histogram, counter = meter.create_histogram("bench.all.duration"), meter.create_counter("bench.all.calls")

    def decorate(function: Function) -> Function:
        @wraps(function)
        def call(*arguments: object, **keywords: object) -> object:
            with tracer.start_as_current_span("shop.cart.total", attributes=ATTRIBUTES):
                start = perf_counter()
                try:
                    return function(*arguments, **keywords)
                finally:
                    histogram.record(perf_counter() - start, ATTRIBUTES)
                    counter.add(1, ATTRIBUTES)

        return call

    return Way(decorate, unsampled)


def unsampled() -> AbstractContextManager[object]:
    """Be inside a trace that is not sampled, as most are in production."""
    where = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(0))
    return trace.use_span(NonRecordingSpan(where))


_RECORDING = TracerProvider(shutdown_on_exit=False)


@contextmanager
def _sampled(mode: str = "off") -> Iterator[None]:
    """Be inside a trace that records."""
    spans.configure(Config(spans=mode))  # type: ignore[arg-type]  # one of the modes
    try:
        with _RECORDING.get_tracer("bench").start_as_current_span("request"):
            yield
    finally:
        spans.configure(Config())


def _tracing(provider: TracerProvider) -> Callable[[Function], Function]:
    return provider.get_tracer("bench").start_as_current_span("shop.cart.total", attributes=SPAN_ATTRIBUTES)  # type: ignore[return-value]  # usable as a decorator


def ways() -> dict[str, Way]:
    """Return all ways that are installed; the global providers are set."""
    mark = ai_generated(tool="claude")
    found = {
        "two clock reads (the floor)": Way(floor),
        "byline, no trace": Way(mark),
        "byline, unsampled trace": Way(mark, unsampled),
        "empty wrapt wrapper": Way(_wrapt),
    }
    for name, make in _PEERS.items():
        try:
            found[name] = make()
        except ImportError:
            continue
    refusing = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    return found | {
        "OTel `Histogram.record`": _histogram(),
        "OTel decorator, unsampled": Way(_tracing(refusing), unsampled),
        "OTel span + histogram + counter, unsampled": _everything(),
        "byline, sampled, `BYLINE_SPANS=lazy`": Way(mark, lambda: _sampled("lazy")),
        "byline, sampled, `BYLINE_SPANS=all`": Way(mark, lambda: _sampled("all")),
        "OTel decorator, sampled": Way(_tracing(_RECORDING), _sampled),
        "`try`/`except` with a counter": Way(counting),
    }


def _prometheus() -> Way:
    histogram = importlib.import_module("prometheus_client").Histogram("bench_seconds", "A call.", ["name"])
    return Way(histogram.labels("shop.cart.total").time())


def _autometrics(tracker: str) -> Way:
    module = importlib.import_module("autometrics")
    trackers = importlib.import_module("autometrics.tracker.tracker")
    # It replaces nothing that is set already, and says so.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    kind = importlib.import_module(f"autometrics.tracker.{tracker}")
    mine = kind.OpenTelemetryTracker(None) if tracker == "opentelemetry" else kind.PrometheusTracker()

    @contextmanager
    def around() -> Iterator[None]:
        trackers.set_tracker(mine)
        yield

    return Way(module.autometrics, around)


def _logfire() -> Way:
    module = importlib.import_module("logfire")
    logfire = module.configure(
        local=True, send_to_logfire=False, console=False, inspect_arguments=False, metrics=False
    )
    return Way(logfire.instrument("shop.cart.total", extract_args=False))


_rate = [0.0]


def _sentry(rate: float | None) -> Way:
    sdk = importlib.import_module("sentry_sdk")
    transport = importlib.import_module("sentry_sdk.transport").Transport

    class Nowhere(transport):  # type: ignore[misc, valid-type]  # imported by name
        def capture_envelope(self, _envelope: object) -> None:
            pass

    sdk.init(
        "http://key@localhost/1", transport=Nowhere, default_integrations=False, auto_enabling_integrations=False,
        traces_sampler=lambda _: _rate[0],
    )  # fmt: skip

    @contextmanager
    def around() -> Iterator[None]:
        _rate[0] = rate or 0.0
        with sdk.start_transaction(name="request"):
            yield

    if rate is None:
        return Way(sdk.trace)
    return Way(sdk.trace, around, limit=900)  # more spans than 1,000 in a transaction are not kept


def _ddtrace() -> Way:
    os.environ |= {
        "DD_TRACE_STARTUP_LOGS": "false",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_RUNTIME_METRICS_ENABLED": "false",
        "DD_CRASHTRACKING_ENABLED": "false",
    }
    module = importlib.import_module("ddtrace.trace")
    logging.getLogger("ddtrace").setLevel(logging.CRITICAL)

    class Nowhere(module.TraceFilter):  # type: ignore[misc, name-defined]  # imported by name
        def process_trace(self, _trace: object) -> None:
            return None

    module.tracer.configure(trace_processors=[Nowhere()])
    return Way(module.tracer.wrap("shop.cart.total"), lambda: module.tracer.trace("request"), limit=900)


_PEERS: dict[str, Callable[[], Way]] = {
    "prometheus_client `Histogram.time`": _prometheus,
    "autometrics, Prometheus": lambda: _autometrics("prometheus"),
    "autometrics, OpenTelemetry": lambda: _autometrics("opentelemetry"),
    "`sentry_sdk.trace`, no transaction": lambda: _sentry(None),
    "`sentry_sdk.trace`, unsampled": lambda: _sentry(0.0),
    "`sentry_sdk.trace`, sampled": lambda: _sentry(1.0),
    "ddtrace `tracer.wrap`": _ddtrace,
    "`logfire.instrument`": _logfire,
}
