"""The commits of a release as Sentry's API takes them; made of the manifest, without git and without the SDK."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .._config import AuthorForm
from .._manifest import Manifest
from .._telemetry.attributes import author as written
from ..exceptions import ConfigError, SentryError

TIMEOUT_S = 30
LIMIT = 1_000
"""Commits that are sent at once; the newest ones."""

_DETAIL_LIMIT = 300
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True, slots=True)
class ReleaseCommit:
    """One commit of a release."""

    sha: str
    subject: str
    committed_at: int
    author: str
    """In the form that ``BYLINE_AUTHOR`` asks for."""

    email: str
    """Only where people appear by their address."""

    tool: str
    """Of the functions that are attributed to it; empty without any."""

    functions: int
    """How many AI functions are attributed to it."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a release goes."""

    url: str
    organization: str
    projects: tuple[str, ...]
    token: str

    def __post_init__(self) -> None:
        """Refuse what cannot work, by the name of its variable."""
        for name, value in (
            ("SENTRY_AUTH_TOKEN", self.token),
            ("SENTRY_ORG", self.organization),
            ("SENTRY_PROJECT", "".join(self.projects)),
        ):
            if not value:
                raise ConfigError(f"{name} is not set. byline sentry commits --send needs it.")
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ConfigError(f"SENTRY_URL={self.url!r} is not a web address.")
        if not (self.token.isascii() and self.token.isprintable()):
            raise ConfigError("SENTRY_AUTH_TOKEN holds characters that no token has.")


def commits_of(
    manifest: Manifest, *, form: AuthorForm, since: timedelta | None = None, now: datetime | None = None
) -> list[ReleaseCommit]:
    """
    List the commits that a manifest names, newest first.

    Args:
        form: How people appear.
        since: Leave out what is older.
        now: The present, for ``since``.
    """
    functions: Counter[str] = Counter()
    tools: dict[str, str] = {}
    for file in manifest.files():
        for _, who in file.functions():
            if who.verdict == "ai" and who.commit:
                functions[who.commit] += 1
                tools.setdefault(who.commit, who.tool)
    oldest = ((now or datetime.now(UTC)) - since).timestamp() if since is not None else 0
    found = []
    for commit in manifest.commits():
        if commit.committed_at < oldest:
            continue
        recorded = commit.accountable or commit.author
        told = written(recorded, form)
        email = told if form == "email" and "@" in told else ""
        name = written(recorded, "name") if email else told
        found.append(
            ReleaseCommit(
                commit.sha, commit.subject, commit.committed_at, name, email,
                tools.get(commit.sha, ""), functions[commit.sha],
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: (-each.committed_at, each.sha))


def body_of(
    version: str, projects: Iterable[str], commits: Iterable[ReleaseCommit], repository: str
) -> dict[str, object]:
    """Return the body of the request that makes or completes a release."""
    name = urlsplit(repository).path.strip("/").removesuffix(".git")
    return {
        "version": version,
        "projects": list(projects),
        "commits": [_row(each, name) for each in commits],
    }


def _row(commit: ReleaseCommit, repository: str) -> dict[str, str]:
    found = {
        "id": commit.sha,
        "message": commit.subject,
        "author_name": commit.author,
        "author_email": commit.email,
        "timestamp": datetime.fromtimestamp(commit.committed_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "repository": repository,
    }
    return {key: value for key, value in found.items() if value}


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would carry the token to another server, and turn the request into another one."""

    def redirect_request(  # noqa: PLR0913, PLR0917  # the base class has it so
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow none."""


def send(destination: Destination, body: Mapping[str, object]) -> None:
    """
    Make or complete a release on a server.

    Raises:
        SentryError: The server cannot be reached, or refuses.
    """
    address = f"{destination.url.rstrip('/')}/api/0/organizations/{quote(destination.organization, safe='')}/releases/"
    request = Request(  # noqa: S310  # the scheme was checked
        address,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {destination.token}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        with build_opener(_NoRedirects).open(request, timeout=TIMEOUT_S):
            return
    except HTTPError as error:
        with error:
            raise SentryError(_refusal(address, error)) from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise SentryError(f"{address!r} cannot be reached: {reason}. Check SENTRY_URL.") from None


def _refusal(address: str, error: HTTPError) -> str:
    try:
        detail = error.read(_DETAIL_LIMIT).decode("utf-8", "replace").strip()
    except OSError:
        detail = ""
    said = f"{address!r} answered {error.code} {error.reason}{f': {detail}' if detail else ''}."
    if error.code in _REFUSED:
        return f"{said} SENTRY_AUTH_TOKEN needs the scope project:releases or org:ci."
    if error.code == HTTPStatus.NOT_FOUND:
        return f"{said} Check SENTRY_URL and SENTRY_ORG."
    if error.code in range(300, 400):
        return f"{said} Set SENTRY_URL to where it redirects, {error.headers.get('Location')!r}."
    return said
