"""The store's log processor: no burst is too large for it."""

from __future__ import annotations

from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter

_EACH = 1_024
"""Records that are exported together; four times as many may wait."""


class InTime(BatchLogRecordProcessor):
    """
    Exports what waits before there is no room for more, and loses nothing.

    The SDK drops the oldest of 2,048 that wait. An end tells at once of all that was held back, and
    of all lines that have run: an event for each function. It is told off the program's calls, and can wait.
    """

    def __init__(self, exporter: LogRecordExporter, *, every_ms: int, timeout_ms: int) -> None:
        """
        Stand in front of an exporter.

        Args:
            every_ms: How often it is exported, in milliseconds, where fewer wait.

            timeout_ms: How long one record may wait for those before it to be exported.
        """
        super().__init__(
            exporter,
            schedule_delay_millis=every_ms,
            max_export_batch_size=_EACH,
            max_queue_size=4 * _EACH,
        )
        self._timeout_ms = timeout_ms
        self._since = 0

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Take a record; with each thousandth or so, export those that wait."""
        super().on_emit(log_record)
        self._since += 1
        if self._since >= _EACH:
            self._since = 0
            self.force_flush(self._timeout_ms)
