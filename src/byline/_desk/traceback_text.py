"""Reads tracebacks as Python 3.11 and later print them, out of any text around them; no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

LINE_LIMIT = 10_000
"""A longer line is no frame."""

MESSAGE_LINES = 50
DEPTH_LIMIT = 20
"""Groups within groups that are told apart; deeper ones end the reading."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HEADER = re.compile(r"(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):")
_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d{1,9})(?:, in (?P<name>.*\S))?\s*$')
_REPEATED = re.compile(r"\[Previous line repeated (?P<more>\d{1,9}) more times?\]")
_MARKERS = re.compile(r"\s*[~^]+[~^\s]*$")
_EXCEPTION = re.compile(r"(?P<type>[^\W\d][\w.<>]*)(?::(?: (?P<message>.*))?)?$")
_MEMBER = re.compile(r"\+-(?P<first>\+-)?-{8,} (?:\d+|\.\.\.) -{8,}\s*$")
_END = re.compile(r"\+-{20,}\s*$")
_ESCAPE = re.compile(r'\\(n|t|"|\\|u001b)')
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "u001b": "\x1b"}
_LINK = re.compile(
    "The above exception was the direct cause of the following exception:"
    "|During handling of the above exception, another exception occurred:"
)
_LOG_LINE = re.compile(
    r"\[?\d{4}-\d\d-\d\d|\[?\d\d[:/]\d\d|\[?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b|<\d+>|\{\""
)


@dataclass(frozen=True, slots=True)
class TracebackFrame:
    """One frame, as printed."""

    filename: str
    line: int
    name: str
    """The function's bare name; empty for the place of a syntax error."""

    code: str = ""
    repeated: int = 0
    """How many more times the frame came, by recursion."""


@dataclass(frozen=True, slots=True)
class ParsedException:
    """One exception of a traceback."""

    type: str
    """Empty when the text ended before it."""

    message: str
    frames: tuple[TracebackFrame, ...]
    """As printed: the raising frame last."""

    members: tuple[tuple[ParsedException, ...], ...] = ()
    """The exceptions of a group, each with its causes before it."""


Chain = tuple[ParsedException, ...]
"""An exception last, its causes and contexts before it: root cause first."""


def parse(text: str) -> tuple[Chain, ...]:
    """
    Find the tracebacks in a text, in order.

    The lines may carry a prefix (a log's time, a container's name) and colours; a text
    with ``\\n`` for line ends, as in JSON logs, is read, too.
    """
    found = _Reader().read(text)
    if not found and "\\n" in text:
        strings = [each for line in text.splitlines() for each in _json_strings(line)]
        found = _Reader().read("\n\n".join(strings) or _ESCAPE.sub(lambda match: _ESCAPES[match[1]], text))
    return found


