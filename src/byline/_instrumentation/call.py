"""What a wrapper rarely needs: spans, failures, results to be awaited. The call that has none of these is in templates.py."""

from __future__ import annotations

import builtins
import contextlib
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import cache
from time import perf_counter
from types import CellType, CoroutineType, FunctionType, NoneType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from .. import _semconv
from .._probes import entrance
from .._telemetry import escapes, failure, faults, gate, incidents
from .._telemetry.frames import is_inside_another
from .._telemetry.recorder import Recorder
from . import signature, templates


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


# Where recursion has no end, no stack is left to record it in the innermost function: an outer one does so.
# Should another thread's exception come in between, that one is recorded once more; no id fits, and no call.
_is_owed = False
_ROOM = 100
"""Frames that recording takes, at most."""


def _is_put_off(exception: RecursionError) -> bool:
    """Tell whether little of the stack was given back so far, and more will be in an outer marked function."""
    entry = wrapper = exception.__traceback__
    for _ in range(_ROOM):
        if entry is None:
            return wrapper is not None and is_inside_another(wrapper.tb_frame)
        entry = entry.tb_next
    return False


_Coroutine: TypeAlias = "CoroutineType[Any, Any, object]"

if TYPE_CHECKING:
    from .._telemetry.gate import Turns

    class _Future(Protocol):
        def add_done_callback(self, callback: Callable[[Any], object], /) -> object: ...
        def cancelled(self) -> bool: ...


# The types of results that are not to be awaited; grows as they are seen.
_FINISHED_LIMIT = 10_000
_NONE_FINISHED: frozenset[type] = frozenset()
_finished: set[type] = {NoneType, bool, int, float, str, bytes, list, tuple, dict, set, frozenset}


