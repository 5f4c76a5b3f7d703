"""The providers behind the embedded store: real OpenTelemetry SDK providers, kept to ourselves."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.sdk._logs import LoggerProvider, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from .._telemetry.durations import Durations
from .durations import WithDurations
from .functions import News
from .logs import StoreLogExporter
from .metrics import StoreMetricExporter

EXPORT_INTERVAL_MS = 1_000
FLUSH_TIMEOUT_MS = 3_000


class _InTime(BatchLogRecordProcessor):
    """
    Exports what waits before there is no room for more, and loses nothing.

    The SDK drops the oldest of 2,048 that wait. An end tells at once of all that was held back, and
    of all lines that have run: an event for each function. It is told off the program's calls, and can wait.
    """

    _EACH = 1_024

    def __init__(self, exporter: StoreLogExporter) -> None:
        super().__init__(
            exporter,
            schedule_delay_millis=EXPORT_INTERVAL_MS,
            max_export_batch_size=self._EACH,
            max_queue_size=4 * self._EACH,
        )
        self._since = 0

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        super().on_emit(log_record)
        self._since += 1
        if self._since >= self._EACH:
            self._since = 0
            self.force_flush(FLUSH_TIMEOUT_MS)


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
    logger_provider.add_log_record_processor(_InTime(exporters[1]))
    return Pipeline(meter_provider, logger_provider, durations, exporters, where)
