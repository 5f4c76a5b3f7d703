"""Where execution may go between the instructions of a code object: paths, loops, exits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from types import CodeType

from .instructions import JUMPS, LEAVES, RETURNS, Instruction, exception_table, instructions, target

_NAME_SHIFT: Mapping[str, int] = {"LOAD_GLOBAL": 1, "LOAD_NAME": 0, "LOAD_ATTR": 1}


class Flow:
    """One code object, read as a graph of instructions."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self.order = list(instructions(code))
        """As they are compiled."""
        self.by_offset = {each.offset: each for each in self.order}
        self.covered: dict[int, int] = {}
        """Offset of an instruction to the offset of its handler."""
        self.tries: dict[int, list[tuple[int, int]]] = {}
        """Offset of a handler to the spans that it covers: start and end."""
        places = [each.at for each in self.order]
        for start, end, handler in exception_table(code.co_exceptiontable):
            self.tries.setdefault(handler, []).append((start, end))
            for each in self.order[bisect_left(places, start) : bisect_left(places, end)]:
                self.covered[each.offset] = handler
        self.before = {after.offset: each for each, after in pairwise(self.order)}

    def after(self, offsets: Iterable[int]) -> set[int]:
        """Return where execution may go from any of some instructions."""
        return {step for offset in offsets for step in self.steps(self.by_offset[offset])}

    def exits_from(self, starts: Iterable[int], stop: int = -1) -> frozenset[int]:
        """Return the returns and yields that can be reached, without passing a place."""
        seen: set[int] = set()
        waiting = list(starts)
        while waiting:
            offset = waiting.pop()
            if offset not in seen and offset != stop:
                seen.add(offset)
                waiting += self.steps(self.by_offset[offset])
        exits = (self.by_offset[offset] for offset in seen)
        return frozenset(each.at for each in exits if self.is_exit(each))

    def is_exit(self, each: Instruction) -> bool:
        """Tell whether an instruction hands a value to the caller."""
        return each.name in RETURNS or self.is_yield(each)

    def loops(self) -> list[set[int]]:
        """Return the instructions of each loop."""
        before: dict[int, set[int]] = {}
        for each in self.order:
            for step in self.steps(each):
                before.setdefault(step, set()).add(each.offset)
        found: dict[int, set[int]] = {}
        for each in self.order:
            if not each.name.startswith("JUMP_BACKWARD") or each.name.endswith("NO_INTERRUPT"):
                continue
            header = target(each)
            body, waiting = found.setdefault(header, {header}), [each.offset]
            while waiting:
                offset = waiting.pop()
                if offset not in body:
                    body.add(offset)
                    waiting += before.get(offset, ())
        return list(found.values())

    def only_after(self, done: set[int]) -> frozenset[int]:
        """Return the exits that no path reaches without an exception having been handled."""
        seen: set[int] = set()
        waiting = [self.order[0].offset]
        while waiting:
            offset = waiting.pop()
            if offset in seen or offset in done:
                continue
            seen.add(offset)
            waiting += self.steps(self.by_offset[offset])
        exits = {each.at for each in self.order if self.is_exit(each)}
        return frozenset(exits - {self.by_offset[offset].at for offset in seen})

    def steps(self, each: Instruction, *, raising: bool = True) -> Iterator[int]:
        """Yield where execution may go from an instruction."""
        if each.name not in LEAVES and each.after in self.by_offset:
            yield each.after
        if each.name in JUMPS:
            yield target(each)
        if raising and each.offset in self.covered:
            yield self.covered[each.offset]

    def is_yield(self, each: Instruction) -> bool:
        """Tell a ``yield`` from the waiting of ``await``."""
        before = self.before.get(each.offset)
        return each.name == "YIELD_VALUE" and before is not None and before.name != "SEND"

    def name_of(self, each: Instruction) -> str:
        """Return the global, attribute or closure variable that an instruction reaches for; empty when none."""
        shift = _NAME_SHIFT.get(each.name)
        if shift is not None:
            return self._code.co_names[each.argument >> shift]
        if each.name == "LOAD_DEREF":
            names = self._code.co_varnames + tuple(
                name for name in self._code.co_cellvars if name not in self._code.co_varnames
            )
            names += self._code.co_freevars
            return names[each.argument] if each.argument < len(names) else ""
        return ""
