"""What git has under a name, without reading it: id, type and size of many objects, by one process."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from .repository import Repository

_ENTRY = re.compile(rb"([0-9a-f]{40,}) ([a-z]+) (\d+)")


class GitObject(NamedTuple):
    """One object of a repository."""

    sha: str
    kind: str
    """``blob``, ``tree``, ``commit`` or ``tag``."""

    size: int
    """In bytes."""


def look_up(repository: Repository, names: Sequence[str]) -> list[GitObject | None]:
    """Find what names such as ``revision:path`` stand for; None for what is not there."""
    if not names:
        return []
    # The batch protocol is one name a line; nobody has a source file with a newline in its name.
    text = b"".join(os.fsencode("missing" if "\n" in name else name) + b"\n" for name in names)
    output = repository.run("cat-file", "--batch-check", "--buffer", input=text)
    entries = [_ENTRY.fullmatch(line) for line in output.split(b"\n")[:-1]]
    return [GitObject(each[1].decode(), each[2].decode(), int(each[3])) if each else None for each in entries]
