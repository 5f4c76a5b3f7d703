"""The SDK's providers, once per process with in-memory exporters, and what each test reads from them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from opentelemetry import _logs, metrics as metrics_api, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from byline import _config, _registry
from byline._instrumentation import development, lookup
from byline._telemetry import faults, instruments, latency, spans as call_spans, worker

# A busy machine is no failure. Every run has the same examples; with RANDOM_EXAMPLES set, each has its own.
settings.register_profile(
    "byline", deadline=None, suppress_health_check=[HealthCheck.too_slow],
    derandomize="RANDOM_EXAMPLES" not in os.environ,
)  # fmt: skip
settings.load_profile("byline")

# A shell that runs the tests in the background has them ignore Ctrl-C, and so would the programs they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ENOUGH_S = 60.0
"""How long the background thread may take for what a test waits for."""

DELTA = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)


class Providers(NamedTuple):
    """Where the session's signals end up."""

    spans: InMemorySpanExporter
    metrics: InMemoryMetricReader
    logs: InMemoryLogRecordExporter


@pytest.fixture(autouse=True)
def _leave_nothing_behind() -> Iterator[None]:
    """
    Take back what a test in this process left for the next one.

    That is folders on the path, modules from there, marked functions, the settings as the test's environment
    had them, what they say of spans, a manifest in force, who is asked without one, and what is said only once.
    """
    path, modules = sys.path[:], set(sys.modules)
    entries, files = dict(_registry._entries), dict(_registry._files)
    yield
    left = tuple(each for each in sys.path if each not in path)
    sys.path[:] = path
    for name in sys.modules.keys() - modules:
        if left and str(getattr(sys.modules[name], "__file__", "")).startswith(left):
            del sys.modules[name]
    _registry.clear()
    _registry._entries.update(entries)
    _registry._files.update(files)
    _config.use(None)
    call_spans.put_beside(None)
    lookup.reset()
    lookup.when_unknown(development.ask)
    faults.forget()


@pytest.fixture(scope="session")
def providers() -> Providers:
    """Set the real SDK's providers: OpenTelemetry takes one of each per process, and nobody else sets any."""
    instruments._SERIES_WARNED = sys.maxsize  # all tests together have many functions
    made = Providers(InMemorySpanExporter(), InMemoryMetricReader(DELTA), InMemoryLogRecordExporter())
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(made.spans))
    loggers = LoggerProvider()
    loggers.add_log_record_processor(SimpleLogRecordProcessor(made.logs))
    trace.set_tracer_provider(tracers)
    metrics_api.set_meter_provider(MeterProvider([made.metrics]))
    _logs.set_logger_provider(loggers)
    return made


def settle() -> None:
    """Bring everything that was measured so far to the exporters."""
    assert worker.flush(ENOUGH_S)
    latency.drain_all()


@pytest.fixture
def spans(providers: Providers) -> Iterator[Callable[[], list[ReadableSpan]]]:
    """Return the spans that ended since the test began."""
    providers.spans.clear()
    yield lambda: list(providers.spans.get_finished_spans())
    providers.spans.clear()


@pytest.fixture
def metrics(providers: Providers) -> Callable[[], dict[str, list[Any]]]:
    """Return the data points since the last time, or since the test began, by the metric's name."""

    def collect() -> dict[str, list[Any]]:
        settle()
        data = providers.metrics.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    collect()
    return collect


@pytest.fixture
def logs(providers: Providers) -> Iterator[Callable[[], list[Any]]]:
    """Return the log records since the test began."""
    settle()
    providers.logs.clear()

    def collect() -> list[Any]:
        settle()
        return [each.log_record for each in providers.logs.get_finished_logs()]

    yield collect
    providers.logs.clear()
