"""
Marks on their way: those of exceptions being handled, then those whose call has still to end. Each has one owner.

A mark is told exactly once because it is in a table or in one function's hands, never in
both. The threads that meet here are the one that runs the frame (it puts marks in, and
takes them at the call's end), the background thread (it takes what waits too long) and
the one that stops byline (it takes all). So every change of a table, of the list of a
frame in it, and of what another thread decides by (``sweeps``, ``times``) is made with the
lock: an empty list is never in the table, a mark that was counted once more was not taken
before, and one that was taken is in no list that anybody else may still hold. What is
taken is told by the taker, without the lock, since telling runs code of the program's.

The lock is reentrant: a finalizer or a signal handler may run marked code in between.
They find the tables whole, since they have a frame of their own. A forked child gets a
new lock and empty tables: what waits is the parent's to tell. None of this leans on the
GIL; without it, a table is looked at without the lock only for whether it holds a frame
that runs on the same thread, whose marks nobody else puts in.
"""

from __future__ import annotations

import threading
from time import monotonic

from .entrance import pending as pending_frames
from .handling import Handler
from .marks import Mark
from .reports import RANK, Told, open_handlers
from .watches import Watch

_WAIT_S = 1.0
"""
How long an exception that was handled waits for the end of its function, before it is told without.

Counted from when the background thread first finds it, and not by the clock alone: where
threads wait long for their turn, this one does so as often as the one that runs the call.
"""

_WAIT_SWEEPS = 4
"""How often it is found in that time at least."""

_RETRY_WAIT_S = 600.0
"""The same for one whose handler tries again."""

_MOST_PENDING = 16
"""Exceptions of one running call that wait; a loop that never ends goes on without."""

_open: dict[int, Mark] = open_handlers  # type: ignore[assignment]  # reports.py only asks whether it is empty
"""By the exception's id; the newest handler of it, which links to the others."""
_pending: dict[int, list[Mark]] = pending_frames  # type: ignore[assignment]  # as above
"""By the frame's id."""
_lock = threading.RLock()
_is_on = True


# --- being handled -----------------------------------------------------------


def enter(mark: Mark) -> None:
    """Put in the mark of a handler that is entered."""
    with _lock:
        mark.outer = _open.get(mark.exception_id)
        _open[mark.exception_id] = mark


def find(handler: Handler, exception: BaseException, frame_id: int) -> Mark | None:
    """Return the mark of a handler that is open."""
    mark = _open.get(id(exception))
    # Several may handle one exception: tasks that wait for one future, each in its own time.
    while mark is not None and (mark.handler is not handler or mark.frame_id != frame_id):
        mark = mark.outer
    return mark


def leave(handler: Handler, exception: BaseException, frame_id: int) -> Mark | None:
    """Take the mark of a handler that is left."""
    if id(exception) not in _open:
        return None
    with _lock:
        mark = find(handler, exception, frame_id)
        if mark is None:
            return None
        newest = _open[id(exception)]
        if newest is not mark:
            while newest.outer is not mark and newest.outer is not None:
                newest = newest.outer
            newest.outer = mark.outer
        elif mark.outer is None:
            del _open[id(exception)]
        else:
            _open[id(exception)] = mark.outer
        return mark


def being_handled(frame_id: int) -> list[Mark]:
    """Return the marks of a frame's open handlers."""
    with _lock:
        return [mark for newest in _open.values() for mark in _chain(newest) if mark.frame_id == frame_id]


def handling(exception: BaseException) -> list[Mark]:
    """Return the marks of all open handlers of an exception."""
    if id(exception) not in _open:
        return []
    with _lock:
        return _chain(_open.get(id(exception)))


def _chain(mark: Mark | None) -> list[Mark]:
    found: list[Mark] = []
    while mark is not None:
        found.append(mark)
        mark = mark.outer
    return found


# --- waiting for the end of a call -------------------------------------------


def put(mark: Mark) -> Mark | None:
    """
    Let a mark wait for the end of its call; many failed attempts of a kind wait as one.

    Returns:
        One to be told now: there are too many, or nobody would take it any more.
    """
    with _lock:
        if not _is_on:
            return mark
        marks = _pending.get(mark.frame_id)
        mark.watch.waiting.add(mark.frame_id)
        if marks is None:
            _pending[mark.frame_id] = [mark]
            return None
        if mark.handler.retries:
            _again(mark, marks)
            return None
        marks.append(mark)
        return marks.pop(0) if len(marks) > _MOST_PENDING else None


