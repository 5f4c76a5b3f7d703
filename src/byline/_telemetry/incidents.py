"""An exception leaves a marked function: one incident, its suspects by line, rate-limited."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from hashlib import sha256

from opentelemetry import _logs, metrics, trace

from .. import _config, _registry, _semconv, _suspects
from .._model import Incident, Unverified
from .._registry import Entry
from . import signals, worker
from .attributes import metric_attributes
from .failure import message, stacktrace, type_name
from .frames import Frame, facts_of, frames_of
from .incident_event import attributes_of

_log = logging.getLogger("byline")

WINDOW_S = 60.0
_MAX_WAITING = 1_000
_MAX_FINGERPRINTS = 10_000

Key = tuple[int, type, int, int]
"""Entry, exception type, raising code and line: a fingerprint that costs nothing."""


@dataclass(slots=True)
class Captured:
    """What the call's thread takes down; everything else is done off it."""

    entry: Entry
    time_ns: int
    duration_s: float
    error_type: str
    message: str
    stacktrace: str
    frames: list[Frame]
    span_context: trace.SpanContext
    suppressed: int


@dataclass(slots=True)
class _Window:
    """The incidents of one fingerprint in one minute."""

    started: float
    count: int = 0
    suppressed: int = 0
    first_held: Captured | None = None
    """Stands for all that were held back, should no incident come that could tell their number."""


@dataclass(slots=True)
class _State:
    waiting: deque[Captured] = field(default_factory=deque)
    counted: list[tuple[Entry, str]] = field(default_factory=list)
    windows: dict[Key, _Window] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    failed: bool = False


_state = _State()


def capture(entry: Entry, exception: BaseException, duration_s: float) -> None:
    """
    Record that an exception left a marked function.

    Called in the user's thread, inside an ``except`` block, at every marked frame
    the exception passes; only the innermost one becomes an incident. Never raises.
    """
    try:
        _capture(entry, exception, duration_s)
    except Exception:  # noqa: BLE001  # nothing of ours may fail inside a call
        if not _state.failed:
            _state.failed = True
            _log.exception(
                "byline could not record an incident in %s; this is said once", entry.function.name
            )


def _capture(entry: Entry, exception: BaseException, duration_s: float) -> None:
    last = exception.__traceback__
    if last is None:
        return
    # The first frame is our own wrapper; a deeper one has reported already.
    while last.tb_next is not None:
        last = last.tb_next
        if _registry.is_wrapper(last.tb_frame.f_code):
            return
    error_type = type_name(type(exception))
    _state.counted.append((entry, error_type))
    worker.each_tick(drain)
    worker.at_stop(drain_all)
    key = (id(entry), type(exception), id(last.tb_frame.f_code), last.tb_lineno)
    window, suppressed = _admit(key)
    if window is not None and window.suppressed > 1:
        return
    captured = Captured(
        entry,
        time.time_ns(),
        duration_s,
        error_type,
        message(exception),
        stacktrace(exception),
        frames_of(exception),
        trace.get_current_span().get_span_context(),
        suppressed,
    )
    if window is not None:
        window.first_held = captured
    elif len(_state.waiting) < _MAX_WAITING:
        _state.waiting.append(captured)


def _admit(key: Key) -> tuple[_Window | None, int]:
    """Return the window that holds this incident back, or None; and how many were held back before this one."""
    rate = _config.current().incident_rate
    now = time.monotonic()
    with _state.lock:
        window = _state.windows.get(key)
        if window is None or now - window.started >= WINDOW_S:
            if len(_state.windows) >= _MAX_FINGERPRINTS:
                _state.windows.clear()
            held = window.suppressed if window else 0
            window = _state.windows[key] = _Window(now, suppressed=held)
        if window.count >= rate:
            window.suppressed += 1
            return window, 0
        window.count += 1
        held, window.suppressed, window.first_held = window.suppressed, 0, None
        return None, held


def drain() -> None:
    """Count and emit what was captured, as far as its attribution is settled."""
    _release_held(everything=False)
    counted = _state.counted[:]
    del _state.counted[: len(counted)]
    _state.counted[:0] = _count(counted)
    for _ in range(len(_state.waiting)):
        captured = _state.waiting.popleft()
        if captured.entry.settled:
            emit(captured)
        else:
            _state.waiting.append(captured)


