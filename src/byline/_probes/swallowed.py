"""Swallowed exceptions: from a handler's entry to the end of the function, what became of the exception."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import get_ident
from types import FrameType, TracebackType

from .._model import Handling
from .._telemetry import findings, frames, worker
from . import expected, reports, waiting
from .handling import Handler
from .marks import Mark, is_held, text_of, type_of
from .reports import RANK, Told
from .watches import Step, Watch

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
    if handler is None or kind is Step.ATTEMPT:
        _outside(watch, handler, frame)
        return track
    exception = sys.exception()
    if exception is None:
        return True  # the clause did not match, or was left by an exception
    if kind is Step.DONE:
        if handler.kind == "except*" and waiting.find(handler, exception, id(frame)) is None:
            return True  # as above
        watch.handlers_run.add(handler.entry)
        if track:
            _done(watch, handler, exception, frame)
        return track
    if kind is Step.ENTERED:
        watch.handlers_run.add(handler.entry)
        return track and _entered(watch, handler, exception, frame)
    if not track:
        return False
    if kind is Step.FAILED:
        waiting.leave(handler, exception, id(frame))
    elif (mark := waiting.find(handler, exception, id(frame))) is not None:
        waiting.louder(mark, reports.WORDS[handler.says[offset]])
    return True


def _outside(watch: Watch, handler: Handler | None, frame: FrameType) -> None:
    """What was handled is tried again; or the function raises something of its own: who called it is told."""
    for mark in waiting.of(id(frame)):
        if handler is None:
            mark.raising = mark.raising or mark.watch is watch
        elif mark.handler is handler:
            mark.attempting = True


def _entered(watch: Watch, handler: Handler, exception: BaseException, frame: FrameType) -> bool:
    if not (handler.has_calls or handler.yields or handler.says or handler.kind == "except*"):
        return False  # nothing can happen before it is done, where all is found out
    mark = Mark(watch, handler, exception, id(frame))
    mark.is_expected = expected.is_expected(exception, handler, _lookups)
    waiting.enter(mark)
    reports.listen()
    if handler.yields:
        watch.waiting.add(mark.frame_id)
        _arm(watch)
    return True


def _caught_here(watch: Watch, exception: BaseException, frame: FrameType) -> None:
    """What the function raised did not leave it, if it was raised in this very frame."""
    if exception.__traceback__ is None or exception.__traceback__.tb_next is None:
        for each in waiting.of(id(frame)):
            each.raising = each.raising and each.watch is not watch


def _done(watch: Watch, handler: Handler, exception: BaseException, frame: FrameType) -> None:
    _caught_here(watch, exception, frame)
    mark = waiting.leave(handler, exception, id(frame))
    if mark is None:
        is_expected = expected.is_expected(exception, handler, _lookups)
        if is_expected and not handler.retries:
            # Whatever comes, it stays expected: a loop over lookups that miss need not wait for anything.
            sample = findings.sample(watch.entry, handler.line, exception)
            findings.record(
                watch.place_of(handler), type(exception), "expected", returned="", times=1, sample=sample
            )
            return
        mark = Mark(watch, handler, exception, id(frame))
        mark.is_expected = is_expected
    elif mark.told:
        return
    mark.sample = findings.sample(watch.entry, handler.line, exception)
    if handler.reads:
        mark.text = text_of(exception)
    if mark.is_expected and mark.handling == "silent" and not handler.retries:
        _tell(mark, "")
        return
    surplus = waiting.put(mark)
    if surplus is not None:
        _tell(surplus, "")
    if not (_is_swept and worker.is_wanted()):
        _sweep_from_now_on()
    if handler.reads:
        reports.listen()  # it may still be told of, by name or by text
    _arm(watch)


_is_swept = False


def _sweep_from_now_on() -> None:
    global _is_swept  # noqa: PLW0603  # once, and again after the worker was stopped
    worker.each_tick(sweep)
    worker.before_end(sweep_all)
    _is_swept = True


def returned(watch: Watch, frame: FrameType, offset: int, value: object) -> bool:
    """
    Tell what became of a call's exceptions when it returns.

    Returns:
        Whether there were any.
    """
    marks = waiting.take(watch, id(frame))
    for mark in marks:
        # An id may have been another frame's before, which ended by an exception that no wrapper saw.
        is_its_end = mark.watch is watch and not mark.raising
        if is_its_end:
            mark.attempting = mark.attempting or offset in mark.handler.recovered
        _ended(mark, value, is_its_end=is_its_end)
    return bool(marks)


def yielded(watch: Watch, frame: FrameType, _offset: int, value: object) -> bool:
    """
    Tell what became of a generator's exceptions when it yields: it may never go on.

    Returns:
        Whether there were any.
    """
    if not watch.is_generator:
        return False
    marks = [mark for mark in waiting.being_handled(id(frame)) if mark.handler.yields and not mark.told]
    for mark in marks:
        mark.told = True
    marks += waiting.take_settled(watch, id(frame))
    for mark in marks:
        _ended(mark, value)
    return bool(marks) or bool(waiting.of(id(frame)))


def _ended(mark: Mark, value: object, *, is_its_end: bool = True) -> None:
    """Tell what became of an exception whose call has come to a value."""
    try:
        if is_its_end and is_held(mark, value):
            waiting.louder(mark, "passed-on")
    except Exception:  # noqa: BLE001, S110  # the value's own code may raise anything; the exception still counts
        pass
    _tell(mark, type_of(value) if is_its_end else "")


def raised(exception: BaseException) -> None:
    """
    Tell what became of a call's exceptions when it ends by another one; called by the wrapper.

    Those that the new one names as its cause, its context or a member were passed on, and so
    were all if the function itself raised it.
    """
    step: TracebackType | None = exception.__traceback__
    while step is not None:
        marks = waiting.take_of_frame(id(step.tb_frame))
        if marks:
            named = {id(each): type(each) for each in frames.chain(exception)}
            for mark in marks:
                if mark.watch.code is step.tb_frame.f_code and named.get(mark.exception_id) is mark.seen:
                    waiting.louder(mark, "passed-on")
                _tell(mark, "")
        step = step.tb_next


def sweep() -> None:
    """Tell of exceptions whose call goes on; runs on the background thread."""
    for mark in waiting.take_late():
        _tell(mark, "")


def sweep_all() -> None:
    """Tell of all that wait."""
    for mark in waiting.take_all():
        _tell(mark, "")


def begin() -> None:
    """Follow exceptions from now on."""
    waiting.begin()


def finish() -> None:
    """Tell of all that wait, and at once of what a call under way may still bring: nobody watches any more."""
    for mark in waiting.end():
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
            for mark in waiting.handling(each):
                waiting.louder(mark, handling)
    for mark in waiting.everywhere():
        if exception is not None:
            # Only what was given a name can be named later; the id of any other may be a new one's.
            if (
                mark.handler.reads
                and mark.exception_id == id(exception)
                and mark.seen is type(exception)
                and mark.thread == get_ident()
            ):
                waiting.louder(mark, handling)
        elif mark.text and mark.text in message():
            waiting.louder(mark, handling)


def _tell(mark: Mark, found: str) -> None:
    """Record a finding, unless the exception was passed on."""
    if mark.handling == "passed-on" or mark.raising:
        return
    handling: Handling = mark.handling
    if handling in ("silent", "weak") and mark.attempting:
        handling = "retried"
    elif handling == "silent" and mark.is_expected:
        handling = "expected"
    findings.record(
        mark.watch.place_of(mark.handler),
        mark.kind,
        handling,
        returned=found,
        times=mark.times,
        sample=mark.sample,
    )


reports.use(_note)
worker.after_fork(waiting.after_fork_in_child)
