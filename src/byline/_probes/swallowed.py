"""Swallowed exceptions: from a handler's entry to the end of the function, what became of the exception."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from threading import get_ident
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, cast

from .._model import Handling
from .._telemetry import findings, frames, worker
from . import expected, reports
from .entrance import pending as pending_frames
from .handlers import Handler
from .reports import RANK, Told, open_handlers
from .watches import Step, Watch

_WAIT_S = 1.0
"""How long an exception that was handled waits for the end of its function, before it is told without."""

_RETRY_WAIT_S = 600.0
"""The same for one whose handler tries again."""

_MOST_PENDING = 16
"""Exceptions of one running call that wait; a loop that never ends goes on without."""

_TEXT_LIMIT = 500
_SHORTEST_TEXT = 3
_MOST_VALUES = 50


class Mark:
    """One exception in one handler."""

    __slots__ = (
        "attempting", "exception_id", "frame_id", "handler", "handling", "is_expected", "kind", "outer",
        "raising", "sample", "seen", "since", "text", "thread", "times", "told", "watch",
    )  # fmt: skip

    def __init__(self, watch: Watch, handler: Handler, exception: BaseException, frame: FrameType) -> None:
        self.watch = watch
        self.handler = handler
        self.seen = type(exception)
        self.kind = _leaf(exception) if handler.kind == "except*" else self.seen
        self.exception_id = id(exception)
        """Never the exception: it would keep alive what its frames hold."""
        self.frame_id = id(frame)
        self.handling: Told = "silent"
        self.is_expected = False
        self.attempting = False
        self.raising = False
        self.told = False
        self.times = 1
        self.text = ""
        self.sample: findings.Sample | None = None
        self.since = monotonic()
        self.thread = get_ident()
        self.outer: Mark | None = None

    def louder(self, handling: Told) -> None:
        """Note that somebody was told."""
        if RANK[handling] > RANK[self.handling]:
            self.handling = handling


_open: dict[int, Mark] = open_handlers  # type: ignore[assignment]  # reports.py only asks whether it is empty
_pending: dict[int, list[Mark]] = pending_frames  # type: ignore[assignment]  # as above
_lookups = expected.LOOKUPS
_arm: Callable[[Watch], None]


def use(arm: Callable[[Watch], None]) -> None:
    """Set who makes a function's exits be reported; monitoring.py does, at import."""
    global _arm  # noqa: PLW0603  # once
    _arm = arm


def expect(lookups: frozenset[str]) -> None:
    """Set which types are normal control flow where a handler names them."""
    global _lookups  # noqa: PLW0603  # one value, replaced whole
    _lookups = lookups


def clear() -> None:
    """Forget what is going on."""
    _open.clear()
    _pending.clear()


def step(  # noqa: PLR0913  # what is known of a place
    watch: Watch, kind: Step, handler: Handler | None, frame: FrameType, offset: int, *, track: bool
) -> bool:
    """
    Take a step through a handler; called in the user's thread.

    Args:
        track: Whether exceptions are followed, or only which handlers ran.

    Returns:
        Whether this place is to be reported again.
    """
    if handler is None:
        _raising(watch, frame)
        return track
    if kind is Step.ATTEMPT:
        _attempt(handler, frame)
        return track
    exception = sys.exception()
    if exception is None or (
        kind is Step.DONE and handler.kind == "except*" and not _is_open(handler, exception, frame)
    ):
        return True  # the clause did not match, or was left by an exception
    if kind is Step.ENTERED or kind is Step.DONE:
        watch.handlers_run.add(handler.entry)
    if not track:
        return False
    if kind is Step.ENTERED:
        return _entered(watch, handler, exception, frame)
    if kind is Step.SAYS:
        if (mark := _is_open(handler, exception, frame)) is not None:
            mark.louder(reports.WORDS[handler.says[offset]])
    elif kind is Step.DONE:
        _done(watch, handler, exception, frame)
    else:
        _close(handler, exception, frame)
    return True


def _entered(watch: Watch, handler: Handler, exception: BaseException, frame: FrameType) -> bool:
    if not (handler.has_calls or handler.yields or handler.says or handler.kind == "except*"):
        return False  # nothing can happen before it is done, where all is found out
    mark = Mark(watch, handler, exception, frame)
    mark.is_expected = expected.is_expected(exception, handler, _lookups)
    mark.outer = _open.get(id(exception))
    _open[id(exception)] = mark
    reports.listen()
    if handler.yields:
        watch.waiting.add(mark.frame_id)
        _arm(watch)
    return True


