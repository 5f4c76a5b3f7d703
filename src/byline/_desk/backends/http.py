"""Questions to a backend by HTTP: the standard library's client, with every way it can go wrong put in a sentence."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..._config import TENANTS
from ...exceptions import SourceError
from .address import TITLES, Address, secret

TIMEOUT_S = 60.0
"""For a whole answer."""

LARGEST = 200_000_000
"""Bytes of an answer that are read."""

_LONGEST_GET = 1_500
_PIECE = 1 << 20
_DETAIL_LIMIT = 300

Parameters = Mapping[str, str | int | float]


class Missing(SourceError):  # noqa: N818  # a kind of SourceError for callers here, which never leaves as such
    """The server has no such thing."""


class _NoRedirects(HTTPRedirectHandler):
    """A redirect goes to a login page, and would carry the token to another server."""

    def redirect_request(  # noqa: PLR0917  # the base class has it so
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow none."""


class Client:
    """Asks one backend."""

    def __init__(self, address: Address, *, timeout_s: float = TIMEOUT_S, largest: int = LARGEST) -> None:
        """
        Prepare to ask; nothing is sent yet.

        Raises:
            ConfigError: The token cannot be one.
        """
        self.address = address
        self._title = TITLES[address.backend]
        self._token = secret(address.variable)
        self._tenant = secret(TENANTS[address.backend]) if address.backend in TENANTS else ""
        self._timeout_s = timeout_s
        self._largest = largest
        self._opener = build_opener(_NoRedirects)

    def get(self, path: str, parameters: Parameters | None = None) -> object:
        """
        Ask, and return the answer's JSON. A long question goes as a form.

        Raises:
            SourceError: The backend cannot be reached, refuses, or answers something else.
        """
        return self.page(path, parameters)[0]

    def page(self, path: str, parameters: Parameters | None = None) -> tuple[object, HTTPMessage]:
        """Ask as ``get`` does; return the headers too."""
        query = urlencode(parameters or {})
        url = f"{self.address.url}{path}"
        body = query.encode() if len(query) > _LONGEST_GET else None
        request = Request(  # noqa: S310  # the scheme was checked
            url if body is not None or not query else f"{url}?{query}", data=body, headers=self._headers()
        )
        deadline = time.monotonic() + self._timeout_s
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return self._parsed(answer, self._read(answer, deadline)), answer.headers
        except HTTPError as error:
            with error:
                raise self._refusal(path, error) from None
        except TimeoutError:
            raise self._late() from None
        except (URLError, HTTPException, OSError) as error:
            raise self._unreachable(getattr(error, "reason", None) or error) from None

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "byline"}
        if ":" in self._token:
            # A bearer token has no colon; a user and a password have one between them.
            headers["Authorization"] = f"Basic {base64.b64encode(self._token.encode()).decode()}"
        elif self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._tenant:
            headers["X-Scope-OrgID"] = self._tenant
        return headers

    def _read(self, answer: HTTPResponse, deadline: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := answer.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > self._largest:
                raise SourceError(
                    f"{self.address.name} answers with more than {self._largest // 1_000_000:,} MB. "
                    "Ask for less: a shorter --since, or label matchers behind the URL."
                )
            if time.monotonic() > deadline:
                raise self._late()
        return b"".join(pieces)

    def _parsed(self, answer: HTTPResponse, body: bytes) -> object:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            kind = answer.headers.get_content_type()
            what = "a web page, perhaps to log in" if kind == "text/html" else f"{kind}, not with JSON"
            raise SourceError(
                f"{self.address.name} answers with {what}. Check the URL, which must lead to {self._title}'s API"
                f"{'' if self._token else f', and whether it needs a token in {self.address.variable}'}."
            ) from None

    def _refusal(self, path: str, error: HTTPError) -> SourceError:
        said = f"{self.address.name} answers {error.code} {error.reason}{self._detail(error)}."
        if error.code in {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        }:
            cure = "does not let you in: check" if self._token else "wants to know who asks: put a token into"
            return SourceError(f"{said} It {cure} {self.address.variable}.")
        if error.code in range(300, 400):
            to = urlsplit(error.headers.get("Location") or "")
            where = f"{to.scheme}://{to.netloc}" if to.netloc else "another page"
            return SourceError(
                f"{said} It redirects to {where}, as for a login. Use the address it has behind that, "
                f"with a token in {self.address.variable}."
            )
        if error.code == HTTPStatus.NOT_FOUND:
            return Missing(f"{said} It has no {path}: check the path in the URL.")
        if error.code in {
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
            HTTPStatus.GATEWAY_TIMEOUT,
        }:
            return SourceError(f"{said} Try again later, or ask for less: a shorter --since.")
        return SourceError(said)

    def _detail(self, error: HTTPError) -> str:
        """Return what the server says about it, without the token, should it repeat that."""
        try:
            text = error.read(100_000).decode("utf-8", "replace")
        except OSError:
            return ""
        if error.headers.get_content_type() == "text/html":
            return ""
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            told = text
        if isinstance(told, dict):
            told = told.get("error") or told.get("detail") or told.get("message") or ""
        detail = " ".join(str(told).split())
        if self._token:
            detail = detail.replace(self._token, "…")
        return f": {detail[:_DETAIL_LIMIT].rstrip('.')}" if detail else ""

    def _late(self) -> SourceError:
        return SourceError(
            f"{self.address.name} did not answer within {self._timeout_s:g} s. Ask for less: a shorter --since, "
            "or label matchers behind the URL."
        )

    def _unreachable(self, reason: object) -> SourceError:
        if isinstance(reason, TimeoutError):
            return self._late()
        if isinstance(reason, ssl.SSLCertVerificationError):
            return SourceError(
                f"{self.address.name} cannot be trusted: {reason.verify_message}. "
                "If its certificate is your own authority's, name that in SSL_CERT_FILE."
            )
        if isinstance(reason, ssl.SSLError):
            return SourceError(
                f"{self.address.name} does not speak TLS as it should: {reason.reason or reason}. Is it http?"
            )
        return SourceError(f"{self.address.name} cannot be reached: {reason}. Check the URL.")


def listed(value: object) -> Sequence[object]:
    """Return a list; nothing of what is none."""
    return value if isinstance(value, list) else ()


def field(value: object, *names: str) -> object:
    """Return what lies behind some keys; None where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
