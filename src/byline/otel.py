"""For programs that set up OpenTelemetry themselves: call durations enter their pipeline as whole distributions."""

# ruff: noqa: TID251  # wiring for those who have the SDK

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import MetricExporter

from ._exporters.program import DistributionExporter
from .exceptions import MissingExtraError

if TYPE_CHECKING:
    from ._exporters.prometheus import DurationCollector

__all__ = ["metric_exporter", "prometheus_collector"]


def metric_exporter(
    exporter: MetricExporter,
    *,
    boundaries: Sequence[float] | None = None,
    exponential: bool | None = None,
    replay: bool = False,
) -> MetricExporter:
    """
    Return an exporter that sends what another one sends, and ``byline.call.duration`` as exact distributions.

    Give it to the reader in place of the other, before the first call that is to be measured. Without
    it every call is recorded by itself, off the calling thread, which above some hundred thousand
    calls a second is too slow. Temporality is what the exporter prefers.

    Args:
        exporter: Any push exporter: OTLP, console, your own.

        boundaries: Upper bounds of explicit buckets, in seconds. Default: those byline advises.

        exponential: Use exponential buckets. Default: whether the exporter prefers them.

        replay: Record every call by itself too, for other readers of the same MeterProvider.

    Raises:
        ConfigError: The boundaries are not ascending, or given for exponential buckets.
    """
    return DistributionExporter(exporter, boundaries=boundaries, exponential=exponential, replay=replay)


def prometheus_collector(
    *, boundaries: Sequence[float] | None = None, replay: bool = False
) -> DurationCollector:
    """
    Return a collector that offers ``byline_call_duration_seconds`` to a scrape.

    Register it with the registry that is scraped, beside OpenTelemetry's ``PrometheusMetricReader``
    or without it. It counts from the moment it is made, and needs ``prometheus_client``.

    Args:
        boundaries: Upper bounds of the buckets, in seconds. Default: those byline advises.

        replay: Record every call by itself too, for other readers of the same MeterProvider.

    Raises:
        MissingExtraError: prometheus_client is not installed.
        ConfigError: The boundaries are not ascending.
    """
    try:
        from ._exporters.prometheus import DurationCollector
    except ImportError as error:
        raise MissingExtraError(
            "byline.otel.prometheus_collector() needs prometheus_client. Run: pip install prometheus-client"
        ) from error
    return DurationCollector(boundaries=boundaries, replay=replay)
