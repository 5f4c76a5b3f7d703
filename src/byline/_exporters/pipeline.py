"""The providers behind the embedded store: real OpenTelemetry SDK providers, kept to ourselves."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from .._telemetry.durations import Durations
from .durations import WithDurations
from .functions import News
from .in_time import InTime
from .logs import StoreLogExporter
from .metrics import StoreMetricExporter

EXPORT_INTERVAL_MS = 1_000
FLUSH_TIMEOUT_MS = 3_000


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Pipeline:
    """The providers behind one store."""

    meter_provider: MeterProvider
    logger_provider: LoggerProvider
    durations: Durations
    """Where call durations are counted; the exporter takes them from there."""

    exporters: tuple[StoreMetricExporter, StoreLogExporter]
    resource: Resource

    def providers(self) -> tuple[LoggerProvider, MeterProvider]:
        """Return both providers, the one for incidents first."""
        return self.logger_provider, self.meter_provider

    def shutdown(self) -> None:
        """Export what is left, and stop."""
        for provider in self.providers():
            provider.shutdown()

    def abandon(self) -> None:
        """Stop without exporting anything, in a forked child."""
        for exporter in self.exporters:
            exporter.abandon()
        # It may be in the middle of what was cut off by the fork.
        with contextlib.suppress(Exception):
            self.shutdown()


def pipeline(store: Path, where: Resource) -> Pipeline:
    """Make the store's providers; nobody else sees them."""
    durations = Durations()
    exporters = StoreMetricExporter(store, is_programs=False), StoreLogExporter(store, is_programs=False)
    reader = PeriodicExportingMetricReader(
        WithDurations(exporters[0], durations, cumulative=False, size=sys.maxsize, news=News()),
        export_interval_millis=EXPORT_INTERVAL_MS,
        export_timeout_millis=FLUSH_TIMEOUT_MS,
    )
    meter_provider = MeterProvider(metric_readers=[reader], resource=where, shutdown_on_exit=False)
    logger_provider = LoggerProvider(resource=where, shutdown_on_exit=False)
    logger_provider.add_log_record_processor(
        InTime(exporters[1], every_ms=EXPORT_INTERVAL_MS, timeout_ms=FLUSH_TIMEOUT_MS)
    )
    return Pipeline(meter_provider, logger_provider, durations, exporters, where)
