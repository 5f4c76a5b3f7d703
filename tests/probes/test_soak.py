"""Threads and asyncio swallow exceptions without end: memory stays flat, and the numbers stay exact."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, json, logging, sys, threading, time
from pathlib import Path
from opentelemetry import _logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor, LogRecordExporter, LogRecordExportResult

told = {}

class Sum(LogRecordExporter):
    def export(self, batch):
        for each in batch:
            record = each.log_record
            if record.event_name == "byline.finding":
                key = record.attributes["byline.finding.handling"]
                told[key] = told.get(key, 0) + record.attributes["byline.finding.count"]
        return LogRecordExportResult.SUCCESS
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True

provider = LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(Sum()))
_logs.set_logger_provider(provider)

from byline import ai_generated
from byline._probes import monitoring, waiting
from byline._telemetry import findings, worker

monitoring.start(lines=True, handlers=True)
log = logging.getLogger("soak")
log.addHandler(logging.NullHandler())
log.propagate = False

def boom(payload):
    raise ValueError(f"no {len(payload)}")

@ai_generated
def silent(payload):
    try:
        boom(payload)
    except ValueError:
        pass
    result = [payload]
    result.append(len(payload))
    return result

@ai_generated
def logged(payload):
    try:
        boom(payload)
    except ValueError as error:
        log.error("failed: %s", error)
        return None

@ai_generated
def lookup(payload):
    try:
        return {}[payload[0]]
    except KeyError:
        return 0

@ai_generated
def retried(payload):
    for attempt in range(3):
        try:
            if attempt < 2:
                boom(payload)
            return attempt
        except ValueError:
            continue

@ai_generated
def translated(payload):
    last = None
    try:
        boom(payload)
    except ValueError as error:
        last = error
    raise KeyError("x") from last

@ai_generated
def generated(payload):
    for each in range(3):
        try:
            boom(payload)
        except ValueError:
            yield each

@ai_generated
async def awaited(payload):
    try:
        await asyncio.sleep(0)
        boom(payload)
    except ValueError:
        await asyncio.sleep(0)
    return payload

@ai_generated
async def cancelled(payload):
    task = asyncio.ensure_future(asyncio.sleep(10))
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return None

sys.setswitchinterval(float(sys.argv[2]))
end = time.monotonic() + float(sys.argv[1])
made = [0] * 5

def loop(number):
    rounds = 0
    while time.monotonic() < end:
        payload = bytes(2_000)
        silent(payload); logged(payload); lookup(payload); retried(payload)
        try: translated(payload)
        except KeyError: pass
        for each in generated(payload):
            if each == 1: break
        rounds += 1
    made[number] = rounds

async def several():
    rounds = 0
    while time.monotonic() < end:
        await asyncio.gather(*(awaited(bytes(2_000)) for _ in range(20)), cancelled(b""))
        rounds += 1
    return rounds

def rss():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])

threads = [threading.Thread(target=loop, args=(number,)) for number in range(4)]
for each in threads: each.start()
sizes = []
def measure():
    while time.monotonic() < end:
        sizes.append(rss())
        time.sleep(min(1, float(sys.argv[1]) / 40))
watcher = threading.Thread(target=measure); watcher.start()
rounds_async = asyncio.run(several())
for each in threads: each.join()
watcher.join()
monitoring.stop()
worker.flush(); findings.drain_all()
rounds = sum(made)
expected = {
    "silent": rounds + 2 * rounds + 20 * rounds_async,
    "logged": rounds,
    "expected": rounds + rounds_async,
    "retried": 2 * rounds,
}
print(json.dumps({"told": told, "expected": expected, "sizes": sizes,
                  "left": [len(waiting._open), len(waiting._pending), len(findings._state.tallies)]}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs sys.monitoring")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(900)
def test_memory_is_flat_and_nothing_is_lost():
    """
    Nothing is kept of what was swallowed, and all of it is counted.

    SOAK_SECONDS makes it as long as you like, SOAK_SWITCH_SECONDS has threads take turns more often.
    """
    seconds = os.environ.get("SOAK_SECONDS", "3")
    switch = os.environ.get("SOAK_SWITCH_SECONDS", str(sys.getswitchinterval()))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, seconds, switch],
        capture_output=True, text=True, check=False, timeout=float(seconds) + 120,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    found = json.loads(done.stdout)
    sizes = found["sizes"][len(found["sizes"]) // 4 :]
    sys.stdout.write(f"{found['told']}, {sizes[0]} kB to {sizes[-1]} kB, at most {max(sizes)} kB\n")

    assert found["expected"] == found["told"]
    assert [0, 0] == found["left"][:2]
    assert max(sizes) - sizes[0] < 4_000
