"""Threads, asyncio, signals and forks at once: every call is counted, exactly once; soak.py is the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("soak.py")
BEYOND_S = 90
"""What a loaded machine may take on top: the children's own limit is 60."""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.parametrize("mode", ["counted", "recorded", "lazy"])
def test_no_call_is_lost(mode):
    """
    No call is lost or counted twice, and what is dropped is said; SOAK_SECONDS makes it as long as you like.
    """
    seconds = float(os.environ.get("SOAK_SECONDS", "2"))
    command = [sys.executable, "-W", "ignore", str(PROGRAM), str(seconds), mode]
    # A group of its own: a child that hangs keeps the pipe open after its parent has gone.
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        told, _ = process.communicate(timeout=seconds + BEYOND_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    assert 0 == process.returncode, told
