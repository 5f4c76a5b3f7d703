"""
Puts counted call durations into what a metric exporter gets: the SDK's public types.

Of the SDK's private names two are read, which every exporter has from its base class and the SDK's own
reader reads too: ``_preferred_temporality`` and ``_preferred_aggregation``. A test says when they go.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opentelemetry.sdk.metrics import Exemplar, Histogram as HistogramInstrument
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExponentialBucketHistogramAggregation,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from .. import _semconv
from .._telemetry.durations import Distribution, Durations
from .._telemetry.instruments import DESCRIPTION
from .functions import News, complete

EXPONENTIAL_SIZE = 160
"""Buckets of one exponential histogram, as in OpenTelemetry's own; finer ones are merged, exactly."""


class WithDurations(MetricExporter):
    """Another exporter, which also gets the durations, as its reader's metrics do: as delta or cumulative."""

    def __init__(
        self,
        exporter: MetricExporter,
        durations: Durations,
        *,
        cumulative: bool,
        size: int = EXPONENTIAL_SIZE,
        news: News | None = None,
    ) -> None:
        """
        Stand in front of an exporter.

        Args:
            durations: Collected at each export.

            cumulative: Whether the durations are.

            size: Most buckets of an exponential histogram.

            news: Hand on only those functions that are new; all of them, each time, when None.
        """
        # The reader asks the exporter in front what it prefers.
        super().__init__(_preferred(exporter, "temporality"), _preferred(exporter, "aggregation"))
        self._exporter = exporter
        self._durations = durations
        self._size = size
        self._news = news
        self._temporality = AggregationTemporality.CUMULATIVE if cumulative else AggregationTemporality.DELTA

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: Any,  # noqa: ANN401  # the base class has it so
    ) -> MetricExportResult:
        """Hand over what was collected, and what was counted since the last time."""
        # The resource comes with the other metrics, of which there is always one: the list of functions.
        if metrics_data.resource_metrics:
            first, *others = metrics_data.resource_metrics
            now_ns = time.time_ns()
            own = self._metrics(self._durations.collect(), now_ns)
            metrics_data = MetricsData(
                [
                    self._with(first, own, now_ns),
                    *(self._with(each, [], now_ns) for each in others),
                ]
            )
        result = self._exporter.export(metrics_data, timeout_millis, **kwargs)
        if self._news and result is MetricExportResult.SUCCESS:
            self._news.heard()
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush the exporter behind."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ANN401  # the base class has it so
        """Shut the exporter behind down."""
        self._exporter.shutdown(timeout_millis, **kwargs)

    def _metrics(self, found: Sequence[Distribution], now_ns: int) -> list[Metric]:
        if not found:
            return []
        bounds = self._durations.bounds
        data: Histogram | ExponentialHistogram
        if bounds is None:
            points = [_exponential(each.fitted(self._size), now_ns) for each in found]
            data = ExponentialHistogram(points, self._temporality)
        else:
            data = Histogram([_explicit(each, bounds, now_ns) for each in found], self._temporality)
        return [Metric(_semconv.METRIC_DURATION, DESCRIPTION, "s", data)]

    def _with(self, resource: ResourceMetrics, own: list[Metric], now_ns: int) -> ResourceMetrics:
        """Put our metrics into our scope, in place of those that the SDK made of single calls."""
        scopes, found = [], False
        for each in resource.scope_metrics:
            if each.scope.name != _semconv.SCOPE:
                scopes.append(each)
                continue
            kept = list(self._kept(each.metrics, now_ns))
            scopes.append(replace(each, metrics=kept if found else [*kept, *own]))
            found = True
        if own and not found:
            scopes.append(ScopeMetrics(InstrumentationScope(_semconv.SCOPE), own, ""))
        return replace(resource, scope_metrics=scopes)

    def _kept(self, metrics: Iterable[Metric], now_ns: int) -> Iterator[Metric]:
        """Yield the SDK's metrics that stay; what ours are made of does not."""
        for metric in metrics:
            if metric.name == _semconv.METRIC_DURATION:
                continue
            if self._news is None or metric.name != _semconv.METRIC_FUNCTION:
                yield complete(metric, now_ns)
                continue
            new = self._news.only(metric, now_ns)
            if new is not None:
                yield new


def is_cumulative(exporter: MetricExporter) -> bool:
    """Tell whether an exporter wants histograms that only grow, as OpenTelemetry's default is."""
    preferred = _preferred(exporter, "temporality") or {}
    return preferred.get(HistogramInstrument) is not AggregationTemporality.DELTA


def bounds_for(exporter: MetricExporter) -> tuple[float, ...] | None:
    """Return the explicit bounds that suit an exporter, or None when it prefers exponential buckets."""
    preferred: Mapping[type, Aggregation] = _preferred(exporter, "aggregation") or {}
    if isinstance(preferred.get(HistogramInstrument), ExponentialBucketHistogramAggregation):
        return None
    return _semconv.DURATION_BOUNDS


def _preferred(exporter: MetricExporter, what: str) -> Any:  # noqa: ANN401  # a dictionary of the SDK's, or None
    return getattr(exporter, f"_preferred_{what}", None)


def _explicit(found: Distribution, bounds: Sequence[float], now_ns: int) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=found.attributes,
        start_time_unix_nano=found.since_ns,
        time_unix_nano=now_ns,
        count=found.count,
        sum=found.total,
        bucket_counts=found.buckets,
        explicit_bounds=bounds,
        min=found.minimum,
        max=found.maximum,
        exemplars=list(_exemplars(found)),
    )


def _exponential(found: Distribution, now_ns: int) -> ExponentialHistogramDataPoint:
    return ExponentialHistogramDataPoint(
        attributes=found.attributes,
        start_time_unix_nano=found.since_ns,
        time_unix_nano=now_ns,
        count=found.count,
        sum=found.total,
        scale=found.scale,
        zero_count=found.zero_count,
        positive=Buckets(found.offset, found.buckets),
        negative=Buckets(0, ()),
        flags=0,
        min=found.minimum,
        max=found.maximum,
        exemplars=list(_exemplars(found)),
    )


def _exemplars(found: Distribution) -> Iterable[Exemplar]:
    for each in found.exemplars:
        yield Exemplar({}, each.duration_s, each.time_ns, each.span_id, each.trace_id)
