"""Where a code object handles exceptions, read from its bytecode: pure, nothing runs and nothing is watched here."""

from __future__ import annotations

import dis
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import CodeType
from typing import Literal

Kind = Literal["except", "except*", "with", "finally"]

_MAX_NESTING = 12
"""Handlers inside handlers that are followed; deeper ones are taken as one."""


@dataclass(slots=True)
class Handler:
    """One ``except`` clause, ``with`` statement or ``finally`` block that can end an exception."""

    kind: Kind
    line: int
    """Of the clause, or of the statement."""

    entry: int
    """Offset of the first instruction with the exception at hand."""

    names: frozenset[str] = frozenset()
    """Names in the expression that says what is handled; empty for a bare ``except``."""

    done: frozenset[int] = frozenset()
    """Offsets where the exception is over."""

    failed: frozenset[int] = frozenset()
    """Offsets that are passed when an exception leaves the handler."""

    body: frozenset[int] = frozenset()
    """Offsets of its instructions."""

    retries: bool = False
    """Whether it leads back to what was tried, in a loop that success leaves."""

    recovered: frozenset[int] = frozenset()
    """Offsets of returns that are reached by another attempt that worked, and in no other way."""

    attempts: frozenset[int] = frozenset()
    """Where an attempt begins, if the returns do not tell whether the last one worked."""

    says: Mapping[int, str] = field(default_factory=dict)
    """Offsets of instructions that reach for one of ``WORDS``, and the word."""

    has_calls: bool = False
    yields: bool = False
    reads: bool = False
    """Whether it looks at the exception it named."""


@dataclass(slots=True)
class Handling:
    """All handlers of a code object."""

    handlers: list[Handler] = field(default_factory=list)
    returns_after: frozenset[int] = frozenset()
    """Offsets of returns and yields that are reached through a handler only."""

    raises: frozenset[int] = frozenset()
    """Offsets of ``raise`` statements."""

    is_direct: bool = False
    """Whether every handler leads to such returns, and to no others."""


@dataclass(frozen=True, slots=True)
class _Instruction:
    offset: int
    """Of its first prefix."""

    at: int
    """Of the instruction itself."""

    name: str
    argument: int
    after: int
    """Offset of what follows."""

    line: int


def handlers_of(code: CodeType) -> Handling:
    """Find the handlers of a code object; none where it has no exception table."""
    return _Reader(code).read() if code.co_exceptiontable else Handling()


