"""The buffers of marked functions: a call appends what it took, a drain hands it to OpenTelemetry off the call."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep, thread_time, time_ns
from types import CellType
from typing import NamedTuple, TypeVar

from .. import _config
from .._config import Config
from .._model import Attribution
from .._registry import Entry
from . import attributes, instruments, otel, signals, worker
from .attributes import Attributes
from .durations import Exemplar
from .instruments import Calls, Destination, Exemplars
from .tally import Tally

CAP = 250_000
"""
Samples of one function that may wait for its attribution, or be recorded singly after one drain: 8 MB.

What exceeds it is dropped, and counted.
"""

PRESSED = 250_000
"""
From so many waiting samples of one function on its callers give way, until the drain has caught up.

To count is faster than to call. But when many threads do nothing but call, the drain gets the
interpreter as seldom as each of them.
"""

BACKLOG = 2_000_000
"""Samples of one function that may wait where distributions are taken: 64 MB. The rest is dropped, and counted."""

_GIVE_WAY_S = 0.000_05

_CHUNK = 8_192
"""Samples that are counted at once. They fit into a processor's cache, and nobody waits long for the interpreter."""

_BUSY = 20_000
"""After a drain of so many samples of one function the next one comes soon."""

_EXEMPLARS = 64
"""Exemplars that one function holds between two drains."""

_WAIT_S = 1.0
"""How long a drain waits for another one, which may be recording a large batch."""

_LAST_WAIT_S = 5.0
"""The same for a drain that may be the last one."""

_log = logging.getLogger("byline")

_Sample = TypeVar("_Sample")


class Labels(NamedTuple):
    """What signals say of a function; made once per attribution, not per call."""

    name: str
    span: Attributes
    metric: Attributes


class Samples(NamedTuple):
    """What was drained from one function."""

    durations: list[float]
    failures: list[tuple[float, str]]
    dropped: int
    exemplars: list[tuple[str, Exemplar]]


