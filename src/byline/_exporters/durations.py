"""Puts counted call durations into what a metric exporter gets: the SDK's public types only."""

from __future__ import annotations

import time
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from .. import _semconv
from .._telemetry.durations import SCALE, Distribution, Durations


class WithDurations(MetricExporter):
    """Another exporter, which also gets the durations; as deltas, in exponential buckets."""

    def __init__(self, exporter: MetricExporter, durations: Durations, resource: Resource) -> None:
        """
        Stand in front of an exporter.

        Args:
            durations: Emptied at each export.
        """
        # The reader asks the exporter in front what it prefers.
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)  # noqa: SLF001  # the SDK reads them so
        self._exporter = exporter
        self._durations = durations
        self._resource = resource
        self._since_ns = time.time_ns()

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: Any,  # noqa: ANN401  # the base class has it so
    ) -> MetricExportResult:  # the base class has it so
        """Hand over what was collected, and what was counted since the last time."""
        found = self._durations.collect()
        now_ns = time.time_ns()
        if found:
            points = [_point(each, self._since_ns, now_ns) for each in found]
            own = ResourceMetrics(self._resource, [_scope_metrics(points)], "")
            metrics_data = MetricsData([*metrics_data.resource_metrics, own])
        self._since_ns = now_ns
        return self._exporter.export(metrics_data, timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush the exporter behind."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ANN401  # the base class has it so
        """Shut the exporter behind down."""
        self._exporter.shutdown(timeout_millis, **kwargs)


def _point(found: Distribution, since_ns: int, now_ns: int) -> ExponentialHistogramDataPoint:
    return ExponentialHistogramDataPoint(
        attributes=found.attributes,
        start_time_unix_nano=since_ns,
        time_unix_nano=now_ns,
        count=found.count,
        sum=found.total,
        scale=SCALE,
        zero_count=found.zero_count,
        positive=Buckets(found.offset, found.buckets),
        negative=Buckets(0, ()),
        flags=0,
        min=found.minimum,
        max=found.maximum,
    )


def _scope_metrics(points: list[ExponentialHistogramDataPoint]) -> ScopeMetrics:
    data = ExponentialHistogram(points, AggregationTemporality.DELTA)
    metric = Metric(_semconv.METRIC_DURATION, "How long calls of marked functions take.", "s", data)
    return ScopeMetrics(InstrumentationScope(_semconv.SCOPE), [metric], "")
