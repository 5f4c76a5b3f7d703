"""An exception leaves a marked function: one incident, its suspects by line, rate-limited."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, perf_counter
from types import CodeType, TracebackType
from typing import TYPE_CHECKING

from .. import _config, _patterns, _registry, _semconv
from .._dataclass import dataclass, field
from .._registry import Entry
from . import escapes, otel, signals, worker
from .attributes import metric_attributes
from .captured import Captured, Receipt, incident_of
from .failure import message, stacktrace, type_name
from .frames import frames_of, is_raised_anew
from .incident_event import attributes_of

if TYPE_CHECKING:
    from opentelemetry import metrics

_log = logging.getLogger("byline")

WINDOW_S = 60.0
_GRACE_NS = 3_000_000_000
"""How long an incident waits for the event that Sentry gets of the same exception, where Sentry is in use."""

_MAX_WAITING = 1_000
"""Incidents that wait to be told, beside those that are held back."""

_MAX_FINGERPRINTS = 10_000

Key = tuple[int, type, int, int]
"""Entry, exception type, raising code and instruction: a fingerprint that costs next to nothing."""


@dataclass(slots=True)
class Window:
    """The incidents of one fingerprint, minute by minute."""

    entry: Entry
    kind: type
    code: CodeType
    """Kept, so that its id stays its own."""

    instruction: int
    error_type: str
    started: float
    uncounted: int = 0
    """How many the counter of incidents has not been told of yet."""

    count: int = 0
    suppressed: int = 0
    first_held: Captured | None = None
    """Stands for all that were held back, should no incident come that could tell their number."""

    repeated: list[None] = field(default_factory=list)
    """One for each that came after that one: to append takes no lock, and loses nothing."""

    def fold(self) -> None:
        """Count those; under the lock."""
        number = len(self.repeated)
        del self.repeated[:number]
        self.uncounted += number
        self.suppressed += number


@dataclass(slots=True)
class _State:
    waiting: deque[Captured] = field(default_factory=deque)
    windows: dict[Key, Window] = field(default_factory=dict)
    gone: list[Window] = field(default_factory=list)
    """Windows that had to make room, and may still have something to tell the counter."""

    # Reentrant: a signal handler or a finalizer may come in between and raise as well.
    lock: threading.RLock = field(default_factory=threading.RLock)
    failed: bool = False
    is_drained: bool = False
    """Whether the worker knows what to do."""


_state = _State()


def capture(
    entry: Entry,
    exception: BaseException,
    duration_s: float,
    recent: Window | None = None,
    is_owed: bool = False,  # noqa: FBT001, FBT002  # a name costs time at every failed call
) -> tuple[Window | None, Receipt | None]:
    """
    Record that an exception left a marked function.

    Called in the user's thread, inside an ``except`` block, at every marked frame
    the exception passes; only the innermost one becomes an incident. Never raises.

    Args:
        recent: The window that the last call for this function returned.

        is_owed: Whether a deeper marked function had no stack left to record it.

    Returns:
        Its window, and the receipt of its incident: of the one that stands for it where it is held
        back, and None where another frame has it.
    """
    try:
        last = wrapper = exception.__traceback__
        if last is None or wrapper is None:
            return recent, None
        # The first frame is our own wrapper.
        deeper = last.tb_next
        if (
            recent is not None
            and deeper is not None
            and deeper.tb_next is None
            and deeper.tb_frame.f_code is recent.code
            and deeper.tb_lasti == recent.instruction
            and type(exception) is recent.kind
            and recent.first_held is not None
        ):
            # Where one exception after the other is raised in one place, this is all that is done for each.
            held = recent.first_held
            recent.repeated.append(None)
            return recent, held.receipt
        is_one = True
        while deeper is not None:
            frame = deeper.tb_frame
            # As long as each frame was called by the one before, one raise has made them all.
            is_one = is_one and frame.f_back is last.tb_frame
            if frame.f_code.co_filename.startswith(_registry.WRAPPER_FILENAME) and not is_owed:
                if is_one or not is_raised_anew(wrapper, deeper, perf_counter() - duration_s):
                    return recent, None  # reported already, there
                break
            last, deeper = deeper, deeper.tb_next
        return _capture(entry, exception, duration_s, last)
    except RecursionError:
        raise  # no stack is left for it: an outer marked function will have some
    except Exception:  # noqa: BLE001  # nothing of ours may fail inside a call
        if not _state.failed:
            _state.failed = True
            _log.exception(
                "byline could not record an incident in %s; this is said once", entry.function.name
            )
        return None, None


def _capture(
    entry: Entry, exception: BaseException, duration_s: float, last: TracebackType
) -> tuple[Window, Receipt | None]:
    code, instruction, kind = last.tb_frame.f_code, last.tb_lasti, type(exception)
    key = (id(entry), kind, id(code), instruction)
    window = _state.windows.get(key)
    if window is not None and (held := window.first_held) is not None:
        window.repeated.append(None)
        return window, held.receipt
    if not (_state.is_drained and worker.is_wanted()):
        worker.each_tick(drain)
        worker.at_stop(drain_all)
        _state.is_drained = True
    rate, now, suppressed = _config.current().incident_rate, monotonic(), 0
    with _state.lock:
        window = _state.windows.get(key) or _new_window(key, entry, code)
        window.fold()
        if now - window.started >= WINDOW_S:
            # What the last minute held back is told by the first incident of this one.
            window.started, window.count = now, 0
        window.uncounted += 1
        # Where too many wait to be told already, none is dropped: it is told of with the next one.
        is_held = window.count >= rate or len(_state.waiting) >= _MAX_WAITING
        if is_held:
            window.suppressed += 1
            if window.first_held is not None:
                return window, window.first_held.receipt
        else:
            window.count += 1
            suppressed, window.suppressed, window.first_held = window.suppressed, 0, None
    captured = Captured(
        Receipt(os.urandom(6).hex()),
        entry,
        time.time_ns(),
        duration_s,
        window.error_type,
        message(exception),
        stacktrace(exception),
        frames_of(exception),
        otel.span_context(),
        suppressed,
        _patterns.signs_of(exception),
    )
    if is_held:
        window.first_held = captured
    else:
        _state.waiting.append(captured)
    if worker.is_exiting():
        worker.submit(drain_all)
    return window, captured.receipt


def _new_window(key: Key, entry: Entry, code: CodeType) -> Window:
    if len(_state.windows) >= _MAX_FINGERPRINTS:
        _release_held(everything=True)
        _state.gone += _state.windows.values()
        _state.windows.clear()
    _, kind, _, instruction = key
    window = _state.windows[key] = Window(entry, kind, code, instruction, type_name(kind), -WINDOW_S)
    return window


def drain() -> None:
    """Count and emit what was captured, as far as its attribution is settled."""
    _release_held(everything=False)
    _count(everything=False)
    for captured in _taken(len(_state.waiting)):
        if captured.entry.settled and not _may_be_told_elsewhere(captured):
            emit(captured)
        else:
            _state.waiting.append(captured)


def _may_be_told_elsewhere(captured: Captured) -> bool:
    """Tell whether somebody may be about to put its own name of the exception on the receipt."""
    if escapes.watch is None or captured.receipt.sentry_event_id or worker.is_flushing():
        return False
    return 0 <= time.time_ns() - captured.time_ns < _GRACE_NS


def drain_all() -> None:
    """Count and emit everything, with what is known by now: the program ends."""
    _release_held(everything=True)
    drain()
    _count(everything=True)
    for captured in _taken():
        emit(captured)


def _taken(most: int | None = None) -> Iterator[Captured]:
    """Take what waits; at a program's end the background thread may be at it as well."""
    with suppress(IndexError):
        while most is None or most > 0:
            captured = _state.waiting.popleft()
            yield captured
            most = None if most is None else most - 1


