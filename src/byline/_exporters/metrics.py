"""OpenTelemetry metric exporter that stores call durations and the functions seen; other metrics are left alone."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Histogram as ExplicitHistogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

from .. import _semconv
from .._store import sketches
from ..store import Calls, FunctionSeen
from .writer import Writer

_log = logging.getLogger("byline")

Attributes = Mapping[str, Any]


class StoreMetricExporter(MetricExporter):
    """Stores ``byline.call.duration`` and ``byline.function.info``: ``OTEL_METRICS_EXPORTER=byline``."""

    def __init__(self, path: Path | None = None, *, is_programs: bool = True) -> None:
        """
        Choose the store.

        Args:
            path: By default ``BYLINE_STORE``, or ``.byline/byline.db`` under the working directory.

            is_programs: Whether the program's own providers export to it, rather than byline's.
        """
        # Deltas add up over processes and restarts, and exponential buckets merge exactly.
        super().__init__(
            preferred_temporality=dict.fromkeys(
                (Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA
            ),
            preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()},
        )
        self._writer = Writer(path, "metrics" if is_programs else "")
        self._stopped = False
        self._refused = False

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002  # the store's own timeout is shorter
        **kwargs: Any,  # noqa: ANN401, ARG002  # the base class has it so
    ) -> MetricExportResult:
        """Write the calls and the functions of a collection."""
        if self._stopped:
            return MetricExportResult.FAILURE
        calls: list[Calls] = []
        functions: list[FunctionSeen] = []
        understood, own_time_s = True, 0.0
        for resource, metric in _metrics(metrics_data):
            if metric.name == _semconv.METRIC_FUNCTION:
                functions += _functions(metric)
            elif metric.name == _semconv.METRIC_SELF:
                own_time_s += _total(metric)
            elif metric.name == _semconv.METRIC_DURATION:
                if getattr(metric.data, "aggregation_temporality", None) is AggregationTemporality.DELTA:
                    calls += _calls(metric, resource)
                else:
                    understood = False
        if not understood and not self._refused:
            self._refused = True
            _log.warning(
                "byline stores only delta histograms, and %s came as something else. "
                "Give the byline exporter a reader of its own. This is said once.",
                _semconv.METRIC_DURATION,
            )
        done = self._writer.write(calls=calls, functions=functions, own_time_s=own_time_s)
        return MetricExportResult.SUCCESS if done and understood else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002  # see export()
        """Write what an earlier collection could not."""
        return self._writer.flush()

    def abandon(self) -> None:
        """Export nothing from now on, and leave the store as it is: in a forked child it is the parent's."""
        self._stopped = True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ANN401, ARG002  # the base class has it so
        """Write what is left and close the store; a second call does nothing."""
        if not self._stopped:
            self._stopped = True
            self._writer.close()


def _metrics(data: MetricsData) -> Iterator[tuple[Attributes, Metric]]:
    for each in data.resource_metrics:
        for scope in each.scope_metrics:
            for metric in scope.metrics:
                yield each.resource.attributes, metric


def _calls(metric: Metric, resource: Attributes) -> Iterator[Calls]:
    process = f"{resource.get(_semconv.SERVICE_INSTANCE) or socket.gethostname()}:{os.getpid()}"
    for point, sketch, exact in _sketches(metric):
        attributes = point.attributes or {}
        if not sketch.count:
            continue
        yield Calls(
            function=_text(attributes, _semconv.FUNCTION),
            commit=_text(attributes, _semconv.COMMIT),
            last_commit=_text(attributes, _semconv.LAST_COMMIT),
            error_type=_text(attributes, _semconv.ERROR_TYPE),
            time_ns=point.time_unix_nano,
            sketch=sketch,
            process=process,
            service=_text(resource, _semconv.SERVICE_NAME),
            revision=_text(resource, _semconv.VCS_REVISION),
            exact=exact,
        )


def _sketches(
    metric: Metric,
) -> Iterable[tuple[ExponentialHistogramDataPoint | HistogramDataPoint, sketches.Sketch, bool]]:
    data = metric.data
    if isinstance(data, ExponentialHistogram):
        for point in data.data_points:
            yield point, _exponential(point), True
    elif isinstance(data, ExplicitHistogram):
        # A view of the user's outranks what an exporter prefers.
        for each in data.data_points:
            yield each, _explicit(each), False


def _exponential(point: ExponentialHistogramDataPoint) -> sketches.Sketch:
    return sketches.from_exponential(
        count=point.count,
        total=point.sum,
        minimum=point.min,
        maximum=point.max,
        scale=point.scale,
        zero_count=point.zero_count,
        offset=point.positive.offset,
        bucket_counts=point.positive.bucket_counts,
    )


def _explicit(point: HistogramDataPoint) -> sketches.Sketch:
    return sketches.from_explicit(
        total=point.sum,
        minimum=point.min,
        maximum=point.max,
        bounds=point.explicit_bounds,
        bucket_counts=point.bucket_counts,
    )


def _total(metric: Metric) -> float:
    """Return what a counter has counted since the last time; one that only grows would be added again and again."""
    if getattr(metric.data, "aggregation_temporality", None) is not AggregationTemporality.DELTA:
        return 0.0
    return sum(float(point.value) for point in metric.data.data_points if isinstance(point, NumberDataPoint))


def _functions(metric: Metric) -> Iterator[FunctionSeen]:
    for point in metric.data.data_points:
        if not isinstance(point, NumberDataPoint):
            continue
        attributes = point.attributes or {}
        yield FunctionSeen(
            function=_text(attributes, _semconv.FUNCTION),
            commit=_text(attributes, _semconv.COMMIT),
            last_commit=_text(attributes, _semconv.LAST_COMMIT),
            path=_text(attributes, _semconv.FILE),
            line=_whole(attributes, _semconv.LINE),
            author=_text(attributes, _semconv.AUTHOR),
            tool=_text(attributes, _semconv.TOOL),
            model=_text(attributes, _semconv.MODEL),
            evidence=_text(attributes, _semconv.EVIDENCE),
            confidence=_text(attributes, _semconv.CONFIDENCE),
            status=_text(attributes, _semconv.STATUS),
            ai_lines=_whole(attributes, _semconv.AI_LINES),
            lines=_whole(attributes, _semconv.LINES),
            committed_at=_whole(attributes, _semconv.COMMITTED_AT),
            first_seen_ns=point.time_unix_nano,
            last_seen_ns=point.time_unix_nano,
        )


def _text(attributes: Attributes, name: str) -> str:
    return str(attributes.get(name, ""))


def _whole(attributes: Attributes, name: str) -> int:
    value = attributes.get(name, 0)
    return value if isinstance(value, int) else 0
