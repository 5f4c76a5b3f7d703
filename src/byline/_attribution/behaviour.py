"""Whether two versions of a function do the same: formatting, comments, typing and moving change nothing."""

from __future__ import annotations

import ast
from collections.abc import Collection

from .functions import FunctionNode, has_docstring
from .versions import FileVersion


def unchanged(before: bytes, after: bytes, names: Collection[str]) -> set[str]:
    """
    Return the functions that behave in one version of a file as in another.

    Compared are their syntax trees without annotations, docstrings, decorators and places.
    A nested function answers for itself. A name that is defined more than once is
    compared definition by definition. What cannot be parsed is not called unchanged.

    Args:
        names: Qualified names of the functions to compare. Only their text is parsed where it can
            be cut out of the file, which is many times faster than parsing the file.
    """
    return unchanged_between(FileVersion(before), FileVersion(after), names)


def unchanged_between(before: FileVersion, after: FileVersion, names: Collection[str]) -> set[str]:
    """Return the functions that behave in one version of a file as in another, as ``unchanged`` does."""
    return {name for name in names if _is_unchanged(name, before, after)}


def _is_unchanged(name: str, before: FileVersion, after: FileVersion) -> bool:
    if before.is_missing(name) or after.is_missing(name):
        return False
    texts = before.texts(name)
    if texts and texts == after.texts(name):
        return True
    old, new = before.nodes(name), after.nodes(name)
    return 0 < len(old) == len(new) and all(_same(*pair, is_root=True) for pair in zip(old, new, strict=True))


_LEFT_OUT = frozenset(
    {"annotation", "returns", "decorator_list", "type_comment", "type_params", "kind", "ctx"}
)


def _same(one: object, other: object, *, is_root: bool = False) -> bool:
    """Compare two syntax trees without places; they are walked together, up to the first difference."""
    one, other = _plain(one), _plain(other)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_same, one, other))
    if type(one) is not type(other):
        return False
    if not isinstance(one, ast.AST):
        # 1 == 1.0 == True, but they are not the same code.
        return one == other or one != one  # noqa: PLR0124  # a NaN is no difference
    is_inner = isinstance(one, FunctionNode) and not is_root
    for name in one._fields:
        if name in _LEFT_OUT or (is_inner and name == "body"):
            continue
        if not _same(_field(one, name), _field(other, name)):
            return False
    return True


def _field(node: object, name: str) -> object:
    value = getattr(node, name, None)
    if name == "body" and isinstance(node, FunctionNode) and has_docstring(node):
        return value[1:] if isinstance(value, list) else value
    return value


def _plain(value: object) -> object:
    """An annotated assignment is an assignment; an annotation alone does nothing."""
    if not isinstance(value, ast.AnnAssign):
        return value
    return ast.Pass() if value.value is None else ast.Assign(targets=[value.target], value=value.value)
