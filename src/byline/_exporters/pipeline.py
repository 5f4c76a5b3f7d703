"""The providers behind the embedded store: real OpenTelemetry SDK providers, kept to ourselves."""

from __future__ import annotations

import os
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from .. import _semconv
from .._manifest import Header
from .._telemetry.durations import Durations
from .durations import WithDurations
from .logs import StoreLogExporter
from .metrics import StoreMetricExporter

EXPORT_INTERVAL_MS = 1_000
FLUSH_TIMEOUT_MS = 3_000


def resource(header: Header | None) -> Resource:
    """
    Describe this process: OpenTelemetry's own settings first, then what the manifest knows of the deployment.
    """
    own: dict[str, str] = {_semconv.SERVICE_INSTANCE: str(uuid.uuid4())}
    if "OTEL_SERVICE_NAME" not in os.environ:
        own[_semconv.SERVICE_NAME] = _program()
    if header is not None:
        own |= deployment(header)
    return (
        Resource(own).merge(Resource.create()) if "OTEL_SERVICE_NAME" in os.environ else Resource.create(own)
    )


def deployment(header: Header) -> dict[str, str]:
    """Return what a manifest says of the deployed revision, as resource attributes."""
    found = {
        _semconv.VCS_REVISION: header.revision,
        _semconv.VCS_BRANCH: header.branch,
        _semconv.VCS_REPOSITORY: header.repository,
        _semconv.SERVICE_VERSION: header.revision[:12],
    }
    return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The providers behind one store."""

    meter_provider: MeterProvider
    logger_provider: LoggerProvider
    durations: Durations
    """Where call durations are counted; the exporter takes them from there."""


def pipeline(store: Path, header: Header | None) -> Pipeline:
    """Make the store's providers; nobody else sees them."""
    where = resource(header)
    durations = Durations()
    reader = PeriodicExportingMetricReader(
        WithDurations(StoreMetricExporter(store), durations, cumulative=False, size=sys.maxsize),
        export_interval_millis=EXPORT_INTERVAL_MS,
        export_timeout_millis=FLUSH_TIMEOUT_MS,
    )
    meter_provider = MeterProvider(metric_readers=[reader], resource=where, shutdown_on_exit=False)
    logger_provider = LoggerProvider(resource=where, shutdown_on_exit=False)
    logger_provider.add_log_record_processor(
        BatchLogRecordProcessor(StoreLogExporter(store), schedule_delay_millis=EXPORT_INTERVAL_MS)
    )
    return Pipeline(meter_provider, logger_provider, durations)


def _program() -> str:
    """Name the service where OpenTelemetry's own settings do not: what ``byline run`` was given, or the script."""
    given = os.environ.get("BYLINE_RUN", "")
    return given or (Path(sys.argv[0]).stem if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python")
