"""Swallowed exceptions are counted, exactly, and told of once a minute for each line and kind."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from time import monotonic
from types import CodeType
from typing import TYPE_CHECKING

from .. import _config, _patterns, _registry, _semconv, _suspects
from .._dataclass import dataclass, field
from .._model import Finding, Handling, LineAttribution
from .._registry import Entry
from .._suspects import FrameFacts
from . import otel, signals, worker
from .attributes import metric_attributes
from .failure import message, stacktrace, type_name
from .finding_event import attributes_of

_log = logging.getLogger("byline")

WINDOW_S = 60.0
_MAX_KINDS = 10_000

LOUD: frozenset[Handling] = frozenset({"silent", "weak"})
"""What somebody should look at."""

if TYPE_CHECKING:
    from opentelemetry import metrics, trace


@dataclass(frozen=True, slots=True)
class Place:
    """The handler of a finding."""

    entry: Entry
    code: CodeType
    """The entry's own, or that of a function inside it."""

    line: int
    handler: str


@dataclass(slots=True)
class Sample:
    """What is taken down of one exception for all of its kind."""

    time_ns: int
    message: str
    stacktrace: str
    span_context: trace.SpanContext | None
    signs: _patterns.Signs


@dataclass(slots=True)
class _Tally:
    """Exceptions of one kind in one handler."""

    place: Place
    kind: type
    handling: Handling
    returned: str
    uncounted: int = 0
    """How many the counter has not been told of yet."""

    untold: int = 0
    """How many no event has told of yet."""

    last_ns: int = 0
    told_at: float = -WINDOW_S
    sample: Sample | None = None


_Key = tuple[int, int, str, type, Handling, str]


@dataclass(slots=True)
class _State:
    tallies: dict[_Key, _Tally] = field(default_factory=dict)
    sampled: dict[tuple[int, int, type], float] = field(default_factory=dict)
    # Reentrant: a signal handler or a finalizer may come in between and swallow as well.
    lock: threading.RLock = field(default_factory=threading.RLock)
    subscribers: list[Callable[[Finding], object]] = field(default_factory=list)
    is_drained: bool = False
    overflowed: int = 0


_state = _State()


def subscribe(callback: Callable[[Finding], object]) -> None:
    """Call somebody with each finding that is loud and new, on the background thread; twice is once."""
    if callback not in _state.subscribers:
        _state.subscribers.append(callback)


def unsubscribe(callback: Callable[[Finding], object]) -> None:
    """Undo ``subscribe``; repeating it does no harm."""
    if callback in _state.subscribers:
        _state.subscribers.remove(callback)


def sample(entry: Entry, line: int, exception: BaseException) -> Sample | None:
    """Take down what is told of an exception, once a minute for each line and type; called while it is handled."""
    key, now = (id(entry), line, type(exception)), monotonic()
    if now - _state.sampled.get(key, -WINDOW_S) < WINDOW_S:
        return None
    with _state.lock:
        if now - _state.sampled.get(key, -WINDOW_S) < WINDOW_S:
            return None  # another thread was first
        if len(_state.sampled) >= _MAX_KINDS:
            _state.sampled.clear()
        _state.sampled[key] = now
    return Sample(
        time.time_ns(),
        message(exception),
        stacktrace(exception),
        otel.span_context(),
        _patterns.signs_of(exception),
    )


def record(  # noqa: PLR0913  # what a finding is made of
    place: Place, kind: type, handling: Handling, *, returned: str, times: int, sample: Sample | None
) -> None:
    """Count exceptions that were swallowed; on the calling thread, cheap."""
    if not (_state.is_drained and worker.is_wanted()):
        worker.each_tick(drain)
        worker.at_stop(drain_all)
        _state.is_drained = True
    key = (id(place.entry), place.line, place.handler, kind, handling, returned)
    with _state.lock:
        tally = _state.tallies.get(key)
        if tally is None:
            if len(_state.tallies) >= _MAX_KINDS:
                _state.overflowed += times
                return
            tally = _state.tallies[key] = _Tally(place, kind, handling, returned)
        tally.uncounted += times
        tally.untold += times
        tally.last_ns = time.time_ns()
        tally.sample = sample or tally.sample
    if sample is not None and handling in LOUD:
        _tell_span(place, kind, handling)
    if worker.is_exiting():
        worker.submit(drain_all)


def _tell_span(place: Place, kind: type, handling: Handling) -> None:
    """Put the first of a minute on the span of the call."""
    span = otel.current_span()
    if span is None or not span.is_recording():
        return
    attributes: dict[str, str | int] = {
        _semconv.FINDING_KIND: _semconv.SWALLOWED,
        _semconv.FINDING_HANDLING: handling,
        _semconv.EXCEPTION_TYPE: type_name(kind),
        _semconv.LINE: place.line,
    }
    owner = _suspects.owner(_facts(place)) if place.entry.settled else None
    if owner is not None:
        attributes[_semconv.COMMIT] = owner.commit
    span.add_event(_semconv.EVENT_FINDING, attributes)


def drain() -> None:
    """Count what was recorded, and tell of what its minute is over for, as far as it is attributed."""
    _drain(everything=False)


def drain_all() -> None:
    """Count and tell everything, with what is known by now: the program ends."""
    _drain(everything=True)


