"""From a name and an e-mail address, or from free text, to the AI tool behind it; the data is in identity_table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Self

from .identity_table import (
    AUTOFIX_LOGINS,
    AUTOFIX_NAME,
    FILLER,
    MODEL_VENDOR_EMAILS,
    NOT_AI,
    REVIEWERS,
    TOOLS,
    VENDOR_MODELS,
    WEB_FLOW,
)
from .model_names import clean_model, find_model, model_slug, without_context_size

UNKNOWN_TOOL = "unknown"

_GITHUB_ADDRESS = re.compile(r"(?:(\d+)\+)?([^@\s]+)@users\.noreply\.github\.com")
_AIDER_SUFFIX = re.compile(r"\s*\(aider\)\s*$", re.IGNORECASE)
_MODEL_REMARK = re.compile(r"\(\s*((?:[\w.-]+/)*[A-Za-z]{2,}[\w.]*-[\w.:-]*\d[\w.:-]*)\s*\)")
_NO_REPLY = re.compile(r"no-?reply@")
_GENERIC = re.compile(
    r"(?:an?\s+|generic\s+)?(?:ai|llm|chatbot|large language model|coding agent)s?(?![\w'-])", re.IGNORECASE
)
_WIDE_BRACKETS = str.maketrans("（）", "()")  # noqa: RUF001
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Identity:
    """The AI tool that a person-like value stands for."""

    tool: str
    model: str = ""
    ambiguous: bool = False
    """Name and address contradict each other, or one alone is weak."""

    reviewer: bool = False
    """Its co-author line usually means an accepted suggestion."""

    other: str = ""
    """The second tool that an ambiguous value names."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a free text says about tools."""

    tool: str = ""
    """Slug, ``unknown`` when only a model or "AI" is named, empty when nothing is."""

    model: str = ""
    rest: str = ""
    """The words that belong to no tool and no model, lower case."""

    is_implied: bool = False
    """The tool follows from the model's name only."""

    is_given_name: bool = False
    """The tool's name is one that people bear too."""

    is_distinct: bool = False
    """A product name of several words, or a model with its version: no person is called so."""

    @property
    def is_certain(self) -> bool:
        """Whether the text is about a tool and not about a person of that name."""
        return bool(self.tool) and (self.is_distinct or not self.rest)


