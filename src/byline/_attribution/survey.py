"""One look at every source file before history is read: how many functions it has, and what its code says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .comments import CommentMark, marks_in, may_have_marks
from .functions import DECORATOR
from .identities import Identities
from .repository import Repository

_DEFINITION = re.compile(rb"^[ \t]*(?:async[ \t]+)?def[ \t]", re.MULTILINE)
_DECORATOR = DECORATOR.encode()


@dataclass(frozen=True, slots=True)
class Survey:
    """What the files say by themselves, without history."""

    definitions: dict[str, int]
    """How many functions each file defines, by path; counted, not parsed."""

    comments: dict[str, tuple[CommentMark, ...]]
    """The markers in comments, by path."""

    marked: frozenset[str]
    """The files with a marker or a decorator, whose whole history matters."""


def survey(
    repository: Repository,
    blobs: Mapping[str, str],
    *,
    identities: Identities,
    progress: Callable[[str, int, int], None],
) -> Survey:
    """
    Read every file once.

    Args:
        repository: Where the files are.
        blobs: Blob by path.
        identities: Who is AI.
        progress: Told how far it is.
    """
    definitions: dict[str, int] = {}
    comments: dict[str, tuple[CommentMark, ...]] = {}
    decorated: set[str] = set()
    paths = paths_by_blob(blobs)
    for number, (blob, data) in enumerate(repository.read_blobs(list(paths))):
        progress("files", number, len(paths))
        count = len(_DEFINITION.findall(data))
        has_marks = may_have_marks(data, identities=identities)
        for path in paths[blob]:
            definitions[path] = count
            if _DECORATOR in data:
                decorated.add(path)
            if has_marks and (found := marks_in(_text(data), path, identities=identities)):
                comments[path] = found
    return Survey(definitions, comments, frozenset(decorated | comments.keys()))


def paths_by_blob(blobs: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the paths that have each blob."""
    found: dict[str, list[str]] = {}
    for path, blob in blobs.items():
        found.setdefault(blob, []).append(path)
    return found


def _text(data: bytes) -> str:
    """Return the source with the lines that git counts; a form feed or a lone CR ends none of them."""
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
