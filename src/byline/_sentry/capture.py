"""Exceptions that leave a marked function and that nobody else reports become events; no exception is sent twice.

An event is made at once, with the request, the user and everything else the scopes know, and held until it
is clear what becomes of the exception. If the framework, a logger or the program captures it, theirs is sent
and ours is dropped. If the last reference to it goes, somebody swallowed it, and ours is sent.

What tells is a small object in the frame of our wrapper. The exception's traceback keeps it alive, nothing
of ours keeps the exception alive, and nothing is written on it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from types import TracebackType
from typing import cast

from sentry_sdk.client import BaseClient

from .. import _registry
from .._registry import Entry
from .._telemetry import worker
from .._telemetry.captured import Receipt
from .._telemetry.frames import chain, is_inside_another
from . import settings
from .answers import is_answer
from .attribution import CONTEXT, Event
from .ends import follow
from .event import Made, make
from .rate import Rate
from .tracebacks import Kept, has_deeper_wrapper, kept_below, kept_in, raised_at

HOLD_S = 30.0
"""An exception that somebody keeps for longer is reported without waiting for its end."""

_MAX_WAITING = 300
"""Failures of which it is not clear yet; an event of each is in memory."""

_MAX_CHAIN = 1_000
"""Causes, and members of groups, that are reported with one exception."""


class _Tether(weakref.ref[Kept]):
    """Tells when the exception is gone."""

    __slots__ = ("held",)
    held: Held


class Held:
    """A failure of which it is not clear yet whether somebody else reports it."""

    __slots__ = ("client", "due", "kind", "made", "suppressed", "was_sent")

    def __init__(
        self, client: BaseClient, kind: tuple[object, ...], made: Made | None, suppressed: int = 0
    ) -> None:
        self.client = client
        self.kind = kind
        self.suppressed = suppressed
        """How many of its kind it tells of."""
        self.made = made
        """None when the rate limit holds it back: then it is only counted."""
        self.due = monotonic() + HOLD_S
        self.was_sent = False

    def close(self) -> bool:
        """Decide, and wait no longer; False when it was decided before, perhaps by another thread."""
        return _waiting.pop(id(self), None) is not None


_rate = Rate()
_waiting: dict[int, tuple[Held, _Tether]] = {}
_is_ticking = False
"""Whether the worker knows that what waits becomes due."""


def watch(entry: Entry, exception: BaseException, receipt: Receipt | None) -> Kept | None:
    """Hold an exception that leaves a marked function; called by the wrapper, which keeps what this returns."""
    held = _held(entry, exception, receipt)
    if held is None and receipt is None:
        return None
    kept = Kept(held, receipt)
    if held is not None:
        _hold(kept, held)
    return kept


def _held(entry: Entry, exception: BaseException, receipt: Receipt | None) -> Held | None:
    """Make the event of an exception, in case nobody else does; None when none is wanted."""
    traceback = exception.__traceback__
    current = settings.current()
    if current is None or traceback is None or not _registry.is_wrapper(traceback.tb_frame.f_code):
        return None
    client, wanted = current
    if not _is_wanted(client, wanted, traceback, receipt) or is_answer(exception):
        return None
    inner = raised_at(traceback)
    if inner is None:
        return None
    _let_go_of_earlier(traceback)
    kind = (id(entry), type(exception), id(inner.tb_frame.f_code), inner.tb_lineno)
    if len(_waiting) >= _MAX_WAITING:
        _rate.suppress(kind)
        return None
    if not _rate.take(kind, wanted.limit):
        return Held(client, kind, None)
    made = None
    try:
        made = make(client, exception, receipt)
    finally:
        if made is None:
            _rate.give_back(kind)  # reported before it left the function, or refused by the program
    if made is None:
        return None
    _tell_suppressed(made.event, suppressed := _rate.told(kind))
    return Held(client, kind, made, suppressed)


def _is_wanted(
    client: BaseClient, wanted: settings.Settings, traceback: TracebackType, receipt: Receipt | None
) -> bool:
    if wanted.capture == "none" or getattr(client, "transport", None) is None:
        return False
    if wanted.capture == "escaped":
        return not is_inside_another(traceback.tb_frame)
    return receipt is not None or not has_deeper_wrapper(traceback)


def _let_go_of_earlier(traceback: TracebackType) -> None:
    """An object that the program raises again has been swallowed before: it keeps what tells of that."""
    for kept in kept_below(traceback):
        if kept.held is not None:
            _decide(kept.held)
            return


def note_captured(exception: BaseException, *, is_own: bool) -> tuple[bool, Receipt | None]:
    """
    Take note that somebody captures an exception, with its causes and the members of a group.

    Args:
        is_own: Whether it is byline, at the moment when the exception leaves the function.

    Returns:
        Whether this very exception was sent already, because it was kept for so long; and the receipt
        of its incident, else of the incident of what it came from.
    """
    was_sent, receipt, theirs = False, None, None
    for each in chain(exception, _MAX_CHAIN):
        if is_own and each is exception:
            continue  # see make(): the locals of a frame that is handling it must not be read
        for kept in kept_in(each.__traceback__):
            held = kept.held
            if held is not None:
                _leave_to_them(held)
                was_sent = was_sent or (each is exception and held.was_sent)
            if each is exception:
                receipt = receipt or kept.receipt
            theirs = theirs or kept.receipt
    return was_sent and _was_sent(exception), receipt or theirs


def _leave_to_them(held: Held) -> None:
    if held.close() and held.made is not None:
        held.made = None
        _rate.give_back(held.kind, held.suppressed)


def _was_sent(exception: BaseException) -> bool:
    """Tell whether what waited for this exception was sent; what was sent when it was raised before does not count."""
    for kept in kept_in(exception.__traceback__):
        if kept.held is not None and kept.held.was_sent:
            return True
        if kept.receipt is not None:
            return False  # deeper ones are of former times
    return False


def _hold(kept: Kept, held: Held) -> None:
    global _is_ticking  # noqa: PLW0603  # to ask the worker each time costs more than all the rest
    tether = _Tether(kept, _gone)
    tether.held = held
    _waiting[id(held)] = held, tether
    if held.made is None:
        return  # it is counted, and nobody waits for that
    if not (_is_ticking and worker.is_wanted()):
        worker.each_tick(_send_overdue)
        _is_ticking = True
    follow(held.client, _send_those_of)


def _gone(reference: weakref.ref[Kept]) -> None:
    """The exception is gone. May run anywhere, also within a garbage collection: no lock, nothing of the host's."""
    # What goes wrong here would be printed on the program's standard error, also when the interpreter ends.
    with suppress(Exception):
        _decide(cast(_Tether, reference).held)


