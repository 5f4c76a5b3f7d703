"""The embedded store's part in a process: providers of its own, in each process of a fork, flushed at every end."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast
from weakref import ref

from .._manifest import Header
from .._model import Unverified
from .._telemetry import signals, worker
from ..exceptions import StoreError

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from .._exporters.pipeline import Pipeline

_log = logging.getLogger("byline")

DEFAULT = Path(".byline") / "byline.db"


def store_of_exporters(environ: Mapping[str, str]) -> str:
    """
    Return the store that OpenTelemetry's own settings ask for; empty when they do not.

    Whether somebody reads those settings is another matter: ``opentelemetry-instrument``
    does so only where a distro is installed.
    """
    names = [environ.get(name, "") for name in ("OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")]
    wanted = any("byline" in each.replace(" ", "").split(",") for each in names)
    return str(DEFAULT) if wanted else ""


class Recording:
    """
    Writes to a store what the program's own exporters do not write to one.

    The providers belong to one process: a forked child makes its own, with an instance id
    of its own, before it has anything to write.
    """

    def __init__(self, store: Path, header: Header | None) -> None:
        """
        Begin.

        Raises:
            StoreError: The store cannot be written.
        """
        # The SDK and sqlite3 are loaded only by those who want a store.
        from .._exporters.resource import resource
        from ..store import Store

        self._path = store.absolute()
        self._pipeline: Pipeline | None = None
        Store.open(self._path, create=True).close()
        self._start(resource(header))

    def _start(self, resource: Resource) -> None:
        has_metrics, has_logs = _written_already("metrics"), _written_already("logs")
        if has_metrics and has_logs:
            return
        from .._exporters.pipeline import pipeline

        made = self._pipeline = pipeline(self._path, resource)
        signals.add_providers(
            None if has_metrics else made.meter_provider,
            None if has_logs else made.logger_provider,
            None if has_metrics else made.durations,
        )
        if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
            # Now, because these hooks run in their order: behind those of the SDK, which restart its threads.
            os.register_at_fork(after_in_child=partial(_renew, ref(self), ref(made)))

    def flush(self, timeout_s: float) -> bool:
        """Write what there is; return False when it was not done within the time."""
        timeout_ms = int(timeout_s * 1_000)
        providers = self._pipeline.providers() if self._pipeline else _own_providers()
        done = [provider.force_flush(timeout_ms) for provider in providers]
        return all(done)

    def note(self, notes: Sequence[Unverified]) -> None:
        """Leave what could not be told in the store."""
        if not notes:
            return
        from ..store import Store

        try:
            with Store.open(self._path) as store:
                store.add_unverified(notes)
        except StoreError as error:
            _log.warning("byline could not note what it cannot tell: %s", error)

    def close(self) -> None:
        """Flush and stop; a second call does nothing."""
        if self._pipeline is not None:
            self.flush(_CLOSE_TIMEOUT_S)
            signals.add_providers(None, None)
            self._pipeline.shutdown()
            self._pipeline = None

    def is_using(self, pipeline: Pipeline | None) -> bool:
        """Tell whether this pipeline is the present one."""
        return pipeline is not None and self._pipeline is pipeline

    def renew(self) -> None:
        """Make providers for this process, a forked child; what its parent's hold is the parent's to write."""
        from .._exporters.resource import another_process

        inherited = self._pipeline
        if inherited is None:
            return
        try:
            self._start(another_process(inherited.resource))
        except RuntimeError:  # no thread can be started: the child is ending, and writes as its parent's kin
            return
        inherited.abandon()


_CLOSE_TIMEOUT_S = 3.0


def _renew(recording: ref[Recording], inherited: ref[Pipeline]) -> None:
    """Have a forked child make its own providers, as the first thing on the background thread; most children need none."""
    mine = recording()
    if mine is not None and mine.is_using(inherited()):
        worker.submit(mine.renew)


def _written_already(signal: str) -> bool:
    """Tell whether an exporter of the program's own writes to a store, so that nothing is written twice."""
    writer = sys.modules.get("byline._exporters.writer")
    return writer is not None and bool(writer.is_written(signal))


if TYPE_CHECKING:

    class _Provider(Protocol):
        def force_flush(self, timeout_millis: int, /) -> bool: ...


def _own_providers() -> list[_Provider]:
    from opentelemetry import _logs, metrics

    found = (metrics.get_meter_provider(), _logs.get_logger_provider())
    return [cast("_Provider", each) for each in found if hasattr(each, "force_flush")]
