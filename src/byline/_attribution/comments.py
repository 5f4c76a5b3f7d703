"""Comments in Python source that mark code as AI-generated, by a strict grammar. Pure: source text comes in.

A marker is the whole comment. What a string holds, and what a comment says of data, is no marker.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from tokenize import TokenInfo
from typing import Literal

from .._model import Confidence, Evidence
from .identities import DEFAULT, UNKNOWN_TOOL, Identities
from .marks import LineMark
from .model_names import clean_model
from .trailers import is_negative, people_in

Scope = Literal["file", "next", "block", "line"]

_HINT = re.compile(
    r"@ai|ai[-_]generated|generated (?:by|with)|(?:assisted|generated)-by|SPDX-File", re.IGNORECASE
)
_HINT_IN_BYTES = re.compile(
    rb"(?<!#)#[^\w\n]*(?:@?ai[-_]generated|@?ai\b|generated (?:by|with) |(?:assisted|generated)-by\s*:)"
    rb"|(?P<spdx>SPDX-File(?:Contributor|CopyrightText)\s*:[^\n]*)",
    re.IGNORECASE,
)
_FIELDS = r"(?P<fields>\s*(?:\|.*|\s[\w-]+\s*[=:].*)?)"
_GENERATED = re.compile(
    rf"@ai[-_]generated(?P<file>\s+file)?(?:\([\w ,-]*\))?(?:\s*:\s*(?P<value>\w+))?{_FIELDS}", re.IGNORECASE
)
_BEGIN = re.compile(rf"(?:@ai|@?ai[-_]generated)(?:[-_]|\s+)(?:start|begin){_FIELDS}", re.IGNORECASE)
_END = re.compile(rf"(?:@ai|@?ai[-_]generated)(?:[-_]|\s+)end{_FIELDS}", re.IGNORECASE)
_LINE = re.compile(r"@ai", re.IGNORECASE)
_FIELD = re.compile(r"\b(tool|model|agent)\s*[=:]\s*([^|]*?)(?=\s*(?:\||$|\s[\w-]+\s*[=:]))", re.IGNORECASE)
_DATE = r"(?:\d{4}-\d{2}-\d{2}|\w{3,9}[- ]\d{1,2},?[- ]\d{4}|\d{1,2}[-./ ]\w{1,9}[-./ ]\d{2,4})"
_BY_TOOL = re.compile(
    rf"generated (?:by|with) (?P<tool>[^()\n]+?(?:\s*\([^()]*\))?)(?:\s+-\s+{_DATE}|\s+on\s+{_DATE})?\.?",
    re.IGNORECASE,
)
_TRAILER = re.compile(r"(?:assisted|generated)-by\s*:\s*(?P<value>\S.*)", re.IGNORECASE)
_SPDX = re.compile(
    r"SPDX-File(?:Contributor|CopyrightText)\s*:\s*(?:[\d\s,-]+\s)?(?P<value>\S.*)", re.IGNORECASE
)
_LAYOUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})
_CLAUSES = frozenset({"else", "elif", "except", "finally"})
_LAST_HEADER_LINE = 10
_LONGEST_MARKER = 300


@dataclass(frozen=True, slots=True)
class CommentMark:
    """A marker in a comment, with the lines it speaks of."""

    scope: Scope
    """``next`` is the statement below, with its decorators and all of its body."""

    mark: LineMark


@dataclass(frozen=True, slots=True)
class _Comment:
    """A comment and where it stands."""

    text: str
    index: int
    line: int
    is_own_line: bool
    in_header: bool
    """Within the first lines, above all code, and not right above a statement."""


def may_have_marks(data: bytes, *, identities: Identities = DEFAULT) -> bool:
    """Tell cheaply whether a file is worth a look for markers; few files of a repository are."""
    return any(
        match["spdx"] is None or _of_spdx(match["spdx"].decode("utf-8", "replace"), identities)
        for match in _HINT_IN_BYTES.finditer(data)
    )


def marks_in(source: str, path: str, *, identities: Identities = DEFAULT) -> tuple[CommentMark, ...]:
    """
    Find the markers in a source file.

    Args:
        source: The file's text. What cannot be tokenised is read up to the fault.
        path: The file's path, for the marks.
        identities: Which tools there are.
    """
    if not _HINT.search(source):
        return ()
    tokens = _tokens(source)
    comments = list(_comments(tokens))
    last_line = max(1, source.count("\n") + (not source.endswith("\n")))
    found = [*_blocks(comments, identities), *_others(tokens, comments, last_line, identities)]
    found += [("file", 1, last_line, each) for each in _of_docstring(tokens, identities)]
    unique = dict.fromkeys(
        CommentMark(scope, LineMark(path, start, end, evidence)) for scope, start, end, evidence in found
    )
    return tuple(sorted(unique, key=lambda each: (each.mark.start, each.mark.end)))


_Found = tuple[Scope, int, int, Evidence]


def _others(
    tokens: list[TokenInfo], comments: list[_Comment], last_line: int, identities: Identities
) -> Iterator[_Found]:
    for comment in comments:
        if not comment.is_own_line:
            if _LINE.fullmatch(comment.text):
                yield "line", comment.line, comment.line, _evidence(UNKNOWN_TOOL)
            continue
        if evidence := _header_only(comment.text, identities):
            if comment.in_header:
                yield "file", 1, last_line, evidence
            continue
        evidence, whole_file = _anywhere(comment.text, identities)
        if evidence is None:
            continue
        if comment.in_header or whole_file:
            yield "file", 1, last_line, evidence
        elif lines := _statement_below(tokens, comment.index):
            yield "next", *lines, evidence


def _header_only(text: str, identities: Identities) -> Evidence | None:
    """Read ``Assisted-by:`` and SPDX lines, which belong into the head of a file."""
    if match := _TRAILER.fullmatch(text):
        value = re.split(r"\.\s", match["value"], maxsplit=1)[0]
        described = identities.describe(value)
        if described.is_certain and not is_negative(value):
            return _evidence(described.tool, described.model)
        return None
    return _of_spdx(text, identities)


def _anywhere(text: str, identities: Identities) -> tuple[Evidence | None, bool]:
    """Read ``@ai-generated`` and ``Generated by TOOL``; also tell whether it claims the whole file."""
    match = _GENERATED.fullmatch(text)
    if match and not is_negative(match["value"] or ""):
        return _of_fields(match["fields"], identities), bool(match["file"])
    if match := _BY_TOOL.fullmatch(text):
        described = identities.describe(match["tool"])
        is_named = described.tool != UNKNOWN_TOOL or (described.model and described.is_distinct)
        if described.is_certain and not described.rest and is_named:
            return _evidence(described.tool, described.model, "low"), False
    return None, False


def _blocks(comments: list[_Comment], identities: Identities) -> Iterator[_Found]:
    """Pair starts with ends; a start without an end says nothing."""
    open_blocks: list[tuple[int, Evidence]] = []
    for comment in comments:
        if not comment.is_own_line:
            continue
        if start := _BEGIN.fullmatch(comment.text):
            open_blocks.append((comment.line, _of_fields(start["fields"], identities)))
        elif open_blocks and _END.fullmatch(comment.text):
            line, evidence = open_blocks.pop()
            if comment.line - line > 1:
                yield "block", line + 1, comment.line - 1, evidence


def _of_fields(fields: str, identities: Identities) -> Evidence:
    values = {key.lower(): value.strip() for key, value in _FIELD.findall(fields)}
    named = identities.describe(values.get("tool") or values.get("agent") or values.get("model", ""))
    return _evidence(named.tool or UNKNOWN_TOOL, clean_model(values.get("model", "")))


def _of_spdx(line: str, identities: Identities) -> Evidence | None:
    match = _SPDX.fullmatch(line.strip().strip("\"'")[:_LONGEST_MARKER])
    for person in people_in(match["value"]) if match else ():
        if identity := identities.identify(*person):
            return _evidence(identity.tool, identity.model, "low" if identity.ambiguous else "medium")
    return None


def _of_docstring(tokens: list[TokenInfo], identities: Identities) -> Iterator[Evidence]:
    """Read SPDX lines in the module's docstring, the only string that may hold a marker."""
    first = next((token for token in tokens if token.type not in _LAYOUT), None)
    if first is None or first.type != tokenize.STRING:
        return
    for line in first.string.splitlines():
        if evidence := _of_spdx(line, identities):
            yield evidence


