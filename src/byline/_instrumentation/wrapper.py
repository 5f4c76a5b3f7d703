"""Plain functions, sync, async or generators, become measured functions; what else can be marked is decorator.py's."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from time import perf_counter
from types import CellType, CodeType, CoroutineType, FunctionType, NoneType, coroutine as as_awaitable
from typing import Any, Protocol, TypeAlias, cast

from .. import _config, _semconv
from .._probes import monitoring, swallowed
from .._registry import Entry
from .._telemetry import escapes, failure, faults, gate, incidents, latency
from .._telemetry.gate import Turns
from .._telemetry.latency import Recorder
from . import cap, signature, templates


def wrap(function: FunctionType, entry: Entry) -> FunctionType:
    """
    Return a function that is called exactly as this one is, and measured.

    Args:
        entry: The marked function: the function itself, or the one behind its decorators.
    """
    recorder = latency.recorder_for(entry)
    monitoring.watch(entry)
    gate.configure(_config.current())
    kind, template, special = _kind(function.__code__)
    cells = {
        **_SHARED,
        **special,
        "_byline_function": CellType(function),
        "_byline_recorder": CellType(recorder),
        "_byline_append": recorder.append,
        "_byline_expected": recorder.expected,
        "_byline_finished": recorder.finished,
    }
    made = signature.generate(function, kind, template, cells)
    cap.remember(recorder, made, kind)
    if function.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE:
        return cast(FunctionType, as_awaitable(made))
    return made


def _kind(code: CodeType) -> tuple[str, str, dict[str, CellType]]:
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return "async generator", templates.ASYNC_GENERATOR, {}
    if code.co_flags & inspect.CO_COROUTINE:
        return "coroutine", templates.COROUTINE, {"_byline_failed": CellType(_abandoned)}
    if code.co_flags & inspect.CO_GENERATOR:
        return "generator", templates.GENERATOR, {}
    return "function", templates.FUNCTION, {}


class _Cancelled(BaseException):
    """Stands for a cancellation that left no exception to look at."""


# Control flow, and a person's or the program's own wish to end: no failure of the function.
_NO_ERROR = (StopIteration, StopAsyncIteration, GeneratorExit)
_NO_INCIDENT = (*_NO_ERROR, KeyboardInterrupt, SystemExit)

# Cancellation as asyncio, trio and gevent spell it; none of them is imported for that.
_CANCELLATIONS = frozenset({"CancelledError", "Cancelled", "GreenletExit", "_Cancelled"})


def _outcome(exception: BaseException) -> str:
    """Return the call's ``error.type``; empty when it did not fail."""
    if isinstance(exception, _NO_ERROR) or (isinstance(exception, SystemExit) and not exception.code):
        return ""
    if not isinstance(exception, Exception) and not _CANCELLATIONS.isdisjoint(
        kind.__name__ for kind in type(exception).__mro__
    ):
        return _semconv.CANCELLED
    return failure.type_name(type(exception))


# Names of exception types that are errors whatever they hold: found once, since programs raise
# the same ones again and again.
_ERRORS_LIMIT = 1_000
_errors: dict[type, str] = {}


def _is_error(exception: BaseException) -> bool:
    """Tell whether an exception makes an incident, and remember its type if it does."""
    outcome = _outcome(exception)
    if outcome in ("", _semconv.CANCELLED) or isinstance(exception, _NO_INCIDENT):
        return False
    if len(_errors) < _ERRORS_LIMIT:
        _errors[type(exception)] = outcome
    return True


def _failed(recorder: Recorder, duration_s: float, exception: BaseException, span: Turns | None) -> object:
    """
    Record how a call ended that an exception left; never raises, so that the wrapper re-raises the user's.

    Returns:
        What the wrapper's frame keeps as long as the exception has its traceback.
    """
    outcome, kept = "", None
    try:
        swallowed.raised(exception)
        outcome = _errors.get(type(exception), "")
        is_error = bool(outcome) or _is_error(exception)
        if not outcome:
            outcome = _outcome(exception)
        if not outcome:
            recorder.append.cell_contents(duration_s)
        elif latency.is_on():
            recorder.failures.append((duration_s, outcome))
            if is_error:
                if span is not None:
                    # A generator's span is not the current one between its steps; the incident names it.
                    span.attach()
                incidents.capture(recorder.entry, exception, duration_s)
                if escapes.watch is not None:
                    kept = escapes.watch(recorder.entry, exception)
    except Exception as fault:  # noqa: BLE001  # whatever it is, the user's exception goes first
        _report(fault)
    if span is not None:
        span.finish(outcome, duration_s)
    return kept


def _report(fault: Exception) -> None:
    # The user's exception may have left no stack to say anything on.
    with contextlib.suppress(RecursionError):
        faults.report(fault, "recording a failed call")


