"""The background thread: starts late, runs everything once, stops twice, and outlives a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from byline import _config
from byline._config import Config
from byline._telemetry import faults, worker
from byline._telemetry.worker import Worker


@pytest.fixture
def made():
    """A worker of the test's own."""
    worker = Worker()
    yield worker
    worker.stop()
    assert not worker.is_running


def test_starts_with_the_first_task(made):
    """
    No thread until there is something to do; then a daemon by the name of byline.
    """
    before = made.is_running
    found = []

    accepted = made.submit(lambda: found.append(threading.current_thread()))

    assert (True, False, True) == (accepted, before, made.flush())
    assert [("byline", True)] == [(each.name, each.daemon) for each in found]


def test_tasks_run_in_order(made):
    """
    A flush returns when what was submitted before it is done.
    """
    found = []
    for number in range(100):
        made.submit(lambda number=number: found.append(number))

    assert (True, list(range(100))) == (made.flush(), found)


def test_ticks(made, monkeypatch):
    """
    A callback runs again and again, is registered once, and runs at each flush.
    """
    monkeypatch.setattr(worker, "TICK_S", 0.01)
    found = []

    def tick():
        found.append(1)

    made.each_tick(tick)
    made.each_tick(tick)
    deadline = time.monotonic() + 5
    while len(found) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    made.stop()
    stopped = len(found)
    made.flush()

    assert (True, stopped + 1) == (stopped >= 3, len(found))


def test_stop(made):
    """
    Stopping does what waits, then the last things on the stopping thread; a second time it is harmless.
    """
    found = []
    made.before_stop(lambda: found.append("first"))
    made.at_stop(lambda: found.append(threading.current_thread().name))
    made.submit(lambda: found.append("task"))

    assert (True, True) == (made.stop(), made.stop())
    assert {"first", "task"} == set(found[:2])
    assert ["MainThread", "first", "MainThread"] == found[2:]


def test_starts_again(made):
    """
    After a stop a new task is a new start.
    """
    made.submit(lambda: None)
    made.stop()
    found = []

    made.submit(lambda: found.append(1))

    assert (True, [1]) == (made.flush(), found)


def test_flush_has_an_end(made):
    """
    A flush behind a task that hangs gives up, and says so.
    """
    release = threading.Event()
    made.submit(release.wait)

    flushed = made.flush(0.05)
    release.set()

    assert flushed is False


def test_flush_on_the_thread(made):
    """
    A task may flush: it does not wait for itself.
    """
    found = []
    made.submit(lambda: found.append(made.flush(5)))

    assert (True, [True]) == (made.flush(), found)


def test_queue_is_bounded(made, monkeypatch):
    """
    More tasks than may wait are refused and counted.
    """
    monkeypatch.setattr(worker, "LIMIT", 2)
    release, started = threading.Event(), threading.Event()
    made.submit(lambda: (started.set(), release.wait()))
    started.wait()

    accepted = [made.submit(lambda: None) for _ in range(4)]
    release.set()

    assert ([True, True, False, False], 2) == (accepted, made.refused)


def test_failing_task_is_logged_once(made, caplog):
    """
    A task that fails is logged the first time, and the thread goes on.
    """
    faults.forget()

    def fail():
        raise RuntimeError("ours")

    for _ in range(3):
        made.submit(fail)
    done = []
    made.submit(lambda: done.append(1))
    made.flush()

    assert ([1], ["byline"]) == (done, [each.name for each in caplog.records])
    assert "working in the background" in caplog.text


def test_disabled(made):
    """
    Disabled, no thread starts and no task is taken.
    """
    _config.use(Config(disabled=True))
    try:
        made.each_tick(lambda: None)
        accepted = made.submit(lambda: None)
    finally:
        _config.use(None)

    assert (False, False) == (accepted, made.is_running)


def test_no_thread_to_be_had(made, monkeypatch):
    """
    Where no thread can be started, the task is refused and nothing breaks.
    """

    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    assert made.submit(lambda: None) is False


def test_many_submitters(made):
    """
    Tasks of many threads all run, once each.
    """
    found = []

    def submit():
        for _ in range(200):
            while not made.submit(lambda: found.append(1)):
                time.sleep(0.001)

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    made.flush(10)

    assert 1_600 == len(found)


# --- forks and the end of programs ------------------------------------------------


