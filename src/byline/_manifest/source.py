"""How source code is recognised: the file by git's own blob id, a function by its text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def blob_id(data: bytes, object_format: str = "sha1") -> bytes:
    """
    Return git's object id of a file's content: 20 bytes, or 32 in a SHA-256 repository.

    See gitformat-pack(5) and "Git Internals - Git Objects" in Pro Git.
    """
    digest = hashlib.new(object_format, b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.digest()


def text_hash(lines: Sequence[bytes]) -> str:
    """
    Return a short hash of a function's text that survives moving and re-indenting it as a whole.

    Args:
        lines: From the first decorator to the last line, with or without line ends.
    """
    stripped = [line.rstrip() for line in lines]
    indents = [len(line) - len(line.lstrip()) for line in stripped if line]
    margin = min(indents, default=0)
    text = b"\n".join(line[margin:] for line in stripped)
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()[:8]
