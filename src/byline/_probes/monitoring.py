"""The one place that talks to ``sys.monitoring``: local events on marked code objects, and on nothing else."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType

from .._dataclass import dataclass, field
from .._model import Unverified
from .._registry import Entry
from .._telemetry import faults, worker
from . import entrance, reports, swallowed
from .entrance import wanted
from .tool import DISABLE, api
from .watches import Watch

NAME = "byline"

_TOOL_IDS = (4, 3)
"""0, 1, 2 and 5 belong to debuggers, coverage, profilers and optimisers."""


@dataclass(slots=True)
class _State:
    tool: int | None = None
    lines: bool = False
    handlers: bool = False
    watches: dict[int, Watch] = field(default_factory=dict)
    """Those that were called."""

    reason: str = "byline.instrument() was not called"
    """Why nothing is watched, if nothing is."""


_state = _State()
_lock = threading.RLock()
_spare_lock = threading.RLock()
_arm_lock = threading.RLock()

_IDLE_RETURNS = 50
"""Calls that handle nothing, after which a function's exits are no longer reported."""
_find = _state.watches.get


def start(*, lines: bool, handlers: bool) -> None:
    """
    Begin to watch; what cannot be watched here is told by ``unverified``.

    Args:
        lines: Which lines ran.

        handlers: Which exceptions were swallowed.
    """
    with _lock:
        if _state.tool is not None or not (lines or handlers):
            return
        _state.lines, _state.handlers = lines, handlers
        tool, _state.reason = _take_tool()
        _state.tool = tool
        if tool is None:
            return
        swallowed.begin()
        entrance.use(_watch, swallowed.raised)
        for _, code in tuple(wanted.values()):
            _begin(tool, code)


def stop() -> None:
    """Give the tool id back, and forget what is going on; a second call does nothing."""
    with _lock:
        tool, _state.tool = _state.tool, None
        _state.reason = "byline.instrument() was not called"
        if tool is None:
            return
        entrance.use(None, None)
        reports.stop()
        for _, code in tuple(wanted.values()):
            api.set_local_events(tool, code, 0)
        for event in _CALLBACKS:
            api.register_callback(tool, getattr(api.events, event), None)
        api.free_tool_id(tool)
        swallowed.finish()
        _state.watches.clear()


def is_running() -> bool:
    """Tell whether functions are being watched."""
    return _state.tool is not None


def watches() -> tuple[Watch, ...]:
    """Return the functions under watch that were called."""
    return tuple(_state.watches.values())


def unverified() -> tuple[Unverified, ...]:
    """List each marked function that is not watched, with the reason."""
    if not _state.reason:
        return ()
    cure = "Python 3.12 or later" if api is None else ""
    return tuple(
        Unverified(f"probes: {entry.function.name}", _state.reason, cure)
        for entry, code in tuple(wanted.values())
        if code is entry.code
    )


def _take_tool() -> tuple[int | None, str]:
    """Take a tool id that is free; or say why there is none."""
    if api is None:
        found = ".".join(map(str, sys.version_info[:2]))
        return None, (
            f"Python {found} has no sys.monitoring: neither swallowed exceptions nor executed lines are seen"
        )
    for tool in _TOOL_IDS:
        try:
            api.use_tool_id(tool, NAME)
        except ValueError:
            continue
        for event, callback in _CALLBACKS.items():
            api.register_callback(tool, getattr(api.events, event), callback)
        reports.start(tool)
        return tool, ""
    names = ", ".join(f"{each}: {api.get_tool(each)}" for each in _TOOL_IDS)
    return None, f"other tools hold every id of sys.monitoring that byline may take ({names})"


def _watch(code: CodeType) -> None:
    with _lock:
        if _state.tool is not None:
            _begin(_state.tool, code)


def _begin(tool: int, code: CodeType) -> None:
    """Wait for the first call: a function that is never called costs nothing."""
    api.set_local_events(tool, code, api.events.PY_START)


def _events_of(found: Watch) -> int:
    events, every = 0, api.events
    if _state.lines:
        events |= every.LINE
    if found.points:
        events |= every.LINE | every.INSTRUCTION
        if _state.handlers and (found.is_direct or found.armed):
            events |= every.PY_RETURN | (every.PY_YIELD if found.is_generator else 0)
    return events


def _set_events(tool: int, found: Watch) -> None:
    """
    Set a function's events, with room for those of another tool.

    When a second tool sets an event that a first one has set, CPython makes room for
    both and forgets all instruction events of the first (3.12 to 3.14). So the room is
    made beforehand, by a second id that is held for just that moment.
    """
    events = _events_of(found)
    if not events & api.events.INSTRUCTION:
        api.set_local_events(tool, found.code, events)
        return
    with _spare_lock:
        spare = _spare_id()
        if spare is not None:
            api.set_local_events(spare, found.code, api.events.LINE)
        api.set_local_events(tool, found.code, events)
        if spare is not None:
            api.set_local_events(spare, found.code, 0)
            api.free_tool_id(spare)


