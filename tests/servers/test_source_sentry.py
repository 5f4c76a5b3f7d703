"""What a program tells its store and, by sentry-sdk, a real Bugsink: the desk's answers agree; and Sentry's own API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from .. import threads
from . import issue_server, serving
from .test_examples import CLAUDE, CURSOR, with_history
from .test_sentry import WITH_INTEGRATION, reporting

pytestmark = pytest.mark.server

PROGRAM = """
import discounts
import flask
import shipping

for _ in range(3):
    try:
        discounts.per_item(12.0, 0)
    except ZeroDivisionError:
        pass
with flask.Flask("shop").test_request_context():
    try:
        shipping.quote("atlantis")
    except KeyError:
        pass
"""


class Shop(NamedTuple):
    """A program's folder and store, and where it reported to."""

    folder: Path
    store: Path
    server: issue_server.Bugsink
    project: int
    shas: dict[str, str]

    def ask(self, *words: str, url: str = "", **variables: str) -> dict[str, Any]:
        """Ask the server."""
        variables = {"SENTRY_AUTH_TOKEN": self.server._token, **variables}
        return serving.answer(
            self.folder, *words, "--json", "--source", f"sentry={url or self.server.url}", **variables
        )

    def exact(self, *words: str) -> dict[str, Any]:
        """Ask the store."""
        return serving.answer(self.folder, *words, "--json", "--store", str(self.store))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop that ran once, and failed."""
    folder = tmp_path_factory.mktemp("shop")
    with issue_server.running(tmp_path_factory.mktemp("bugsink")) as server:
        project, dsn = server.project("shop")
        shas = with_history("flask_shop", folder / "shop")
        serving.byline(folder / "shop", "scan")
        (folder / "shop" / "count.py").write_text(PROGRAM)
        variables = reporting(folder / "start", dsn, WITH_INTEGRATION)
        done = subprocess.run(
            [sys.executable, "-m", "byline", "run", "--store", str(folder / "byline.db"), "count.py"],
            cwd=folder / "shop", env=serving.clean_environment(**variables), capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert 0 == done.returncode, done.stderr
        server.issues(project, 2)
        yield Shop(folder / "shop", folder / "byline.db", server, project, shas)


def essence(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Take from an answer what events have too."""
    return sorted(
        (each["commit"], each["tool"], each["count"], *each["error_types"], *(one["function"] for one in each["functions"]),
         *((one["message"], one["path"], one["line"], one["pattern"]) for one in each["incidents"]))
        for each in answer["commits"]
    )  # fmt: skip


def test_incidents(shop):
    """
    As many incidents, of the same commits and at the same lines.
    """
    exact, told = shop.exact("incidents"), shop.ask("incidents")

    assert {shop.shas[CLAUDE], shop.shas[CURSOR]} == {each["commit"] for each in told["commits"]}
    assert essence(exact) == essence(told)
    assert {"calls and durations", "what wrote the functions themselves"} <= {
        each["subject"] for each in told["unverified"]
    }


def test_one_commit(shop):
    """
    Its first digits will do.
    """
    commit = shop.shas[CLAUDE][:8]

    assert essence(shop.exact("incidents", commit)) == essence(shop.ask("incidents", commit))


@pytest.mark.parametrize("how", ["whole", "dashes", "start", "last"])
def test_why(shop, how):
    """
    An event by its id, as Sentry writes it or by its first digits, and the last one: with its suspects and its frames.
    """
    issues = {each["calculated_type"]: each for each in shop.server.issues(shop.project, 2)}
    event = shop.server.event(issues["KeyError"]["id"])
    id_ = event["event_id"].replace("-", "")
    dashed = "-".join((id_[:8], id_[8:12], id_[12:16], id_[16:20], id_[20:]))
    told = shop.ask("why", *{"whole": [id_], "dashes": [dashed], "start": [id_[:7]], "last": []}[how])

    assert ("sentry", "KeyError", id_) == (
        told["source"],
        told["incident"]["error_type"],
        told["incident"]["id"],
    )
    assert shop.shas[CURSOR] == told["suspects"][0]["commit"]
    exact = shop.exact("why", id_)
    for name in ("commit", "reason", "path", "line", "subject", "tool", "confidence"):
        assert exact["suspects"][0][name] == told["suspects"][0][name], name
    assert exact["places"][0]["line"] == told["places"][0]["line"]
    assert told["places"][0]["is_ours"]


