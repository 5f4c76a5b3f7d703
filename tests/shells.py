"""A person at a shell: a real one on a pseudo-terminal, typed into, and a store to complete from."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from byline._model import Attribution, Incident, Suspect
from byline.store import Store

COMMIT = "a1" * 20
INCIDENT = "0123456789ab"
ENOUGH_S = 90.0
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[()=>].?|\][^\x07]*\x07)")


def environment(folder: Path) -> dict[str, str]:
    """Make a store with one incident; return an environment that finds it, and this Python's byline."""
    with Store.open(folder / "byline.db", create=True) as store:
        suspect = Suspect(
            COMMIT, "AI line that raised", "cart.mean", "cart.py", 2, 0, "ai", "high", subject="Add the mean"
        )
        own = Attribution("ai", commit=COMMIT, last_commit=COMMIT)
        store.add_incidents([
            Incident(INCIDENT, time.time_ns(), "cart.mean", "KeyError", "", "", "cart.py", 2, "f", own, (suspect,))
        ])  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8", "PS1": "> ",
            "BYLINE_STORE": str(folder / "byline.db")}  # fmt: skip


class Terminal:
    """What a person sees and types."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.seen = ""

    def type(self, text: str) -> None:
        """Type, without Enter; what was seen before is forgotten."""
        self.seen = ""
        os.write(self._descriptor, text.encode())

    def wait_for(self, text: str) -> None:
        """Wait until something is on the screen."""
        until = time.monotonic() + ENOUGH_S
        while text not in self.seen:
            assert select.select([self._descriptor], [], [], max(0.0, until - time.monotonic()))[0], self.seen
            self.seen = _ESCAPES.sub(
                "", self.seen + os.read(self._descriptor, 65_536).decode(errors="replace")
            )


@contextmanager
def shell(words: list[str], folder: Path, setup: str) -> Iterator[Terminal]:
    """Start an interactive shell, and let it do something first."""
    environ = environment(folder)
    child, descriptor = pty.fork()
    if not child:  # pragma: no cover  # another program from here on
        try:
            os.chdir(folder)
            os.execvpe(words[0], words, environ)  # noqa: S606  # the terminal is its own already
        finally:
            os._exit(127)
    terminal = Terminal(descriptor)
    try:
        # The sign is put together by the shell: what is typed is on the screen, too.
        terminal.type(f"{setup}; echo rea''dy\n")
        terminal.wait_for("ready")
        yield terminal
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(descriptor)


CASES = [
    ("byline inc\t", "incidents"),
    ("byline incidents --to\t", "--tool"),
    ("byline report --format mark\t", "markdown"),
    ("byline incidents a1\t", "a1a1a1a1a1a1"),
    ("byline why 01\t", INCIDENT),
]
"""What is typed, and what stands there then: a command, an option, a choice, a commit and an incident of the store."""
