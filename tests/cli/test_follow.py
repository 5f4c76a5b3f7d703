"""``byline incidents --follow``: a real process, while the store grows."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from byline._model import Attribution, Incident, Suspect
from byline.store import Store

CLAUDE, CURSOR = "a1" * 20, "b2" * 20
ENOUGH_S = 60.0


def incident(name: str, *, tool: str = "claude", error: str = "KeyError", before_s: float = 0.0) -> Incident:
    commit = CLAUDE if tool == "claude" else CURSOR
    suspect = Suspect(
        commit, "AI line that raised", "till.total", "till.py", 2, 0, "ai", "medium", "Ada", tool
    )
    return Incident(
        name, time.time_ns() - int(before_s * 1e9), "till.total", error, "nobody\x1b[31m knows", "stack", "till.py", 2,
        "f", Attribution("ai", commit=commit, last_commit=commit), (suspect,),
    )  # fmt: skip


@dataclass
class Following:
    """A process that follows, and what it has said."""

    process: subprocess.Popen[str]
    said: queue.Queue[str]

    def line(self) -> str:
        """Wait for the next line."""
        return self.said.get(timeout=ENOUGH_S)


Follow = Callable[..., Following]


def _read(stream: IO[str], said: queue.Queue[str]) -> None:
    for line in stream:
        said.put(line.rstrip("\n"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one incident, an hour old."""
    path = tmp_path / "byline.db"
    with Store.open(path, create=True) as store:
        store.add_incidents([incident("old", before_s=3_600)])
    return path


@pytest.fixture
def follow(path: Path) -> Iterator[Follow]:
    """Start ``byline incidents --follow``; it has begun when it shows what ``--since`` asks for."""
    started = []

    def start(*words: str) -> Following:
        process = subprocess.Popen(
            [sys.executable, "-m", "byline", "incidents", "--store", str(path), "--since", "2h", *words],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, said), daemon=True).start()
        return Following(process, said)

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]  # it is a pipe


def test_incidents_are_printed_as_they_come(follow, path):
    """
    What another process writes later is shown once, also what comes late; Ctrl-C ends it.
    """
    running = follow("--follow")
    first = [running.line(), running.line()]
    with Store.open(path) as store:
        store.add_incidents([incident("new")])
        second = [running.line(), running.line()]
        store.add_incidents([incident("late", before_s=30)])
        third = [running.line(), running.line()]
    running.process.send_signal(signal.SIGINT)

    assert ["old", "new", "late"] == [each[0].split("  ")[1] for each in (first, second, third)]
    assert "    KeyError: nobody\\x1b[31m knows" == second[1]
    assert 1 == running.process.wait(ENOUGH_S)  # as click ends what is interrupted
    assert running.said.empty()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--tool", "cursor"], "by-cursor"),
        (["--error", "ValueError"], "by-error"),
        ([CURSOR[:12]], "by-cursor"),
    ],
    ids=["tool", "error", "commit"],
)
def test_only_what_is_asked_for_is_followed(follow, path, words, name):
    """
    The filters hold for what comes, and each line of ``--json`` is one incident.
    """
    with Store.open(path) as store:
        store.add_incidents([incident("first", tool="cursor", error="ValueError", before_s=10)])
        running = follow("-f", "--json", *words)
        first = json.loads(running.line())
        store.add_incidents([incident("other"), incident(name, tool="cursor", error="ValueError")])
        second = json.loads(running.line())

    assert ["first", name] == [first["id"], second["id"]]
    assert (CURSOR, "cursor", "ValueError") == (second["commit"], second["tool"], second["error_type"])
    assert running.process.poll() is None


def test_a_reader_that_goes_away_ends_it(follow, path):
    """
    ``byline incidents --follow | head`` ends with the next incident, quietly and with status 0.
    """
    reading, writing = os.pipe()
    with Store.open(path) as store, subprocess.Popen(
        [sys.executable, "-m", "byline", "incidents", "--store", str(path), "--since", "2h", "--follow"],
        stdout=writing, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(writing)
        assert b"old" in os.read(reading, 100)
        os.close(reading)
        store.add_incidents([incident("new")])

        assert (0, b"") == (process.wait(ENOUGH_S), process.stderr.read())  # type: ignore[union-attr]  # it is a pipe