def _drain(*, everything: bool) -> None:
    now = monotonic()
    counted: list[tuple[_Tally, int]] = []
    told: list[tuple[_Tally, int]] = []
    with _state.lock:
        for key, tally in list(_state.tallies.items()):
            if not (everything or tally.place.entry.settled):
                continue
            if tally.uncounted:
                counted.append((tally, tally.uncounted))
                tally.uncounted = 0
            if tally.untold and (everything or now - tally.told_at >= WINDOW_S):
                told.append((tally, tally.untold))
                tally.untold, tally.told_at = 0, now
            elif not tally.untold and now - tally.told_at >= 2 * WINDOW_S:
                del _state.tallies[key]
        overflowed, _state.overflowed = _state.overflowed, 0
    _count(counted)
    for tally, number in told:
        _emit(finding_of(tally, number))
    if overflowed:
        _log.warning(
            "byline saw more kinds of swallowed exceptions than it keeps; %d are not counted", overflowed
        )


def _count(counted: list[tuple[_Tally, int]]) -> None:
    numbers: Counter[tuple[int, str, Handling]] = Counter()
    entries: dict[int, Entry] = {}
    for tally, number in counted:
        # An alert on the counter is about what somebody should look at, and about nothing else.
        if tally.handling not in LOUD or not _is_new(_facts(tally.place).line_attribution):
            continue
        entry = tally.place.entry
        entries[id(entry)] = entry
        numbers[id(entry), type_name(tally.kind), tally.handling] += number
    for (key, error_type, handling), number in numbers.items():
        attributes = {
            **metric_attributes(entries[key], _config.current()),
            _semconv.FINDING_KIND: _semconv.SWALLOWED,
            _semconv.FINDING_HANDLING: handling,
            _semconv.ERROR_TYPE: error_type,
        }
        with worker.undivided():
            for meter in signals.meters():
                _counter(meter).add(number, attributes)


def finding_of(tally: _Tally, count: int) -> Finding:
    """Find who wrote the handler, and put together what is told of it."""
    import secrets  # nothing before the first finding needs it

    place, entry = tally.place, tally.place.entry
    facts = _facts(place)
    error_type = type_name(tally.kind)
    kind = f"{entry.function.name}|{error_type}|{tally.handling}|{place.line - entry.code.co_firstlineno}"
    found = tally.sample
    span = found.span_context if found else None
    match = _patterns.classify(*found.signs) if found else None
    return Finding(
        id=secrets.token_hex(6),
        time_ns=tally.last_ns,
        handling=tally.handling,
        function=entry.function.name,
        error_type=error_type,
        path=facts.path or entry.function.path,
        line=place.line,
        handler=place.handler,
        returned=tally.returned,
        count=count,
        fingerprint=sha256(kind.encode("utf-8", "surrogatepass")).hexdigest()[:12],
        attribution=entry.attribution,
        owner=_suspects.owner(facts),
        is_new=_is_new(facts.line_attribution),
        message=found.message if found else "",
        stacktrace=found.stacktrace if found else "",
        pattern=match.pattern if match else "",
        certainty=match.certainty if match else "",
        trace_id=f"{span.trace_id:032x}" if span and span.is_valid else "",
        span_id=f"{span.span_id:016x}" if span and span.is_valid else "",
    )


def _facts(place: Place) -> FrameFacts:
    lines = _registry.lines_of(place.code.co_filename)
    entry = place.entry
    return FrameFacts(
        0,
        place.code.co_filename,
        place.line,
        place.code.co_qualname,
        lines.path if lines else entry.function.path,
        entry.function,
        entry.attribution,
        lines.line(place.line) if lines else None,
    )


_baseline = 0


def set_baseline(committed_at: int) -> None:
    """Be quiet about handlers whose line is not newer than this; 0 for none."""
    global _baseline  # noqa: PLW0603  # one number, replaced whole
    _baseline = committed_at


def _is_new(line: LineAttribution | None) -> bool:
    return not _baseline or line is None or line.commit.committed_at > _baseline


def _emit(finding: Finding) -> None:
    """Hand a finding to OpenTelemetry as a log event, and a loud one to whoever asked for it."""
    otel.load()
    from opentelemetry import _logs, trace

    is_loud = finding.handling in LOUD and finding.is_new
    severities = {"silent": _logs.SeverityNumber.WARN, "expected": _logs.SeverityNumber.DEBUG}
    severity = severities.get(finding.handling, _logs.SeverityNumber.INFO)
    if not finding.is_new:
        severity = min(severity, _logs.SeverityNumber.INFO, key=lambda each: each.value)
    span = trace.SpanContext(
        int(finding.trace_id or "0", 16), int(finding.span_id or "0", 16), is_remote=False
    )
    record = _logs.LogRecord(
        timestamp=finding.time_ns,
        context=trace.set_span_in_context(trace.NonRecordingSpan(span)),
        severity_number=severity,
        severity_text=severity.name,
        body=f"{finding.error_type} swallowed ({finding.handling}) in {finding.function}",
        attributes=attributes_of(finding, _config.current().author),
        event_name=_semconv.EVENT_FINDING,
    )
    with worker.undivided():
        for logger in signals.loggers():
            logger.emit(record)
    if is_loud:
        for callback in tuple(_state.subscribers):
            callback(finding)


def _counter(meter: metrics.Meter) -> metrics.Counter:
    # The SDK returns the same instrument for the same name; until it is there, the API's proxy does.
    return meter.create_counter(
        _semconv.METRIC_FINDINGS,
        unit="{finding}",
        description="Exceptions that a marked function swallowed, and that nobody was told of.",
    )


def reset() -> None:
    """Forget what is waiting: in a forked child it belongs to the parent."""
    _state.tallies.clear()
    _state.sampled.clear()
    _state.lock = threading.RLock()


worker.after_fork(reset)