class Call:
    """The calls of one wrapper, as far as they are not all alike."""

    __slots__ = ("_recorder", "_window", "expected", "finished")

    # Built-in names that wrappers need; the user's module may have others of these names.
    BaseException = builtins.BaseException
    StopAsyncIteration = builtins.StopAsyncIteration
    StopIteration = builtins.StopIteration
    TypeError = builtins.TypeError

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._window: incidents.Window | None = None
        self.expected = CellType(Call)
        """The type that the function returned first; the other known ones are in ``finished``."""
        self.finished: set[type] | frozenset[type] = _NONE_FINISHED

    def begin(self, *, attached: bool = True) -> Turns | None:
        """Start a span, if the trace records; never raises."""
        begin: Callable[..., Turns | None] = gate.begin.cell_contents
        return begin(self._recorder, attached=attached)

    def done(self, duration_s: float, span: Turns | None) -> None:
        """Record a call that returned."""
        self._recorder.samples.cell_contents.append(duration_s)
        if span is not None:
            span.finish("", duration_s)

    def failed(self, duration_s: float, exception: builtins.BaseException, span: Turns | None) -> object:
        """
        Record how a call ended that an exception left; never raises, so that the wrapper re-raises the user's.

        Returns:
            What the wrapper's frame keeps as long as the exception has its traceback.
        """
        global _is_owed  # noqa: PLW0603  # as below
        outcome, kept, recorder = "", None, self._recorder
        try:
            if entrance.pending:
                entrance.raised(exception)
            outcome = _errors.get(type(exception), "")
            is_error = bool(outcome) or _is_error(exception)
            if not outcome:
                outcome = _outcome(exception)
            if not outcome:
                recorder.samples.cell_contents.append(duration_s)
            elif recorder.is_on:
                recorder.failures.append((duration_s, outcome))
                if is_error:
                    if span is not None:
                        # A generator's span is not the current one between its steps; the incident names it.
                        span.attach()
                    kept = self._tell(exception, duration_s)
        except RecursionError:
            _is_owed = True  # nothing may be called here
        except Exception as fault:  # noqa: BLE001  # whatever it is, the user's exception goes first
            _report(fault)
        if span is not None:
            span.finish(outcome, duration_s)
        return kept

    def _tell(self, exception: builtins.BaseException, duration_s: float) -> object:
        """Make the incident of an exception, and tell whoever else wants to know of it."""
        global _is_owed  # noqa: PLW0603  # one flag, of which no other copy may be
        entry = self._recorder.entry
        if type(exception) is RecursionError and _is_put_off(exception):
            _is_owed = True
            return None
        self._window, receipt = incidents.capture(entry, exception, duration_s, self._window, _is_owed)
        _is_owed = False
        return None if escapes.watch is None else escapes.watch(entry, exception, receipt)

    def returned(self, duration_s: float, result: object, span: Turns | None) -> object:
        """
        Finish a plain call that has a span, or a result that may have to be awaited.

        A coroutine is timed to its end, a future until it is done. Other awaitables are handed
        on as they are: to replace them would change what else they can do.
        """
        kind = type(result)
        try:
            if span is not None and kind in _finished:
                self._recorder.samples.cell_contents.append(duration_s)
                span.finish("", duration_s)
                return result
            if kind is CoroutineType:
                return self._completion(cast("_Coroutine", result), duration_s, span)
            if hasattr(kind, "__await__") and hasattr(kind, "add_done_callback"):
                self._when_done(cast("_Future", result), duration_s, span)
                return result
            if self.finished is not _finished:
                # The first result: most functions return one type, and "is" is the cheapest test there is.
                self.expected.cell_contents = kind
                self.finished = _finished
            if len(_finished) < _FINISHED_LIMIT:
                _finished.add(kind)
        except Exception as fault:  # noqa: BLE001  # the result is the user's, however strange its type is
            faults.report(fault, "looking at what a function returned")
        self.done(duration_s, span)
        return result

    def _completion(self, pending: _Coroutine, duration_s: float, span: Turns | None) -> _Coroutine:
        completion = _to_completion()(CoroutineCall(self._recorder), pending, duration_s, span)
        completion.__name__, completion.__qualname__ = pending.__name__, pending.__qualname__
        if span is not None:
            span.detach()
        return completion

    def _when_done(self, future: _Future, duration_s: float, span: Turns | None) -> None:
        start = perf_counter() - duration_s

        def record(done: _Future) -> None:
            # exception() would count as having looked at it, and asyncio would no longer tell
            # the user of an exception that nobody fetched.
            exception = _Cancelled() if done.cancelled() else getattr(done, "_exception", None)
            if exception is None:
                self.done(perf_counter() - start, span)
            else:
                self.failed(perf_counter() - start, exception, span)

        future.add_done_callback(record)
        if span is not None:
            span.detach()

    @staticmethod
    def first(generator: AsyncGenerator[object, object]) -> Awaitable[object]:
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


class CoroutineCall(Call):
    """The calls of an async function, or of a coroutine that a function returned."""

    __slots__ = ()

    def failed(self, duration_s: float, exception: builtins.BaseException, span: Turns | None) -> object:
        """Record how a coroutine ended that an exception left: to close one before its end is to cancel it."""
        return super().failed(
            duration_s, _Cancelled() if isinstance(exception, GeneratorExit) else exception, span
        )


def _report(fault: Exception) -> None:
    # The user's exception may have left no stack to say anything on.
    with contextlib.suppress(RecursionError):
        faults.report(fault, "recording a failed call")


def _awaited(rare: Call, pending: _Coroutine, duration_s: float, span: Turns | None) -> _Coroutine:
    """Await what a plain function returned, as part of its call."""
    raise NotImplementedError  # pragma: no cover  # gives the parameters to what is generated below


# Generated like the wrappers, so that its frame is known for one; few programs return coroutines from plain functions.
@cache
def _to_completion() -> Callable[[Call, _Coroutine, float, Turns | None], _Coroutine]:
    made = signature.generate(cast(FunctionType, _awaited), "completion", templates.COMPLETION, {})
    return cast("Callable[[Call, _Coroutine, float, Turns | None], _Coroutine]", made)
