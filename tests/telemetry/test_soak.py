"""Eight threads, asyncio and forks at once: every call is counted, exactly once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, sys, threading, time
import byline
from byline._telemetry import latency, signals, worker
from byline._telemetry.durations import Durations

sys.setswitchinterval(1e-6)
durations = Durations(cumulative=True)
signals.take_distributions(durations)

@byline.ai_generated(tool="claude")
def plain(): pass

@byline.ai_generated(tool="claude")
async def awaited(): await asyncio.sleep(0)

@byline.ai_generated(tool="claude")
def failing(): raise KeyError

end = time.monotonic() + float(sys.argv[1])
calls = [0] * 8
collected = threading.Event()

def loop(number):
    done = 0
    while time.monotonic() < end:
        for _ in range(100):
            plain()
        try: failing()
        except KeyError: pass
        done += 101
    calls[number] = done

async def several():
    done = 0
    while time.monotonic() < end:
        await asyncio.gather(*(awaited() for _ in range(50)))
        done += 50
    return done

def collect():
    while not collected.is_set():
        latency.drain()
        durations.collect()

def count():
    latency.drain_all()
    return sum(each.count for each in durations.collect())

threads = [threading.Thread(target=loop, args=(number,)) for number in range(8)]
collectors = [threading.Thread(target=collect) for _ in range(2)]
for thread in threads + collectors: thread.start()

forks = lost = 0
async def main():
    global forks, lost
    task = asyncio.ensure_future(several())
    while time.monotonic() < end:
        child = os.fork()
        if not child:
            for _ in range(1000): plain()
            os._exit(0 if count() == 1000 else 1)
        forks += 1
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid: break
            await asyncio.sleep(0.01)
        lost += status != 0
        await asyncio.sleep(0.1)
    return await task

awaits = asyncio.run(main())
for thread in threads: thread.join()
collected.set()
for thread in collectors: thread.join()
made, counted = sum(calls) + awaits, count()
print(made - counted, lost)
print(f"{made} calls, {forks} forks", file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.timeout(900)
def test_no_call_is_lost():
    """
    No call is lost or counted twice; SOAK_SECONDS makes it as long as you like.
    """
    seconds = os.environ.get("SOAK_SECONDS", "3")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, seconds], capture_output=True, text=True, check=False
    )

    assert (0, "0 0\n") == (done.returncode, done.stdout), done.stderr
