"""From a live exception to the frames it passed, root cause first, and what is known of each."""

from __future__ import annotations

import site
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from types import CodeType, FrameType, TracebackType

from .. import _registry
from .._dataclass import dataclass
from .._model import Attribution, Function, LineAttribution, Status
from .._suspects import FrameFacts

_MAX_FRAMES = 200
_MAX_EXCEPTIONS = 20
_KEEPERS = frozenset({"concurrent.futures._base", "asyncio.futures", "outcome._impl"})
"""Modules that keep an exception of one thread or task, and raise it in another."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a traceback; holds the code, never the frame with its locals."""

    code: CodeType
    line: int
    instruction: int
    """Offset in bytes of the instruction that raised or called."""


def frames_of(exception: BaseException) -> list[Frame]:
    """
    List the frames an exception passed, innermost first; those of its causes come before its own.

    Follows ``__cause__``, ``__context__`` unless suppressed, and the members of groups.
    """
    return [frame for each in chain(exception) for frame in reversed(_frames(each.__traceback__))]


def chain(exception: BaseException, limit: int = _MAX_EXCEPTIONS) -> list[BaseException]:
    """Return an exception's causes and group members, root first, and itself last; so many at most."""
    found: list[BaseException] = []
    seen: set[int] = set()
    waiting = [exception]
    while waiting and len(found) < limit:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        found.append(each)
        if isinstance(each, BaseExceptionGroup):
            waiting += reversed(each.exceptions)
        cause = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        if cause is not None:
            waiting.append(cause)
    found.reverse()
    return found


def _frames(traceback: TracebackType | None) -> list[Frame]:
    found: list[Frame] = []
    while traceback is not None and len(found) < _MAX_FRAMES:
        code = traceback.tb_frame.f_code
        if not _registry.is_wrapper(code):
            found.append(Frame(code, traceback.tb_lineno, traceback.tb_lasti))
        traceback = traceback.tb_next
    return found


def is_inside_another(wrapper: FrameType) -> bool:
    """Tell whether another marked function called this one, so that an exception has not left them all."""
    frame = wrapper.f_back
    while frame is not None and not _registry.is_wrapper(frame.f_code):
        frame = frame.f_back
    return frame is not None


def is_raised_anew(traceback: TracebackType, wrapper: TracebackType, started: float) -> bool:
    """
    Tell whether what a traceback holds from a wrapper on is an earlier raise of the same exception object.

    Python adds to the traceback of an object that a program raises again and again: then one ``raise``
    is in both parts. What futures raise is what somebody else has raised.

    Args:
        traceback: Of the exception that leaves a call now.
        wrapper: The entry of the first wrapper below that call's own.
        started: When the call began, by ``perf_counter``.
    """
    if wrapper.tb_frame is traceback.tb_frame:
        return False  # what was thrown into a generator; and to read the locals of a frame that is handling it makes a circle
    earlier = wrapper.tb_frame.f_locals.get("_byline_start")
    if earlier is None or earlier >= started:
        return False
    raised, each = set(), traceback.tb_next
    while each is not None and each is not wrapper:
        if _is_raise(each):
            raised.add((id(each.tb_frame.f_code), each.tb_lasti))
        each = each.tb_next
    return bool(raised) and any(
        (id(each.tb_frame.f_code), each.tb_lasti) in raised for each in _below(wrapper)
    )


def _below(wrapper: TracebackType) -> Iterator[TracebackType]:
    each = wrapper.tb_next
    for _ in range(_MAX_FRAMES):
        if each is None:
            return
        yield each
        each = each.tb_next


def _is_raise(place: TracebackType) -> bool:
    from opcode import opmap

    frame = place.tb_frame
    is_raise: bool = frame.f_code.co_code[place.tb_lasti] == opmap["RAISE_VARARGS"]
    return is_raise and frame.f_globals.get("__name__") not in _KEEPERS


def facts_of(frames: list[Frame]) -> list[FrameFacts]:
    """Look up who wrote each frame's function and line."""
    return [
        _facts(distance, Place(each.code.co_filename, each.line, each.code.co_qualname), each)
        for distance, each in enumerate(frames)
    ]


@dataclass(frozen=True, slots=True)
class Place:
    """A frame of which only this is known: it is not in this process any more, or never was."""

    filename: str
    line: int
    name: str


def facts_at(places: Sequence[Place]) -> list[FrameFacts]:
    """
    Look up who wrote the lines of frames that are known by file and line only.

    Args:
        places: Innermost first.
    """
    return [_facts(distance, each) for distance, each in enumerate(places)]


def _facts(distance: int, place: Place, frame: Frame | None = None) -> FrameFacts:
    filename, line, name = place.filename, place.line, place.name
    lines = _registry.lines_of(filename)
    entry = _registry.find(frame.code) if frame else None
    if lines is None and entry is None:
        return FrameFacts(distance, filename, line, name, reason=_why_unknown(filename))
    around = lines.function_at(line) if lines else None
    function, attribution = (entry.function, entry.attribution) if entry else around or (None, None)
    found = _newest(lines, _statement(frame) if frame else range(line, line + 1)) if lines else None
    path = lines.path if lines else entry.function.path if entry else ""
    status: Status = attribution.status if attribution else lines.status if lines else "unknown"
    reason = "" if found else _why_no_line(status)
    subject = _subject(lines, function, attribution) if lines and function and attribution else ""
    return FrameFacts(distance, filename, line, name, path, function, attribution, found, reason, subject)


def _newest(lines: _registry.SourceLines, numbers: range) -> LineAttribution | None:
    """Return the newest owner among the lines of the statement that raised."""
    found = [each for number in numbers if (each := lines.line(number)) is not None]
    return max(found, key=lambda each: each.commit.committed_at, default=None)


def _subject(lines: _registry.SourceLines, function: Function, attribution: Attribution) -> str:
    """Return the subject of a function's commit, which owns some of its lines."""
    if attribution.verdict != "ai":
        return ""
    for number in range(function.first_line, function.end_line + 1):
        line = lines.line(number)
        if line is not None and line.commit.sha == attribution.commit:
            return line.commit.subject
    return ""


def _statement(frame: Frame) -> range:
    """Return the lines of the expression that an instruction belongs to."""
    position = next(islice(frame.code.co_positions(), frame.instruction // 2, None), None)
    start, end = position[:2] if position else (None, None)
    if start is None or end is None or not start <= frame.line <= end:
        return range(frame.line, frame.line + 1)
    return range(start, end + 1)


def _why_no_line(status: Status) -> str:
    return {
        "ok": "the line is older than the scan looked (scan with --all)",
        "moved": "the file changed after the scan, the function did not",
        "stale": "the function changed after the scan (scan again)",
        "pending": "git had not answered in time",
        "unverified": "the running code could not be compared with the repository",
        "unknown": "the function is in no manifest",
    }[status]


def _why_unknown(filename: str) -> str:
    if filename.startswith("<"):
        return "code without a file"
    if filename.startswith(_library_folders()):
        return "outside the repository (a library)"
    return "not in the manifest: no AI touched this file, or it changed after the scan"


@cache
def _library_folders() -> tuple[str, ...]:
    import sysconfig  # few programs have it loaded

    paths = sysconfig.get_paths()
    return tuple(_folders(paths)) or ("\0",)


def _folders(paths: dict[str, str]) -> Iterator[str]:
    yield from {paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]}
    yield from site.getsitepackages()
