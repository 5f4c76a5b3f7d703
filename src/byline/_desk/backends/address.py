"""Where a backend is and which of its series are asked: ``prometheus=https://host/path{label="value"}``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from ..._config import BACKENDS
from ...exceptions import ConfigError

BackendName = Literal["prometheus", "loki", "sentry"]

TITLES: Mapping[BackendName, str] = {"prometheus": "Prometheus", "loki": "Loki", "sentry": "Sentry"}

_MATCHER = r'[a-zA-Z_]\w*\s*(?:=|!=|=~|!~)\s*"(?:[^"\\\n]|\\.)*"'
_SELECTOR = re.compile(rf"\{{\s*(?:{_MATCHER}\s*(?:,\s*{_MATCHER}\s*)*,?\s*)?\}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Which backend to ask; what opens its door is in the environment, not here."""

    backend: BackendName
    url: str
    """Without a slash at its end."""

    select: str = ""
    """Label matchers that every series must meet, without braces."""

    @property
    def name(self) -> str:
        """What it is and where, for people."""
        return f"{TITLES[self.backend]} at {self.url}"

    @property
    def variable(self) -> str:
        """The name of the variable that holds the token."""
        return BACKENDS[self.backend]


def read(text: str) -> Address | None:
    """
    Read what ``--source`` says; None means the store.

    Raises:
        ConfigError: It names no source, no web address, or holds a password.
    """
    backend, _, rest = text.partition("=")
    if backend == "store" and not rest:
        return None
    if backend not in get_args(BackendName):
        raise ConfigError(
            f"{backend!r} is no source. Known: store, {', '.join(f'{each}=URL' for each in get_args(BackendName))}."
        )
    url, brace, matchers = rest.partition("{")
    if "@" in url:
        raise ConfigError(
            f"The URL of {backend} holds a user or a password, which others on this machine can read there. "
            f"Put it into {BACKENDS[backend]} instead."
        )
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or set(url) & set("?#") or any(each.isspace() for each in url):
        # What comes after a question mark may be a secret.
        shown = url.partition("?")[0]
        raise ConfigError(f"{shown!r} is not the web address of a server. Write {backend}=https://host:port.")
    if brace and not _SELECTOR.fullmatch(brace + matchers):
        raise ConfigError(
            f'{brace + matchers!r} does not select series. Write label matchers, as in {{namespace="prod"}}.'
        )
    return Address(backend, url.rstrip("/"), matchers.rpartition("}")[0].strip().rstrip(",").rstrip())  # type: ignore[arg-type]  # one of them, see above


def secret(variable: str) -> str:
    """
    Return what a variable holds for a header, or nothing.

    Raises:
        ConfigError: It holds what no header can carry; that is not repeated.
    """
    value = os.environ.get(variable, "").strip()
    if not (value.isascii() and value.isprintable()):
        raise ConfigError(f"{variable} holds characters that no token has.")
    return value
