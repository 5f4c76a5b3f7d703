"""The instructions of a code object, and its exception table; what they mean together is told elsewhere."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType

from .._dataclass import dataclass

JUMPS = frozenset(name for name, number in dis.opmap.items() if number in {*dis.hasjrel, *dis.hasjabs})
"""Names of instructions that may go elsewhere than to the next one; as are the following."""

RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})
LEAVES = RETURNS | {"RAISE_VARARGS", "RERAISE"} | {name for name in JUMPS if name.startswith("JUMP")}
ENDS = LEAVES | {"PUSH_EXC_INFO", "POP_EXCEPT"}
_CACHE = dis.opmap.get("CACHE", 0)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, with its prefixes."""

    offset: int
    """Of its first prefix."""

    at: int
    """Of the instruction itself."""

    name: str
    argument: int
    after: int
    """Offset of what follows."""

    line: int


def target(each: Instruction) -> int:
    """Return the offset that a jump leads to."""
    distance = 2 * each.argument
    return each.after - distance if "BACKWARD" in each.name else each.after + distance


def instructions(code: CodeType) -> Iterator[Instruction]:
    """Yield the instructions of a code object, as they were compiled: what runs may be specialised or watched."""
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
        yield Instruction(start, offset, dis.opname[number], argument, after, lines.get(offset, 0))
        offset = start = after
        argument = 0


def _lines(code: CodeType) -> dict[int, int]:
    return {offset: line or 0 for start, end, line in code.co_lines() for offset in range(start, end, 2)}


def exception_table(table: bytes) -> Iterator[tuple[int, int, int]]:
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
