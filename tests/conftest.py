"""The SDK's providers, once per process with in-memory exporters, and what each test reads from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from opentelemetry import _logs, metrics as metrics_api, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from byline._telemetry import latency, worker

settings.register_profile("byline", deadline=None)  # a busy machine is no failure
settings.load_profile("byline")

DELTA = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)


class Providers(NamedTuple):
    """Where the session's signals end up."""

    spans: InMemorySpanExporter
    metrics: InMemoryMetricReader
    logs: InMemoryLogRecordExporter


@pytest.fixture(scope="session")
def providers() -> Providers:
    """Set the real SDK's providers: OpenTelemetry takes one of each per process, and nobody else sets any."""
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
    worker.flush()
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