def _is_open(handler: Handler, exception: BaseException, frame: FrameType) -> Mark | None:
    mark = _open.get(id(exception))
    if mark is None or mark.handler is not handler or mark.frame_id != id(frame):
        return None
    return mark


def _close(handler: Handler, exception: BaseException, frame: FrameType) -> Mark | None:
    """Take the mark of a handler that is left."""
    mark = _is_open(handler, exception, frame)
    if mark is None:
        return None
    if mark.outer is None:
        _open.pop(id(exception), None)
    else:
        _open[id(exception)] = mark.outer
    return mark


def _caught_here(watch: Watch, exception: BaseException, frame: FrameType) -> None:
    """What the function raised did not leave it, if it was raised in this very frame."""
    if exception.__traceback__ is None or exception.__traceback__.tb_next is None:
        for each in _pending.get(id(frame), ()):
            each.raising = each.raising and each.watch is not watch


def _done(watch: Watch, handler: Handler, exception: BaseException, frame: FrameType) -> None:
    _caught_here(watch, exception, frame)
    mark = _close(handler, exception, frame)
    if mark is None:
        mark = Mark(watch, handler, exception, frame)
        mark.is_expected = expected.is_expected(exception, handler, _lookups)
    if mark.told:
        return
    mark.sample = findings.sample(watch.entry, handler.line, exception)
    if handler.reads:
        mark.text = _text(exception)
    if mark.is_expected and mark.handling == "silent" and not handler.retries:
        _tell(mark, "")
        return
    mark.since = monotonic()
    watch.waiting.add(mark.frame_id)
    waiting = _pending.setdefault(mark.frame_id, [])
    if handler.retries:
        _again(mark, waiting)
    else:
        waiting.append(mark)
        if len(waiting) > _MOST_PENDING:
            _tell(waiting.pop(0), "")
    if not (_is_swept and worker.is_wanted()):
        _sweep_from_now_on()
    if handler.reads:
        reports.listen()  # it may still be told of, by name or by text
    _arm(watch)


_is_swept = False


def _sweep_from_now_on() -> None:
    global _is_swept  # noqa: PLW0603  # once, and again after the worker was stopped
    worker.each_tick(sweep)
    _is_swept = True


def _again(mark: Mark, waiting: list[Mark]) -> None:
    """Wait for the next attempt; many failed ones of a kind are one mark."""
    same = [each for each in waiting if each.handler is mark.handler]
    for each in same:
        each.attempting = each.raising = False
    for each in same:
        if each.kind is mark.kind and each.handling == mark.handling:
            each.times += 1
            each.exception_id, each.since, each.text = mark.exception_id, mark.since, mark.text
            each.sample = each.sample or mark.sample
            break
    else:
        waiting.append(mark)


def _attempt(handler: Handler, frame: FrameType) -> None:
    for mark in _pending.get(id(frame), ()):
        if mark.handler is handler:
            mark.attempting = True


def _raising(watch: Watch, frame: FrameType) -> None:
    """The function raises something of its own after it handled an exception: who called it is told."""
    for mark in _pending.get(id(frame), ()):
        mark.raising = mark.raising or mark.watch is watch


def returned(watch: Watch, frame: FrameType, offset: int, value: object) -> bool:
    """
    Tell what became of a call's exceptions when it returns.

    Returns:
        Whether there were any.
    """
    watch.waiting.discard(id(frame))
    waiting = _pending.pop(id(frame), None)
    if waiting is None:
        return False
    for mark in waiting:
        # An id may have been another frame's before, which ended by an exception that no wrapper saw.
        is_its_end = mark.watch is watch and not mark.raising
        if is_its_end:
            mark.attempting = mark.attempting or offset in mark.handler.recovered
            if _holds(value, mark):
                mark.louder("passed-on")
        _tell(mark, _type_of(value) if is_its_end else "")
    return True


def yielded(watch: Watch, frame: FrameType, _offset: int, value: object) -> bool:
    """
    Tell what became of a generator's exceptions when it yields: it may never go on.

    Returns:
        Whether there were any.
    """
    if not watch.is_generator:
        return False
    found = False
    for mark in tuple(_open.values()):
        if mark.frame_id == id(frame) and mark.handler.yields and not mark.told:
            mark.told = found = True
            if _holds(value, mark):
                mark.louder("passed-on")
            _tell(mark, _type_of(value))
    waiting = _pending.get(id(frame), [])
    for mark in [each for each in waiting if not each.handler.retries]:
        waiting.remove(mark)
        if _holds(value, mark):
            mark.louder("passed-on")
        _tell(mark, _type_of(value))
        found = True
    if not waiting:
        watch.waiting.discard(id(frame))
        _pending.pop(id(frame), None)
    return found or bool(waiting)


