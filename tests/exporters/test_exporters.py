"""The exporters behind ``OTEL_*_EXPORTER=byline``: real SDK providers, real files, real processes."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
import time

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import LogRecordExportResult, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from byline import _semconv
from byline._config import Config, use
from byline._exporters import writer as writing
from byline._exporters.logs import StoreLogExporter
from byline._exporters.metrics import StoreMetricExporter
from byline._exporters.pipeline import pipeline
from byline._exporters.writer import Writer
from byline._model import Attribution, Incident, Suspect
from byline._store import sketches
from byline._telemetry.incident_event import attributes_of
from byline.store import Calls, Store

COMMIT, VERSION = "a1" * 20, "b2" * 20
LABELS = {_semconv.FUNCTION: "shop.total", _semconv.COMMIT: COMMIT, _semconv.LAST_COMMIT: VERSION}
RESOURCE = Resource({_semconv.SERVICE_NAME: "shop", _semconv.VCS_REVISION: "c3" * 20})


def incident(number=0):
    suspect = Suspect(COMMIT, "AI line that raised", "shop.total", "shop.py", 7, 0, "ai", "high")
    return Incident(
        f"{number:012x}", time.time_ns(), "shop.total", "KeyError", "'sku'", "Traceback …", "shop.py", 7, "f1",
        Attribution(commit=COMMIT), (suspect,), service="shop", revision="c3" * 20,
    )  # fmt: skip


def calls(*values):
    return Calls("shop.total", COMMIT, VERSION, "", time.time_ns(), sketches.of(values))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "byline.db"


@pytest.fixture
def logger(path):
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(StoreLogExporter(path)))
    yield provider.get_logger("byline")
    provider.shutdown()


def meter_provider(path, **options):
    reader = PeriodicExportingMetricReader(StoreMetricExporter(path), export_interval_millis=3_600_000)
    return MeterProvider(metric_readers=[reader], resource=RESOURCE, shutdown_on_exit=False, **options)


def locked(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


@pytest.fixture
def impatient(monkeypatch):
    """Writers that do not wait for a lock."""
    opened = Store.open
    monkeypatch.setattr(
        writing.Store, "open", lambda path, **options: opened(path, timeout_s=0.05, **options)
    )


# --- incidents ------------------------------------------------------------------


def test_an_incident_event_is_stored(logger, path):
    """
    What is emitted as a log record is an incident in the store.
    """
    given = incident(1)

    logger.emit(timestamp=given.time_ns, event_name=_semconv.EVENT_INCIDENT, attributes=attributes_of(given))

    with Store.open(path, read_only=True) as store:
        assert (given,) == store.incidents()


def test_other_log_records_are_left_alone(logger, path):
    """
    Neither plain logs nor other events are stored, nor is a file made for them.
    """
    logger.emit(body="hello", attributes={"some": "thing"})
    logger.emit(event_name=_semconv.EVENT_FINDING, attributes={_semconv.FINDING_KIND: "leak"})
    logger.emit(event_name=_semconv.EVENT_INCIDENT, attributes={"no": "id"})

    assert not path.exists()


# --- metrics --------------------------------------------------------------------


def test_call_durations_are_stored_exactly(path):
    """
    Two collections of deltas add up to all the calls, by function, version and outcome.
    """
    provider = meter_provider(path)
    histogram = provider.get_meter("byline").create_histogram(_semconv.METRIC_DURATION, unit="s")
    for value in (0.001, 0.002, 0.004):
        histogram.record(value, LABELS)
    provider.force_flush()
    histogram.record(0.008, LABELS)
    histogram.record(1.5, {**LABELS, _semconv.ERROR_TYPE: "KeyError"})
    provider.shutdown()

    with Store.open(path, read_only=True) as store:
        fine, failed = store.latency()
    expected = sketches.of([0.001, 0.002, 0.004, 0.008])
    assert (COMMIT, VERSION, "", True) == (fine.commit, fine.last_commit, fine.error_type, fine.exact)
    assert (4, 0.001, 0.008) == (fine.sketch.count, fine.sketch.minimum, fine.sketch.maximum)
    assert (expected.scale, expected.buckets) == (fine.sketch.scale, fine.sketch.buckets)
    assert ("KeyError", 1) == (failed.error_type, failed.sketch.count)


def test_functions_seen_are_stored(path):
    """
    The info gauge becomes a row per version, called or not.
    """
    provider = meter_provider(path)
    gauge = provider.get_meter("byline").create_gauge(_semconv.METRIC_FUNCTION)
    gauge.set(
        1,
        {
            **LABELS,
            _semconv.TOOL: "claude",
            _semconv.CONFIDENCE: "high",
            _semconv.COMMITTED_AT: 1_700_000_000,
        },
    )
    provider.shutdown()

    with Store.open(path, read_only=True) as store:
        (seen,) = store.functions()
    assert ("shop.total", COMMIT, VERSION, "claude", "high", 1_700_000_000) == (
        seen.function, seen.commit, seen.last_commit, seen.tool, seen.confidence, seen.committed_at
    )  # fmt: skip
    assert seen.first_seen_ns > 1_700_000_000_000_000_000


def test_other_metrics_are_left_alone(path):
    """
    A program's own metrics are not stored.
    """
    provider = meter_provider(path)
    provider.get_meter("mine").create_counter("mine.requests").add(1)
    provider.shutdown()

    assert not path.exists()


def test_a_view_with_explicit_buckets_gives_an_estimate(path):
    """
    A view outranks the exporter's wish; what comes is stored and marked as an estimate.
    """
    view = View(
        instrument_name=_semconv.METRIC_DURATION, aggregation=ExplicitBucketHistogramAggregation([0.01, 0.1])
    )
    provider = meter_provider(path, views=[view])
    histogram = provider.get_meter("byline").create_histogram(_semconv.METRIC_DURATION)
    for value in (0.02, 0.03, 0.5):
        histogram.record(value, LABELS)
    provider.shutdown()

    with Store.open(path, read_only=True) as store:
        (found,) = store.latency()
    assert (3, False, 0.02, 0.5) == (
        found.sketch.count,
        found.exact,
        found.sketch.minimum,
        found.sketch.maximum,
    )


def test_metrics_of_another_kind_under_our_names_are_left_alone(path):
    """
    Names can be taken by anyone; only histograms of durations and gauges of functions are ours.
    """
    provider = meter_provider(path)
    meter = provider.get_meter("mine")
    meter.create_counter(_semconv.METRIC_DURATION).add(1)
    meter.create_histogram(_semconv.METRIC_FUNCTION).record(1)
    provider.shutdown()

    assert not path.exists()


def test_a_point_without_calls_makes_no_row(path):
    """
    Some sources send empty histograms between calls.
    """
    empty = ExponentialHistogramDataPoint(LABELS, 0, 1, 0, 0, 0, 0, Buckets(0, []), Buckets(0, []), 0, 0, 0)
    metric = Metric(
        _semconv.METRIC_DURATION, None, "s", ExponentialHistogram([empty], AggregationTemporality.DELTA)
    )
    scope = ScopeMetrics(InstrumentationScope("byline"), [metric], "")
    exporter = StoreMetricExporter(path)

    result = exporter.export(MetricsData([ResourceMetrics(RESOURCE, [scope], "")]))

    assert (MetricExportResult.SUCCESS, False) == (result, path.exists())


def test_cumulative_histograms_are_refused_aloud(path, caplog):
    """
    Adding sums up would count every call again and again, so the export fails and says so once.
    """
    exporter = StoreMetricExporter(path)
    exporter._preferred_temporality = {Histogram: AggregationTemporality.CUMULATIVE}
    provider = MeterProvider(metric_readers=[PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
    provider.get_meter("byline").create_histogram(_semconv.METRIC_DURATION).record(0.1, LABELS)
    with caplog.at_level(logging.WARNING, "byline"):
        provider.force_flush()
        provider.shutdown()

    assert 1 == caplog.text.count("stores only delta histograms")
    assert not path.exists()


# --- trouble --------------------------------------------------------------------


def test_a_locked_store_loses_nothing(path, impatient, caplog):
    """
    What a locked store refuses is kept and written with the next batch; the log says so once each way.
    """
    Store.open(path, create=True).close()
    writer = Writer(path)
    other = locked(path)
    with caplog.at_level(logging.WARNING, "byline"):
        refused = [
            writer.write(incidents=[incident(1)], calls=[calls(0.1)]),
            writer.write(incidents=[incident(2)]),
        ]
        other.execute("ROLLBACK")
        written = writer.flush()
    other.close()
    writer.close()

    with Store.open(path, read_only=True) as store:
        assert (2, 1) == (store.count_incidents(), store.latency()[0].sketch.count)
    assert ([False, False], True) == (refused, written)
    assert 1 == caplog.text.count("keeps its records in memory")
    assert 1 == caplog.text.count("again; 0 records were lost")


def test_memory_is_bounded_while_the_store_is_away(path, impatient, monkeypatch, caplog):
    """
    The newest records are kept, and the number of those lost is told.
    """
    monkeypatch.setattr(writing, "KEPT_INCIDENTS", 3)
    Store.open(path, create=True).close()
    writer = Writer(path)
    other = locked(path)
    with caplog.at_level(logging.WARNING, "byline"):
        writer.write(incidents=[incident(number) for number in range(10)])
        other.execute("ROLLBACK")
        writer.flush()
    other.close()
    writer.close()

    with Store.open(path, read_only=True) as store:
        assert [7, 8, 9] == sorted(int(each.id, 16) for each in store.incidents())
    assert "7 records were lost" in caplog.text


def test_what_cannot_be_written_ever_is_dropped(path, caplog):
    """
    One impossible record does not block those that follow, and nothing is raised.
    """
    writer = Writer(path)
    broken = Incident("b", 2**70, "shop.total", "KeyError", "", "", "shop.py", 7, "f1", Attribution())
    with caplog.at_level(logging.ERROR, "byline"):
        results = [writer.write(incidents=[each]) for each in (broken, broken, incident(1))]
    writer.close()

    assert [False, False, True] == results
    assert 1 == caplog.text.count("could not write")


@pytest.mark.parametrize("content", [b"not a database" * 100, None], ids=["corrupt", "folder"])
def test_an_unusable_store_never_raises_into_the_program(path, content, caplog):
    """
    The exporters report failure to the SDK, and the log says why, once.
    """
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    provider = meter_provider(path)
    histogram = provider.get_meter("byline").create_histogram(_semconv.METRIC_DURATION)
    with caplog.at_level(logging.WARNING, "byline"):
        for _ in range(3):
            histogram.record(0.1, LABELS)
            provider.force_flush()
        provider.shutdown()

    assert 1 == [record.name for record in caplog.records].count("byline")


def test_a_full_disk_fails_and_recovers(path):
    """
    The batch that did not fit is written when there is room again.
    """
    writer = Writer(path)
    writer.write(incidents=[incident(1)])
    with writer._store._file.opened() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    refused = writer.write(incidents=[incident(number) for number in range(2, 400)])
    with writer._store._file.opened() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    written = writer.flush()
    writer.close()

    with Store.open(path, read_only=True) as store:
        assert (False, True, 399) == (refused, written, store.count_incidents())


def test_shutdown_twice_and_export_after(path):
    """
    Stopping is final and can be asked for twice.
    """
    logs, metrics = StoreLogExporter(path), StoreMetricExporter(path)
    for exporter in (logs, metrics):
        assert exporter.force_flush()
        exporter.shutdown()
        exporter.shutdown()

    assert MetricExportResult.FAILURE is metrics.export(MetricsData([]))
    assert "FAILURE" == logs.export([]).name
    assert not path.exists()


def test_the_default_place_is_under_the_working_directory(tmp_path, monkeypatch):
    """
    Without BYLINE_STORE the store is where the program was started, also when it changes its directory later.
    """
    monkeypatch.chdir(tmp_path)
    use(Config())
    try:
        writer = Writer()
        monkeypatch.chdir("/")
        writer.write(incidents=[incident(1)])
        writer.close()
    finally:
        use(None)

    assert (tmp_path / ".byline" / "byline.db").is_file()


# --- processes ------------------------------------------------------------------

PROGRAM = """
import os, sys, time
from opentelemetry import metrics, _logs
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
import byline
from byline import _semconv
from byline._model import Attribution, Incident
from byline._telemetry import latency
from byline._telemetry.incident_event import attributes_of