class Recorder:
    """
    The buffers of one marked function.

    A call appends one number to ``durations``, or a pair to ``failures``, and does nothing
    else. A drain takes the first n samples by a slice and deletes the same n, under a lock
    that only drains take. That loses nothing:

    - With the GIL, ``append``, the slice and the deletion are each one step that no other
      thread can divide (to free numbers and strings runs no code). Appends that come in
      between go to the end, behind the n.
    - Without the GIL, each of the three holds the list's own lock, so the same order holds:
      appends only lengthen the list, and only a drain shortens it.
    """

    __slots__ = (
        "_described", "_dropped", "_exemplars", "_lock", "durations", "entry", "failures", "is_on", "is_pressed",
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
        self._exemplars: list[tuple[str, Exemplar]] = []
        self._lock = threading.Lock()
        self._described: tuple[Attribution, Config, Labels] | None = None

    def switch(self, *, on: bool) -> None:
        """Record calls, or forget them."""
        self.is_on = on
        self.samples.cell_contents = self.durations if on else _nowhere

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
        if len(self._exemplars) < _EXEMPLARS:
            self._exemplars.append((error_type, Exemplar(duration_s, time_ns(), trace_id, span_id)))

    def take(self) -> Samples:
        """Empty the buffers, up to what they held when asked."""
        self._trim(BACKLOG)
        with self._lock:
            durations, failures = _take(self.durations), _take(self.failures)
            dropped, self._dropped = self._dropped, 0
            exemplars = _take(self._exemplars)
        return Samples(durations, failures, dropped, exemplars)

    def trim(self) -> None:
        """Keep the newest samples within the cap, and count the others."""
        self._trim(CAP)

    def _trim(self, limit: int) -> None:
        with self._lock:
            for samples in (self.durations, self.failures):
                excess = len(samples) - limit
                if excess > 0:
                    del samples[:excess]
                    self._dropped += excess

    def clear(self) -> None:
        """Forget all samples. In a forked child they are the parent's, and the lock may be held for ever."""
        self._lock = threading.Lock()
        self._dropped = 0
        self.durations.clear()
        self.failures.clear()
        self._exemplars.clear()


def _take(samples: list[_Sample]) -> list[_Sample]:
    count = len(samples)
    taken = samples[:count]
    del samples[:count]
    return taken


_recorders: dict[int, Recorder] = {}
_is_on = True
_lock = threading.Lock()  # for the two above
_draining = threading.Lock()


def recorder_for(entry: Entry) -> Recorder:
    """Return the recorder of a marked function. The first one makes the instruments and starts the drain."""
    # The recorder keeps its entry, so that the entry's id stays its own.
    known = _recorders.get(id(entry))
    if known is not None:
        return known
    with _lock:
        recorder = _recorders.setdefault(id(entry), Recorder(entry))
        if not _is_on:
            recorder.switch(on=False)
    # A reader asks for the functions before it reads what was recorded. So a drain at that
    # moment makes every collection exact, also the last one, when the program ends.
    instruments.before_collection(drain)
    if otel.is_wanted():
        instruments.destinations()
    worker.at_stop(drain_all)
    worker.each_tick(drain)
    return recorder


def drain() -> None:
    """Record what functions hold; those whose attribution is on its way wait for it, within the cap."""
    _drain(everything=False, wait_s=_WAIT_S)


def drain_all() -> None:
    """Record what all functions hold, as they are attributed now."""
    if not _drain(everything=True, wait_s=_LAST_WAIT_S):
        _log.warning("Calls that wait to be counted had to be left: another thread is counting for too long.")


def clear_all() -> None:
    """Forget what all functions hold."""
    for recorder in list(_recorders.values()):
        recorder.clear()


def stop() -> None:
    """Record what is held, and from now on nothing. Functions stay wrapped, and cost what they cost."""
    _switch(on=False)
    drain_all()


def start() -> None:
    """Record again after ``stop``."""
    _switch(on=True)


def is_on() -> bool:
    """Whether calls are recorded."""
    return _is_on


def _switch(*, on: bool) -> None:
    global _is_on  # noqa: PLW0603  # a flag, with its lock
    with _lock:
        _is_on = on
        for recorder in _recorders.values():
            recorder.switch(on=on)


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


def _press(recorder: Recorder, waiting: int, destinations: tuple[Destination, ...]) -> None:
    """Let the callers of a function give way, or no longer."""
    # Where calls are recorded one by one, nobody can wait for that.
    is_pressed = waiting > PRESSED and not any(each.is_slow for each in destinations)
    if is_pressed == recorder.is_pressed:
        return
    with _lock:
        recorder.is_pressed = is_pressed
        if _is_on:
            recorder.samples.cell_contents = (
                _GivingWay(recorder.durations) if is_pressed else recorder.durations
            )


def _drain(*, everything: bool, wait_s: float) -> bool:
    # One at a time, so that whoever comes second finds the first one's batch recorded. The
    # wait has an end because a reader that collects holds locks of its own.
    draining = _draining
    if not draining.acquire(timeout=wait_s):
        return False
    try:
        began_s = thread_time()
        rate = _rate()
        waiting = [each for each in list(_recorders.values()) if each.durations or each.failures]
        # Where nobody has loaded OpenTelemetry, nobody listens, and it need not be loaded for that.
        destinations = instruments.destinations() if otel.is_loaded() or signals.has_added() else ()
        for recorder in waiting:
            if rate and max(len(recorder.durations), len(recorder.failures)) > rate and _too_many is not None:
                _too_many(recorder)
            if everything or recorder.entry.settled:
                _record(recorder, destinations)
            else:
                recorder.trim()
        if waiting:
            for destination in destinations:
                destination.count_own_time(thread_time() - began_s)
    finally:
        draining.release()
    return True


_limit = 0
_too_many: Callable[[Recorder], object] | None = None
_drained_s = 0.0


def limit(rate: int, too_many: Callable[[Recorder], object] | None) -> None:
    """Say of each function that is called more than so many times a second; 0 for no limit."""
    global _limit, _too_many  # replaced together
    _limit, _too_many = rate, too_many


def _rate() -> float:
    """Return how many calls since the last drain are too many; 0 when none are."""
    global _drained_s  # one moment; the drain's lock is held
    now = monotonic()
    since, _drained_s = now - _drained_s, now
    return _limit * max(since, worker.TICK_S)


def _record(recorder: Recorder, destinations: tuple[Destination, ...]) -> None:
    samples, labels = recorder.take(), recorder.labels()
    if len(samples.durations) > _BUSY:
        worker.hurry()
    _press(recorder, len(samples.durations), destinations)
    exemplars: dict[str, list[Exemplar]] = {}
    for error_type, exemplar in samples.exemplars:
        exemplars.setdefault(error_type, []).append(exemplar)
    excess = max(len(samples.durations) - CAP, 0) + max(len(samples.failures) - CAP, 0)
    late = [each for each in destinations if excess and each.is_slow]
    # Piece by piece to all destinations: what is counted once serves each of them, and is let go before the next.
    for calls in _pieces(samples.durations, samples.failures, exemplars):
        for destination in destinations:
            if destination not in late:
                destination.record(calls, labels.metric)
    for destination in late:
        for calls in _pieces(samples.durations[-CAP:], samples.failures[-CAP:], exemplars):
            destination.record(calls, labels.metric)
    for destination in destinations:
        dropped = samples.dropped + (excess if destination in late else 0)
        if dropped:
            destination.count_dropped(dropped, labels.name)


def _pieces(
    durations: list[float], failures: list[tuple[float, str]], exemplars: Exemplars
) -> Iterator[Calls]:
    """Divide calls into what is counted at once; the failed ones are with the first piece, by their ``error.type``."""
    failed: dict[str, list[float]] = {}
    for duration_s, error_type in failures:
        failed.setdefault(error_type, []).append(duration_s)
    tallies = {error_type: Tally(each) for error_type, each in failed.items()}
    for start in range(0, len(durations) or 1, _CHUNK):
        piece = durations if len(durations) <= _CHUNK else durations[start : start + _CHUNK]
        yield Calls(Tally(piece), {} if start else tallies, {} if start else exemplars)


def _after_fork_in_child() -> None:
    global _lock, _draining  # whoever held them stayed in the parent
    _lock, _draining = threading.Lock(), threading.Lock()
    clear_all()


worker.after_fork(_after_fork_in_child)
