"""The file in which a scan leaves what the next one goes on from: checked when read, replaced as a whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

FORMAT = 3
_NAME = b"byline cache "
_MAGIC = _NAME + b"%d\n" % FORMAT
_FRONT = struct.Struct(">16sI")
"""A digest of all that follows it, and the header's length."""


class UnusableCacheError(Exception):
    """There is no cache, or nothing can be taken from it; the message says why."""


class CacheFile:
    """What was read: a header, and blocks that are unpacked one by one."""

    def __init__(self, header: dict[str, Any], body: memoryview) -> None:
        self.header = header
        self._body = body

    @classmethod
    def read(cls, path: Path) -> CacheFile:
        """
        Read a cache and check every byte of it.

        Raises:
            UnusableCacheError: There is none, it is damaged, or another version wrote it.
        """
        try:
            # What somebody else put in this place is not ours to read.
            data = b"" if path.is_symlink() else path.read_bytes()
        except FileNotFoundError:
            raise UnusableCacheError("there is none yet") from None
        except OSError as error:
            raise UnusableCacheError(f"it cannot be read: {error.strerror}") from error
        if not data.startswith(_MAGIC):
            known = data.startswith(_NAME)
            raise UnusableCacheError(
                "another version of byline wrote it" if known else "it is not a cache of byline's"
            )
        start = len(_MAGIC) + _FRONT.size
        try:
            digest, size = _FRONT.unpack(data[len(_MAGIC) : start])
            if _digest(memoryview(data)[start - 4 :]) != digest:
                raise UnusableCacheError("it is damaged")
            header = json.loads(zlib.decompress(data[start : start + size]))
        except (struct.error, ValueError, zlib.error) as error:
            raise UnusableCacheError("it is damaged") from error
        return cls(header, memoryview(data)[start + size :])

    def raw(self, offset: int, length: int) -> bytes:
        """Return a block as it is."""
        return bytes(self._body[offset : offset + length])

    def block(self, offset: int, length: int) -> Any:  # noqa: ANN401  # what was packed
        """Return what a block holds."""
        return json.loads(zlib.decompress(self._body[offset : offset + length]))


def pack(value: object) -> bytes:
    """Make a block of a value."""
    # The fastest level: a cache is written at each scan, and read a few blocks at a time.
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode("ascii"), 1)


def write(path: Path, header: dict[str, Any], body: bytes) -> None:
    """
    Replace a cache; whoever reads at the same time sees the old one or the new one.

    Raises:
        OSError: It cannot be written.
    """
    head = pack(header)
    rest = struct.pack(">I", len(head)) + head + body
    path.parent.mkdir(exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + _digest(rest) + rest)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
