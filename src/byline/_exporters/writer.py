"""Writes to the store for an exporter: opens it late, keeps what could not be written, never raises."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakSet

from .. import _config
from .._model import ExecutedLines, Finding, Incident
from ..exceptions import StoreError
from ..store import Calls, FunctionSeen, Store

_log = logging.getLogger("byline")

DEFAULT = Path(".byline") / "byline.db"

KEPT_INCIDENTS = 1_000
KEPT_CALLS = 10_000
KEPT_FINDINGS = 1_000


# Which signals some exporter writes to a store.
_open: WeakSet[Writer] = WeakSet()


def is_written(signal: str) -> bool:
    """Tell whether an exporter of this process writes a signal, ``metrics`` or ``logs``, to a store."""
    return any(each.signal == signal for each in list(_open))


class Writer:
    """
    The store as an exporter sees it.

    A batch that the store refuses (locked, disk full) is kept in memory, within limits,
    and written with the next one, so that a moment's trouble loses nothing.
    """

    def __init__(self, path: Path | None = None, signal: str = "") -> None:
        self.path = (path or Path(_config.current().store or DEFAULT)).absolute()
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._store: Store | None = None
        self._incidents: list[Incident] = []
        self._calls: list[Calls] = []
        self._findings: list[Finding] = []
        self._executed: list[ExecutedLines] = []
        self._own_time_s = 0.0
        self._lost = 0
        self._failing = False
        self.signal = signal
        _open.add(self)

    def write(  # noqa: PLR0913  # keyword-only, each with a default
        self,
        *,
        incidents: Sequence[Incident] = (),
        calls: Sequence[Calls] = (),
        functions: Sequence[FunctionSeen] = (),
        findings: Sequence[Finding] = (),
        executed: Sequence[ExecutedLines] = (),
        own_time_s: float = 0.0,
    ) -> bool:
        """Write a batch and what was kept; return whether all of it is in the store."""
        self._after_fork()
        with self._lock:
            self._incidents += incidents
            self._calls += calls
            self._findings += findings
            self._executed += executed
            self._own_time_s += own_time_s
            if not (self._incidents or self._calls or self._findings or self._executed or functions):
                return True
            try:
                self._open().add(
                    incidents=self._incidents,
                    calls=self._calls,
                    functions=functions,
                    findings=self._findings,
                    executed=self._executed,
                    own_time_s=self._own_time_s,
                )
            except StoreError as error:
                self._keep(error)
                return False
            except Exception:  # noqa: BLE001  # nothing of ours may reach the host
                self._drop()
                return False
            self._written()
            return True

    def flush(self) -> bool:
        """Try again to write what was kept; return whether nothing is left."""
        return self.write()

    def close(self) -> None:
        """Write what was kept, and close the store; a second call does nothing."""
        self.write()
        _open.discard(self)
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _open(self) -> Store:
        if self._store is None:
            self._store = Store.open(self.path, create=True)
        return self._store

    def _after_fork(self) -> None:
        if self._process == os.getpid():
            return
        # What was kept is the parent's to write, and its lock may be held by a thread that is not here.
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._incidents, self._calls, self._findings, self._executed, self._lost = [], [], [], [], 0
        self._own_time_s = 0.0

    def _keep(self, error: StoreError) -> None:
        for kept, limit in (
            (self._incidents, KEPT_INCIDENTS),
            (self._calls, KEPT_CALLS),
            (self._findings, KEPT_FINDINGS),
            (self._executed, KEPT_FINDINGS),
        ):
            self._lost += max(0, len(kept) - limit)
            del kept[:-limit]
        if not self._failing:
            self._failing = True
            _log.warning("byline keeps its records in memory for now, and says so once. %s", error)

    def _drop(self) -> None:
        self._lost += len(self._incidents) + len(self._calls) + len(self._findings) + len(self._executed)
        self._incidents, self._calls, self._findings, self._executed = [], [], [], []
        if not self._failing:
            self._failing = True
            _log.exception("byline could not write to %s; this is said once", self.path)

    def _written(self) -> None:
        self._incidents, self._calls, self._findings, self._executed = [], [], [], []
        self._own_time_s = 0.0
        if self._failing:
            _log.warning("byline writes to %s again; %d records were lost", self.path, self._lost)
            self._failing, self._lost = False, 0
