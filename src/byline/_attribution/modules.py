"""From a file's path to the name its module is imported by."""

from __future__ import annotations

from collections.abc import Collection

_SOURCE_ROOTS = frozenset({"src", "lib", "python"})
"""Folders that hold packages without being one."""


def module_name(path: str, paths: Collection[str]) -> str:
    """
    Return the dotted name of a module.

    The chain of folders with an ``__init__.py`` decides. A file outside such a chain is
    named from the repository's root (or the source root below it), as a namespace package is.

    Args:
        path: Relative to the repository, with forward slashes.
        paths: Every path of the revision.
    """
    *folders, name = path.split("/")
    stem = name.rsplit(".", 1)[0]
    start = len(folders)
    while start and "/".join([*folders[:start], "__init__.py"]) in paths:
        start -= 1
    if start == len(folders):
        start = 1 if folders and folders[0] in _SOURCE_ROOTS else 0
    parts = folders[start:]
    if stem != "__init__" or not parts:
        parts.append(stem)
    return ".".join(parts)
