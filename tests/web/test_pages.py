"""The pages over real HTTP: who may ask, what is shown, and that nothing stored can act."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from byline._model import Attribution, ExecutedLines, Incident, Suspect
from byline._store import sketches
from byline.store import Calls, FunctionSeen, Store

WROTE, CHANGED = "a" * 40, "b" * 40
HOSTILE = "<script>alert(1)</script>\x1b[31m' onerror=alert(2) \u202e"
NOW_NS = time.time_ns()
HOUR_NS = 3_600 * 10**9


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: dict[str, str]
    text: str


class Site:
    """A running ``byline serve``."""

    def __init__(self, address: str) -> None:
        self._host, self._port = re.fullmatch(r"http://([\d.]+):(\d+)/", address).groups()

    def ask(self, path: str = "/", method: str = "GET", **headers: str) -> Answer:
        """Send one request, with the headers as they are."""
        connection = http.client.HTTPConnection(self._host, int(self._port), timeout=20)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)


def fill(store: Store) -> str:
    """Write a function that got slower, and a failure with a hostile message; return the incident's id."""
    store.add_functions([
        FunctionSeen("shop.cart.total", WROTE, version, "shop/cart.py", 3, "Ana", "claude", ai_lines=4, lines=5,
                     first_seen_ns=NOW_NS - hours * HOUR_NS, last_seen_ns=NOW_NS)
        for version, hours in ((WROTE, 30), (CHANGED, 5))
    ])  # fmt: skip
    store.add_latency(
        Calls("shop.cart.total", WROTE, version, "", NOW_NS - hours * HOUR_NS, sketches.of([seconds] * 50))
        for version, seconds, ago in ((WROTE, 0.01, range(6, 29)), (CHANGED, 0.04, range(1, 5)))
        for hours in ago
    )
    suspect = Suspect(
        CHANGED, "AI line that raised", "shop.cart.total", "shop/cart.py", 4, 0, "ai", "medium", "Ana", "claude",
        evidence="trailer", subject="Count <b>everything</b>",
    )  # fmt: skip
    store.add_incidents([
        Incident("0123456789ab", NOW_NS - HOUR_NS, "shop.cart.total", "ValueError", HOSTILE, "", "shop/cart.py", 4,
                 "f1", Attribution("ai", "medium", "ok", WROTE, CHANGED, "Ana", "claude"), (suspect,),
                 pattern="edge-case", certainty="medium")
    ])  # fmt: skip
    ran = ExecutedLines(
        "shop.cart.total", "shop/cart.py", 3, WROTE, CHANGED, lines=(1, 2, 3, 4), ai=(1, 2, 3), run=(1, 2),
        handlers=(3,), handlers_run=(),
    )  # fmt: skip
    store.add(executed=[ran])
    return "0123456789ab"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a store."""
    folder = tmp_path_factory.mktemp("web")
    with Store.open(folder / "byline.db", create=True) as store:
        fill(store)
    return folder


@pytest.fixture(scope="module")
def site(folder) -> Iterator[Site]:
    """The command, as a user starts it."""
    words = [sys.executable, "-m", "byline", "serve", "--port", "0", "--store", str(folder / "byline.db")]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)
    said = process.stdout.readline()
    address = re.search(r"http://\S+", said)
    assert address, said
    for _ in range(100):
        try:
            Site(address[0]).ask()
            break
        except ConnectionError:
            time.sleep(0.1)
    yield Site(address[0])
    process.send_signal(signal.SIGINT)
    assert 0 == process.wait(10)
    process.stdout.close()


PAGES = ("/", f"/commit/{CHANGED}", "/commit/bbbb", "/function/shop.cart.total", "/incident/0123456789ab")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers(site, path):
    """
    Each page is there, with a title and one main heading.
    """
    answer = site.ask(path)

    assert 200 == answer.status, answer.text
    assert re.search(r"<title>.+ · byline</title>", answer.text)
    assert 1 == answer.text.count("<h1>")


def test_overview_says_what_failed(site):
    """
    The first page leads to the commit that is suspected and to the failure.
    """
    text = site.ask().text

    assert f'href="/commit/{CHANGED}"' in text
    assert 'href="/incident/0123456789ab"' in text
    assert "1 incident" in text


def test_an_incident_page_tells_the_pattern(site):
    """
    What the failure is a sign of, and how certain that is.
    """
    assert "a sign of edge-case, medium certainty" in site.ask("/incident/0123456789ab").text


def test_commit_page_tells_which_lines_ran(site):
    """
    AI lines and error handlers that never ran are on the page of their commit.
    """
    text = site.ask(f"/commit/{CHANGED}").text

    assert "2 AI lines of 3 ran" in text
    assert "1 error handler of 1 never did" in text
    assert "never handled at line 6" in text


def test_function_page_has_both_versions(site):
    """
    P95 before and after stand side by side.
    """
    text = site.ask("/function/shop.cart.total").text

    assert "40 ms" in text
    assert "10 ms" in text


@pytest.mark.parametrize("path", PAGES)
def test_what_is_stored_cannot_act(site, path):
    """
    Messages and subjects are text: no element, no control character, no mark that reorders.
    """
    text = site.ask(path).text

    assert "<script>alert" not in text
    assert "<b>everything" not in text
    assert not set(text) & {"\x1b", "\u202e"}
    assert re.findall(r"<script[^>]*>", text) == ['<script src="/static/live.js" defer>']


@pytest.mark.parametrize("path", [*PAGES, "/static/style.css", "/picture/incidents.svg", "/nothing"])
def test_headers(site, path):
    """
    A browser runs nothing but our own file, loads nothing from elsewhere, and keeps nothing.
    """
    headers = site.ask(path).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy or path.endswith(".svg")
    assert ("nosniff", "no-referrer", "no-store") == (
        headers["x-content-type-options"], headers["referrer-policy"], headers["cache-control"],
    )  # fmt: skip
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8765", "", "[::2]:80"]
)
def test_other_names_are_refused(site, host):
    """
    Whoever asks under another name is told nothing.
    """
    answer = site.ask(Host=host)

    assert answer.status in (400, 421)
    assert "shop.cart" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "[::1]:8765", "LOCALHOST"])
def test_names_of_this_machine(site, host):
    """
    Under this machine's own names the pages answer, also through a forwarded port.
    """
    assert 200 == site.ask(Host=host).status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_reading(site, method):
    """
    Nothing can be sent.
    """
    assert 405 == site.ask(method=method).status


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/commit/zz", "is not a commit"),
        ("/commit/ffff", "names no commit"),
        ("/incident/ffff", "No incident has an id"),
        ("/function/shop.none", "knows no function"),
        ("/nothing", "There is no page"),
        ("/static/../app.py", "There is no page"),
        ("/function/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "There is no page"),
    ],
)
def test_what_is_not_there(site, path, told):
    """
    A page that says so, status 404.
    """
    answer = site.ask(path)

    assert 404 == answer.status
    assert told in answer.text
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "path", ["incidents.svg", "latency/shop.cart.total.svg", "distribution/shop.cart.total.svg"]
)
def test_pictures(site, path):
    """
    Pictures are SVG that needs nothing from elsewhere.
    """
    answer = site.ask(f"/picture/{path}")

    assert (200, "image/svg+xml") == (answer.status, answer.headers["content-type"])
    assert "<svg" in answer.text
    assert not re.findall(r"""(?:href|src)=["']https?:""", answer.text)


