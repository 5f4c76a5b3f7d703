"""OpenTelemetry log exporter that stores incidents, findings and executed lines; every other log record is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

from .. import _semconv
from .._model import ExecutedLines, Finding, Incident
from .._telemetry.executed_event import executed_of
from .._telemetry.finding_event import finding_of
from .._telemetry.incident_event import incident_of
from .writer import Writer


class StoreLogExporter(LogRecordExporter):
    """Stores byline's events: ``OTEL_LOGS_EXPORTER=byline``."""

    def __init__(self, path: Path | None = None, *, is_programs: bool = True) -> None:
        """
        Choose the store.

        Args:
            path: By default ``BYLINE_STORE``, or ``.byline/byline.db`` under the working directory.

            is_programs: Whether the program's own providers export to it, rather than byline's.
        """
        self._writer = Writer(path, "logs" if is_programs else "")
        self._stopped = False

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Write what byline told in a batch."""
        if self._stopped:
            return LogRecordExportResult.FAILURE
        incidents = [found for each in batch if (found := _incident(each)) is not None]
        done = self._writer.write(
            incidents=incidents,
            findings=[each for each in map(_finding, batch) if each is not None],
            executed=[each for each in map(_executed, batch) if each is not None],
        )
        return LogRecordExportResult.SUCCESS if done else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 10_000) -> bool:  # noqa: ARG002  # the store's own timeout is shorter
        """Write what an earlier batch could not."""
        return self._writer.flush()

    def abandon(self) -> None:
        """Export nothing from now on, and leave the store as it is: in a forked child it is the parent's."""
        self._stopped = True

    def shutdown(self) -> None:
        """Write what is left and close the store; a second call does nothing."""
        if not self._stopped:
            self._stopped = True
            self._writer.close()


def _incident(record: ReadableLogRecord) -> Incident | None:
    event = record.log_record
    if event.event_name != _semconv.EVENT_INCIDENT or not event.attributes:
        return None
    incident = incident_of(
        event.attributes,
        time_ns=event.timestamp or event.observed_timestamp or 0,
        trace_id=event.trace_id or 0,
        span_id=event.span_id or 0,
        resource=record.resource.attributes,
    )
    return incident if incident.id else None


def _finding(record: ReadableLogRecord) -> Finding | None:
    event = record.log_record
    if event.event_name != _semconv.EVENT_FINDING or not event.attributes:
        return None
    finding = finding_of(
        event.attributes,
        time_ns=event.timestamp or event.observed_timestamp or 0,
        trace_id=event.trace_id or 0,
        span_id=event.span_id or 0,
        resource=record.resource.attributes,
    )
    return finding if finding.id and finding.count else None


def _executed(record: ReadableLogRecord) -> ExecutedLines | None:
    event = record.log_record
    if event.event_name != _semconv.EVENT_EXECUTED or not event.attributes:
        return None
    return executed_of(event.attributes)
