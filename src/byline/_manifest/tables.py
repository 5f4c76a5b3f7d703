"""Tables of fixed-size records inside a manifest: searched where they are, never loaded."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

from .._once import once

_PAIR = struct.Struct(">II")
"""CRC-32 of a name, and the number of a file."""

_SPARSE = 8
"""Bytes of a sieve for each name: most of the names that are not there fall through."""


def hash_table(names: Iterable[str]) -> bytes:
    """Return a table from each name to its position, sorted by hash."""
    pairs = sorted((_hash(name), number) for number, name in enumerate(names))
    return b"".join(_PAIR.pack(*pair) for pair in pairs)


class HashTable:
    """
    Finds names without holding them.

    A name that is not there is found with a chance of one in four billion, per name
    that is; callers compare where that matters.
    """

    def __init__(self, table: memoryview) -> None:
        self._table = table

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        sieve = self._sieve
        # What _hash() returns, without the call: a program asks for each of its modules.
        if not sieve[zlib.crc32(name.encode("utf-8", "surrogateescape")) & (len(sieve) - 1)]:
            return False
        return next(self.numbers(name), None) is not None

    @once
    def _sieve(self) -> bytearray:
        """Return a byte for each possible end of a hash, which is 0 where no name has that: the import hook asks about every module."""
        count = len(self._table) // _PAIR.size
        sieve = bytearray(1 << (_SPARSE * count).bit_length())
        for found, _ in _PAIR.iter_unpack(self._table):
            sieve[found & (len(sieve) - 1)] = 1
        return sieve

    def numbers(self, name: str) -> Iterator[int]:
        """Yield the positions that a name may have."""
        table, wanted = self._table, _hash(name)
        count = len(table) // _PAIR.size
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if _PAIR.unpack_from(table, middle * _PAIR.size)[0] < wanted:
                low = middle + 1
            else:
                high = middle
        while low < count:
            found, number = _PAIR.unpack_from(table, low * _PAIR.size)
            if found != wanted:
                return
            yield number
            low += 1


class Members:
    """Answers ``in`` by a question."""

    def __init__(self, is_in: Callable[[str], bool]) -> None:
        self._is_in = is_in

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._is_in(name)


def _hash(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogateescape"))