@byline.ai_generated(commit="a" * 40)
def total():
    pass

def work(name):
    total()
    incident = Incident(name, 1, "shop.total", "KeyError", "", "", "shop.py", 7, "f", Attribution())
    _logs.get_logger("byline").emit(
        timestamp=time.time_ns(), event_name=_semconv.EVENT_INCIDENT, attributes=attributes_of(incident)
    )

def flush():
    latency.drain_all()
    _logs.get_logger_provider().force_flush()
    metrics.get_meter_provider().force_flush()

_OTelSDKConfigurator().configure()
work("parent-before")
flush()
for number in range(3):
    child = os.fork()
    if not child:
        work(f"child-{number}")
        flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
work("parent-after")
"""


def test_the_environment_alone_chooses_the_exporters(tmp_path):
    """
    The SDK's own set-up, as a distribution calls it, finds the entry points, and forked workers write through their own connections.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "BYLINE_"))},
        "OTEL_LOGS_EXPORTER": "byline", "OTEL_METRICS_EXPORTER": "byline", "OTEL_TRACES_EXPORTER": "none",
        "BYLINE_STORE": str(tmp_path / "s" / "byline.db"), "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr

    with Store.open(tmp_path / "s" / "byline.db", read_only=True) as store:
        stored = sorted(each.id for each in store.incidents())
        counted = sum(each.sketch.count for each in store.latency())

    assert (["child-0", "child-1", "child-2", "parent-after", "parent-before"], 5) == (stored, counted)


def test_importing_the_front_page_loads_no_sqlite():
    """
    Who does not ask for a store does not pay for one.
    """
    script = "import byline, json, sys; print(json.dumps([n for n in ('sqlite3', 'opentelemetry.sdk') if n in sys.modules]))"
    # A coverage run loads sqlite3 itself.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert [] == json.loads(done.stdout)


def test_a_burst_of_events_loses_none(tmp_path, monkeypatch):
    """
    Many more events at once than OpenTelemetry's queue holds wait until the store has taken those before.
    """
    taken = []

    def export(self, batch):
        time.sleep(0.05)
        taken.extend(batch)
        return LogRecordExportResult.SUCCESS

    monkeypatch.setattr(StoreLogExporter, "export", export)
    made = pipeline(tmp_path / "x.db", Resource.get_empty())
    logger = made.logger_provider.get_logger("test")
    for _ in range(6_000):
        logger.emit(event_name="one")
    made.shutdown()

    assert 6_000 == len(taken)