def _release_held(*, everything: bool) -> None:
    """Let the first incident that was held back speak for the others, when its minute is over."""
    now = monotonic()
    with _state.lock:
        over = [each for each in _state.windows.values() if everything or now - each.started >= WINDOW_S]
        for window in over:
            window.fold()
            captured = window.first_held
            if captured is not None:
                captured.suppressed = window.suppressed - 1
                window.suppressed, window.first_held = 0, None
                _state.waiting.append(captured)


def _count(*, everything: bool) -> None:
    """Add to the counter what git has settled, or everything."""
    numbers: Counter[tuple[int, str]] = Counter()
    entries: dict[int, Entry] = {}
    with _state.lock:
        for window in (*_state.windows.values(), *_state.gone):
            window.fold()
            if window.uncounted and (everything or window.entry.settled):
                entries[id(window.entry)] = window.entry
                numbers[id(window.entry), window.error_type] += window.uncounted
                window.uncounted = 0
        _state.gone = [each for each in _state.gone if each.uncounted]
    for (key, error_type), number in numbers.items():
        attributes = metric_attributes(entries[key], _config.current())
        with worker.undivided():
            for meter in signals.meters():
                _counter(meter).add(number, {**attributes, _semconv.ERROR_TYPE: error_type})


def emit(captured: Captured) -> None:
    """Attribute a captured exception and hand it to OpenTelemetry as a log event."""
    otel.load()
    from opentelemetry import _logs, trace

    incident = incident_of(captured)
    span = trace.NonRecordingSpan(captured.span_context or trace.INVALID_SPAN_CONTEXT)
    record = _logs.LogRecord(
        timestamp=captured.time_ns,
        context=trace.set_span_in_context(span),
        severity_number=_logs.SeverityNumber.ERROR,
        severity_text="ERROR",
        body=f"{incident.error_type}: {incident.message}" if incident.message else incident.error_type,
        attributes=attributes_of(incident, _config.current().author),
        event_name=_semconv.EVENT_INCIDENT,
    )
    with worker.undivided():
        for logger in signals.loggers():
            logger.emit(record)


def _counter(meter: metrics.Meter) -> metrics.Counter:
    # The SDK returns the same instrument for the same name; until it is there, the API's proxy does.
    return meter.create_counter(
        _semconv.METRIC_INCIDENTS, unit="{incident}", description="Exceptions that left a marked function."
    )


def reset() -> None:
    """Forget what is waiting: in a forked child it belongs to the parent."""
    for window in _state.windows.values():
        window.first_held = None  # wrappers still know it; what they find is a window that is not in force
    _state.waiting.clear()
    _state.gone.clear()
    _state.windows.clear()
    _state.lock = threading.RLock()


worker.after_fork(reset)