def raised(exception: BaseException) -> None:
    """
    Tell what became of a call's exceptions when it ends by another one; called by the wrapper.

    Those that the new one names as its cause, its context or a member were passed on, and so
    were all if the function itself raised it.
    """
    if not _pending:
        return
    step: TracebackType | None = exception.__traceback__
    while step is not None:
        waiting = _pending.pop(id(step.tb_frame), None)
        if waiting is not None:
            named = {id(each): type(each) for each in frames.chain(exception)}
            for mark in waiting:
                if mark.watch.code is step.tb_frame.f_code and named.get(mark.exception_id) is mark.seen:
                    mark.louder("passed-on")
                mark.watch.waiting.discard(mark.frame_id)
                _tell(mark, "")
        step = step.tb_next


def sweep() -> None:
    """Tell of exceptions whose call goes on; runs on the background thread."""
    now = monotonic()
    for frame_id, waiting in tuple(_pending.items()):
        for mark in tuple(waiting):
            wait_s = _RETRY_WAIT_S if mark.handler.retries else _WAIT_S
            if now - mark.since >= wait_s:
                with suppress(ValueError):  # the call has just ended
                    waiting.remove(mark)
                    mark.watch.waiting.discard(frame_id)
                    _tell(mark, "")
        if not waiting:
            _pending.pop(frame_id, None)


def sweep_all() -> None:
    """Tell of all: the program ends."""
    for frame_id in tuple(_pending):
        for mark in _pending.pop(frame_id, ()):
            mark.watch.waiting.discard(frame_id)
            _tell(mark, "")


def _note(exception: BaseException | None, handling: Told, message: Callable[[], str]) -> None:
    """Somebody is told of an exception: of the one being handled, unless one is named."""
    current = exception if exception is not None else sys.exception()
    if current is not None:
        # A traceback shows the causes too.
        shown = (
            frames.chain(current) if exception is not None and RANK[handling] >= RANK["logged"] else [current]
        )
        for each in shown:
            mark = _open.get(id(each))
            while mark is not None:
                mark.louder(handling)
                mark = mark.outer
    for waiting in tuple(_pending.values()):
        for mark in waiting:
            if exception is not None:
                # Only what was given a name can be named later; the id of any other may be a new one's.
                if (
                    mark.handler.reads
                    and mark.exception_id == id(exception)
                    and mark.seen is type(exception)
                    and mark.thread == get_ident()
                ):
                    mark.louder(handling)
            elif mark.text and mark.text in message():
                mark.louder(handling)


def _tell(mark: Mark, found: str) -> None:
    """Record a finding, unless the exception was passed on."""
    if mark.handling == "passed-on" or mark.raising:
        return
    handling = cast(Handling, mark.handling)
    if handling in ("silent", "weak") and mark.attempting:
        handling = "retried"
    elif handling == "silent" and mark.is_expected:
        handling = "expected"
    handler = mark.handler
    place = findings.Place(mark.watch.entry, mark.watch.code, handler.line, handler.kind)
    findings.record(place, mark.kind, handling, returned=found, times=mark.times, sample=mark.sample)


def _holds(value: object, mark: Mark, depth: int = 2) -> bool:
    """Tell whether a value holds the exception, or its text."""
    if isinstance(value, BaseException):
        return id(value) == mark.exception_id
    if isinstance(value, str):
        return bool(mark.text) and mark.text in value
    if depth == 0 or value is None or isinstance(value, (int, float, bytes)):
        return False
    parts: Any = value
    if type(value) is dict:
        parts = value.values()
    elif type(value) not in (list, tuple, set):
        parts = getattr(value, "__dict__", {}).values()
    return any(_holds(part, mark, depth - 1) for part in islice(tuple(parts), _MOST_VALUES))


def _leaf(exception: BaseException) -> type:
    """Return the type of the first exception in a group."""
    while isinstance(exception, BaseExceptionGroup):
        exception = exception.exceptions[0]
    return type(exception)


def _type_of(value: object) -> str:
    name = type(value).__qualname__
    return "" if name == "async_generator_wrapped_value" else name


def _text(exception: BaseException) -> str:
    try:
        text = str(exception)
    except Exception:  # noqa: BLE001  # a user's __str__ may raise anything
        return ""
    return text if _SHORTEST_TEXT <= len(text) <= _TEXT_LIMIT else ""


reports.use(_note)
worker.after_fork(clear)
