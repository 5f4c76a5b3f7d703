"""Whether two versions of a function do the same: formatting, comments, typing and moving change nothing."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Collection, Iterator

from .functions import LAMBDA, FunctionNode, SourceError, definitions, has_docstring, parse

# Both begin with the line feed of the line before: that is many times faster to find than ^.
_OPENING = re.compile(rb"\n([ \t]*)(?:(async[ \t]+)?def|(class))[ \t]+([^\W\d]\w*)")
_LINE = re.compile(rb"\n([ \t]*)([^\s#])")
_CLOSING = b")]}"

Node = FunctionNode | ast.Lambda


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
    old, new = _Version(before, names), _Version(after, names)
    return {name for name in names if _is_unchanged(name, old, new)}


def _is_unchanged(name: str, old: _Version, new: _Version) -> bool:
    if old.is_missing(name) or new.is_missing(name):
        return False
    if name in old.texts and old.texts[name] == new.texts.get(name):
        return True
    before, after = old.nodes(name), new.nodes(name)
    pairs = zip(before, after, strict=False)
    return 0 < len(before) == len(after) and all(_same(*pair, is_root=True) for pair in pairs)


class _Version:
    """One version of a file, read no further than the questions need."""

    def __init__(self, source: bytes, names: Collection[str]) -> None:
        self._source = source
        self._whole: dict[str, list[Node]] | None = None
        self.texts: dict[str, list[str]] = {}
        """Functions cut out by their indentation, dedented."""
        try:
            for name, text in _cut(source, names):
                self.texts.setdefault(name, []).append(text)
        except UnicodeDecodeError:  # in another encoding; the parser knows
            self.texts = {}

    def is_missing(self, name: str) -> bool:
        """Tell whether the file has no function of this name, as far as its text shows."""
        if name in self.texts:
            return False
        parts = set(name.split(".")) - {LAMBDA, "<locals>"}
        return any(
            re.search(rb"(?:def|class)\s+" + part.encode() + rb"\b", self._source) is None
            for part in parts
            if part.isascii()  # how others are written depends on the file's encoding
        )

    def nodes(self, name: str) -> list[Node]:
        """Return a function's definitions: from its text alone, or else from the whole file."""
        found = [_parse(text) for text in self.texts.get(name, ())]
        whole = [node for node in found if node is not None]
        if found and len(whole) == len(found):
            return whole
        if self._whole is None:
            self._whole = {}
            try:
                for qualname, node in definitions(parse(self._source)):
                    self._whole.setdefault(qualname, []).append(node)
            except SourceError:
                pass
        return self._whole.get(name, [])


def _cut(source: bytes, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the text of functions, dedented; blocks end where a line is indented no deeper."""
    text = b"\n" + source.replace(b"\r\n", b"\n")
    scopes: list[tuple[int, str]] = []
    for opening in _OPENING.finditer(text):
        indent, _, is_class, name = opening.groups()
        while scopes and scopes[-1][0] >= len(indent):
            scopes.pop()
        qualname = (scopes[-1][1] if scopes else "") + name.decode()
        scopes.append((len(indent), qualname + ("." if is_class else ".<locals>.")))
        if not is_class and qualname in names:
            end = _end_of_block(text, opening.end(), len(indent))
            yield qualname, textwrap.dedent(text[opening.start() + 1 : end].decode()).rstrip()


def _end_of_block(text: bytes, start: int, indent: int) -> int:
    for line in _LINE.finditer(text, start):
        # A closing bracket at the margin ends the parameters, not the function.
        if len(line[1]) <= indent and line[2] not in _CLOSING:
            return line.start() + 1
    return len(text)


def _parse(text: str) -> Node | None:
    """Parse a text that should be one function; None when the cut went wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return body[0] if len(body) == 1 and isinstance(body[0], FunctionNode) else None


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
