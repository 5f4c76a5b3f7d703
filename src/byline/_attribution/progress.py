"""How far a long piece of work is, told by several threads."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, how much is done and how much there is; 0 when that is not known yet."""


class Counter:
    """Adds up what several threads have done."""

    def __init__(self, tell: Progress, stage: str, total: int) -> None:
        self._tell = tell
        self._stage = stage
        self._total = total
        self._done = 0
        self._lock = Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done = min(self._done + count, self._total)
            self._tell(self._stage, self._done, self._total)
