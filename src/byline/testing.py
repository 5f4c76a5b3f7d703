"""For tests of marked code: what a block of it recorded, through the real OpenTelemetry SDK."""

# ruff: noqa: TID251  # tests are the place for the real SDK

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
    MetricsData,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from . import _semconv
from ._instrumentation import lifecycle
from ._model import Incident
from ._telemetry import latency, signals, worker
from ._telemetry.incident_event import incident_of
from ._telemetry.spans import CallSpan
from .exceptions import BylineError

__all__ = ["Captured", "Durations", "capture"]


@dataclass(slots=True)
class Durations:
    """How long the calls of one function took."""

    count: int = 0
    total_s: float = 0.0
    min_s: float = float("inf")
    max_s: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    """Failed calls by ``error.type``; they are part of the count."""


@dataclass(slots=True)
class Captured:
    """What a block recorded. Filled when the block ends."""

    spans: list[ReadableSpan] = field(default_factory=list)
    """byline's spans, in the order they ended."""

    durations: dict[str, Durations] = field(default_factory=dict)
    """By the function's full name."""

    incidents: list[Incident] = field(default_factory=list)


@contextmanager
def capture() -> Iterator[Captured]:
    """
    Record what marked functions do in a block.

    The block runs inside a trace that records, so each marked call makes its span. The
    SDK's providers are set if the process has none, since OpenTelemetry takes one of each
    per process; else what is captured is captured beside their own exporters. Other
    threads that run meanwhile are captured too.

    Raises:
        BylineError: The process has providers that are not the SDK's.
    """
    tape = _installed()
    tape.collect()
    captured = Captured()
    tape.open.append(captured)
    around = CallSpan(trace.get_tracer(__name__).start_span(capture.__name__))
    around.attach()
    try:
        yield captured
    finally:
        around.end()
        tape.collect()
        tape.open.remove(captured)


class _Tape:
    """The in-memory exporters, beside whatever else the process exports to."""

    def __init__(self) -> None:
        self.open: list[Captured] = []
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
        self._metrics = InMemoryMetricReader({Histogram: AggregationTemporality.DELTA})
        tracers = trace.get_tracer_provider()
        if _is_unset(tracers):
            trace.set_tracer_provider(tracers := TracerProvider())
        loggers = _logs.get_logger_provider()
        if _is_unset(loggers):
            _logs.set_logger_provider(loggers := LoggerProvider())
        if not isinstance(tracers, TracerProvider):
            raise _foreign(tracers)
        if not isinstance(loggers, LoggerProvider):
            raise _foreign(loggers)
        self._read_metrics()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        loggers.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    def _read_metrics(self) -> None:
        """Put the reader beside the program's own, or where byline's store would be."""
        meters = metrics.get_meter_provider()
        if _is_unset(meters):
            metrics.set_meter_provider(MeterProvider([self._metrics]))
        elif hasattr(meters, "add_metric_reader"):  # SDK 1.45
            meters.add_metric_reader(self._metrics)
        elif isinstance(meters, MeterProvider) and signals.meter_provider() is None:
            signals.add_providers(MeterProvider([self._metrics]), None)
        else:
            raise _foreign(meters)

    def collect(self) -> None:
        """Hand what was recorded since the last time to every open block."""
        lifecycle.flush()
        latency.drain_all()
        worker.flush()
        spans, records, data = (
            self._spans.get_finished_spans(),
            self._logs.get_finished_logs(),
            self._metrics.get_metrics_data(),
        )
        self._spans.clear()
        self._logs.clear()
        for captured in self.open:
            captured.spans += [span for span in spans if _is_ours(span)]
            captured.incidents += [
                incident_of(
                    record.log_record.attributes or {},
                    time_ns=record.log_record.timestamp or 0,
                    trace_id=record.log_record.trace_id or 0,
                    span_id=record.log_record.span_id or 0,
                    resource=record.resource.attributes,
                )
                for record in records
                if record.log_record.event_name == _semconv.EVENT_INCIDENT
            ]
            for point in _durations(data):
                _add(captured.durations, point)


_tape: _Tape | None = None
_lock = threading.Lock()


def _installed() -> _Tape:
    global _tape  # noqa: PLW0603  # providers cannot be taken back, so once is for ever
    with _lock:
        if _tape is None:
            _tape = _Tape()
        return _tape


def _is_unset(provider: object) -> bool:
    return type(provider).__module__.startswith(
        ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs")
    )


def _foreign(provider: object) -> BylineError:
    return BylineError(
        f"byline.testing.capture() cannot record beside {provider!r}. "
        "Leave OpenTelemetry's providers unset in the tests, or use those of opentelemetry-sdk, 1.45 or later where byline writes a store."
    )


def _is_ours(span: ReadableSpan) -> bool:
    return span.instrumentation_scope is not None and span.instrumentation_scope.name == _semconv.SCOPE


def _durations(data: MetricsData | None) -> Iterator[HistogramDataPoint]:
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == _semconv.METRIC_DURATION:
                    yield from (
                        each for each in metric.data.data_points if isinstance(each, HistogramDataPoint)
                    )


def _add(durations: dict[str, Durations], point: HistogramDataPoint) -> None:
    attributes = point.attributes or {}
    known = durations.setdefault(str(attributes[_semconv.FUNCTION]), Durations())
    known.count += point.count
    known.total_s += point.sum
    known.min_s, known.max_s = min(known.min_s, point.min), max(known.max_s, point.max)
    if _semconv.ERROR_TYPE in attributes:
        known.errors[str(attributes[_semconv.ERROR_TYPE])] += point.count
