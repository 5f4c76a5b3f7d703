"""What a handler does: where it is left, what it calls and says, whether it looks at the exception."""

from __future__ import annotations

from collections.abc import Iterable

from .flow import Flow
from .handling import WORDS, Handler
from .instructions import Instruction

_MAX_NESTING = 12
"""Handlers inside handlers that are followed; deeper ones are taken as one."""

_CALLS = ("CALL", "WITH_EXCEPT_START", "SEND", "BEFORE_WITH", "LOAD_SPECIAL")


def follow(flow: Flow, handler: Handler) -> None:
    """Walk from a handler's entry to every place where it is left, through handlers inside it."""
    done = set(handler.done)
    failed: set[int] = set()
    body: set[int] = set()
    waiting = [(handler.entry, 0)]
    seen = set(waiting)
    while waiting:
        offset, nesting = waiting.pop()
        if offset in handler.done:
            continue
        each = flow.by_offset[offset]
        body.add(offset)
        after = nesting + (each.name == "PUSH_EXC_INFO")
        if each.name == "POP_EXCEPT":
            if nesting == 0:
                (failed if _is_reraised(flow, each) else done).add(offset)
                continue
            after = nesting - 1
        if handler.kind == "except*" and nesting == 0 and each.name == "LIST_APPEND":
            # What a clause raised is kept for the end of the statement; after the last clause, what is left.
            if flow.by_offset[each.after].name == "POP_TOP":
                failed.add(offset)
                continue
            if each.argument == 1:
                done.add(offset)
                continue
        for step in flow.steps(each):
            state = (step, min(after, _MAX_NESTING))
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    handler.done, handler.failed, handler.body = frozenset(done), frozenset(failed), frozenset(body)
    names = [flow.by_offset[offset] for offset in body]
    handler.has_calls = any(each.name.startswith(_CALLS) and "INTRINSIC" not in each.name for each in names)
    handler.yields = any(flow.is_yield(each) for each in names)
    handler.says = {each.at: word for each in names if (word := flow.name_of(each)) in WORDS}
    handler.reads = _reads(flow.by_offset[handler.entry], names)


def _reads(entry: Instruction, body: Iterable[Instruction]) -> bool:
    """Tell whether a handler looks at the exception it named."""
    kind = entry.name.removeprefix("STORE_")
    return entry.name.startswith("STORE_") and any(
        each.name.startswith("LOAD_") and _takes(each, kind, entry.argument) for each in body
    )


def _takes(each: Instruction, kind: str, number: int) -> bool:
    if kind != "FAST":
        return each.name == f"LOAD_{kind}" and each.argument == number
    if each.name.count("FAST") > 1:  # two variables at once, a nibble each
        return number in (each.argument >> 4, each.argument & 15)
    return "FAST" in each.name and each.argument == number


def _is_reraised(flow: Flow, pop: Instruction) -> bool:
    after = flow.by_offset.get(pop.after)
    return after is not None and after.name == "RERAISE"
