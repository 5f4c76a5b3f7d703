"""The demo: makes the service and its history, runs it under load, and types what a user would type."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ..exceptions import BylineError
from .history import write_history
from .load import carrier, drive, service
from .story import STORY

ROUNDS = 12

RUN = ["run", "-m", "shop.app", "--port", "0"]
SCAN = ["scan"]
QUESTIONS = (["incidents"], ["why"], ["findings"])

Say = Callable[[str], None]


def play(folder: Path, say: Say, *, rounds: int = ROUNDS) -> dict[str, str]:
    """
    Play the demo in an empty folder.

    Args:
        say: Told each line of the story; the commands print for themselves.

    Returns:
        The SHA of each chapter of the history, by its key.

    Raises:
        BylineError: Git is missing, or a command failed.
    """
    say("A small shop with nine commits: five by people, four with an AI tool's name in their message.")
    shas = write_history(folder)
    _type(folder, SCAN, say)
    say("The shop runs under load; nobody has changed a line of it for byline.")
    say(f"$ byline {shlex.join(RUN)}")
    with carrier() as carrier_url, service(folder, RUN, carrier_url) as address:
        statuses = drive(address, rounds)
    told = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    say(f"{sum(statuses.values())} requests: {told}")
    for question in QUESTIONS:
        if question == ["findings"] and sys.version_info < (3, 12):
            say("From Python 3.12 on, byline findings would show what the shop swallowed.")
            continue
        _type(folder, question, say)
    say("What was planted, so that you can compare:")
    for chapter in STORY:
        planted = chapter.plants or chapter.hides
        if planted:
            say(f"  {shas[chapter.key][:10]}  {chapter.message.splitlines()[0]}: {planted}")
    return shas


def _type(folder: Path, words: list[str], say: Say) -> None:
    """Run a command as a user would, its output straight to the terminal."""
    say(f"$ byline {shlex.join(words)}")
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "byline", *words], cwd=folder, env=dict(os.environ), check=False
    )
    if done.returncode:
        raise BylineError(
            f"byline {shlex.join(words)} ended with status {done.returncode} in {str(folder)!r}."
        )
