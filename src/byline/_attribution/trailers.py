"""The lines of a commit message that may speak of AI: trailers anywhere in it, people, ids and free-text markers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["co-author", "sign-off", "assistance", "session", "made-with", "replit", "share"]

_KINDS: dict[str, Kind] = {
    "co-authored-by": "co-author",
    "co-developed-by": "co-author",
    "signed-off-by": "sign-off",
    "assisted-by": "assistance",
    "ai-assisted-by": "assistance",
    "generated-by": "assistance",
    "ai-generated-by": "assistance",
    "claude-generated-by": "assistance",
    "coding-agent": "assistance",
    "ai-assistant": "assistance",
    "ai-agent": "assistance",
    "ai-assisted": "assistance",
    "ai-generated": "assistance",
    "ai-used-for": "assistance",
    "claude-session": "session",
    "copilot-session": "session",
    "agent-logs-url": "session",
    "amp-thread-id": "session",
    "entire-checkpoint": "session",
    "x-lovable-edit-id": "session",
    "replit-commit-session-id": "session",
    "session-url": "session",
    "replit-commit-author": "replit",
    "made-with": "made-with",
    "entire-attribution": "share",
}
_KEYS = {key.replace("-", ""): key for key in _KINDS}
# Every key, address and marker has one of these. Most messages have none, and need no closer look.
_TRAILER_WORDS = (
    "authored", "developed", "signed", "assist", "generated", "agent", "used", "session", "thread", "checkpoint",
    "lovable", "replit", "made", "entire", "claude.ai",
)  # fmt: skip
_MARKER_WORDS = (
    "generated ",
    "written ",
    "authored ",
    "created ",
    "made ",
    "implemented ",
    "assisted ",
    "aider",
)

# Bullets, quotation signs, emphasis and emoji; no quotation marks: what stands in those is an example.
_PREFIX = r"^(?:_|[^\w\n\"'`‘’“”«»(\[{<])*"  # noqa: RUF001
_TRAILER = re.compile(
    rf"{_PREFIX}(?P<key>{'|'.join(key.replace('-', '[ -]?') for key in _KINDS)})[ \t]*\**[ \t]*:[ \t]*(?P<value>\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_SESSION_URL = re.compile(
    rf"{_PREFIX}(https://(?:claude\.ai/code|ampcode\.com/threads)/[\w-]+)/?[ \t]*$", re.MULTILINE
)
_MARKER = re.compile(
    rf"(?P<prefix>{_PREFIX})(?:this (?:pr|pull request|commit|code|change) (?:was|is) )?"
    r"(?P<verb>generated|written|authored|created|made|implemented|assisted|co-authored)"
    r"[ ](?:with|by|using)[ ](?P<text>\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_AIDER_SUBJECT = re.compile(r"aider: \S")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^()\n]*\)")
_REMARK = re.compile(r"[,;.]\s|\s[-–—|]\s")  # noqa: RUF001
_URL = re.compile(r"\s*\(?<?https?://\S*")
_PERSON = re.compile(r"([^<>]*)<+([^<>]*)>+")
_NOT_A_NAME = re.compile(r"^(?:[\s,;&)]|and\s|co-?authored-?by\s*:)*", re.IGNORECASE)
_BARE_ADDRESS = re.compile(r"(?:(?P<name>.*?)\s+)?\(?(?P<email>[^\s()]+@[^\s()]+)\)?")
_ID = re.compile(r"(?=[^/]*\d)[A-Za-z0-9][\w.:-]{3,127}")
_NEGATIVE = re.compile(
    r"(?:none|n/?a|not?|nil|null|never|nobody|nothing|false|without)(?=\W|$)|-+$", re.IGNORECASE
)
_SHARE = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d+)?)\s*%")
_LONGEST_VALUE = 300


@dataclass(frozen=True, slots=True)
class Trailer:
    """One line ``Key: value``, wherever in the message it stands."""

    kind: Kind
    key: str
    """Lower case, with hyphens."""

    value: str


@dataclass(frozen=True, slots=True)
class Marker:
    """One line of free text that says that something generated the commit."""

    text: str
    """What stands after "generated with", without links and punctuation."""

    is_mechanical: bool
    """It carries a robot or a link, or says "generated": nobody writes of a person like this."""


@lru_cache(maxsize=1)
def trailers_in(message: str) -> tuple[Trailer, ...]:
    """
    Return the trailers of a message in their order.

    Git reads the last paragraph only; a squashed commit carries those of its parts in the middle.
    """
    if not _has_one_of(_TRAILER_WORDS, message):
        return ()
    text = _plain(message)
    found = []
    for match in _TRAILER.finditer(text):
        # To re, a dotless i is an i too when case is ignored, so not every match is a key.
        key = _KEYS.get(re.sub(r"[ -]", "", match["key"].lower()))
        value = match["value"].strip().strip("*_").strip()[:_LONGEST_VALUE]
        if key and value:
            found.append(Trailer(_KINDS[key], key, value))
    found += [Trailer("session", "session-url", match[1]) for match in _SESSION_URL.finditer(text)]
    return tuple(found)


def markers_in(message: str) -> Iterator[Marker]:
    """Yield the lines that begin like "Generated with", and the subject that aider writes."""
    if not _has_one_of(_MARKER_WORDS, message):
        return
    text = _plain(message)
    if _AIDER_SUBJECT.match(text):
        yield Marker("aider", is_mechanical=True)
    for match in _MARKER.finditer(text):
        value = match["text"][:_LONGEST_VALUE]
        link = _LINK.match(value)
        mechanical = link is not None or "🤖" in match["prefix"] or match["verb"].lower() == "generated"
        value = link[1] if link else _REMARK.split(_URL.sub("", value), maxsplit=1)[0]
        value = value.strip("*_.!,;>🤖 ")
        if value:
            yield Marker(value, mechanical)


def people_in(value: str) -> Iterator[tuple[str, str]]:
    """Yield the names and addresses in the value of a trailer; there may be several, or a bare name."""
    value = value[:_LONGEST_VALUE]
    found = [
        (_NOT_A_NAME.sub("", name).strip(" \t\"'`"), email.strip()) for name, email in _PERSON.findall(value)
    ]
    if found:
        yield from found
    elif bare := _BARE_ADDRESS.fullmatch(value.strip(" \"'`")):
        yield bare["name"] or "", bare["email"]
    else:
        yield value.strip(" \t,;&\"'`"), ""


def opaque_id(value: str) -> str:
    """Return the id in a trailer or record, the last part of a web address; empty if it is anything else."""
    text = value.strip().strip("<>\"'")
    if "://" in text:
        if not text.startswith("https://"):
            return ""
        text = re.split(r"[?#]", text, maxsplit=1)[0].rstrip("/").rpartition("/")[2]
    return text if _ID.fullmatch(text) else ""


def is_negative(value: str) -> bool:
    """Tell whether a value says that there was no AI: none, n/a, no, 0%."""
    shares = [float(share) for share in _SHARE.findall(value)]
    return bool(_NEGATIVE.match(value)) or (bool(shares) and not any(shares))


def agent_share(value: str) -> float:
    """Return the percentage in a value such as ``73% agent (146/200 lines)``; 0 without one."""
    match = re.match(r"(\d{1,3}(?:\.\d+)?)\s*%\s+agent\b", value)
    return float(match[1]) if match else 0.0


def model_shares(value: str) -> list[tuple[str, float]]:
    """Return the models with their percentages in a value such as ``Tool (cli/model=100%)``."""
    return [
        (model, float(share))
        for model, share in re.findall(r"([\w./:@-]+)\s*=\s*(\d{1,3}(?:\.\d+)?)\s*%", value)
    ]


def _has_one_of(words: Sequence[str], message: str) -> bool:
    lower = message.lower()
    for word in words:  # noqa: SIM110  # a generator costs more than the search
        if word in lower:
            return True
    return False


def _plain(message: str) -> str:
    """Undo what tools do to line ends and angle brackets."""
    text = message.replace("\r\n", "\n").replace("\r", "\n") if "\r" in message else message
    if "\\n" in text:
        text = text.replace("\\n", "\n")
    if "&lt;" in text:
        text = text.replace("&lt;", "<").replace("&gt;", ">")
    return text
