"""A marked function under watch: its handlers, the offsets that matter, and what of it has run."""

from __future__ import annotations

import inspect
from bisect import bisect_left
from enum import Enum, auto
from types import CodeType

from .._registry import Entry
from .._telemetry.findings import Place
from .handlers import handlers_of
from .handling import Handler


class Step(Enum):
    """What happens at an offset."""

    ENTERED = auto()
    """A handler has an exception at hand."""

    DONE = auto()
    """A handler is left, and the exception is over."""

    FAILED = auto()
    """A handler is left by an exception."""

    SAYS = auto()
    """A handler reaches for a name that tells of the exception (see reports.WORDS)."""

    ATTEMPT = auto()
    """What a retry repeats begins."""

    RAISES = auto()
    """The function raises something by itself, outside of a handler."""


Point = tuple[Step, Handler | None]


class Watch:
    """One code object under watch. Made when it is called for the first time."""

    __slots__ = (
        "armed",
        "code",
        "entry",
        "handlers",
        "handlers_run",
        "idle",
        "is_direct",
        "is_generator",
        "kept_lines",
        "lines_run",
        "places",
        "points",
        "returns_after",
        "sent",
        "waiting",
    )

    def __init__(self, entry: Entry, code: CodeType) -> None:
        handling = handlers_of(code)
        self.entry = entry
        self.code = code
        """Usually the entry's own; it may be of a function defined inside."""
        self.handlers = handling.handlers
        self.points = _points(handling.handlers, handling.raises)
        self.kept_lines = _kept_lines(code, self.points)
        """Lines on which a handler's places may begin; see ``is_kept``."""
        self.returns_after = handling.returns_after
        self.is_generator = bool(code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
        self.is_direct = handling.is_direct
        """Whether the returns that matter can stay on without a cost to calls that handle nothing."""
        self.armed = False
        """Whether all returns are reported for now."""
        self.idle = 0
        """Returns since the last one that mattered."""
        self.waiting: set[int] = set()
        """Frames whose end is awaited, by id."""
        self.places: dict[int, Place] = {}
        """What findings say of each handler, by its entry."""
        self.lines_run: set[int] = set()
        self.handlers_run: set[int] = set()
        """Entries of the handlers that ran."""
        self.sent = (-1, -1)
        """How many lines and handlers had run when this was last told."""

    def place_of(self, handler: Handler) -> Place:
        """Return what findings say of a handler: the same for all of them."""
        found = self.places.get(handler.entry)
        if found is None:
            found = self.places[handler.entry] = Place(self.entry, self.code, handler.line, handler.kind)
        return found

    def is_kept(self, offset: int) -> bool:
        """
        Tell whether the line event of an instruction must stay on.

        When the last line event of an instruction is switched off, CPython leaves its
        instruction event out for that once; so where a handler's place begins a line,
        both stay. They cost only when the handler runs.
        """
        return any(step not in _ANYWHERE for step, _ in self.points.get(offset, ()))


_ANYWHERE = (Step.ATTEMPT, Step.RAISES)
"""Places outside of handlers."""


def _kept_lines(code: CodeType, points: dict[int, tuple[Point, ...]]) -> frozenset[int]:
    kept = sorted(
        offset for offset, found in points.items() if any(step not in _ANYWHERE for step, _ in found)
    )
    if not kept:
        return frozenset()
    return frozenset(
        line
        for start, end, line in code.co_lines()
        if line is not None and bisect_left(kept, start) < bisect_left(kept, end)
    )


def _points(handlers: list[Handler], raises: frozenset[int]) -> dict[int, tuple[Point, ...]]:
    found: dict[int, tuple[Point, ...]] = {}

    def put(offset: int, step: Step, handler: Handler | None) -> None:
        found[offset] = (*found.get(offset, ()), (step, handler))

    for handler in handlers:
        for step, offsets in (
            (Step.FAILED, handler.failed),
            (Step.DONE, handler.done),
            (Step.ENTERED, (handler.entry,)),
            (Step.SAYS, handler.says),
            (Step.ATTEMPT, handler.attempts),
        ):
            for offset in offsets:
                put(offset, step, handler)
    if any(handler.done for handler in handlers):
        for offset in raises - {each for handler in handlers for each in handler.body}:
            put(offset, Step.RAISES, None)
    return found
