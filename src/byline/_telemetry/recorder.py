"""The buffers of one marked function: a call appends what it took, and a drain takes it away."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from time import sleep, time_ns
from types import CellType
from typing import TypeVar

from .. import _config
from .._config import Config
from .._dataclass import dataclass
from .._model import Attribution
from .._registry import Entry
from . import attributes, worker
from .attributes import Attributes
from .durations import Exemplar

BACKLOG = 2_000_000
"""
Samples of one function that may wait although its callers give way: 64 MB. The rest is dropped, and counted.

What waits when they are first asked to is there already, and to count it takes no more memory.
"""

_CHUNK = 8_192
"""Samples that are taken at once, at most. They fit into a processor's cache, and nobody waits long for the interpreter."""

_EXEMPLARS = 64
"""Exemplars that one function holds between two drains."""

_GIVE_WAY_S = 0.000_05

_taking = threading.Lock()
"""Held by whoever takes samples, of whichever function; those who add some need none, see Recorder."""

_Sample = TypeVar("_Sample")


@dataclass(frozen=True, slots=True)
class Labels:
    """What signals say of a function; made once per attribution, not per call."""

    name: str
    span: Attributes
    metric: Attributes


@dataclass(frozen=True, slots=True)
class Samples:
    """What was drained from one function."""

    waiting: int
    """How many durations there are to be taken."""

    failures: list[tuple[float, str]]
    dropped: int
    exemplars: list[tuple[str, Exemplar]]


class Recorder:
    """
    The buffers of one marked function.

    A call appends one number to ``durations``, or a pair to ``failures``, and does nothing
    else. A drain asks how many samples there are and takes those, the last ones first, piece
    by piece: it takes samples by a slice and deletes the same ones, under a lock that only
    drains take. That loses nothing:

    - With the GIL, ``append``, the slice and the deletion are each one step that no other
      thread can divide (to free numbers and strings runs no code). Appends that come in
      between go to the end, behind all that the drain knows of, and keep that place when it
      deletes something before them.
    - Without the GIL, each of the three holds the list's own lock, so the same order holds:
      appends only lengthen the list, and only a drain shortens it.
    """

    __slots__ = (
        "_described", "_dropped", "_exemplars", "durations", "entry", "failures", "is_on", "is_pressed",
        "samples",
    )  # fmt: skip

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.durations: list[float] = []
        self.failures: list[tuple[float, str]] = []
        self.is_on = True
        self.samples = CellType(self.durations)
        """The cell through which wrappers find the list; ``stop`` puts something else into it, for all of them at once."""
        self.is_pressed = False
        self._dropped = 0
        self._exemplars: list[tuple[str, Exemplar]] | None = None
        self._described: tuple[Attribution, Config, Labels] | None = None

    def switch(self, *, on: bool) -> None:
        """Record calls, or forget them."""
        self.is_on = on
        self.samples.cell_contents = self.durations if on else _nowhere

    def press(self, *, on: bool) -> None:
        """Let those who call give way to the drain, or no longer."""
        self.is_pressed = on
        if self.is_on:
            self.samples.cell_contents = _GivingWay(self.durations) if on else self.durations

    def labels(self) -> Labels:
        """Return the attributes of the function's signals; new ones when its attribution has arrived."""
        attribution, config = self.entry.attribution, _config.current()
        described = self._described
        if described is None or described[0] is not attribution or described[1] is not config:
            labels = Labels(
                self.entry.function.name,
                attributes.span_attributes(self.entry, config),
                attributes.metric_attributes(self.entry, config),
            )
            described = self._described = (attribution, config, labels)
        return described[2]

    def remember(self, duration_s: float, error_type: str, trace_id: int, span_id: int) -> None:
        """Keep a call that has a span, as an example of its bucket; some between two drains are enough."""
        exemplars = self._exemplars
        if exemplars is None:
            # Two threads that come first at once may lose one of their examples.
            exemplars = self._exemplars = []
        if len(exemplars) < _EXEMPLARS:
            exemplars.append((error_type, Exemplar(duration_s, time_ns(), trace_id, span_id)))

    def take(self) -> Samples:
        """Empty the buffers, up to what they hold now, except for the durations."""
        if self.is_pressed:
            self.trim(BACKLOG)
        with _taking:
            failures, exemplars = _take(self.failures), _take(self._exemplars or [])
            dropped, self._dropped = self._dropped, 0
        return Samples(len(self.durations), failures, dropped, exemplars)

    def take_durations(self, waiting: int) -> Iterator[list[float]]:
        """Take so many durations, piece by piece and the newest first; there is one piece at least."""
        durations, end = self.durations, waiting
        size = math.ceil(waiting / math.ceil(waiting / _CHUNK)) if waiting else 0
        while True:
            start = max(0, end - size)
            with _taking:
                # From the end: what is left stays where it is.
                piece = durations[start:end]
                del durations[start:end]
            yield piece
            end = start
            if not end:
                return

    def trim(self, limit: int) -> None:
        """Keep so many of the newest samples, and count the others."""
        with _taking:
            for samples in (self.durations, self.failures):
                excess = len(samples) - limit
                if excess > 0:
                    del samples[:excess]
                    self._dropped += excess

    def clear(self) -> None:
        """Forget all samples: in a forked child they are the parent's."""
        self._dropped, self._exemplars = 0, None
        self.durations.clear()
        self.failures.clear()


def _take(samples: list[_Sample]) -> list[_Sample]:
    count = len(samples)
    taken = samples[:count]
    del samples[:count]
    return taken


class _Nowhere:
    """Stands for the list of durations while nothing is recorded."""

    __slots__ = ()

    def append(self, duration_s: float) -> None:
        """Forget a duration."""


_nowhere = _Nowhere()


class _GivingWay:
    """Stands for the list of durations while too many wait."""

    __slots__ = ("_durations",)

    def __init__(self, durations: list[float]) -> None:
        self._durations = durations

    def append(self, duration_s: float) -> None:
        """Append, and let the drain have the interpreter."""
        self._durations.append(duration_s)
        sleep(_GIVE_WAY_S)


def _after_fork_in_child() -> None:
    global _taking  # noqa: PLW0603  # whoever held it stayed in the parent
    _taking = threading.Lock()


worker.after_fork(_after_fork_in_child)