def _evidence(tool: str, model: str = "", confidence: Confidence = "medium") -> Evidence:
    return Evidence("ai", "comment", tool, confidence, model)


def _tokens(source: str) -> list[TokenInfo]:
    found: list[TokenInfo] = []
    # ValueError: a lone surrogate or a null byte.
    with suppress(tokenize.TokenError, SyntaxError, ValueError):
        found.extend(tokenize.generate_tokens(io.StringIO(source).readline))
    return found


def _comments(tokens: list[TokenInfo]) -> Iterator[_Comment]:
    docstring = next((token for token in tokens if token.type not in _LAYOUT), None)
    if docstring is not None and docstring.type != tokenize.STRING:
        docstring = None
    seen_code = False
    for index, token in enumerate(tokens):
        if token.type != tokenize.COMMENT:
            seen_code = seen_code or not (
                token.type in _LAYOUT or token is docstring or token.type == tokenize.NEWLINE
            )
            continue
        if len(token.string) > _LONGEST_MARKER:
            continue
        line, column = token.start
        yield _Comment(
            text=token.string.lstrip("#").strip(),
            index=index,
            line=line,
            is_own_line=not token.line[:column].strip(),
            in_header=not seen_code
            and line <= _LAST_HEADER_LINE
            and not _is_right_above_definition(tokens, index),
        )


