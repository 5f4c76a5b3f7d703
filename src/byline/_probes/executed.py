"""Which lines of marked functions ran, and which of their handlers: told when something new has run."""

from __future__ import annotations

from time import monotonic

from .. import _registry, _semconv
from .._model import ExecutedLines
from .._telemetry import otel, signals, worker
from .._telemetry.executed_event import attributes_of
from . import monitoring
from .watches import Watch

EVERY_S = 10.0
"""How often it is told, at most."""

AT_ONCE = 128
"""Functions that are told of at once: OpenTelemetry's batch processors hold 2,048 records, incidents too, and drop the rest."""

_next_s = 0.0
_is_on = False


def start() -> None:
    """Tell from now on."""
    global _is_on, _next_s  # one switch
    _is_on, _next_s = True, 0.0
    worker.each_tick(tick)
    worker.at_stop(tell)


def stop() -> None:
    """Tell what is not told yet, and no more."""
    global _is_on  # noqa: PLW0603  # one switch
    tell()
    _is_on = False


def tick() -> None:
    """Tell, when it is time; what is too much for one tick comes with the next."""
    global _next_s  # noqa: PLW0603  # one moment
    if monotonic() >= _next_s and not _tell(AT_ONCE):
        _next_s = monotonic() + EVERY_S


def tell() -> None:
    """Hand to OpenTelemetry what has run for the first time since the last time."""
    _tell(None)


def _tell(limit: int | None) -> bool:
    """Tell of so many functions, or of all; return whether there may be more."""
    if not _is_on:
        return False
    told = 0
    for watch in monitoring.watches():
        if told == limit:
            return True
        now = (len(watch.lines_run), len(watch.handlers_run))
        if now == watch.sent or not watch.entry.settled:
            continue
        watch.sent = now
        told += 1
        otel.load()
        from opentelemetry import _logs

        record = _logs.LogRecord(
            severity_number=_logs.SeverityNumber.DEBUG,
            severity_text="DEBUG",
            body=f"lines of {watch.entry.function.name} ran for the first time",
            attributes=attributes_of(executed_of(watch)),
            event_name=_semconv.EVENT_EXECUTED,
        )
        with worker.undivided():
            for logger in signals.loggers():
                logger.emit(record)
    return False


def executed_of(watch: Watch) -> ExecutedLines:
    """Put together what has run of a function."""
    entry, code = watch.entry, watch.code
    first = code.co_firstlineno
    known = _registry.lines_of(code.co_filename)
    # The lines before "def" are decorators', and run where the function is defined.
    lines = {line for _, _, line in code.co_lines() if line is not None and line > entry.function.line}
    lines |= {line for line in watch.lines_run if line >= entry.function.line}
    ai = {line for line in lines if known is None or ((found := known.line(line)) and found.verdict == "ai")}
    if known is not None and not ai and entry.attribution.evidence == "decorator":
        ai = lines
    run = tuple(watch.lines_run)
    handlers = [handler for handler in watch.handlers if handler.kind in ("except", "except*")]
    name = entry.function.name if code is entry.code else f"{entry.function.module}.{code.co_qualname}"
    return ExecutedLines(
        function=name,
        path=known.path if known else entry.function.path,
        first_line=first,
        commit=entry.attribution.commit,
        last_commit=entry.attribution.last_commit,
        lines=_from(first, lines),
        ai=_from(first, ai),
        run=_from(first, lines.intersection(run)),
        handlers=_from(first, {each.line for each in handlers}),
        handlers_run=_from(first, {each.line for each in handlers if each.entry in watch.handlers_run}),
    )


def _from(first: int, lines: set[int]) -> tuple[int, ...]:
    return tuple(sorted(line - first for line in lines))