def _json_strings(line: str) -> Iterator[str]:
    """Yield the strings with more than one line in a line of JSON; none when it is not JSON."""
    try:
        waiting = [json.loads(line)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and "\n" in value:
            yield value
        elif isinstance(value, dict):
            waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def frames_of(chain: Chain) -> Iterator[TracebackFrame]:
    """Yield the frames innermost first; those of causes and of a group's members come before its own."""
    for each in chain:
        for member in each.members:
            yield from frames_of(member)
        yield from reversed(each.frames)


@dataclass(slots=True)
class _Level:
    """The text between two borders of a group, or the whole text."""

    base: int = 0
    """Column where the exception's own line starts."""

    chain: list[ParsedException] = field(default_factory=list)
    frames: list[TracebackFrame] = field(default_factory=list)
    open: bool = False
    """Inside a traceback whose exception has not come yet."""

    linked: bool = False
    """The next traceback belongs to the same chain."""

    members: list[Chain] = field(default_factory=list)


class _Reader:
    """Goes through the lines once."""

    def __init__(self) -> None:
        self._found: list[Chain] = []
        self._levels = [_Level()]
        self._message: list[str] | None = None
        self._prefix = ""
        self._wants_code = False

    def read(self, text: str) -> tuple[Chain, ...]:
        for raw in text.splitlines():
            line = _ANSI.sub("", raw).rstrip() if len(raw) <= LINE_LIMIT else raw[:LINE_LIMIT]
            self._take(line)
        self._finish()
        return tuple(self._found)

    def _take(self, line: str) -> None:
        border = _MEMBER.search(line)
        if border:
            self._border(border)
        elif len(self._levels) > 1 and (end := _END.search(line)):
            self._leave_deeper(end.start() + 2)
            if len(self._levels) > 1:
                self._leave()
        elif header := _HEADER.search(line):
            self._header(header)
        elif frame := _FRAME.search(line):
            self._frame(frame)
        elif link := _LINK.search(line):
            self._end_message()
            self._leave_deeper(link.start())
            self._levels[-1].linked = True
        else:
            self._other(line)

    def _header(self, header: re.Match[str]) -> None:
        self._end_message()
        column = header.start() + 2 * header[0].startswith("+")
        self._leave_deeper(column)
        level = self._levels[-1]
        if level.open and level.frames:
            self._exception("", "")
        if len(self._levels) > 1 and level.chain and not level.linked:
            # The group's end was cut away: this traceback is another one.
            self._finish()
            level = self._levels[-1]
        if level.chain and not level.linked:
            self._deliver()
            level = self._levels[-1]
        level.base = column
        level.open, level.linked = True, False

    def _frame(self, match: re.Match[str]) -> None:
        self._end_message()
        level = self._levels[-1]
        if not level.open and level.chain and not level.linked and len(self._levels) == 1:
            self._deliver()  # a traceback whose first line was cut away
            level = self._levels[-1]
        # The prefix of a log line may differ in width from that of the first line.
        level.base = match.start()
        level.open, level.linked = True, False
        level.frames.append(TracebackFrame(match["file"], int(match["line"]), match["name"] or ""))
        self._wants_code = True

    def _other(self, line: str) -> None:
        level = self._levels[-1]
        content = line[level.base :]
        if self._message is not None:
            self._continue(line, content)
            return
        if not level.open or not content:
            return
        if content[:1].isspace():
            self._under_frame(level, content)
            return
        exception = _EXCEPTION.match(content)
        if exception:
            self._prefix = line[: level.base]
            self._message = [exception["message"] or ""]
            self._exception(exception["type"], "")
        elif level.frames:
            # Not a traceback's text any more.
            self._exception("", "")

    def _under_frame(self, level: _Level, content: str) -> None:
        if not level.frames:
            return
        repeated = _REPEATED.search(content)
        if repeated:
            level.frames[-1] = replace(level.frames[-1], repeated=int(repeated["more"]))
        elif self._wants_code and not _MARKERS.match(content):
            level.frames[-1] = replace(level.frames[-1], code=content.strip())
        self._wants_code = False

    def _continue(self, line: str, content: str) -> None:
        """Take a further line of a message, or see that it is over."""
        level = self._levels[-1]
        message = self._message or []
        same_prefix = _masked(line[: level.base]) == _masked(self._prefix)
        if not content or not same_prefix or _LOG_LINE.match(content) or len(message) >= MESSAGE_LINES:
            self._end_message()
        else:
            message.append(content)

    def _exception(self, type_name: str, message: str) -> None:
        level = self._levels[-1]
        level.chain.append(ParsedException(type_name, message, tuple(level.frames)))
        level.frames = []
        level.open = self._wants_code = False

    def _end_message(self) -> None:
        if self._message is None:
            return
        chain = self._levels[-1].chain
        chain[-1] = replace(chain[-1], message="\n".join(self._message))
        self._message = None

    # --- groups --------------------------------------------------------------

    def _border(self, border: re.Match[str]) -> None:
        self._end_message()
        self._leave_deeper(border.start() + 2)
        if border["first"]:
            if not self._levels[-1].chain or len(self._levels) > DEPTH_LIMIT:
                return
            self._levels.append(_Level())
        elif len(self._levels) > 1:
            self._end_member()
        else:
            return
        level = self._levels[-1]
        # A member without a traceback starts with its exception.
        level.base = border.start() + 2 + 2 * bool(border["first"])
        level.open = True

    def _end_member(self) -> None:
        """Give the level's chain to the group around it."""
        level = self._levels[-1]
        if level.frames:
            self._exception("", "")
        if level.chain:
            self._levels[-2].members.append(tuple(level.chain))
        self._levels[-1] = _Level()

    def _leave_deeper(self, column: int) -> None:
        """Close the groups right of a column: a group that ends with a group has no end of its own."""
        while len(self._levels) > 1 and column < self._levels[-1].base:
            self._leave()

    def _leave(self) -> None:
        """Close a group: its members belong to the exception before them."""
        self._end_message()
        self._end_member()
        self._levels.pop()
        level = self._levels[-1]
        level.chain[-1] = replace(level.chain[-1], members=tuple(level.members))
        level.members = []

    def _deliver(self) -> None:
        level = self._levels[-1]
        if level.chain:
            self._found.append(tuple(level.chain))
        self._levels[-1] = _Level()

    def _finish(self) -> None:
        self._end_message()
        while len(self._levels) > 1:
            self._leave()
        if self._levels[-1].frames:
            self._exception("", "")
        self._deliver()


def _masked(prefix: str) -> str:
    """Return a prefix without what differs from one log line to the next."""
    return re.sub(r"\d+", "0", prefix)
