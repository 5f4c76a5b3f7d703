"""``byline sentry commits``: what it prints, and what a real HTTP server gets from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ..repositories import RepositoryFactory

CLAUDE = "Add totals (#7)\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
TOTAL = "def total(items):\n    amount = sum(items)\n    return amount\n"
TOKEN = "sntrys_secret"  # noqa: S105  # nobody's


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A repository with a manifest, and its commits."""
    repo = RepositoryFactory(tmp_path_factory.mktemp("shop"))
    repo.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    repo.commit({"README.md": "A shop\n"}, message="Start")
    first = repo.commit({"cart.py": TOTAL}, message=CLAUDE)
    second = repo.commit({"cart.py": TOTAL + "\n\ndef empty():\n    return []\n"}, message="Add [bold]empty")
    subprocess.run([sys.executable, "-m", "byline", "scan"], cwd=repo.path, check=True, capture_output=True)
    return repo.path, [first, second]


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BYLINE_", "SENTRY_"))}
    return subprocess.run(
        [sys.executable, "-m", "byline", "sentry", "commits", *words],
        cwd=folder, env={**clean, "COLUMNS": "200", **environment}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


class Recorder(ThreadingHTTPServer):
    """A server that answers every request with one status, and remembers what it got."""

    def __init__(self, status: int = 201, **headers: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.headers = status, headers
        self.got: list[tuple[str, str, str | None, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.command, self.path, self.headers["Authorization"], body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b'{"detail": "because"}')

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Any]:
    """Start servers, and stop them."""
    started = []

    def _serve(status: int = 201, **headers: str) -> Recorder:
        server = Recorder(status, **headers)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        started.append(server)
        return server

    yield _serve
    for server in started:
        server.shutdown()
        server.server_close()


def sending(server: Recorder, **more: str) -> dict[str, str]:
    return {
        "SENTRY_URL": server.url, "SENTRY_ORG": "acme", "SENTRY_PROJECT": "shop,till", "SENTRY_AUTH_TOKEN": TOKEN,
        **more,
    }  # fmt: skip


def test_for_people(shop):
    """
    Newest first, with the tool, and nothing in a subject is markup.
    """
    folder, (first, second) = shop
    done = run(folder)
    lines = done.stdout.splitlines()

    assert (0, "") == (done.returncode, done.stderr)
    assert f"Release {second}: 2 commits" == lines[0]
    assert [f"{second[:10]}  Add [bold]empty", f"{first[:10]}  Add totals (#7)"] == lines[1::2]
    assert "2023-11-14 22:14:20 UTC · 1 function by claude" in lines[4]


def test_for_programs(shop):
    """
    ``--json`` prints what ``--send`` would send.
    """
    folder, (first, second) = shop
    told = json.loads(run(folder, "--json", "--release", "shop@1").stdout)

    assert {"version": "shop@1", "projects": [], "commits": told["commits"]} == told
    assert [second, first] == [each["id"] for each in told["commits"]]
    assert {
        "id": first,
        "message": "Add totals (#7)",
        "author_name": "Ada Lovelace",
        "timestamp": "2023-11-14T22:14:20Z",
        "repository": "acme/shop",
    } == told["commits"][1]


@pytest.mark.parametrize("form", ["off", "hash", "name"], ids=str)
def test_people(shop, form):
    """
    They appear as BYLINE_AUTHOR says.
    """
    folder, _ = shop
    told = json.loads(run(folder, "--json", BYLINE_AUTHOR=form).stdout)
    name = told["commits"][0].get("author_name")

    assert (form == "off") == (name is None)
    assert (name == "Ada Lovelace") == (form == "name")


def test_since(shop):
    """
    Old commits are left out.
    """
    folder, _ = shop
    assert [] == json.loads(run(folder, "--json", "--since", "1d").stdout)["commits"]


def test_send(shop, serve):
    """
    One request makes or completes the release, with the token in its header and nowhere else.
    """
    folder, (first, second) = shop
    server = serve()
    done = run(folder, "--send", **sending(server))

    assert (0, "") == (done.returncode, done.stdout)
    assert f"Sent 2 commits of release {second} to {server.url}\n" == done.stderr
    ((method, path, authorization, body),) = server.got
    assert ("POST", "/api/0/organizations/acme/releases/", f"Bearer {TOKEN}") == (method, path, authorization)
    assert (second, ["shop", "till"]) == (body["version"], body["projects"])
    assert [second, first] == [each["id"] for each in body["commits"]]


@pytest.mark.parametrize(
    ("status", "headers", "cure"),
    [
        (401, {}, "needs the scope project:releases or org:ci"),
        (404, {}, "Check SENTRY_URL and SENTRY_ORG"),
        (307, {"Location": "http://elsewhere.example/"}, "Set SENTRY_URL to where it redirects"),
        (500, {}, "because"),
    ],
    ids=str,
)
def test_refusals(shop, serve, status, headers, cure):
    """
    One sentence with the server's answer and what to do; the token is never printed, nor sent to another server.
    """
    folder, _ = shop
    server = serve(status, **headers)
    done = run(folder, "--send", **sending(server))

    assert (2, "") == (done.returncode, done.stdout)
    assert f"answered {status}" in done.stderr
    assert cure in done.stderr
    assert 1 == len(done.stderr.splitlines())
    assert TOKEN not in done.stderr
    assert 1 == len(server.got)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SENTRY_AUTH_TOKEN": ""}, "SENTRY_AUTH_TOKEN is not set"),
        ({"SENTRY_AUTH_TOKEN": "a\nb"}, "SENTRY_AUTH_TOKEN holds characters"),
        ({"SENTRY_ORG": ""}, "SENTRY_ORG is not set"),
        ({"SENTRY_PROJECT": ""}, "SENTRY_PROJECT is not set"),
        ({"SENTRY_URL": "file:///etc/passwd"}, "SENTRY_URL='file:///etc/passwd' is not a web address"),
        ({"SENTRY_URL": "http://127.0.0.1:1"}, "cannot be reached"),
    ],
    ids=str,
)
def test_wrong_settings(shop, serve, wrong, said):
    """
    Each is one sentence, and nothing is sent.
    """
    folder, _ = shop
    server = serve()
    done = run(folder, "--send", **sending(server, **wrong))

    assert 2 == done.returncode
    assert said in done.stderr
    assert [] == server.got


def test_no_manifest(tmp_path):
    """
    One sentence that says how to make one.
    """
    done = run(tmp_path)
    assert (2, "") == (done.returncode, done.stdout)
    assert "byline scan" in done.stderr
