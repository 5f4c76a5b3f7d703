"""How many events of one kind may be added in a minute; what is held back is counted."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from time import monotonic

WINDOW_S = 60.0
_MAX_KINDS = 10_000


@dataclass(slots=True)
class _Window:
    started: float
    taken: int = 0
    suppressed: int = 0


class Rate:
    """The events of this minute, by kind."""

    def __init__(self) -> None:
        self._windows: dict[Hashable, _Window] = {}
        # Reentrant: what counts a suppressed event may run in a finalizer.
        self._lock = threading.RLock()

    def take(self, kind: Hashable, limit: int) -> bool:
        """Take one of the events that may be sent; False when there is none left."""
        with self._lock:
            window = self._window(kind)
            if window.taken >= limit:
                return False
            window.taken += 1
            return True

    def give_back(self, kind: Hashable, suppressed: int = 0) -> None:
        """
        Return one that was not needed.

        Args:
            suppressed: What it was to tell; the next one will.
        """
        with self._lock:
            window = self._window(kind)
            window.taken = max(0, window.taken - 1)
            window.suppressed += suppressed

    def suppress(self, kind: Hashable) -> None:
        """Count an event that was held back."""
        with self._lock:
            self._window(kind).suppressed += 1

    def told(self, kind: Hashable) -> int:
        """Return how many were held back since the last one that told of it."""
        with self._lock:
            window = self._window(kind)
            suppressed, window.suppressed = window.suppressed, 0
            return suppressed

    def _window(self, kind: Hashable) -> _Window:
        now = monotonic()
        window = self._windows.get(kind)
        if window is None or now - window.started >= WINDOW_S:
            if len(self._windows) >= _MAX_KINDS:
                self._windows.clear()
            window = self._windows[kind] = _Window(now, suppressed=window.suppressed if window else 0)
        return window
