"""From where exceptions arrive to what may handle them: the clauses of a statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .flow import Flow
from .handling import Handler, Kind
from .instructions import ENDS, Instruction, target


def clauses(flow: Flow, push: Instruction) -> Iterator[Handler]:
    """Yield what may handle an exception that arrives here."""
    first = flow.by_offset.get(push.after)
    if first is None:
        return
    if first.name == "WITH_EXCEPT_START":
        names = _names(flow, (each for each in flow.order if each.line == first.line and each.at < push.at))
        yield Handler("with", first.line, first.offset, names)
        return
    clause: int | None = push.after
    is_first = True
    while clause is not None:
        start = flow.by_offset[clause]
        if start.name == "POP_TOP":
            yield Handler("except", start.line, start.offset)
            return
        match = _match(flow, start)
        if match is None:
            if is_first:
                # A finally block: it is a handler if it can end the exception, by a return or the like.
                yield Handler("finally", start.line, start.offset)
            return
        check, entry, clause = match
        kind: Kind = "except*" if check.name == "CHECK_EG_MATCH" else "except"
        names = _names(flow, (each for each in flow.order if start.at <= each.at < check.at))
        handler = Handler(kind, _line_of(flow, start, check), entry, names)
        if kind == "except*":
            # The clauses of one statement share their end; each is over where the next one begins.
            handler.done = frozenset({clause})
        yield handler
        is_first = False


def _match(flow: Flow, start: Instruction) -> tuple[Instruction, int, int] | None:
    """Return the instruction that compares types, where a match goes on, and where a miss does."""
    each: Instruction | None = start
    while each is not None and each.name not in ENDS:
        if each.name in ("CHECK_EXC_MATCH", "CHECK_EG_MATCH"):
            branch = flow.by_offset[each.after]
            if branch.name == "COPY":
                branch = flow.by_offset[branch.after]
            entry = flow.by_offset[branch.after]
            if entry.name == "NOT_TAKEN":
                entry = flow.by_offset[entry.after]
            miss = target(branch)
            miss_at = flow.by_offset[miss]
            if each.name == "CHECK_EG_MATCH" and miss_at.name == "POP_TOP":
                miss = miss_at.after  # the empty match is dropped first
            return each, entry.offset, miss
        each = flow.by_offset.get(each.after)
    return None


def _line_of(flow: Flow, start: Instruction, check: Instruction) -> int:
    lines = [each.line for each in flow.order if start.at <= each.at <= check.at and each.line]
    return min(lines, default=0)


def _names(flow: Flow, instructions: Iterable[Instruction]) -> frozenset[str]:
    return frozenset(name for each in instructions if (name := flow.name_of(each)))