def _spare_id() -> int | None:
    for each in _TOOL_IDS:
        try:
            api.use_tool_id(each, f"{NAME}, for a moment")
        except ValueError:
            continue
        return each
    return None


def arm(found: Watch) -> None:
    """Have a function's exits reported until none of its calls is waited for; others of its events stay on."""
    if found.is_direct:
        return
    # Not without the lock: it may be about to be switched off.
    with _arm_lock:
        if not found.armed and _state.tool is not None:
            found.armed = True
            api.set_local_events(_state.tool, found.code, _events_of(found))


def _disarm(found: Watch) -> None:
    with _arm_lock:
        found.idle = 0
        if found.armed and not found.waiting and _state.tool is not None:
            found.armed = False
            api.set_local_events(_state.tool, found.code, _events_of(found))


swallowed.use(arm)

# --- callbacks: they run inside the user's calls, and must neither raise nor be slow ---


def _on_start(code: CodeType, _offset: int) -> object:
    try:
        if reports.is_reporter(code):
            reports.started(code, sys._getframe(1))  # noqa: SLF001  # the frame that is monitored
            return None
        entry, _ = wanted[id(code)]
        # Threads that call it first at the same time must share one: marks know their handler by identity.
        with _lock:
            if _state.tool is None or id(code) in _state.watches:
                return DISABLE
            found = _state.watches[id(code)] = Watch(entry, code)
            _set_events(_state.tool, found)
        if entry.attribution.evidence == "decorator":
            _watch_inside(entry, code)
    except Exception as fault:  # noqa: BLE001  # nothing of ours may fail inside a call
        faults.report(fault, "beginning to watch a function")
    return DISABLE


def _watch_inside(entry: Entry, code: CodeType) -> None:
    """Watch functions defined inside a decorated one: they are part of what was declared."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            entrance.want(entry, each)


def _on_instruction(code: CodeType, offset: int) -> object:
    found = _find(id(code))
    points = found.points.get(offset) if found is not None else None
    if found is None or points is None:
        return DISABLE
    keep = False
    try:
        frame = sys._getframe(1)  # noqa: SLF001  # the frame that is monitored
        for step, handler in points:
            keep = swallowed.step(found, step, handler, frame, offset, track=_state.handlers) or keep
    except Exception as fault:  # noqa: BLE001  # as above
        faults.report(fault, "watching a handler")
        return DISABLE
    return None if keep else DISABLE


def _on_line(code: CodeType, line: int) -> object:
    found = _find(id(code))
    if found is None:
        return DISABLE
    found.lines_run.add(line)
    if line not in found.kept_lines:
        return DISABLE
    try:
        if found.is_kept(sys._getframe(1).f_lasti):  # noqa: SLF001  # the frame that is monitored
            return None
    except Exception as fault:  # noqa: BLE001  # as above
        faults.report(fault, "watching a line")
    return DISABLE


def _on_return(code: CodeType, offset: int, value: object) -> object:
    return _on_exit(swallowed.returned, code, offset, value)


def _on_yield(code: CodeType, offset: int, value: object) -> object:
    return _on_exit(swallowed.yielded, code, offset, value)


def _on_exit(
    told: Callable[[Watch, FrameType, int, object], bool], code: CodeType, offset: int, value: object
) -> object:
    found = _find(id(code))
    if found is None:
        return DISABLE
    try:
        if told(found, sys._getframe(2), offset, value):  # noqa: SLF001  # as above
            found.idle = 0
        elif found.is_direct:
            return None if offset in found.returns_after else DISABLE
        elif found.idle >= _IDLE_RETURNS:
            _disarm(found)
        else:
            found.idle += 1
    except Exception as fault:  # noqa: BLE001  # as above
        faults.report(fault, "watching a function's end")
    return None


_CALLBACKS: dict[str, Callable[..., object]] = {
    "PY_START": _on_start,
    "INSTRUCTION": _on_instruction,
    "LINE": _on_line,
    "PY_RETURN": _on_return,
    "PY_YIELD": _on_yield,
}


def _after_fork_in_child() -> None:
    global _lock, _spare_lock, _arm_lock  # whoever held them stayed in the parent
    _lock, _spare_lock, _arm_lock = threading.RLock(), threading.RLock(), threading.RLock()


worker.after_fork(_after_fork_in_child)
worker.after_fork(reports.after_fork_in_child)
worker.after_fork(entrance.after_fork_in_child)
