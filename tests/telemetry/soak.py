"""
Eight threads, asyncio, a timer's signals and forks at once: every call is counted, exactly once.

Run it for as long as you like, on its own: ``python tests/telemetry/soak.py 300 counted``. It prints what
was counted and fails when one call is missing or counted twice, in this process or in a forked one.
Modes: ``counted`` (whole distributions), ``recorded`` (call by call through the SDK, where what is
dropped must be said), ``lazy`` (as counted, in a trace that records, with lazy spans).
"""

# ruff: noqa: T201  # a program

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401  # asyncio would import it while another thread forks, and it hooks into that
import faulthandler
import os
import signal
import sys
import threading
import time
from collections import Counter

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

import byline
from byline import _semconv
from byline._config import Config
from byline._instrumentation import development
from byline._telemetry import latency, signals, spans, worker
from byline._telemetry.durations import Durations

CHILD_CALLS = 1_000
CHILD_LIMIT_S = 60

Outcome = tuple[str, str]
"""Function and ``error.type``."""

durations = Durations(cumulative=True)
reader = InMemoryMetricReader()
made: Counter[Outcome] = Counter()
children: list[int] = []
"""Exit statuses."""

_lock = threading.Lock()  # for the two above


@byline.ai_generated(tool="claude")
def plain() -> None:
    """Do nothing."""


@byline.ai_generated(tool="claude")
async def awaited() -> None:
    """Let others go first."""
    await asyncio.sleep(0)


@byline.ai_generated(tool="claude")
def failing() -> None:
    """Fail."""
    raise KeyError


@byline.ai_generated(tool="claude")
def numbers() -> object:
    """Yield."""
    yield 1
    yield 2


@byline.ai_generated(tool="claude")
def interrupted() -> None:
    """Be called by a signal handler."""


def call(until: float) -> None:
    """Call from a thread, and say how often."""
    mine: Counter[str] = Counter()
    while time.monotonic() < until:
        for _ in range(100):
            plain()
        for _ in numbers():
            mine["numbers"] += 1
        try:
            failing()
        except KeyError:
            mine["failing"] += 1
        mine["plain"] += 100
    with _lock:
        made["plain", ""] += mine["plain"]
        made["numbers", ""] += mine["numbers"] // 2
        made["failing", "KeyError"] += mine["failing"]


async def call_and_await(until: float) -> None:
    """Call from tasks."""
    while time.monotonic() < until:
        await asyncio.gather(*(awaited() for _ in range(50)))
        made["awaited", ""] += 50
        await asyncio.sleep(0.001)


def on_timer(_number: int, _frame: object) -> None:
    """Call from a signal handler, wherever the main thread is."""
    interrupted()
    made["interrupted", ""] += 1


def fork(until: float, pause_s: float) -> None:
    """Fork while all others call: the child starts from nothing, and counts its own."""
    while time.monotonic() < until:
        pid = os.fork()
        if not pid:
            os._exit(child())
        _, status = os.waitpid(pid, 0)
        with _lock:
            children.append(os.waitstatus_to_exitcode(status))
        time.sleep(pause_s)


def child() -> int:
    """Call, and compare; a deadlock ends the process, and shows where it was."""
    faulthandler.dump_traceback_later(CHILD_LIMIT_S, exit=True)
    signal.setitimer(signal.ITIMER_REAL, 0)
    before = counted()
    for _ in range(CHILD_CALLS):
        plain()
    after = counted()
    return 0 if after - before == Counter({("plain", ""): CHILD_CALLS}) else 3


def counted() -> Counter[Outcome]:
    """Return what was counted of each function and outcome so far."""
    latency.drain_all()
    found = recorded()
    for each in durations.collect():
        found[outcome(each.attributes)] += each.count
    return found


def recorded() -> Counter[Outcome]:
    """Return what the SDK has, and what it was told of as dropped: that is not lost without a word."""
    found: Counter[Outcome] = Counter()
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    if metric.name == _semconv.METRIC_DURATION:
                        found[outcome(point.attributes)] += point.count
                    elif metric.name == _semconv.METRIC_DROPPED:
                        found[outcome(point.attributes)] += point.value
                        found["dropped", ""] += point.value
    return found


def outcome(attributes: object) -> Outcome:
    """Say which series this is."""
    return attributes[_semconv.FUNCTION].rpartition(".")[2], attributes.get(_semconv.ERROR_TYPE, "")


def collect(done: threading.Event) -> None:
    """Collect all the time, as a reader with a very short interval would."""
    while not done.is_set():
        latency.drain()
        durations.collect()


def main(seconds: float) -> int:
    """Let all of it happen at once, then compare."""
    sys.setswitchinterval(1e-6)
    until = time.monotonic() + seconds
    done = threading.Event()
    callers = [threading.Thread(target=call, args=(until,)) for _ in range(8)]
    forkers = [threading.Thread(target=fork, args=(until, pause)) for pause in (0.05, 0.11)]
    collectors = [threading.Thread(target=collect, args=(done,)) for _ in range(2)]
    signal.signal(signal.SIGALRM, on_timer)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    for thread in (*callers, *forkers, *collectors):
        thread.start()
    asyncio.run(call_and_await(until))
    for thread in (*callers, *forkers):
        thread.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    done.set()
    for thread in collectors:
        thread.join()
    worker.stop(60)
    return compare(counted())


def compare(found: Counter[Outcome]) -> int:
    """Say what there was, and return an exit status."""
    dropped = found.pop(("dropped", ""), 0)
    wrong = {name: found[name] - made[name] for name in made | found if found[name] != made[name]}
    failed = sum(map(bool, children))
    print(f"{made.total()} calls, {dropped} dropped and said so, {len(children)} forks")
    print(f"wrong: {wrong or 'none'}; children that failed: {failed}")
    return bool(wrong or failed or not children)


def begin(mode: str) -> None:
    """Set up what the mode is about."""
    metrics.set_meter_provider(MeterProvider([reader]))
    development.wait()  # in a checkout, calls that git has not attributed yet are kept within a limit
    if mode != "recorded":
        signals.take_distributions(durations)
    if mode == "lazy":
        trace.set_tracer_provider(TracerProvider())
        spans.configure(Config(spans="lazy"))
        request = trace.get_tracer("soak").start_span("request")
        # Every thread calls inside of this span.
        threading.Thread.run = trace.use_span(request)(threading.Thread.run)


if __name__ == "__main__":
    begin(sys.argv[2] if len(sys.argv) > 2 else "counted")
    raise SystemExit(main(float(sys.argv[1])))