@dataclass(frozen=True, slots=True)
class Identities:
    """A table of identities. Keys are lower case; values are tool slugs."""

    emails: Mapping[str, str]
    logins: Mapping[str, str]
    names: Mapping[str, str]
    given_names: Mapping[str, str]
    ignored: tuple[str, ...] = NOT_AI
    _seen: dict[tuple[str, str], Identity | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """A history has few people and many commits."""

    _people: dict[tuple[str, str], bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def with_extra(self, tools: Mapping[str, Sequence[str]], ignore: Sequence[str] = ()) -> Self:
        """
        Return a table with further entries; the newest entry wins.

        Args:
            tools: E-mail addresses, GitHub logins (``1234+login`` or ``login[bot]``) or whole names, by tool.
            ignore: Addresses, logins or names that are no AI; ``*`` stands for anything.
        """
        emails, logins, names = dict(self.emails), dict(self.logins), dict(self.names)
        for tool, values in tools.items():
            for value in (each.strip().lower() for each in values):
                address = _GITHUB_ADDRESS.fullmatch(value)
                if address:
                    logins[_login_key(address[1], address[2])] = tool
                elif "@" in value:
                    emails[value] = tool
                elif value.endswith("[bot]") or re.match(r"\d+\+", value):
                    logins[_login_key(*_split_login(value))] = tool
                elif value:
                    names[value] = tool
        added = {value.strip().lower() for values in tools.values() for value in values}
        added |= {_login_of("", value) or _split_login(value)[1] for value in added}
        kept = [
            pattern for pattern in self.ignored if not any(fnmatchcase(value, pattern) for value in added)
        ]
        ignored = (*kept, *(each.strip().lower() for each in ignore))
        return replace(self, emails=emails, logins=logins, names=names, ignored=ignored)

    def identify(self, name: str, email: str) -> Identity | None:
        """Return the AI tool that a name and an address stand for; None for a person or another bot."""
        key = (name.strip()[:_LONGEST], email.strip().lower()[:_LONGEST])
        if key not in self._seen:
            self._seen[key] = self._identify(*key)
        return self._seen[key]

    @property
    def tools(self) -> frozenset[str]:
        """The slugs of all known tools."""
        tables = (self.emails, self.logins, self.names, self.given_names)
        return frozenset(tool for table in tables for tool in table.values())

    def is_person(self, name: str, email: str) -> bool:
        """Tell whether a value may be a human: no AI, no other bot, not the forge's web page."""
        key = (name.strip()[:_LONGEST], email.strip().lower()[:_LONGEST])
        if key not in self._people:
            self._people[key] = self._is_person(*key)
        return self._people[key]

    def _is_person(self, name: str, email: str) -> bool:
        if not name or email in WEB_FLOW or self._is_ignored(name, email):
            return False
        if name.lower().endswith("[bot]") or "[bot]@" in email:
            return False
        return self.identify(name, email) is None

    def describe(self, text: str) -> Description:
        """Find the tool and the model that a free text names."""
        text = without_context_size(text[:_LONGEST].translate(_WIDE_BRACKETS))
        found, text = self._take_names(text, several_words=True)
        model, text = find_model(text)
        more, text = self._take_names(text, several_words=False)
        taken = (*found, *more)
        tools = [self._tool_called(each) for each in taken]
        if tools and not model and (remark := _MODEL_REMARK.search(text)):
            model = clean_model(remark[1])
        implied = re.search(r"claude|codex", model, re.IGNORECASE)
        generic = _GENERIC.match(text.strip())
        outside = re.sub(r"\([^()]*\)", " ", text).lower()
        if tools:
            tool = tools[0]
        elif implied:
            tool = implied[0].lower()
        else:
            tool = UNKNOWN_TOOL if model or generic else ""
        return Description(
            tool=tool,
            model=model,
            rest=" ".join(word for word in re.findall(r"[^\W\d_]{2,}", outside) if word not in FILLER),
            is_implied=not tools,
            is_given_name=bool(tools) and not model and all(each in self.given_names for each in taken),
            is_distinct=bool(found)
            or any(map(str.isdigit, model))
            or (not tools and outside.strip().startswith("llm")),
        )

    def tool_slug(self, text: str) -> str:
        """Return the slug for a tool's own name of itself, such as ``claude_code`` or ``github-copilot-jetbrains``."""
        wanted = _squash(text)
        for name in sorted((*self.names, *self.given_names), key=len, reverse=True):
            if wanted == _squash(name) or (len(name) > 4 and wanted.startswith(_squash(name))):  # noqa: PLR2004
                return self._tool_called(name)
        if text in self.tools:
            return text
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or UNKNOWN_TOOL

    def _identify(self, name: str, email: str) -> Identity | None:
        if self._is_ignored(name, email):
            return None
        if _AIDER_SUFFIX.search(name):
            return Identity("aider")
        login = _login_of(name, email)
        if login in AUTOFIX_LOGINS:
            return Identity("copilot", reviewer=True) if name.lower().startswith(AUTOFIX_NAME) else None
        if login in self.logins:
            model = "" if name.lower().endswith("[bot]") else self.describe(name).model
            return Identity(self.logins[login], model, reviewer=login in REVIEWERS)
        if email in self.emails:
            return self._at_address(self.emails[email], name, email)
        return self._by_name(name, email)

    def _is_ignored(self, name: str, email: str) -> bool:
        values = {name.lower(), email, _login_of(name, email).rpartition("+")[2]} - {""}
        return any(fnmatchcase(value, pattern) for pattern in self.ignored for value in values)

    def _at_address(self, tool: str, name: str, email: str) -> Identity:
        described = self.describe(name)
        runs_one_vendor = tool in VENDOR_MODELS
        named = described.tool
        if named in ("", UNKNOWN_TOOL) or (described.is_implied and not runs_one_vendor):
            named = tool
        if named != tool and email in MODEL_VENDOR_EMAILS:
            return Identity(named, described.model)
        if named != tool:
            return Identity(tool, described.model, ambiguous=True, other=named)
        families = VENDOR_MODELS.get(tool, ())
        foreign = runs_one_vendor and bool(described.model)
        foreign = foreign and not model_slug(described.model).startswith(families)
        return Identity(tool, described.model, ambiguous=foreign)

    def _by_name(self, name: str, email: str) -> Identity | None:
        described = self.describe(name)
        known = described.tool not in ("", UNKNOWN_TOOL) or described.is_distinct
        if not known or described.rest or described.is_given_name:
            return None
        if not email or described.is_distinct:
            return Identity(described.tool, described.model)
        if _NO_REPLY.match(email):
            return Identity(described.tool, described.model, ambiguous=True)
        return None

    def _take_names(self, text: str, *, several_words: bool) -> tuple[list[str], str]:
        pattern = _names_pattern(frozenset((*self.names, *self.given_names)), several_words=several_words)
        if pattern is None:
            return [], text
        found = [self._name_spelt(match[0].lower()) for match in pattern.finditer(text)]
        return [each for each in found if each], pattern.sub(" ", text)

    def _name_spelt(self, text: str) -> str:
        """Return the name in the table that a match of its pattern means."""
        spellings = (text, re.sub(r"[ _-]+", " ", text))
        return next((each for each in spellings if each in self.names or each in self.given_names), "")

    def _tool_called(self, name: str) -> str:
        return self.names.get(name) or self.given_names[name]


def without_aider_suffix(name: str) -> str:
    """Return the human behind a commit that aider wrote."""
    return _AIDER_SUFFIX.sub("", name).strip()


@lru_cache(maxsize=16)
def _names_pattern(names: frozenset[str], *, several_words: bool) -> re.Pattern[str] | None:
    wanted = sorted(
        (each for each in names if (" " in each) is several_words), key=lambda each: (-len(each), each)
    )
    if not wanted:
        return None
    spelt = "|".join("[ _-]".join(map(re.escape, each.split())) for each in wanted)
    # Not after or before a hyphen: claude-manager is no claude, and the codex in gpt-5-codex is a model.
    return re.compile(rf"(?<!\w)(?<!\w-)(?:{spelt})(?!\w|-\w)", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _squash(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _split_login(value: str) -> tuple[str, str]:
    number, plus, login = value.partition("+")
    return (number, login) if plus else ("", value)


def _login_key(number: str | None, login: str) -> str:
    """Only an app's login ends with ``[bot]``, so there it is proof; any other needs its number."""
    return login if login.endswith("[bot]") or not number else f"{number}+{login}"


def _login_of(name: str, email: str) -> str:
    address = _GITHUB_ADDRESS.fullmatch(email)
    if address:
        return _login_key(address[1], address[2].lower())
    # Some forges and mirrors lose the address; the app's name is still reserved.
    return name.lower() if name.lower().endswith("[bot]") and not email else ""


def _default() -> Identities:
    return Identities(
        emails={email: tool.slug for tool in TOOLS for email in tool.emails},
        logins={_login_key(*_split_login(login)): tool.slug for tool in TOOLS for login in tool.logins},
        names={name: tool.slug for tool in TOOLS for name in tool.names},
        given_names={name: tool.slug for tool in TOOLS for name in tool.given_names},
    )


DEFAULT = _default()
"""The built-in table."""
