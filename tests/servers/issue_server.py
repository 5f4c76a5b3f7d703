"""A real Bugsink: a server that speaks Sentry's protocol, from an environment of its own that `nox -s servers` makes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import serving
from .programs import ROOT

HOME = ROOT / ".build" / "bugsink"
TEMPLATE = ROOT / ".build" / "bugsink-template"
"""Databases with all tables: to make them takes longer than everything else."""

USER, PASSWORD = "ci@example.org", "for-this-run-only"  # of a server that ends with the tests


class Bugsink:
    """A running server."""

    def __init__(self, folder: Path, port: int, token: str) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._token = token

    def api(self, path: str, body: dict[str, object] | None = None, **query: object) -> Any:
        """Ask the server's own API; with a body, make something."""
        address = f"{self.url}/api/canonical/0/{path}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(  # noqa: S310  # our own server
            address,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
            return json.load(answer)

    def project(self, name: str) -> tuple[int, str]:
        """Make a project; return its id and its DSN."""
        teams = self.api("teams/")["results"] or [self.api("teams/", {"name": "shop"})]
        made = self.api("projects/", {"team": teams[0]["id"], "name": name})
        found = self.api(f"projects/{made['id']}/")
        return found["id"], found["dsn"]

    def issues(self, project: int, number: int) -> list[dict[str, Any]]:
        """Wait for a number of issues, and a moment for more; return them."""
        end = time.monotonic() + serving.STOP_TIMEOUT_S
        while True:
            found: list[dict[str, Any]] = self.api("issues/", project=project)["results"]
            if len(found) >= number or time.monotonic() > end:
                return found
            time.sleep(0.1)

    def event(self, issue: str) -> dict[str, Any]:
        """Return what was stored of an issue's newest event."""
        newest = self.api("events/", issue=issue)["results"][0]
        stored: dict[str, Any] = self.api(f"events/{newest['id']}/")["data"]
        return stored


def _environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "BUGSINK_FOLDER": str(folder),
        "BUGSINK_PORT": str(port),
        "DJANGO_SETTINGS_MODULE": "bugsink_conf",
        "PYTHONPATH": str(folder),
        "CREATE_SUPERUSER": f"{USER}:{PASSWORD}",
    }


def _with_settings(folder: Path) -> Path:
    """Put the settings where the server finds them, and none of the modules here."""
    shutil.copy(Path(__file__).with_name("bugsink_conf.py"), folder)
    return folder


def _manage(folder: Path, port: int, *words: str) -> str:
    done = subprocess.run(
        [str(HOME / "bin" / "bugsink-manage"), *words],
        cwd=folder, env=serving.clean_environment(**_environment(folder, port)), capture_output=True, text=True,
        check=False, timeout=110,
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout.strip()


def _make_template(port: int) -> None:
    shutil.rmtree(TEMPLATE, ignore_errors=True)
    unfinished = TEMPLATE.with_name(f"{TEMPLATE.name}-{os.getpid()}")
    unfinished.mkdir(parents=True)
    _with_settings(unfinished)
    _manage(unfinished, port, "migrate", "--no-input")
    _manage(unfinished, port, "migrate", "--database=snappea", "--no-input")
    unfinished.rename(TEMPLATE)


@contextmanager
def running(folder: Path) -> Iterator[Bugsink]:
    """Run a new server, with a user and without projects, for the length of a block."""
    assert HOME.is_dir(), (
        f"{HOME} is not here. Run make servers, which installs tests/servers/bugsink.txt there"
    )
    port = serving.free_port()
    if not TEMPLATE.is_dir():
        _make_template(port)
    shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True)
    _with_settings(folder)
    _manage(folder, port, "prestart")
    token = _manage(folder, port, "create_auth_token").splitlines()[-1]
    words = [
        str(HOME / "bin" / "gunicorn"), f"--bind=127.0.0.1:{port}", "--workers=1", "--threads=4",
        "--graceful-timeout=1", "bugsink.wsgi",
    ]  # fmt: skip
    with serving.running(words, folder, **_environment(folder, port)) as process:
        process.listens(port)
        yield Bugsink(folder, port, token)
