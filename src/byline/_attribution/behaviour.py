"""Whether two versions of a function do the same: formatting, comments, typing and moving change nothing."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from .functions import FunctionNode, has_docstring
from .versions import FileVersion, parse_function


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
    # A text that was cut off inside a string may be equal while what follows is not: such a one cannot be parsed.
    if texts and texts == after.texts(name) and all(map(parse_function, texts)):
        return True
    old, new = before.nodes(name), after.nodes(name)
    return 0 < len(old) == len(new) and all(_same(*pair, is_root=True) for pair in zip(old, new, strict=True))


def lines_before(before: FileVersion, after: FileVersion, name: str) -> dict[int, frozenset[int]]:
    """
    Tell where the lines of a function were in a version in which it behaves the same.

    A line goes back to every line on which something begins that begins on it now, and one on which
    nothing begins to where the line above it went: a formatter splits lines and joins them.

    Args:
        before: The older version.
        after: The newer one.
        name: The function's qualified name; ``unchanged_between`` has named it.

    Returns:
        Line numbers in the older version by line number in the newer one.
    """
    found: dict[int, frozenset[int]] = {}
    for (old, old_shift), (new, new_shift) in zip(before.located(name), after.located(name), strict=False):
        begins: dict[int, set[int]] = {}
        ends: dict[int, set[int]] = {}
        for earlier, later in _pairs(old, new, is_root=True):
            begins.setdefault(later.lineno, set()).add(earlier.lineno)
            if later.end_lineno and earlier.end_lineno:
                ends.setdefault(later.end_lineno, set()).add(earlier.end_lineno)
        last: set[int] = set()
        for line in range(new.lineno, (new.end_lineno or new.lineno) + 1):
            last = begins.get(line) or ends.get(line) or last
            found[line + new_shift] = frozenset(each + old_shift for each in last)
    return found


def _pairs(
    old: object, new: object, *, is_root: bool = False
) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr | ast.stmt]]:
    """Yield the parts of two equal syntax trees that have places, each with its counterpart."""
    old, new = _plain(old), _plain(new)
    if isinstance(old, list) and isinstance(new, list):
        for pair in zip(old, new, strict=True):  # they are known to be equal
            yield from _pairs(*pair)
    if not (isinstance(old, ast.AST) and isinstance(new, ast.AST)):
        return
    if hasattr(old, "lineno") and hasattr(new, "lineno"):
        yield old, new  # type: ignore[misc]  # what has a line is an expression or a statement, or like one
    for name in _compared(old, is_root=is_root):
        yield from _pairs(_field(old, name), _field(new, name))


_LEFT_OUT = frozenset({"annotation", "returns", "type_comment", "type_params", "kind", "ctx"})


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
    return all(_same(_field(one, name), _field(other, name)) for name in _compared(one, is_root=is_root))


def _compared(node: ast.AST, *, is_root: bool) -> list[str]:
    """Return the fields of a node that tell what it does; a nested function answers for its body itself."""
    left_out = _LEFT_OUT
    if isinstance(node, FunctionNode):
        # The decorators of a class inside a function run when the function does.
        left_out |= {"decorator_list"} if is_root else {"decorator_list", "body"}
    return [name for name in node._fields if name not in left_out]


def _field(node: object, name: str) -> object:
    value = getattr(node, name, None)
    if name == "body" and isinstance(node, FunctionNode) and has_docstring(node):
        return value[1:] if isinstance(value, list) else value
    return value


def _plain(value: object) -> object:
    """An annotated assignment is an assignment; an annotation alone does nothing."""
    if not isinstance(value, ast.AnnAssign):
        return value
    plain = ast.Pass() if value.value is None else ast.Assign(targets=[value.target], value=value.value)
    return ast.copy_location(plain, value)