def _again(mark: Mark, marks: list[Mark]) -> None:
    """Put in the mark of another attempt."""
    same = [each for each in marks if each.handler is mark.handler]
    for each in same:
        each.attempting = each.raising = False
    for each in same:
        if each.kind is mark.kind and each.handling == mark.handling:
            each.times += 1
            each.exception_id, each.sweeps, each.text = mark.exception_id, 0, mark.text
            each.sample = each.sample or mark.sample
            return
    marks.append(mark)


def of(frame_id: int) -> list[Mark]:
    """Return the marks that wait for the end of a frame; they stay."""
    if frame_id not in _pending:
        return []
    with _lock:
        return list(_pending.get(frame_id, ()))


def everywhere() -> list[Mark]:
    """Return all marks that wait; they stay."""
    with _lock:
        return [mark for marks in _pending.values() for mark in marks]


def take(watch: Watch, frame_id: int) -> list[Mark]:
    """Take the marks of a frame that ends."""
    if frame_id not in _pending:
        watch.waiting.discard(frame_id)
        return []
    with _lock:
        watch.waiting.discard(frame_id)
        return _out(frame_id)


def take_of_frame(frame_id: int) -> list[Mark]:
    """Take the marks of a frame that was ended by an exception."""
    if frame_id not in _pending:
        return []
    with _lock:
        return _out(frame_id)


def take_settled(watch: Watch, frame_id: int) -> list[Mark]:
    """Take the marks of a generator's frame that stops for now, but for those that may be tried again."""
    if frame_id not in _pending:
        watch.waiting.discard(frame_id)
        return []
    with _lock:
        return _without(frame_id, [mark for mark in _pending.get(frame_id, ()) if mark.handler.retries])


def take_late() -> list[Mark]:
    """Take the marks that have waited long enough; on the background thread."""
    now = monotonic()
    with _lock:
        frames = list(_pending)
    found: list[Mark] = []
    for frame_id in frames:  # a lock for each: nobody waits for all of them
        with _lock:
            marks = _pending.get(frame_id, [])
            late = [mark for mark in marks if _is_late(mark, now)]
            if late:
                found += _without(frame_id, [mark for mark in marks if mark not in late])
    return found


def _is_late(mark: Mark, now: float) -> bool:
    if not mark.sweeps:
        mark.since = now
    mark.sweeps += 1
    return mark.sweeps > _WAIT_SWEEPS and now - mark.since >= (
        _RETRY_WAIT_S if mark.handler.retries else _WAIT_S
    )


def take_all() -> list[Mark]:
    """Take all marks."""
    with _lock:
        return [mark for frame_id in list(_pending) for mark in _out(frame_id)]


def _without(frame_id: int, kept: list[Mark]) -> list[Mark]:
    """Take a frame's marks but for some."""
    if not kept:
        return _out(frame_id)
    taken = [mark for mark in _pending[frame_id] if mark not in kept]
    _pending[frame_id] = kept
    for mark in taken:
        if all(each.watch is not mark.watch for each in kept):
            mark.watch.waiting.discard(frame_id)
    return taken


def _out(frame_id: int) -> list[Mark]:
    marks = _pending.pop(frame_id, [])
    for mark in marks:
        mark.watch.waiting.discard(frame_id)
    return marks


def louder(mark: Mark, told: Told) -> None:
    """Note that somebody was told."""
    with _lock:  # the text of an exception may be heard on any thread
        if RANK[told] > RANK[mark.handling]:
            mark.handling = told


# --- life --------------------------------------------------------------------


def begin() -> None:
    """Let marks wait from now on."""
    global _is_on  # noqa: PLW0603  # one switch
    _is_on = True


def end() -> list[Mark]:
    """Take all marks, and let none wait any more."""
    global _is_on  # noqa: PLW0603  # one switch
    with _lock:
        _is_on = False
        _open.clear()
        return take_all()


def after_fork_in_child() -> None:
    """Renew the lock, whose holder stayed in the parent, and leave the parent what is its own."""
    global _lock  # noqa: PLW0603  # as said
    _lock = threading.RLock()
    _open.clear()
    for marks in _pending.values():
        for mark in marks:
            mark.watch.waiting.discard(mark.frame_id)
    _pending.clear()
