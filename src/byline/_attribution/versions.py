"""One version of a file, read no further than questions about single functions need."""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache

from .._parsing import undisturbed
from .functions import LAMBDA, FunctionNode, SourceError, definitions, parse

# Both begin with the line feed of the line before: that is many times faster to find than ^.
_OPENING = re.compile(rb"\n([ \t]*)(?:(async[ \t]+)?def|(class))[ \t]+([^\W\d]\w*)")
_LINE = re.compile(rb"\n([ \t]*)([^\s#])")
_CLOSING = b")]}"
# Comments and short strings are matched too, because quotation marks inside them open nothing.
_LONG_STRING = re.compile(
    rb"""#[^\n]*|"{3}(?:[^"\\]++|\\.|"(?!""))*"{3}|'{3}(?:[^'\\]++|\\.|'(?!''))*'{3}"""
    rb"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""",
    re.DOTALL,
)
_PARSED = 128
"""Texts of functions kept parsed: what one commit left is what the next one found."""

Node = FunctionNode | ast.Lambda
_Place = tuple[int, int, int]
"""Where a definition begins, where its name ends, and how far it is indented."""


class FileVersion:
    """
    The functions in one version of a file.

    A function's text is cut out by its indentation, which is many times faster than parsing the file.
    """

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._text = b"\n" + source.replace(b"\r\n", b"\n")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the text of each definition of a function; empty when it could not be cut out."""
        places = self._places.get(name, ())
        return tuple(self._cut(place, self._end_of_block(place)) for place in places)

    def is_missing(self, name: str) -> bool:
        """Tell whether the file has no function of this name, as far as its text shows."""
        parts = set(name.split(".")) - {LAMBDA, "<locals>"}
        # How names that are not ASCII are written depends on the file's encoding.
        return any(not self._defines(part.encode()) for part in parts if part.isascii())

    def nodes(self, name: str) -> tuple[Node, ...]:
        """Return a function's definitions: from its text alone, or else from the whole file."""
        return tuple(node for node, _ in self.located(name))

    def located(self, name: str) -> tuple[tuple[Node, int], ...]:
        """Return a function's definitions, each with what its line numbers fall short of the file's."""
        return (
            self._parse(self._places.get(name, ()), self._end_of_block)
            or self._parse(self._places_outside_strings.get(name, ()), self._end_outside_strings)
            or tuple((node, 0) for node in self._parsed.get(name, ()))
        )

    def _parse(
        self, places: Sequence[_Place], end_of: Callable[[_Place], int]
    ) -> tuple[tuple[Node, int], ...]:
        """Parse a function's definitions by themselves; return none when one cannot be."""
        found = [(parse_function(self._cut(place, end_of(place))), place[0]) for place in places]
        whole = tuple(
            (node, self._text.count(b"\n", 0, start) - node.lineno) for node, start in found if node
        )
        return whole if len(whole) == len(found) else ()

    @cached_property
    def _places(self) -> dict[str, list[_Place]]:
        return self._named(_OPENING.finditer(self._text))

    @cached_property
    def _places_outside_strings(self) -> dict[str, list[_Place]]:
        openings = _OPENING.finditer(self._text)
        return self._named(each for each in openings if self._string_around(each.start()) is None)

    def _named(self, openings: Iterator[re.Match[bytes]]) -> dict[str, list[_Place]]:
        found: dict[str, list[_Place]] = {}
        if not self._is_utf8:
            return found
        scopes: list[tuple[int, str]] = []
        for opening in openings:
            indent, _, is_class, name = opening.groups()
            while scopes and scopes[-1][0] >= len(indent):
                scopes.pop()
            qualname = (scopes[-1][1] if scopes else "") + name.decode()
            scopes.append((len(indent), qualname + ("." if is_class else ".<locals>.")))
            if not is_class:
                found.setdefault(qualname, []).append((opening.start() + 1, opening.end(), len(indent)))
        return found

    @cached_property
    def _is_utf8(self) -> bool:
        try:
            self._source.decode()
        except UnicodeDecodeError:  # the parser knows the encoding
            return False
        return True

    def _cut(self, place: _Place, end: int) -> str:
        return self._text[place[0] : end].decode().rstrip()

    def _end_of_block(self, place: _Place) -> int:
        """Return where a line is indented no deeper than the definition."""
        _, start, indent = place
        for line in _LINE.finditer(self._text, start):
            # A closing bracket at the margin ends the parameters, not the function.
            if len(line[1]) <= indent and line[2] not in _CLOSING:
                return line.start() + 1
        return len(self._text)

    def _end_outside_strings(self, place: _Place) -> int:
        begin, _, indent = place
        end = self._end_of_block(place)
        while (string_end := self._string_around(end)) is not None:
            end = self._end_of_block((begin, string_end, indent))
        return end

    def _string_around(self, position: int) -> int | None:
        """Return the end of the string of several lines that a position is in."""
        starts, ends = self._strings
        number = bisect_right(starts, position) - 1
        return ends[number] if number >= 0 and position < ends[number] else None

    @cached_property
    def _strings(self) -> tuple[list[int], list[int]]:
        """Where strings of several lines begin and end."""
        found = [each for each in _LONG_STRING.finditer(self._text) if b"\n" in each[0]]
        return [each.start() for each in found], [each.end() for each in found]

    def _defines(self, name: bytes) -> bool:
        """Tell whether the name stands behind ``def`` or ``class`` somewhere."""
        for opening in (b"def " + name, b"class " + name):
            place = self._text.find(opening)
            while place >= 0:
                end = place + len(opening)
                if not (self._text[end : end + 1].isalnum() or self._text[end : end + 1] == b"_"):
                    return True
                place = self._text.find(opening, end)
        return False

    @cached_property
    def _parsed(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        try:
            for qualname, node in definitions(parse(self._source)):
                found.setdefault(qualname, []).append(node)
        except SourceError:
            pass
        return found


@lru_cache(maxsize=_PARSED)
def parse_function(text: str) -> Node | None:
    """Parse a text that should be one function, indented or not; None when the cut went wrong."""
    is_indented = text[:1].isspace()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Not dedented: that would change the strings in it.
            body = undisturbed(lambda: ast.parse("if 1:\n" + text if is_indented else text)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if is_indented and len(body) == 1 and isinstance(body[0], ast.If):
        body = body[0].body
    return body[0] if len(body) == 1 and isinstance(body[0], FunctionNode) else None