def test_a_page_is_up_to_date(site, folder):
    """
    What is written while the pages are open is there at the next look.
    """
    with Store.open(folder / "byline.db") as store:
        store.add_incidents([
            Incident("fedcba987654", NOW_NS, "shop.cart.total", "LateError", "", "", "shop/cart.py", 4, "f2",
                     Attribution("ai", "medium", "ok", WROTE, CHANGED))
        ])  # fmt: skip

    assert "LateError" in site.ask("/function/shop.cart.total").text


def test_a_taken_port(site, folder):
    """
    A port that somebody has is one sentence and status 2.
    """
    port = site._port
    done = subprocess.run(
        [sys.executable, "-m", "byline", "serve", "--port", port, "--store", str(folder / "byline.db")],
        cwd=folder, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip

    assert 2 == done.returncode
    assert f"Cannot listen on port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_open_shows_the_first_page(folder, tmp_path):
    """
    ``--open`` hands the address to the desktop's opener.
    """
    opener, opened = tmp_path / "xdg-open", tmp_path / "opened"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    opener.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-m", "byline", "serve", "--port", "0", "--open", "--store", str(folder / "byline.db")],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        said = process.stdout.readline()
        for _ in range(300):
            if opened.exists():
                break
            time.sleep(0.1)
        process.terminate()

    assert f" at {opened.read_text()} " in said


def test_no_store(tmp_path):
    """
    Without a store there is nothing to serve, and that is said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "byline", "serve", "--port", "0"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip

    assert 2 == done.returncode
    assert "byline run" in done.stderr
