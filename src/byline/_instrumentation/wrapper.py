"""Plain functions, sync, async or generators, become measured functions; what else can be marked is decorator.py's."""

from __future__ import annotations

import inspect
from types import CellType, CodeType, FunctionType, coroutine as as_awaitable
from typing import cast

from .. import _config
from .._probes import entrance
from .._registry import Entry
from .._telemetry import gate, latency
from . import cap, signature, templates
from .call import Call, CoroutineCall


def wrap(function: FunctionType, entry: Entry) -> FunctionType:
    """
    Return a function that is called exactly as this one is, and measured.

    Args:
        entry: The marked function: the function itself, or the one behind its decorators.
    """
    recorder = latency.recorder_for(entry)
    entrance.watch(entry)
    gate.configure(_config.current())
    kind, template = _kind(function.__code__)
    call = (CoroutineCall if kind == "coroutine" else Call)(recorder)
    cells = {
        **_SHARED,
        "_byline_function": CellType(function),
        "_byline_samples": recorder.samples,
        "_byline_expected": call.expected,
        "_byline_rare": CellType(call),
    }
    made = signature.generate(function, kind, template, cells)
    cap.remember(recorder, made, kind)
    if function.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE:
        return cast(FunctionType, as_awaitable(made))
    return made


def _kind(code: CodeType) -> tuple[str, str]:
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return "async generator", templates.ASYNC_GENERATOR
    if code.co_flags & inspect.CO_COROUTINE:
        return "coroutine", templates.COROUTINE
    if code.co_flags & inspect.CO_GENERATOR:
        return "generator", templates.GENERATOR
    return "function", templates.FUNCTION


_SHARED = {
    "_byline_gate": gate.gate,
    "_byline_quiet": gate.quiet,
}
