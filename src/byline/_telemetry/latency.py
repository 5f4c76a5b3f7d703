"""The buffers of marked functions: a call appends what it took, a drain hands it to OpenTelemetry off the call."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from time import monotonic, thread_time

from .._registry import Entry
from . import instruments, otel, signals, worker
from .durations import Exemplar
from .instruments import Calls, Destination
from .recorder import Recorder, Samples
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

_BUSY = 20_000
"""After a drain of so many samples of one function the next one comes soon."""

_WAIT_S = 1.0
"""How long a drain waits for another one, which may be recording a large batch."""

_LAST_WAIT_S = 5.0
"""The same for a drain that may be the last one."""

_log = logging.getLogger("byline")

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
    instruments.before_collection(_report_own_time)
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


def hold() -> None:
    """Take no more calls; what is held waits for a drain. Functions stay wrapped, and cost what they cost."""
    _switch(on=False)


def stop() -> None:
    """Record what is held, and from now on nothing."""
    hold()
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


def _press(recorder: Recorder, waiting: int, destinations: tuple[Destination, ...]) -> None:
    """Let the callers of a function give way, or no longer."""
    # Where calls are recorded one by one, nobody can wait for that.
    is_pressed = waiting > PRESSED and not any(each.is_slow for each in destinations)
    if is_pressed == recorder.is_pressed:
        return
    with _lock:
        recorder.press(on=is_pressed)


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
                recorder.trim(CAP)
        if waiting:
            _spend(thread_time() - began_s)
    finally:
        draining.release()
    return True


_spent_s = 0.0


def _spend(seconds: float) -> None:
    global _spent_s  # noqa: PLW0603  # a sum, with its lock
    with _lock:
        _spent_s += seconds


def _report_own_time() -> None:
    """Say at a collection what counting has cost; to say it after each drain would be a good part of that."""
    global _spent_s  # a sum, with its lock
    with _lock:
        spent_s, _spent_s = _spent_s, 0.0
    if spent_s:
        for destination in instruments.destinations():
            destination.count_own_time(spent_s)


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
    if samples.waiting > _BUSY:
        worker.hurry()
    _press(recorder, samples.waiting, destinations)
    excess = max(samples.waiting - CAP, 0) + max(len(samples.failures) - CAP, 0)
    late = [each for each in destinations if excess and each.is_slow]
    room, failures = CAP, _by_type(samples.failures[-CAP:]) if late else {}
    # Piece by piece to all destinations: what is counted once serves each of them, and is let go before the next.
    for calls in _pieces(recorder, samples):
        for destination in destinations:
            if destination not in late:
                destination.record(calls, labels.metric)
            elif room:
                newest = Tally(calls.durations.batch[-room:])
                destination.record(Calls(newest, failures, calls.exemplars), labels.metric)
        room, failures = max(room - len(calls.durations.batch), 0), {}
    for destination in destinations:
        dropped = samples.dropped + (excess if destination in late else 0)
        if dropped:
            destination.count_dropped(dropped, labels.name)


def _pieces(recorder: Recorder, samples: Samples) -> Iterator[Calls]:
    """Divide calls into what is counted at once; the failed ones are with the first piece, by their ``error.type``."""
    exemplars: dict[str, list[Exemplar]] = {}
    for error_type, exemplar in samples.exemplars:
        exemplars.setdefault(error_type, []).append(exemplar)
    failures = _by_type(samples.failures)
    for durations in recorder.take_durations(samples.waiting):
        yield Calls(Tally(durations), failures, exemplars)
        failures, exemplars = {}, {}


def _by_type(failures: list[tuple[float, str]]) -> dict[str, Tally]:
    failed: dict[str, list[float]] = {}
    for duration_s, error_type in failures:
        failed.setdefault(error_type, []).append(duration_s)
    return {error_type: Tally(each) for error_type, each in failed.items()}


def _after_fork_in_child() -> None:
    global _lock, _draining, _spent_s  # whoever held them stayed in the parent, which spent the time, too
    _lock, _draining, _spent_s = threading.Lock(), threading.Lock(), 0.0
    clear_all()


worker.after_fork(_after_fork_in_child)