class SentryApi(ThreadingHTTPServer):
    """Stands in for Sentry, whose server cannot be had here: its documented API over events that a real SDK sent."""

    daemon_threads = True

    def __init__(self, issues: list[dict[str, Any]], events: dict[str, dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.issues, self.events = issues, events
        self.asked: list[tuple[str, dict[str, str]]] = []


class _Handler(BaseHTTPRequestHandler):
    server: SentryApi

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, asked))
        *_, kind, id_, events = [
            "",
            *parts.path.removeprefix("/api/0/organizations/acme").strip("/").split("/"),
            "",
            "",
        ][:4]
        if kind == "eventids" and id_ in self.server.events:
            self._answer(200, {"eventId": id_, "groupId": "7", "event": self.server.events[id_]})
        elif kind == "issues" and events:
            found = next((each for each in self.server.issues if each["id"] == id_), None)
            self._answer(200, [self.server.events[each] for each in found["events"]] if found else [])
        elif kind == "issues":
            # One issue a page.
            page = int(asked.get("cursor") or 0)
            more = page + 1 < len(self.server.issues)
            link = (
                f'<{self.server.url}{parts.path}?cursor=0>; rel="previous"; results="false"; cursor="0", '
                f'<{self.server.url}{parts.path}?cursor={page + 1}>; rel="next"; results="{str(more).lower()}"; cursor="{page + 1}"'
            )
            self._answer(200, self.server.issues[page : page + 1], Link=link)
        else:
            self._answer(404, {"detail": "The requested resource does not exist"})

    def _answer(self, status: int, told: object, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""


def as_sentry_has_it(event: dict[str, Any]) -> dict[str, Any]:
    """Put what an SDK sent into the form that Sentry's documentation shows."""
    values = [
        {
            **value,
            "stacktrace": {
                "frames": [
                    {
                        "filename": frame.get("filename"), "absPath": frame.get("abs_path"),
                        "function": frame.get("function"), "lineNo": frame.get("lineno"), "inApp": frame.get("in_app"),
                        "context": [[frame.get("lineno"), frame.get("context_line")]],
                    }
                    for frame in value["stacktrace"]["frames"]
                ]
            },
        }
        for value in event["exception"]["values"]
    ]  # fmt: skip
    return {
        "eventID": event["event_id"].replace("-", ""),
        "dateCreated": event["timestamp"],
        "tags": [{"key": name, "value": value} for name, value in event["tags"].items()],
        "contexts": event["contexts"],
        "entries": [{"type": "message", "data": {}}, {"type": "exception", "data": {"values": values}}],
    }


@contextmanager
def sentry_of(shop: Shop) -> Iterator[SentryApi]:
    """Run it with the events that the Bugsink has."""
    issues, events = [], {}
    for number, issue in enumerate(shop.server.issues(shop.project, 2)):
        listed = shop.server.api("events/", issue=issue["id"])["results"]
        stored = [as_sentry_has_it(shop.server.api(f"events/{each['id']}/")["data"]) for each in listed]
        events |= {each["eventID"]: each for each in stored}
        issues.append(
            {"id": str(number), "count": str(len(stored)), "events": [each["eventID"] for each in stored]}
        )
    with threads.serving(SentryApi(issues, events)) as server:
        yield server


def test_sentrys_own_api(shop):
    """
    The same answers from the same events in the form that Sentry documents, issue by issue and by an event's id.
    """
    with sentry_of(shop) as server:
        told = shop.ask(
            "incidents", "--since", "48h", url=server.url, SENTRY_ORG="acme", SENTRY_PROJECT="shop"
        )
        first = server.asked[0]
        id_ = next(iter(server.events))
        why = shop.ask("why", id_, url=server.url, SENTRY_ORG="acme")

    assert essence(shop.exact("incidents")) == essence(told)
    assert id_ == why["incident"]["id"]
    assert why["suspects"][0]["commit"] in shop.shas.values()
    assert "/api/0/organizations/acme/issues/" == first[0]
    assert "has:byline.commit project:[shop]" == first[1]["query"]
    assert first[1]["start"] < first[1]["end"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "SENTRY_ORG is not set"),
        ({"SENTRY_ORG": "nobody"}, "It has no /api/0/organizations/nobody/issues/"),
    ],
    ids=["no organization", "another organization"],
)
def test_which_organization(shop, variables, said):
    """
    Sentry has organizations, and a token may see several.
    """
    with sentry_of(shop) as server:
        done = serving.asked(shop.folder, "incidents", "--source", f"sentry={server.url}", **variables)

    assert (2, True) == (done.exit_code, said in done.output), done.output


def test_no_token(shop):
    """
    It says which variable is missing.
    """
    done = serving.asked(shop.folder, "incidents", "--source", f"sentry={shop.server.url}")

    assert (2, True) == (done.exit_code, "SENTRY_AUTH_TOKEN" in done.output), done.output
