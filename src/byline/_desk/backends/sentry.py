"""A Sentry, or a Bugsink, as a source of incidents: the events that ``byline.sentry`` has written commits on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import parse_qs, quote, urlsplit

from ..._model import Incident
from ...exceptions import ConfigError
from .collected import Collected, Filters
from .http import Client, Missing, field, listed
from .sentry_event import incident_of, time_ns_of

PER_ISSUE = 100
"""Events of an issue that are read, the newest; of the others only the number."""

PER_ISSUE_SINGLY = 10
"""The same where each event is a question of its own."""

_NEXT = re.compile(r'rel="next";\s*results="true";\s*cursor="([^"]*)"')
_FULL_ID = 32


class _Server(Collected):
    """What both have in common."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.address)
        self._client = client
        self._projects = tuple(filter(None, os.environ.get("SENTRY_PROJECT", "").split(",")))

    def _incidents(self, wanted: Filters, since: datetime, until: datetime, limit: int) -> Iterator[Incident]:
        self._lacks("what wrote the functions themselves", "an event names its suspects only", "ask a store")
        return islice(self._found(wanted, since, until), limit)

    def _found(self, wanted: Filters, since: datetime, until: datetime) -> Iterator[Incident]:
        raise NotImplementedError

    def _kind(self, events: Iterable[object], issue: str, more: int) -> Iterator[Incident]:
        """Yield the incidents of an issue; the newest stands for those that are not read."""
        for event in events:
            incident = incident_of(event, issue)
            if incident is not None:
                yield replace(incident, suppressed=more) if more else incident
                more = 0


class Sentry(_Server):
    """Sentry's web API, by its documentation."""

    def __init__(self, client: Client, organization: str) -> None:
        super().__init__(client)
        self._root = f"/api/0/organizations/{quote(organization, safe='')}"

    def _found(self, wanted: Filters, since: datetime, until: datetime) -> Iterator[Incident]:
        event_id = str(wanted.get("sentry_event_id") or wanted.get("id") or "").replace("-", "")
        if len(event_id) == _FULL_ID:
            try:
                told = self._client.get(f"{self._root}/eventids/{quote(event_id, safe='')}/")
            except Missing:
                return
            yield from self._kind([field(told, "event")], str(field(told, "groupId") or ""), 0)
            return
        window = {"start": _iso(since), "end": _iso(until)}
        if "fingerprint" in wanted:
            yield from self._of_issue(str(wanted["fingerprint"]), window, 0)
            return
        query: dict[str, str | int] = {"query": self._query(wanted), "sort": "date", "limit": 100, **window}
        for issue in self._pages(f"{self._root}/issues/", query):
            yield from self._of_issue(str(field(issue, "id") or ""), window, _whole(field(issue, "count")))

    def _of_issue(self, issue: str, window: dict[str, str], count: int) -> Iterator[Incident]:
        path = f"{self._root}/issues/{quote(issue, safe='')}/events/"
        try:
            events = listed(self._client.get(path, {"full": "true", "per_page": PER_ISSUE, **window}))
        except Missing:
            return
        yield from self._kind(events, issue, max(0, count - len(events)) if len(events) >= PER_ISSUE else 0)

    def _query(self, wanted: Filters) -> str:
        """Return what narrows the issues down; the copy is asked for the rest."""
        commit = wanted.get("commit")
        parts = [f"byline.commit:{commit}*" if commit else "has:byline.commit"]
        parts += [f"trace:{wanted['trace_id']}"] if "trace_id" in wanted else []
        parts += [f"project:[{', '.join(self._projects)}]"] if self._projects else []
        return " ".join(parts)

    def _pages(self, path: str, query: dict[str, str | int]) -> Iterator[object]:
        while True:
            told, headers = self._client.page(path, query)
            yield from listed(told)
            following = _NEXT.search(headers.get("Link") or "")
            if following is None:
                return
            query = {**query, "cursor": following[1]}


class Bugsink(_Server):
    """Bugsink's own API, which has no search: issues are read from the one that came last on."""

    ROOT = "/api/canonical/0"

    def _found(self, wanted: Filters, since: datetime, until: datetime) -> Iterator[Incident]:
        event_id = str(wanted.get("sentry_event_id") or wanted.get("id") or "").replace("-", "")
        for issue in self._issues(str(wanted.get("fingerprint", "")), since):
            events = [
                each
                for each in self._pages("/events/", {"issue": str(field(issue, "id")), "order": "desc"})
                if since <= _moment(field(each, "timestamp")) <= until
                and _plain(field(each, "event_id")).startswith(event_id)
            ]
            read = events[:PER_ISSUE_SINGLY]
            stored = (
                field(self._client.get(f"{self.ROOT}/events/{field(each, 'id')}/"), "data") for each in read
            )
            yield from self._kind(stored, str(field(issue, "id")), len(events) - len(read))

    def _issues(self, only: str, since: datetime) -> Iterator[object]:
        for project in self._pages("/projects/", {}):
            names = {str(field(project, name)) for name in ("id", "name", "slug")}
            if self._projects and names.isdisjoint(self._projects):
                continue
            query = {"project": str(field(project, "id")), "sort": "last_seen", "order": "desc"}
            for issue in self._pages("/issues/", query):
                if _moment(field(issue, "last_seen")) < since:
                    break
                if not only or field(issue, "id") == only:
                    yield issue

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[object]:
        while True:
            told = self._client.get(f"{self.ROOT}{path}", query)
            yield from listed(field(told, "results"))
            following = parse_qs(urlsplit(str(field(told, "next") or "")).query).get("cursor")
            if not following:
                return
            query = {**query, "cursor": following[0]}


def opened(client: Client) -> Collected:
    """
    Open a Sentry, or a Bugsink, which has no organizations.

    Raises:
        ConfigError: ``SENTRY_ORG`` is not set, and it is no Bugsink.
    """
    organization = os.environ.get("SENTRY_ORG", "")
    if organization:
        return Sentry(client, organization)
    try:
        client.get(f"{Bugsink.ROOT}/projects/")
    except Missing:
        raise ConfigError(
            f"SENTRY_ORG is not set. {client.address.name} needs it to be asked for events."
        ) from None
    return Bugsink(client)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: object) -> datetime:
    return datetime.fromtimestamp(time_ns_of(str(text)) / 1e9, UTC)


def _plain(event_id: object) -> str:
    return str(event_id).replace("-", "")


def _whole(text: object) -> int:
    return int(str(text)) if str(text).isdecimal() else 0