class _Reader:
    """One code object, read as a graph of instructions."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._order = list(_instructions(code))
        self._by_offset = {each.offset: each for each in self._order}
        self._covered: dict[int, int] = {}
        """Offset of an instruction to the offset of its handler."""
        self._tries: dict[int, list[tuple[int, int]]] = {}
        places = [each.at for each in self._order]
        for start, end, target in _exception_table(code.co_exceptiontable):
            self._tries.setdefault(target, []).append((start, end))
            for each in self._order[bisect_left(places, start) : bisect_left(places, end)]:
                self._covered[each.offset] = target
        self._before = {after.offset: each for each, after in pairwise(self._order)}

    def read(self) -> Handling:
        found: list[Handler] = []
        loops: list[set[int]] | None = None
        for each in self._order:
            if each.name != "PUSH_EXC_INFO":
                continue
            for handler in self._clauses(each):
                self._follow(handler)
                if not handler.done:
                    continue
                loops = self._loops() if loops is None else loops
                self._find_attempts(handler, self._tries.get(each.offset, ()), loops)
                found.append(handler)
        done = {offset for each in found for offset in each.done}
        raises = frozenset(each.at for each in self._order if each.name == "RAISE_VARARGS")
        after = self._only_after(done)
        is_direct = all(
            not each.yields and not each.retries and self._exits_from(self._after(each.done)) <= after
            for each in found
        )
        return Handling(found, after, raises, is_direct)

    # --- clauses -------------------------------------------------------------

    def _clauses(self, push: _Instruction) -> Iterator[Handler]:
        """Yield what may handle an exception that arrives here."""
        first = self._by_offset.get(push.after)
        if first is None:
            return
        if first.name == "WITH_EXCEPT_START":
            names = self._names(each for each in self._order if each.line == first.line and each.at < push.at)
            yield Handler("with", first.line, first.offset, names)
            return
        clause: int | None = push.after
        is_first = True
        while clause is not None:
            start = self._by_offset[clause]
            if start.name == "POP_TOP":
                yield Handler("except", start.line, start.offset)
                return
            match = self._match(start)
            if match is None:
                if is_first:
                    # A finally block: it is a handler if it can end the exception, by a return or the like.
                    yield Handler("finally", start.line, start.offset)
                return
            check, entry, clause = match
            kind: Kind = "except*" if check.name == "CHECK_EG_MATCH" else "except"
            names = self._names(each for each in self._order if start.at <= each.at < check.at)
            handler = Handler(kind, self._line_of(start, check), entry, names)
            if kind == "except*":
                # The clauses of one statement share their end; each is over where the next one begins.
                handler.done = frozenset({clause})
            yield handler
            is_first = False

    def _match(self, start: _Instruction) -> tuple[_Instruction, int, int] | None:
        """Return the instruction that compares types, where a match goes on, and where a miss does."""
        each: _Instruction | None = start
        while each is not None and each.name not in _ENDS:
            if each.name in ("CHECK_EXC_MATCH", "CHECK_EG_MATCH"):
                branch = self._by_offset[each.after]
                if branch.name == "COPY":
                    branch = self._by_offset[branch.after]
                entry = self._by_offset[branch.after]
                if entry.name == "NOT_TAKEN":
                    entry = self._by_offset[entry.after]
                miss = _target(branch)
                miss_at = self._by_offset[miss]
                if each.name == "CHECK_EG_MATCH" and miss_at.name == "POP_TOP":
                    miss = miss_at.after  # the empty match is dropped first
                return each, entry.offset, miss
            each = self._by_offset.get(each.after)
        return None

    def _line_of(self, start: _Instruction, check: _Instruction) -> int:
        lines = [each.line for each in self._order if start.at <= each.at <= check.at and each.line]
        return min(lines, default=0)

    def _names(self, instructions: Iterable[_Instruction]) -> frozenset[str]:
        return frozenset(name for each in instructions if (name := self._name(each)))

    def _name(self, each: _Instruction) -> str:
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

    # --- what a handler does -------------------------------------------------

    def _follow(self, handler: Handler) -> None:
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
            each = self._by_offset[offset]
            body.add(offset)
            after = nesting + (each.name == "PUSH_EXC_INFO")
            if each.name == "POP_EXCEPT":
                if nesting == 0:
                    (failed if self._is_reraised(each) else done).add(offset)
                    continue
                after = nesting - 1
            if handler.kind == "except*" and nesting == 0 and each.name == "LIST_APPEND":
                # What a clause raised is kept for the end of the statement; after the last clause, what is left.
                if self._by_offset[each.after].name == "POP_TOP":
                    failed.add(offset)
                    continue
                if each.argument == 1:
                    done.add(offset)
                    continue
            for step in self._next(each):
                state = (step, min(after, _MAX_NESTING))
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        handler.done, handler.failed, handler.body = frozenset(done), frozenset(failed), frozenset(body)
        names = [self._by_offset[offset] for offset in body]
        handler.has_calls = any(
            each.name.startswith(_CALLS) and "INTRINSIC" not in each.name for each in names
        )
        handler.yields = any(self._is_yield(each) for each in names)
        handler.says = {each.at: word for each in names if (word := self._name(each)) in WORDS}
        handler.reads = self._reads(self._by_offset[handler.entry], names)

    def _reads(self, entry: _Instruction, body: Iterable[_Instruction]) -> bool:
        """Tell whether a handler looks at the exception it named."""
        kind = entry.name.removeprefix("STORE_")
        return entry.name.startswith("STORE_") and any(
            each.name.startswith("LOAD_") and self._takes(each, kind, entry.argument) for each in body
        )

    def _takes(self, each: _Instruction, kind: str, number: int) -> bool:
        if kind != "FAST":
            return each.name == f"LOAD_{kind}" and each.argument == number
        if each.name.count("FAST") > 1:  # two variables at once, a nibble each
            return number in (each.argument >> 4, each.argument & 15)
        return "FAST" in each.name and each.argument == number

    def _is_reraised(self, pop: _Instruction) -> bool:
        after = self._by_offset.get(pop.after)
        return after is not None and after.name == "RERAISE"

    def _is_yield(self, each: _Instruction) -> bool:
        """Tell a ``yield`` from the waiting of ``await``."""
        before = self._before.get(each.offset)
        return each.name == "YIELD_VALUE" and before is not None and before.name != "SEND"

    # --- loops ---------------------------------------------------------------

    def _find_attempts(
        self, handler: Handler, tries: Iterable[tuple[int, int]], loops: list[set[int]]
    ) -> None:
        """See whether a handler leads to another attempt, in the innermost loop around both."""
        inside = {each.offset for each in self._order if any(a <= each.at < b for a, b in tries)}
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
            for step in self._next(self._by_offset[offset], raising=False)
            if step not in inside
        }
        leaves = {each for each in inside if self._by_offset[each].name.startswith("RETURN")}
        # In a loop over things to do, success goes on with the next one; a retry is over.
        if not (after_success or leaves) or after_success & min(around, key=len):
            return
        handler.retries = True
        worked = self._exits_from(after_success | leaves, stop=start)
        failed = self._exits_from(self._after(handler.done), stop=start)
        handler.recovered = worked - failed
        if worked & failed:
            handler.attempts = frozenset({self._within_line(start)})

    def _within_line(self, offset: int) -> int:
        """Return the next instruction that does not begin a line: there no line event is in the way."""
        each = self._by_offset[offset]
        while (following := self._by_offset.get(each.after)) is not None and each.name not in _LEAVES:
            if following.line == each.line:
                return following.offset
            each = following
        return offset

    def _after(self, offsets: Iterable[int]) -> set[int]:
        return {step for offset in offsets for step in self._next(self._by_offset[offset])}

    def _exits_from(self, starts: Iterable[int], stop: int = -1) -> frozenset[int]:
        """Return the returns and yields that can be reached, without passing a place."""
        seen: set[int] = set()
        waiting = list(starts)
        while waiting:
            offset = waiting.pop()
            if offset not in seen and offset != stop:
                seen.add(offset)
                waiting += self._next(self._by_offset[offset])
        exits = (self._by_offset[offset] for offset in seen)
        return frozenset(each.at for each in exits if self._is_exit(each))

    def _is_exit(self, each: _Instruction) -> bool:
        return each.name in _RETURNS or self._is_yield(each)

    def _loops(self) -> list[set[int]]:
        """Return the instructions of each loop."""
        before: dict[int, set[int]] = {}
        for each in self._order:
            for step in self._next(each):
                before.setdefault(step, set()).add(each.offset)
        found: dict[int, set[int]] = {}
        for each in self._order:
            if not each.name.startswith("JUMP_BACKWARD") or each.name.endswith("NO_INTERRUPT"):
                continue
            header = _target(each)
            body, waiting = found.setdefault(header, {header}), [each.offset]
            while waiting:
                offset = waiting.pop()
                if offset not in body:
                    body.add(offset)
                    waiting += before.get(offset, ())
        return list(found.values())

    def _only_after(self, done: set[int]) -> frozenset[int]:
        """Return the exits that no path reaches without an exception having been handled."""
        seen: set[int] = set()
        waiting = [self._order[0].offset]
        while waiting:
            offset = waiting.pop()
            if offset in seen or offset in done:
                continue
            seen.add(offset)
            waiting += self._next(self._by_offset[offset])
        exits = {each.at for each in self._order if self._is_exit(each)}
        return frozenset(exits - {self._by_offset[offset].at for offset in seen})

    def _next(self, each: _Instruction, *, raising: bool = True) -> Iterator[int]:
        """Yield where execution may go from an instruction."""
        if each.name not in _LEAVES and each.after in self._by_offset:
            yield each.after
        if each.name in _JUMPS:
            yield _target(each)
        if raising and each.offset in self._covered:
            yield self._covered[each.offset]


_JUMPS = frozenset(name for name, number in dis.opmap.items() if number in {*dis.hasjrel, *dis.hasjabs})
_RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})
_LEAVES = _RETURNS | {"RAISE_VARARGS", "RERAISE"} | {name for name in _JUMPS if name.startswith("JUMP")}
_ENDS = _LEAVES | {"PUSH_EXC_INFO", "POP_EXCEPT"}
_CALLS = ("CALL", "WITH_EXCEPT_START", "SEND", "BEFORE_WITH", "LOAD_SPECIAL")
WORDS = frozenset({"print", "pprint", "stderr", "stdout", "secho", "echo", "set_exception", "throw"})
"""Names that tell somebody of an exception in ways that no function can be watched for."""

_NAME_SHIFT: Mapping[str, int] = {"LOAD_GLOBAL": 1, "LOAD_NAME": 0, "LOAD_ATTR": 1}


def _target(each: _Instruction) -> int:
    distance = 2 * each.argument
    return each.after - distance if "BACKWARD" in each.name else each.after + distance


def _instructions(code: CodeType) -> Iterator[_Instruction]:
    raw = code.co_code
    lines = _lines(code)
    offset = start = argument = 0
    while offset < len(raw):
        number, argument = raw[offset], argument << 8 | raw[offset + 1]
        after = offset + 2
        if number == dis.EXTENDED_ARG:
            offset = after
            continue
        while after < len(raw) and raw[after] == _CACHE:
            after += 2
        yield _Instruction(start, offset, dis.opname[number], argument, after, lines.get(offset, 0))
        offset = start = after
        argument = 0


_CACHE = dis.opmap.get("CACHE", 0)


def _lines(code: CodeType) -> dict[int, int]:
    return {offset: line or 0 for start, end, line in code.co_lines() for offset in range(start, end, 2)}


def _exception_table(table: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and target, in bytes; the format is told in CPython's exception_handling_notes.txt."""
    numbers = _numbers(iter(table))
    for start, length, target, _ in zip(numbers, numbers, numbers, numbers, strict=False):
        yield 2 * start, 2 * (start + length), 2 * target


def _numbers(table: Iterator[int]) -> Iterator[int]:
    for byte in table:
        value, more = byte & 63, byte & 64
        while more:
            following = next(table)
            value, more = value << 6 | following & 63, following & 64
        yield value
