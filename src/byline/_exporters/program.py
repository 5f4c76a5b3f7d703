"""Exporters for the program's own pipeline that take call durations as whole distributions."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from .. import _semconv
from .._telemetry import delivery, signals
from .._telemetry.durations import Durations
from ..exceptions import ConfigError, MissingExtraError
from .durations import EXPONENTIAL_SIZE, WithDurations, bounds_for, is_cumulative
from .metrics import StoreMetricExporter

GRPC_POINTS = 1_000
"""
Data points in one message. A collector refuses messages of more than 4 MB, gRPC's own default, and with one all metrics.

A point with all its exemplars takes less than 3 kB.
"""


class DistributionExporter(WithDurations):
    """Stands in front of an exporter of the program's own; as long as it does, no call is recorded singly."""

    def __init__(
        self,
        exporter: MetricExporter,
        *,
        boundaries: Sequence[float] | None = None,
        exponential: bool | None = None,
        replay: bool = False,
        size: int = EXPONENTIAL_SIZE,
    ) -> None:
        """As for ``byline.otel.metric_exporter``."""
        bounds = _bounds(exporter, boundaries, exponential=exponential)
        cumulative = is_cumulative(exporter)
        self._counted = Durations(bounds, cumulative=cumulative)
        super().__init__(exporter, self._counted, cumulative=cumulative, size=size)
        signals.take_distributions(self._counted, replayed=replay)

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: Any,  # noqa: ANN401  # the base class has it so
    ) -> MetricExportResult:
        """Hand over, and count what was not delivered."""
        result = MetricExportResult.FAILURE
        try:
            result = super().export(metrics_data, timeout_millis, **kwargs)
        finally:
            if result is not MetricExportResult.SUCCESS:
                delivery.failed(type(self._exporter).__name__)
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ANN401  # the base class has it so
        """Shut the exporter behind down, and leave calls to whoever is left."""
        signals.leave_distributions(self._counted)
        super().shutdown(timeout_millis, **kwargs)


class StoreExporter(DistributionExporter):
    """What ``OTEL_METRICS_EXPORTER=byline`` names: the embedded store."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """
        Export to a store.

        Args:
            path: Default: ``BYLINE_STORE``, or ``.byline/byline.db`` under the working directory.
        """
        exporter = StoreMetricExporter() if path is None else StoreMetricExporter(Path(path))
        super().__init__(exporter, exponential=True, size=sys.maxsize)


class OtlpExporter(DistributionExporter):
    """
    What ``OTEL_METRICS_EXPORTER=byline_otlp`` names: OTLP as ``otlp`` would send it, durations included.

    All of OpenTelemetry's own variables hold: endpoint, headers, protocol, temporality, aggregation.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # handed on as they came
        """Make the exporter of OpenTelemetry; the options are its own."""
        super().__init__(_otlp(**options))


def _bounds(
    exporter: MetricExporter, boundaries: Sequence[float] | None, *, exponential: bool | None
) -> Sequence[float] | None:
    if boundaries is not None:
        if exponential:
            raise ConfigError("Exponential buckets have no boundaries. Give one of the two.")
        return ascending(boundaries)
    if exponential is None:
        return bounds_for(exporter)
    return None if exponential else _semconv.DURATION_BOUNDS


def ascending(boundaries: Sequence[float]) -> tuple[float, ...]:
    """Return bucket boundaries that can be used as they are."""
    found = tuple(float(each) for each in boundaries)
    if not found or any(low >= high for low, high in pairwise(found)):
        raise ConfigError(
            f"boundaries={boundaries!r} must be one or more numbers, each above the one before."
        )
    return found


def _otlp(**options: Any) -> MetricExporter:  # noqa: ANN401  # as above
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL") or os.environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"
    )
    if protocol == "grpc":
        options.setdefault("max_export_batch_size", GRPC_POINTS)
    package = f"opentelemetry.exporter.otlp.proto.{'grpc' if protocol == 'grpc' else 'http'}"
    try:
        found: MetricExporter = import_module(f"{package}.metric_exporter").OTLPMetricExporter(**options)
    except ImportError as error:
        raise MissingExtraError(
            f"OTEL_METRICS_EXPORTER=byline_otlp needs the OTLP exporter for {protocol!r}. "
            "Run: pip install 'byline[otlp]'"
        ) from error
    return found
