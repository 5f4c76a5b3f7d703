"""Server and worker processes for tests: started as users start them, ended as an orchestrator ends them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from byline._cli.main import main
from byline.store import Store

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15
SCRIPTS = Path(sys.executable).parent
EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def clean_environment(**variables: str) -> dict[str, str]:
    """Return the environment without byline's and OpenTelemetry's settings, and with this Python's programs."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("BYLINE_", "OTEL_", "GIT_"))
    }
    return {**inherited, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", **variables}


def byline(folder: Path, *words: str) -> str:
    """Run a byline command; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "byline", *words],
        cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def asked(folder: Path, *words: str, **variables: str) -> Result:
    """Give a command of byline's desk in this process, which takes no time to start; return what came of it."""
    unset = {name: None for name in os.environ if name.startswith(("BYLINE_", "OTEL_", "SENTRY_"))}
    with chdir(folder):
        return CliRunner().invoke(main, words, env={**unset, **variables})


def answer(folder: Path, *words: str, **variables: str) -> Any:
    """Do the same for an answer in JSON."""
    done = asked(folder, *words, **variables)
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A process with all its output in a file, in a process group of its own."""

    def __init__(self, words: list[str], folder: Path, **variables: str) -> None:
        self.log = folder / f"server-{time.monotonic_ns()}.log"
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                words,
                cwd=folder, env=clean_environment(**variables), stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """Return its output so far."""
        return self.log.read_text(errors="replace")

    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        return self._process.poll() is None

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until it has said something, so many times."""
        end = time.monotonic() + START_TIMEOUT_S
        while self.said().count(text) < times:
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def listens(self, port: int) -> None:
        """Wait until it accepts connections."""
        end = time.monotonic() + START_TIMEOUT_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Tell it to end, and wait; return its exit status and the seconds it took."""
        started = time.monotonic()
        self._process.send_signal(number)
        try:
            status = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end: {self.said()}") from None
        return status, time.monotonic() - started

    def kill(self) -> None:
        """End what is left of it and of its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)


@contextmanager
def running(words: list[str], folder: Path, **variables: str) -> Iterator[Process]:
    """Run a process for the length of a block."""
    process = Process(words, folder, **variables)
    try:
        yield process
    finally:
        process.kill()


def status_of(address: str) -> int:
    """Send one GET request; return the status of its answer."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  # our own server
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def calls(store: Path) -> dict[str, int]:
    """Return how many calls of each function a store holds, by the last part of its name."""
    found: dict[str, int] = {}
    with Store.open(store, read_only=True) as opened:
        for each in opened.latency():
            name = each.function.rpartition(".")[2]
            found[name] = found.get(name, 0) + each.sketch.count
    return found


def first_suspects(folder: Path) -> dict[str, str]:
    """Ask the desk of a service's folder: the first suspect's commit by the type of the failure."""
    told = json.loads(byline(folder, "incidents", "--json"))
    found: dict[str, str] = {}
    for commit in told["commits"]:
        for incident in commit["incidents"]:
            why: dict[str, Any] = json.loads(byline(folder, "why", incident["id"], "--json"))
            found[incident["error_type"]] = why["suspects"][0]["commit"]
    return found
