"""Where a code object handles exceptions, read from its bytecode: pure, nothing runs and nothing is watched here."""

from __future__ import annotations

from types import CodeType

from .attempts import find_attempts
from .bodies import follow
from .clauses import clauses
from .flow import Flow
from .handling import Handler, Handling


def handlers_of(code: CodeType) -> Handling:
    """Find the handlers of a code object; none where it has no exception table."""
    if not code.co_exceptiontable:
        return Handling()
    flow = Flow(code)
    found: list[Handler] = []
    loops: list[set[int]] | None = None
    for each in flow.order:
        if each.name != "PUSH_EXC_INFO":
            continue
        for handler in clauses(flow, each):
            follow(flow, handler)
            if not handler.done:
                continue
            loops = flow.loops() if loops is None else loops
            find_attempts(flow, handler, flow.tries.get(each.offset, ()), loops)
            found.append(handler)
    done = {offset for each in found for offset in each.done}
    raises = frozenset(each.at for each in flow.order if each.name == "RAISE_VARARGS")
    after = flow.only_after(done)
    is_direct = all(
        not each.yields and not each.retries and flow.exits_from(flow.after(each.done)) <= after
        for each in found
    )
    return Handling(found, after, raises, is_direct)