def run(code: str, *options: str, told: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (0, told) == (done.returncode, done.stderr)
    return done.stdout


FORK = """
    import os, time
    from byline._telemetry import worker
    import threading
    hold, free = threading.Event(), threading.Event()
    ticks = []
    worker.each_tick(lambda: ticks.append(os.getpid()))
    def task():
        with open({path!r}, "a") as file:
            print("task", file=file)
    worker.submit(lambda: (hold.set(), free.wait(0.3)))
    hold.wait()
    worker.submit(task)                      # waits while the fork happens
    pid = os.fork()
    free.set()
    assert worker.flush(5)
    if pid == 0:
        threads = [each.name for each in threading.enumerate()]
        assert os.getpid() in ticks and threads == ["MainThread", "byline"], threads
        worker.stop()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print(status, worker.flush(5))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork(tmp_path):
    """
    The child has a thread of its own that ticks; what waited is the parent's, and runs once.
    """
    path = tmp_path / "done"

    told = run(FORK.format(path=str(path)), "-W", "ignore::DeprecationWarning")

    assert ("0 True\n", "task\n") == (told, path.read_text())


HELD = """
    import os, threading
    import byline
    from byline._instrumentation import declaration, development, lifecycle, lookup
    from byline import _registry
    from byline._telemetry import incidents, instruments, latency, lazy_spans, worker

    def lock_of():
        return {lock}
    held, done = threading.Event(), threading.Event()
    def hold():
        with lock_of():
            held.set()
            done.wait()
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if lock_of().acquire(timeout=1) else 3)
    done.set()
    thread.join()
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize(
    "lock",
    [
        "_registry._lock",
        "declaration._lock",
        "development._state.lock",
        "incidents._state.lock",
        "instruments._lock",
        "latency._draining",
        "latency._lock",
        "lazy_spans._lock",
        "lifecycle._lock",
        "lookup._lock",
        "worker._worker._undivided",
    ],
)
def test_a_lock_held_at_a_fork_is_free_in_the_child(lock):
    """
    A thread that the child does not have holds nothing there, whichever lock it was.
    """
    assert "0\n" == run(HELD.format(lock=lock), "-W", "ignore::DeprecationWarning")


FORKS = """
    import os, threading, time
    from byline._telemetry import worker
    worker.each_tick(lambda: None)
    def fork():
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
    threads = [threading.Thread(target=fork) for _ in range(4)]
    for each in threads: each.start()
    for each in threads: each.join()
    print(worker._worker.is_running, worker.flush(5))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_threads_that_fork_at_once():
    """
    When several threads fork at the same time the background thread is there afterwards.
    """
    assert "True True\n" == run(FORKS, "-W", "ignore::DeprecationWarning")


STEP = """
    import os, threading, time
    from byline._telemetry import worker
    worker._UNDIVIDED_S = 30.0               # however slow the machine is
    lock, begun = threading.Lock(), threading.Event()
    def step():
        with worker.undivided(), lock:       # as the SDK's record() does
            begun.set()
            time.sleep(0.3)
    threading.Thread(target=step).start()
    begun.wait()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if lock.acquire(timeout=1) else 3)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_waits_for_an_undivided_step():
    """
    A lock that is not ours, taken in an undivided step, is free in the child.
    """
    assert "0\n" == run(STEP, "-W", "ignore::DeprecationWarning")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="from 3.13 on Python looks after the hooks have run")
def test_fork_warns_nobody():
    """
    The thread is gone while a process forks, so that Python has no threads to warn of.
    """
    code = """
        import os
        from byline._telemetry import worker
        worker.each_tick(lambda: None)
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        print("done")
    """

    assert "done\n" == run(code, "-W", "error")


PROGRAM = """
    from opentelemetry import _logs, metrics, trace
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader

    class Metrics(MetricExporter):
        def export(self, data, timeout_millis=0, **kwargs):
            for resource in data.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == "byline.call.duration":
                            print("calls", sum(point.count for point in metric.data.data_points))
            return MetricExportResult.SUCCESS
        def shutdown(self, timeout_millis=0, **kwargs): pass
        def force_flush(self, timeout_millis=0): return True

    class Logs(LogRecordExporter):
        def export(self, batch):
            print("incidents", len(batch))
        def shutdown(self): pass
        def force_flush(self, timeout_millis=0): return True

    def providers():
        metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(Metrics())]))
        logs = LoggerProvider()
        logs.add_log_record_processor(BatchLogRecordProcessor(Logs()))
        _logs.set_logger_provider(logs)

    def mark():
        global work
        from byline import ai_generated
        @ai_generated
        def work(fail):
            if fail: raise ValueError

    def call():
        for fail in (False, False, True):
            try: work(fail)
            except ValueError: pass
"""


@pytest.mark.parametrize(
    "order", ["mark, providers", "providers, mark"], ids=["marked first", "providers first"]
)
@pytest.mark.parametrize("end", ["", "raise SystemExit(0)"], ids=["end", "exit"])
def test_end_of_the_program(order, end):
    """
    What a program did last is exported when it ends, whoever of byline and the SDK came first.
    """
    first, second = order.split(", ")

    told = run(textwrap.dedent(PROGRAM) + f"{first}()\n{second}()\ncall()\n{end}")

    assert ["calls 3", "incidents 1"] == sorted(told.splitlines())


def test_end_behind_a_task_that_hangs():
    """
    A task that hangs holds the end of a program up for a moment only, and the log says so.
    """
    code = """
        import time
        from byline._telemetry import worker
        worker.EXIT_S = 0.2
        worker.submit(lambda: time.sleep(60))
    """
    start = time.monotonic()

    run(code, told="The program ended before byline's background work was done.\n")

    assert time.monotonic() - start < 20


def test_task_at_the_very_end():
    """
    What an exit function that runs after byline's leaves to do is done at once.
    """
    code = """
        import atexit
        from byline._telemetry import worker
        atexit.register(lambda: worker.submit(lambda: print("last")))
        worker.submit(lambda: None)
    """

    assert "last\n" == run(code)
