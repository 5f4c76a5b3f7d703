"""The list of marked functions, whole: OpenTelemetry's SDK merges all attribute sets beyond 2,000 into one."""

from __future__ import annotations

from dataclasses import replace

from opentelemetry.sdk.metrics.export import Gauge, Metric, NumberDataPoint

from .. import _semconv
from .._telemetry.instruments import descriptions

_OVERFLOW = "otel.metric.overflow"
"""On the point that stands for those beyond the limit: opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute"""


def complete(metric: Metric, now_ns: int) -> Metric:
    """Put every function back into ``byline.function.info``, where some were merged; others are returned as they are."""
    if metric.name != _semconv.METRIC_FUNCTION or not any(
        _OVERFLOW in (each.attributes or {}) for each in metric.data.data_points
    ):
        return metric
    points = [NumberDataPoint(each, None, now_ns, 1) for each in descriptions()]  # type: ignore[arg-type]  # a gauge starts at no time
    return replace(metric, data=Gauge(points))