def _is_right_above_definition(tokens: list[TokenInfo], index: int) -> bool:
    for previous, token in pairwise(tokens[index:]):
        if token.type == tokenize.NL and previous.type == tokenize.NL:
            return False
        if token.type not in _LAYOUT:
            return token.string in ("def", "class", "async", "@")
    return False


def _statement_below(tokens: list[TokenInfo], index: int) -> tuple[int, int] | None:
    """Return the lines of the statement after a comment: of a definition with its decorators and its body."""
    start = _next_code(tokens, index)
    first = tokens[start] if start < len(tokens) else None
    if first is None or first.type == tokenize.ENDMARKER or first.start[1] < tokens[index].start[1]:
        return None
    depth, end = 0, first.start[0]
    is_decorator = first.string == "@"
    for position in range(start, len(tokens)):
        token = tokens[position]
        if token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE):
            continue
        depth += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
        if token.type == tokenize.NEWLINE:
            end = token.start[0]
        if depth > 0 or _opens_block(tokens, position):
            continue
        following = _next_code(tokens, position + 1)
        same_level = following < len(tokens) and tokens[following].start[1] == first.start[1]
        word = tokens[following].string if same_level else ""
        if not is_decorator and word not in _CLAUSES:
            break
        is_decorator = is_decorator and word == "@"
    return first.start[0], end


def _opens_block(tokens: list[TokenInfo], position: int) -> bool:
    """Tell whether the line that ends here is followed by an indented one."""
    skipped = (tokenize.COMMENT, tokenize.NL)
    return (
        next((each.type for each in tokens[position + 1 :] if each.type not in skipped), None)
        == tokenize.INDENT
    )


def _next_code(tokens: list[TokenInfo], start: int) -> int:
    """Return the index of the next token that is code, the number of tokens if there is none."""
    return next(
        (index for index in range(start, len(tokens)) if tokens[index].type not in _LAYOUT), len(tokens)
    )
