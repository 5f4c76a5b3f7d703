"""Every call becomes one sample, and no sample is lost or counted twice."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from byline import _config, _registry, _semconv
from byline._config import Config
from byline._instrumentation.wrapper import wrap
from byline._model import Attribution, Function
from byline._registry import Entry
from byline._telemetry import instruments, latency, recorder, signals, worker
from byline._telemetry.durations import Durations
from byline._telemetry.recorder import Recorder

AI = Attribution("ai", "high", "ok", "c" * 40, "d" * 40, "Ana", "claude", evidence="note", committed_at=5)
_numbers = itertools.count()


class Marked(NamedTuple):
    """A marked function and what is behind it."""

    work: object
    entry: Entry
    recorder: Recorder


def make(attribution: Attribution = AI) -> Marked:
    namespace: dict[str, object] = {}
    exec("def work(fail=False):\n    if fail: raise ValueError", namespace)  # noqa: S102  # new code each time
    function = namespace["work"]
    where = Function("shop", f"work_{next(_numbers)}", "shop.py", 1, 1, 2)
    entry = _registry.add(Entry(function.__code__, where, attribution))
    return Marked(wrap(function, entry), entry, latency.recorder_for(entry))


@contextmanager
def undrained() -> Iterator[None]:
    """Let no tick of the worker come in between: what is called in the block waits together."""
    with latency._draining:
        yield


def points(found, marked: Marked, metric: str = _semconv.METRIC_DURATION) -> list:
    return [
        each
        for each in found.get(metric, [])
        if each.attributes[_semconv.FUNCTION] == marked.entry.function.name
    ]


def test_sample_is_exact(metrics):
    """
    Count, sum, least and greatest are those of the calls, and so are the buckets.
    """
    marked = make()
    values = [0.000_1, 0.000_2, 0.3, 99.0]
    for each in values:
        marked.recorder.samples.cell_contents.append(each)

    (point,) = points(metrics(), marked)

    assert (4, sum(values), 0.000_1, 99.0) == (point.count, point.sum, point.min, point.max)
    assert _semconv.DURATION_BOUNDS == tuple(point.explicit_bounds)
    assert {0: 1, 1: 1, 11: 1, 16: 1} == {
        at: number for at, number in enumerate(point.bucket_counts) if number
    }


def test_attributes(metrics):
    """
    A data point says which function and version it is of, and what went wrong.
    """
    marked = make()
    marked.work()
    with suppress(ValueError):
        marked.work(fail=True)

    found = [dict(point.attributes) for point in points(metrics(), marked)]

    expected = {
        "code.function.name": marked.entry.function.name,
        "byline.commit": "c" * 40,
        "byline.last_commit": "d" * 40,
        "byline.author": "Ana",
        "byline.tool": "claude",
    }
    assert [expected, {**expected, "error.type": "ValueError"}] == found


def test_function_is_described_once(metrics, monkeypatch):
    """
    A gauge of value 1 says the rest of each settled function.
    """
    monkeypatch.setattr(_registry, "_entries", {})
    marked, pending = make(), make(Attribution(status="pending"))
    # The SDK keeps a gauge's series for ever: those of all other tests may be too many for the session's reader.
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    signals.add_providers(provider, None)
    try:
        metrics()
        data = reader.get_metrics_data()
    finally:
        signals.add_providers(None, None)
        provider.shutdown()
    found = {
        metric.name: metric.data.data_points for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }

    (point,) = points(found, marked, _semconv.METRIC_FUNCTION)
    assert (1, "note", "high", 5) == (
        point.value,
        point.attributes["byline.evidence"],
        point.attributes["byline.confidence"],
        point.attributes["byline.committed_at"],
    )
    assert [] == points(found, pending, _semconv.METRIC_FUNCTION)


def test_collection_drains(metrics, providers):
    """
    Any reader that collects gets every call so far, whether or not the worker has run.
    """
    marked = make()
    marked.work()

    data = providers.metrics.get_metrics_data()

    (scope,) = [each for each in data.resource_metrics[0].scope_metrics if each.scope.name == "byline"]
    assert [1] == [
        point.count
        for metric in scope.metrics
        if metric.name == _semconv.METRIC_DURATION
        for point in metric.data.data_points
        if point.attributes[_semconv.FUNCTION] == marked.entry.function.name
    ]


def test_waits_for_its_attribution(metrics):
    """
    While git may still answer, samples wait, and then carry the answer.
    """
    marked = make(Attribution(status="pending"))
    marked.work()
    latency.drain()
    held = len(marked.recorder.durations)

    marked.entry.settle(marked.entry.function, AI)

    assert 1 == held
    assert ["c" * 40] == [point.attributes["byline.commit"] for point in points(metrics(), marked)]


def test_last_drain_takes_all(metrics):
    """
    The last drain waits for nobody.
    """
    marked = make(Attribution(status="pending"))
    marked.work()

    latency.drain_all()

    assert [1] == [point.count for point in points(metrics(), marked)]


def test_settings_that_change(metrics):
    """
    The form of the author follows the settings in force.
    """
    marked = make()
    marked.work()
    _config.use(Config(author="off"))
    try:
        (point,) = points(metrics(), marked)
    finally:
        _config.use(None)

    assert _semconv.AUTHOR not in point.attributes


@pytest.mark.parametrize("chunk", [4, 8_192], ids=["in pieces", "as one"])
@pytest.mark.parametrize("settled", [True, False], ids=["settled", "pending"])
def test_memory_is_bounded(settled, chunk, metrics, monkeypatch):
    """
    Beyond the cap the newest samples stay, and the others are counted and exported.
    """
    monkeypatch.setattr(latency, "CAP", 10)
    monkeypatch.setattr(recorder, "_CHUNK", chunk)
    marked = make(AI if settled else Attribution(status="pending"))
    with undrained():
        for _ in range(15):
            marked.work()
    if not settled:
        latency.drain()
        assert 10 == len(marked.recorder.durations)
        marked.entry.settle(marked.entry.function, AI)

    found = metrics()

    assert [10] == [point.count for point in points(found, marked)]
    assert [5] == [point.value for point in points(found, marked, _semconv.METRIC_DROPPED)]


def test_callers_give_way(metrics, monkeypatch):
    """
    When too many samples wait, calls wait a moment too, until the drain has caught up; nothing is lost.
    """
    monkeypatch.setattr(latency, "PRESSED", 20)
    naps = []
    monkeypatch.setattr(recorder, "sleep", naps.append)
    durations = Durations(cumulative=True)
    signals.take_distributions(durations)
    marked = make()
    try:
        for number in (21, 3, 3):
            with undrained():
                for _ in range(number):
                    marked.work()
            latency.drain()
        (counted,) = durations.collect()
    finally:
        signals.leave_distributions(durations)

    assert (27, 3) == (counted.count, len(naps))


def test_stopped_while_callers_give_way(metrics, monkeypatch):
    """
    A function whose callers give way is stopped as any other.
    """
    monkeypatch.setattr(latency, "PRESSED", 5)
    durations = Durations(cumulative=True)
    signals.take_distributions(durations)
    marked = make()
    try:
        with undrained():
            for _ in range(6):
                marked.work()
        latency.drain()
        latency.stop()
        marked.work()
        held = len(marked.recorder.durations)
    finally:
        latency.start()
        signals.leave_distributions(durations)

    assert 0 == held


def test_backlog_is_bounded(metrics, monkeypatch):
    """
    Where callers give way and more wait nevertheless, it is not without end; what is dropped is exported there too.
    """
    monkeypatch.setattr(recorder, "BACKLOG", 20)
    monkeypatch.setattr(recorder, "_GIVE_WAY_S", 0.0)
    monkeypatch.setattr(latency, "PRESSED", 10)
    durations = Durations(cumulative=True)
    signals.take_distributions(durations)
    marked = make()
    try:
        for number in (33, 23):
            with undrained():
                for _ in range(number):
                    marked.work()
            latency.drain()
        (counted,) = durations.collect()
    finally:
        signals.leave_distributions(durations)

    assert 33 + 20 == counted.count
    assert [3] == [point.value for point in points(metrics(), marked, _semconv.METRIC_DROPPED)]


def test_the_newest_are_recorded(metrics, monkeypatch):
    """
    What is recorded one by one, of calls that succeed and that fail, is the newest of them.
    """
    monkeypatch.setattr(latency, "CAP", 5)
    monkeypatch.setattr(recorder, "_CHUNK", 2)
    marked = make()
    with undrained():
        for number in range(8):
            marked.recorder.samples.cell_contents.append(float(number))
            marked.recorder.failures.append((10.0 + number, "A" if number < 6 else "B"))

    found = {
        point.attributes.get("error.type"): (point.count, point.sum) for point in points(metrics(), marked)
    }

    assert {None: (5, 25.0), "A": (3, 42.0), "B": (2, 33.0)} == found


def test_stop_and_start(metrics):
    """
    Stopped, nothing is recorded and nothing is held; started, all is as before. Both can be repeated.
    """
    marked = make()
    marked.work()
    latency.stop()
    latency.stop()
    try:
        marked.work()
        later = make()
        later.work()
        with suppress(ValueError):
            marked.work(fail=True)
        held = [*marked.recorder.durations, *marked.recorder.failures, *later.recorder.durations]
    finally:
        latency.start()
    later.work()

    found = metrics()
    assert ([], [1], [1]) == (
        held,
        [point.count for point in points(found, marked)],
        [point.count for point in points(found, later)],
    )


def test_second_place(metrics):
    """
    A provider beside the program's own, as the store's, gets the same samples and functions.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    marked = make()
    signals.add_providers(provider, None)
    try:
        marked.work()
        own = points(metrics(), marked)
        data = reader.get_metrics_data()
    finally:
        signals.add_providers(None, None)
        provider.shutdown()

    names = {metric.name for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    assert {_semconv.METRIC_DURATION, _semconv.METRIC_FUNCTION, _semconv.METRIC_SELF} == names
    assert 1 == len(own)


def test_nothing_is_lost(metrics):
    """
    With many threads calling and several draining, every call is counted, once.
    """
    marked, each, threads_n = make(), 20_000, 4
    done = threading.Event()
    total = 0

    def call():
        for _ in range(each):
            marked.work()

    def drain():
        while not done.is_set():
            latency.drain()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    callers = [threading.Thread(target=call) for _ in range(threads_n)]
    drainers = [threading.Thread(target=drain) for _ in range(2)]
    try:
        for thread in (*callers, *drainers):
            thread.start()
        for thread in callers:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        done.set()
        for thread in drainers:
            thread.join()
    total = sum(point.count for point in points(metrics(), marked))

    assert each * threads_n == total


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork(metrics):
    """
    What waits at a fork is the parent's; the child starts with nothing and counts its own.
    """
    worker.flush()
    marked = make(Attribution(status="pending"))
    marked.work()
    reading, writing = os.pipe()

    pid = os.fork()
    if pid == 0:
        before = len(marked.recorder.durations)
        marked.work()
        os.write(writing, f"{before} {len(marked.recorder.durations)} {worker.flush(5)}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    told = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)

    marked.entry.settle(marked.entry.function, AI)
    assert ("0 1 True", [1]) == (told, [point.count for point in points(metrics(), marked)])


def test_own_time_is_reported(metrics):
    """
    What the drain costs is a metric of its own.
    """
    marked = make()
    for _ in range(1_000):
        marked.work()

    (point,) = metrics()[_semconv.METRIC_SELF]
    assert point.value > 0


def test_many_series_are_warned_of(metrics, monkeypatch, caplog):
    """
    Before the SDK merges series there is one warning that says what to do.
    """
    monkeypatch.setattr(instruments, "_SERIES_WARNED", 2)
    (own,) = instruments.destinations()
    monkeypatch.setattr(own, "_series", set())
    monkeypatch.setattr(instruments, "_is_warned", True)  # of the functions
    for _ in range(2):
        make().work()
        with suppress(ValueError):
            make().work(fail=True)
        metrics()

    assert ["byline.otel.metric_exporter() has no such limit."] == [
        each.getMessage().rpartition("2000. ")[2] for each in caplog.records
    ]


def test_many_functions_are_warned_of(metrics, monkeypatch, caplog):
    """
    As many functions are described as are marked, called or not.
    """
    monkeypatch.setattr(instruments, "_SERIES_WARNED", 2)
    monkeypatch.setattr(instruments, "_is_warned", False)
    monkeypatch.setattr(_registry, "_entries", {})
    make()
    metrics()
    before = [each.getMessage() for each in caplog.records]
    make()
    for _ in range(2):
        metrics()
    (said,) = [each.getMessage() for each in caplog.records]

    assert [] == before
    assert said.startswith("byline.function.info has 2 series, one for each marked function.")