def _abandoned(recorder: Recorder, duration_s: float, exception: BaseException, span: Turns | None) -> object:
    """Record how a coroutine ended that an exception left: to close one before its end is to cancel it."""
    return _failed(
        recorder, duration_s, _Cancelled() if isinstance(exception, GeneratorExit) else exception, span
    )


def _done(recorder: Recorder, duration_s: float, span: Turns | None) -> None:
    recorder.append.cell_contents(duration_s)
    if span is not None:
        span.finish("", duration_s)


_Coroutine: TypeAlias = "CoroutineType[Any, Any, object]"


class _Future(Protocol):
    def add_done_callback(self, callback: Callable[[Any], object], /) -> object: ...
    def cancelled(self) -> bool: ...


# The types of results that are not to be awaited; grows as they are seen.
_FINISHED_LIMIT = 10_000
_finished: set[type] = {NoneType, bool, int, float, str, bytes, list, tuple, dict, set, frozenset}


def _returned(recorder: Recorder, duration_s: float, result: object, span: Turns | None) -> object:
    """
    Finish a plain call that has a span, or a result that may have to be awaited.

    A coroutine is timed to its end, a future until it is done. Other awaitables are handed
    on as they are: to replace them would change what else they can do.
    """
    kind = type(result)
    try:
        if span is not None and kind in _finished:
            _done(recorder, duration_s, span)
            return result
        if kind is CoroutineType:
            return _completion(recorder, cast(_Coroutine, result), duration_s, span)
        if hasattr(kind, "__await__") and hasattr(kind, "add_done_callback"):
            _when_done(recorder, cast(_Future, result), duration_s, span)
            return result
        if recorder.finished.cell_contents is not _finished:
            # The first result: most functions return one type, and "is" is the cheapest test there is.
            recorder.expected.cell_contents = kind
            recorder.finished.cell_contents = _finished
        if len(_finished) < _FINISHED_LIMIT:
            _finished.add(kind)
    except Exception as fault:  # noqa: BLE001  # the result is the user's, however strange its type is
        faults.report(fault, "looking at what a function returned")
    _done(recorder, duration_s, span)
    return result


def _completion(recorder: Recorder, pending: _Coroutine, duration_s: float, span: Turns | None) -> _Coroutine:
    completion = _to_completion(recorder, pending, duration_s, span)
    completion.__name__, completion.__qualname__ = pending.__name__, pending.__qualname__
    if span is not None:
        span.detach()
    return completion


def _when_done(recorder: Recorder, future: _Future, duration_s: float, span: Turns | None) -> None:
    start = perf_counter() - duration_s

    def record(done: _Future) -> None:
        # exception() would count as having looked at it, and asyncio would no longer tell
        # the user of an exception that nobody fetched.
        exception = _Cancelled() if done.cancelled() else getattr(done, "_exception", None)
        if exception is None:
            _done(recorder, perf_counter() - start, span)
        else:
            _failed(recorder, perf_counter() - start, exception, span)

    future.add_done_callback(record)
    if span is not None:
        span.detach()


def _first(generator: AsyncGenerator[object, object]) -> Awaitable[object]:
    """
    Begin an async generator without telling the event loop of it.

    The loop closes the generators it knows when it shuts down. It knows the wrapper, which
    closes this one; were both known, both would be closed at once and one would fail with
    "asynchronous generator is already running".
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)


_SHARED = {
    "_byline_gate": gate.gate,
    "_byline_begin": gate.begin,
    "_byline_clock": CellType(perf_counter),
    "_byline_done": CellType(_done),
    "_byline_failed": CellType(_failed),
    "_byline_first": CellType(_first),
    "_byline_returned": CellType(_returned),
    "_byline_type": CellType(type),
    # Built-in names would be looked up in the user's module, which may have others of that name.
    "_byline_BaseException": CellType(BaseException),
    "_byline_StopAsyncIteration": CellType(StopAsyncIteration),
    "_byline_StopIteration": CellType(StopIteration),
    "_byline_TypeError": CellType(TypeError),
}


def _awaited(recorder: Recorder, pending: _Coroutine, duration_s: float, span: Turns | None) -> _Coroutine:
    """Await what a plain function returned, as part of its call."""
    raise NotImplementedError  # pragma: no cover  # gives the parameters to what is generated below


# Generated like the wrappers, so that its frame is known for one.
_to_completion = cast(
    Callable[[Recorder, _Coroutine, float, Turns | None], _Coroutine],
    signature.generate(
        cast(FunctionType, _awaited),
        "completion",
        templates.COMPLETION,
        {**_SHARED, "_byline_failed": CellType(_abandoned)},
    ),
)
