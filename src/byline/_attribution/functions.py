"""The functions in a source file: where they are, and which of their lines are behaviour.

Line numbers are git's (split at LF) and Python's alike; a file where the two differ is refused.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from .._manifest import text_hash
from .._parsing import undisturbed

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_SILENT = frozenset(
    {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENCODING, tokenize.ENDMARKER,
    }
)  # fmt: skip
"""Tokens that do nothing."""

DECORATOR = "ai_generated"
LAMBDA = "<lambda>"


class SourceError(Exception):
    """A file's functions cannot be told; the message says why."""


@dataclass(frozen=True, slots=True)
class SourceFunction:
    """One function of a file, named as the running code names it."""

    qualname: str
    first_line: int
    """The code object's ``co_firstlineno``: the first decorator's line, if there is one."""

    line: int
    """The line of ``def`` or ``lambda``."""

    end_line: int
    behaviour: tuple[int, ...]
    """Lines from ``def`` on that carry a token, without the docstring and without nested functions."""

    text_hash: str
    is_marked: bool = False
    """Decorated with ``ai_generated``."""


def functions_in(source: bytes) -> list[SourceFunction]:
    """
    List the functions of a file, by line.

    Raises:
        SourceError: A syntax error, an encoding that cannot be read, or line ends that git counts differently.
    """
    tree = parse(source)
    lines = source.split(b"\n")
    encoding = _encoding(source)
    found = []
    for qualname, node in definitions(tree):
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        end = node.end_lineno or node.lineno
        hidden = _docstring_lines(node) | {line for inner in _nested(node) for line in _span(inner)}
        visible = [line for line in range(node.lineno, end + 1) if line not in hidden]
        # A statement that starts in the middle of another one cannot be split into tokens alone.
        span = (1, len(lines)) if isinstance(node, ast.Lambda) else (node.lineno, end)
        own = _busy_lines(lines, visible, span, encoding)
        found.append(
            SourceFunction(
                qualname,
                first,
                node.lineno,
                end,
                own or (node.lineno,),
                text_hash(lines[first - 1 : end]),
                is_marked=any(_is_mark(each) for each in getattr(node, "decorator_list", ())),
            )
        )
    return found


def parse(source: bytes) -> ast.Module:
    """Parse a file whose lines git and Python count alike."""
    if b"\r" in source.replace(b"\r\n", b""):
        raise SourceError("a carriage return without a line feed: git and Python count its lines differently")
    if b"\0" in source:
        line = source.count(b"\n", 0, source.index(b"\0")) + 1
        raise SourceError(f"a NUL byte in line {line}: Python reads no such file; is it UTF-16, or binary?")
    try:
        with warnings.catch_warnings():
            # An invalid escape in the user's code is not ours to report.
            warnings.simplefilter("ignore")
            return undisturbed(lambda: ast.parse(source))
    except SyntaxError as error:
        where = f" in line {error.lineno}" if error.lineno else ""
        raise SourceError(f"syntax error{where}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"cannot be parsed: {error}") from error


def definitions(tree: ast.Module) -> Iterator[tuple[str, FunctionNode | ast.Lambda]]:
    """Yield every function with its qualified name, by line."""
    stack: list[tuple[str, ast.AST]] = [("", tree)]
    found: list[tuple[str, FunctionNode | ast.Lambda]] = []
    while stack:
        prefix, node = stack.pop()
        for child in _statements(node):
            if isinstance(child, FunctionNode):
                found.append((prefix + child.name, child))
                stack.append((f"{prefix}{child.name}.<locals>.", child))
            elif isinstance(child, ast.ClassDef):
                stack.append((f"{prefix}{child.name}.", child))
            else:
                named = _named_lambda(child)
                if named is not None:
                    found.append((prefix + LAMBDA, named))
                stack.append((prefix, child))
    found.sort(key=lambda each: (each[1].lineno, each[1].col_offset))
    return iter(found)


_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements directly inside a node; a definition is never inside an expression."""
    for name in _BLOCKS:
        block = getattr(node, name, None)
        if isinstance(block, list):  # the body of a lambda, say, is an expression
            yield from block


def _named_lambda(node: ast.AST) -> ast.Lambda | None:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return value if isinstance(value, ast.Lambda) else None


def _nested(node: ast.AST) -> Iterator[FunctionNode]:
    """Yield the outermost functions defined inside a function, also those in a class inside it."""
    for child in _statements(node):
        if isinstance(child, FunctionNode):
            yield child
        else:
            yield from _nested(child)


def _span(node: FunctionNode) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _docstring_lines(node: FunctionNode | ast.Lambda) -> set[int]:
    if isinstance(node, ast.Lambda) or not has_docstring(node):
        return set()
    first = node.body[0]
    lines = set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    # `def f(): "text"; work()` has both on one line.
    others = {node.lineno, *(each.lineno for each in node.body[1:2])}
    return lines - others


def has_docstring(node: FunctionNode) -> bool:
    first = node.body[0]
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


def _busy_lines(
    lines: list[bytes], visible: list[int], span: tuple[int, int], encoding: str
) -> tuple[int, ...]:
    """
    Return the lines of a function that carry a token that does something.

    Args:
        lines: The whole file's.
        visible: Numbers of the lines to choose from.
        span: First and last line of a text around them that can be split into tokens.
        encoding: The file's.
    """
    texts = [lines[line - 1].strip() for line in visible]
    silent = {
        line
        for line, text in zip(visible, texts, strict=True)
        if not text or text.startswith(b"#") or text == b"\\"
    }
    # Only inside a string can such a line be busy; tokens are slow, so look for such a string first.
    if silent and any(text.endswith(b"\\") or b'"""' in text or b"'''" in text for text in texts):
        first, last = span
        busy = _tokenized_lines(b"\n".join(lines[first - 1 : last]), first, encoding)
        return tuple(line for line in visible if line in busy)
    return tuple(line for line in visible if line not in silent)


def _tokenized_lines(source: bytes, first: int, encoding: str) -> set[int]:
    busy: set[int] = set()
    try:
        # Only LF ends a line, as everywhere here.
        readline = io.StringIO(source.decode(encoding), newline="\n").readline
        for token in tokenize.generate_tokens(readline):
            if token.type not in _SILENT:
                busy.update(range(first + token.start[0] - 1, first + token.end[0]))
    except (tokenize.TokenError, SyntaxError, UnicodeError) as error:
        raise SourceError(f"cannot be split into tokens: {error}") from error
    return busy


def _encoding(source: bytes) -> str:
    """Return the encoding of a source that was parsed before."""
    try:
        return tokenize.detect_encoding(io.BytesIO(source).readline)[0]
    except SyntaxError as error:
        raise SourceError(f"its encoding cannot be told: {error}") from error


def _is_mark(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name == DECORATOR
