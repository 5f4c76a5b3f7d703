"""Whether a handler leads to another attempt, and which returns tell that it worked."""

from __future__ import annotations

from collections.abc import Iterable

from .flow import Flow
from .handling import Handler
from .instructions import LEAVES


def find_attempts(
    flow: Flow, handler: Handler, tries: Iterable[tuple[int, int]], loops: list[set[int]]
) -> None:
    """See whether a handler leads to another attempt, in the innermost loop around both."""
    inside = {each.offset for each in flow.order if any(a <= each.at < b for a, b in tries)}
    inside -= handler.body
    if not inside or handler.kind in ("with", "finally"):
        return
    start = min(inside)
    around = [loop for loop in loops if start in loop and loop & handler.done]
    if not around:
        return
    after_success = {
        step
        for offset in inside
        for step in flow.steps(flow.by_offset[offset], raising=False)
        if step not in inside
    }
    leaves = {each for each in inside if flow.by_offset[each].name.startswith("RETURN")}
    # In a loop over things to do, success goes on with the next one; a retry is over.
    if not (after_success or leaves) or after_success & min(around, key=len):
        return
    handler.retries = True
    worked = flow.exits_from(after_success | leaves, stop=start)
    failed = flow.exits_from(flow.after(handler.done), stop=start)
    handler.recovered = worked - failed
    if worked & failed:
        handler.attempts = frozenset({_within_line(flow, start)})


def _within_line(flow: Flow, offset: int) -> int:
    """Return the next instruction that does not begin a line: there no line event is in the way."""
    each = flow.by_offset[offset]
    while (following := flow.by_offset.get(each.after)) is not None and each.name not in LEAVES:
        if following.line == each.line:
            return following.offset
        each = following
    return offset