def drain_all() -> None:
    """Count and emit everything, with what is known by now: the program ends."""
    _release_held(everything=True)
    drain()
    _count(_state.counted, everything=True)
    _state.counted.clear()
    while _state.waiting:
        emit(_state.waiting.popleft())


def _release_held(*, everything: bool) -> None:
    """Let the first incident that was held back speak for the others, when its minute is over."""
    now = time.monotonic()
    with _state.lock:
        over = [each for each in _state.windows.values() if everything or now - each.started >= WINDOW_S]
        for window in over:
            captured = window.first_held
            if captured is not None:
                captured.suppressed = window.suppressed - 1
                window.suppressed, window.first_held = 0, None
                _state.waiting.append(captured)


def _count(pairs: list[tuple[Entry, str]], *, everything: bool = False) -> list[tuple[Entry, str]]:
    """Add to the counter; returns the pairs whose entry git has not settled yet."""
    counts = Counter((id(entry), error_type) for entry, error_type in pairs if everything or entry.settled)
    entries = {id(entry): entry for entry, _ in pairs}
    for (key, error_type), number in counts.items():
        attributes = metric_attributes(entries[key], _config.current())
        for meter in signals.meters():
            _counter(meter).add(number, {**attributes, _semconv.ERROR_TYPE: error_type})
    return [pair for pair in pairs if not pair[0].settled]


def emit(captured: Captured) -> None:
    """Attribute a captured exception and hand it to OpenTelemetry as a log event."""
    incident = incident_of(captured)
    span = trace.NonRecordingSpan(captured.span_context)
    record = _logs.LogRecord(
        timestamp=captured.time_ns,
        context=trace.set_span_in_context(span),
        severity_number=_logs.SeverityNumber.ERROR,
        severity_text="ERROR",
        body=f"{incident.error_type}: {incident.message}" if incident.message else incident.error_type,
        attributes=attributes_of(incident, _config.current().author),
        event_name=_semconv.EVENT_INCIDENT,
    )
    for logger in signals.loggers():
        logger.emit(record)


def incident_of(captured: Captured) -> Incident:
    """Find the suspects of a captured exception."""
    entry = captured.entry
    facts = facts_of(captured.frames)
    suspects, unverified = _suspects.rank(facts)
    raising = next((each for each in facts if each.path), None)
    line = raising.line if raising else entry.function.line
    if not entry.attribution.commit:
        unverified = (*unverified, Unverified(entry.function.name, _no_commit(entry)))
    first = raising.function.first_line if raising and raising.function else 0
    # Relative to the function, so that an edit above it does not make it another failure.
    place = f"{raising.path if raising else ''}:{raising.qualname if raising else ''}:{line - first}"
    kind = f"{entry.function.name}|{captured.error_type}|{place}"
    return Incident(
        id=secrets.token_hex(6),
        time_ns=captured.time_ns,
        function=entry.function.name,
        error_type=captured.error_type,
        message=captured.message,
        stacktrace=captured.stacktrace,
        path=raising.path if raising else entry.function.path,
        line=line,
        fingerprint=sha256(kind.encode("utf-8", "surrogatepass")).hexdigest()[:12],
        attribution=entry.attribution,
        suspects=suspects,
        unverified=unverified,
        suppressed=captured.suppressed,
        duration_s=captured.duration_s,
    )


def _no_commit(entry: Entry) -> str:
    return {
        "stale": "the function changed after the scan: scan again",
        "pending": "git had not answered in time",
        "unknown": "no manifest names it and it is in no git repository",
    }.get(entry.attribution.status, "no commit is known for it")


def _counter(meter: metrics.Meter) -> metrics.Counter:
    # The SDK returns the same instrument for the same name; until it is there, the API's proxy does.
    return meter.create_counter(
        _semconv.METRIC_INCIDENTS, unit="{incident}", description="Exceptions that left a marked function."
    )


def reset() -> None:
    """Forget what is waiting: in a forked child it belongs to the parent."""
    _state.waiting.clear()
    _state.counted.clear()
    _state.windows.clear()
    _state.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reset)