def _decide(held: Held) -> None:
    """Nobody will report it any more: send it, later, or count it."""
    if held.close() and (held.made is None or not worker.submit(partial(_send, held))):
        _rate.suppress(held.kind)


def _send(held: Held) -> None:
    """Hand an event to the SDK: its filters, the program's ``before_send``, its sampling, its transport."""
    made, held.made, held.was_sent = held.made, None, True
    if made is None:
        return
    held.client.capture_event(made.event, made.hint)


def _tell_suppressed(event: Event, number: int) -> None:
    context = event.get("contexts", {}).get(CONTEXT)
    if number and isinstance(context, dict):
        context["suppressed"] = number
    elif number:
        event.setdefault("contexts", {})[CONTEXT] = {"suppressed": number}


def _send_overdue() -> None:
    now = monotonic()
    _send_those(lambda held: held.made is not None and held.due <= now)


def _send_those_of(client: BaseClient) -> None:
    _send_those(lambda held: held.client is client)


def _send_those(are_wanted: Callable[[Held], bool]) -> None:
    for held, _ in list(_waiting.values()):
        if are_wanted(held) and held.close():
            _send(held)


def _forget() -> None:
    """In a forked child, what waits is the parent's to send."""
    global _rate  # noqa: PLW0603  # replaced whole, so that no lock of the parent stays held
    _waiting.clear()
    _rate = Rate()


worker.after_fork(_forget)
