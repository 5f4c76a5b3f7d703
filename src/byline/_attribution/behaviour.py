"""What a function does, as a hash that formatting, comments, typing and moving leave as it is."""

from __future__ import annotations

import ast
import hashlib
import re
import textwrap
import warnings
from collections.abc import Collection, Iterator

from .functions import FunctionNode, SourceError, definitions, has_docstring, parse

_OPENING = re.compile(rb"^([ \t]*)(?:(async[ \t]+)?def|(class))[ \t]+([^\W\d]\w*)", re.MULTILINE)
_LINE = re.compile(rb"^([ \t]*)([^\s#])", re.MULTILINE)
_CLOSING = b")]}"


def behaviour_hashes(source: bytes, wanted: Collection[str] | None = None) -> dict[str, list[bytes]]:
    """
    Hash what each function does: its syntax tree without annotations, docstring, decorators and places.

    Two versions with equal hashes behave alike.

    Args:
        wanted: Only functions with these qualified names. Their text alone is parsed where it
            can be cut out of the file, which is many times faster than parsing the file.

    Returns:
        Hashes by qualified name, in the order of definition (one name may be defined more than once).

    Raises:
        SourceError: The file cannot be parsed.
    """
    found = None if wanted is None else _hashes_of_pieces(source, wanted)
    if found is not None:
        return found
    hashes: dict[str, list[bytes]] = {}
    for qualname, node in definitions(parse(source)):
        if wanted is None or qualname in wanted:
            hashes.setdefault(qualname, []).append(_behaviour_hash(node))
    return hashes


def _hashes_of_pieces(source: bytes, wanted: Collection[str]) -> dict[str, list[bytes]] | None:
    """Hash functions cut out of the file by their indentation; None when a cut does not parse by itself."""
    hashes: dict[str, list[bytes]] = {}
    try:
        for qualname, piece in _pieces(source, wanted):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(piece).body
            if len(body) != 1 or not isinstance(body[0], FunctionNode):
                return None
            hashes.setdefault(qualname, []).append(_behaviour_hash(body[0]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    # A name that is missing here may hide behind something that only a parser understands.
    return hashes if hashes.keys() >= set(wanted) else None


def _pieces(source: bytes, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the text of functions, dedented; blocks end where a line is indented no deeper."""
    text = source.replace(b"\r\n", b"\n")
    scopes: list[tuple[int, str]] = []
    for opening in _OPENING.finditer(text):
        indent, _, is_class, name = opening.groups()
        while scopes and scopes[-1][0] >= len(indent):
            scopes.pop()
        qualname = (scopes[-1][1] if scopes else "") + name.decode()
        scopes.append((len(indent), qualname + ("." if is_class else ".<locals>.")))
        if not is_class and qualname in wanted:
            end = _end_of_block(text, opening.end(), len(indent))
            yield qualname, textwrap.dedent(text[opening.start() : end].decode())


def _end_of_block(text: bytes, start: int, indent: int) -> int:
    for line in _LINE.finditer(text, text.find(b"\n", start) + 1 or len(text)):
        # A closing bracket at the margin ends the parameters, not the function.
        if len(line[1]) <= indent and line[2] not in _CLOSING:
            return line.start()
    return len(text)


_LEFT_OUT = frozenset(
    {"annotation", "returns", "decorator_list", "type_comment", "type_params", "kind", "ctx"}
)


def _behaviour_hash(node: FunctionNode | ast.Lambda) -> bytes:
    digest = hashlib.blake2b(digest_size=12)
    skip_first = not isinstance(node, ast.Lambda) and has_docstring(node)
    parts: list[str] = []
    _canonical(node, parts, skip_first=skip_first, is_root=True)
    digest.update("\0".join(parts).encode("utf-8", "surrogatepass"))
    return digest.digest()


def _canonical(value: object, parts: list[str], *, skip_first: bool = False, is_root: bool = False) -> None:
    """
    Write a tree as a flat list of names and values, without places.

    Our own form, because ``ast.dump`` differs between Python versions. A nested
    function counts by its name and parameters: its body has a hash of its own.
    """
    if isinstance(value, list):
        parts.append(f"[{len(value)}")
        for each in value:
            _canonical(each, parts)
        return
    if isinstance(value, ast.AnnAssign):
        if value.value is None:  # a bare annotation does nothing
            parts.append("Pass")
            return
        value = ast.Assign(targets=[value.target], value=value.value)
    if not isinstance(value, ast.AST):
        parts.append(f"{type(value).__name__}:{value!r}")
        return
    parts.append(type(value).__name__)
    for name in sorted(value._fields):
        inner = getattr(value, name, None)
        if name in _LEFT_OUT or inner is None or inner == []:
            continue
        if name == "body" and isinstance(value, FunctionNode) and not is_root:
            continue
        if skip_first and name == "body":
            inner = inner[1:]
        parts.append(name)
        _canonical(inner, parts)
