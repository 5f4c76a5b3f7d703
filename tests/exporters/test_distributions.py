"""Call durations in a program's own pipeline: whole distributions, exact, and never twice."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from contextlib import closing

import pytest
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

import byline
from byline import _registry, _semconv, otel
from byline._exporters.durations import WithDurations
from byline._exporters.program import OtlpExporter, StoreExporter
from byline._instrumentation import development
from byline._model import Attribution, Function
from byline._registry import Entry
from byline._telemetry import latency, signals
from byline._telemetry.instruments import Instruments
from byline.exceptions import ConfigError

DELTA = {Histogram: AggregationTemporality.DELTA}
EXPONENTIAL = {Histogram: ExponentialBucketHistogramAggregation()}


class Kept(MetricExporter):
    """An exporter that keeps what it gets."""

    def __init__(self, **preferences):
        super().__init__(**preferences)
        self.batches = []
        self.is_flushed = self.is_shut_down = False

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs):
        self.batches.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000):
        self.is_flushed = True
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs):
        self.is_shut_down = True

    def data(self, name):
        """The data of each metric of that name in the last batch."""
        return [
            metric.data
            for resource in self.batches[-1].resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]

    def durations(self):
        """The data of each byline.call.duration in the last batch."""
        return self.data(_semconv.METRIC_DURATION)


class Wired:
    """A provider of its own behind an exporter: what it collects leads to an export."""

    def __init__(self, kept, **options):
        self.kept = kept
        self.front = otel.metric_exporter(kept, **options)
        self.reader = PeriodicExportingMetricReader(self.front, export_interval_millis=3_600_000)
        self.provider = sdk.MeterProvider([self.reader], shutdown_on_exit=False)
        self.provider.get_meter("some").create_counter("thing").add(1)

    def point(self, function):
        latency.drain_all()
        self.provider.force_flush()
        (data,) = self.kept.durations()
        (found,) = [each for each in data.data_points if function in each.attributes[_semconv.FUNCTION]]
        return data, found


@pytest.fixture
def wire(providers):
    made = []

    def wired(kept, **options):
        made.append(Wired(kept, **options))
        return made[-1]

    yield wired
    for each in made:
        each.provider.shutdown()


def marked(name):
    def function(fails=False):
        if fails:
            raise KeyError(name)

    function.__name__ = function.__qualname__ = name
    # Functions of one code are one function; this one needs a code of its own.
    function.__code__ = function.__code__.replace(co_name=name, co_qualname=name)
    return byline.ai_generated(tool="claude")(function)


@pytest.mark.parametrize(("preferences", "counts"), [({}, [3, 5]), ({"preferred_temporality": DELTA}, [3, 2])], ids=["cumulative", "delta"])  # fmt: skip
def test_temporality_is_the_exporters(preferences, counts, wire):
    """
    Counts grow or start again, as the exporter prefers.
    """
    wired, function = wire(Kept(**preferences)), marked("temporal")
    found = []
    for number in (3, 2):
        for _ in range(number):
            function()
        found.append(wired.point("temporal")[1].count)

    assert counts == found


def test_explicit_by_default(wire):
    """
    The buckets are the ones that byline advises.
    """
    wired = wire(Kept())
    marked("explicit")()
    data, point = wired.point("explicit")

    assert AggregationTemporality.CUMULATIVE == data.aggregation_temporality
    assert _semconv.DURATION_BOUNDS == point.explicit_bounds
    assert (1, 1) == (point.count, sum(point.bucket_counts))
    assert point.start_time_unix_nano <= point.time_unix_nano


def test_own_boundaries(wire):
    """
    Other boundaries can be given.
    """
    wired = wire(Kept(), boundaries=[0.5, 1])
    marked("bounded")()

    assert [1, 0, 0] == list(wired.point("bounded")[1].bucket_counts)


@pytest.mark.parametrize(
    ("preferences", "options"),
    [({"preferred_aggregation": EXPONENTIAL}, {}), ({}, {"exponential": True})],
    ids=["exporter", "argument"],
)
def test_exponential_on_wish(preferences, options, wire):
    """
    An exporter that prefers exponential buckets gets them, and so does who asks for them.
    """
    wired = wire(Kept(**preferences), **options)
    marked("exponential")()
    point = wired.point("exponential")[1]

    assert (1, 1) == (point.count, sum(point.positive.bucket_counts) + point.zero_count)


@pytest.mark.parametrize("boundaries", [[], [2, 1], [1, 1]], ids=str)
def test_boundaries_must_ascend(boundaries):
    """
    Boundaries that make no buckets are an error.
    """
    with pytest.raises(ConfigError, match="boundaries="):
        otel.metric_exporter(Kept(), boundaries=boundaries)


def test_boundaries_are_not_exponential():
    """
    Boundaries and exponential buckets exclude each other.
    """
    with pytest.raises(ConfigError, match="no boundaries"):
        otel.metric_exporter(Kept(), boundaries=[1], exponential=True)


def test_failures_have_their_own_series(wire):
    """
    A failed call counts with its error.type.
    """
    wired, function = wire(Kept()), marked("failing")
    function()
    with pytest.raises(KeyError):
        function(fails=True)
    latency.drain_all()
    wired.provider.force_flush()
    (data,) = wired.kept.durations()

    assert [None, "KeyError"] == [
        each.attributes.get(_semconv.ERROR_TYPE)
        for each in data.data_points
        if "failing" in each.attributes[_semconv.FUNCTION]
    ]


def test_exemplars_carry_the_trace(wire, spans):
    """
    A call with a span leaves its ids with its bucket.
    """
    from opentelemetry import trace

    wired, function = wire(Kept()), marked("traced")
    with trace.get_tracer("test").start_as_current_span("request"):
        function()
    (span,) = [each for each in spans() if "traced" in each.name]
    (exemplar,) = wired.point("traced")[1].exemplars

    assert (span.context.trace_id, span.context.span_id) == (exemplar.trace_id, exemplar.span_id)


def test_nothing_is_counted_twice(wire, metrics):
    """
    While distributions are taken, no call is recorded by itself, unless somebody asks for it.
    """
    wire(Kept())
    marked("single")()
    assert _semconv.METRIC_DURATION not in metrics()

    wire(Kept(), replay=True)
    marked("replayed")()

    assert ["replayed"] == [
        each.attributes[_semconv.FUNCTION].rpartition(".")[2] for each in metrics()[_semconv.METRIC_DURATION]
    ]


def test_single_records_are_left_out(wire):
    """
    What the SDK made of calls that were recorded singly does not reach an exporter of distributions.
    """
    wired = wire(Kept())
    wired.provider.get_meter(_semconv.SCOPE).create_histogram(_semconv.METRIC_DURATION).record(1.0)
    marked("alone")()

    assert 1 == wired.point("alone")[1].count


def test_every_function_is_described(wire, monkeypatch):
    """
    The list of functions is whole, also where OpenTelemetry's SDK merges all beyond 2,000.
    """
    monkeypatch.setattr(_registry, "_entries", {})
    wired = wire(Kept())
    Instruments(wired.provider.get_meter(_semconv.SCOPE))
    for number in range(2_050):
        where = Function("shop", f"work_{number}", "shop.py", 1, 1, 1)
        code = compile("pass", "shop.py", "exec")
        _registry.add(Entry(code, where, Attribution("ai", "high", "ok", "c" * 40)))
    wired.provider.force_flush()

    (functions,) = wired.kept.data(_semconv.METRIC_FUNCTION)
    names = [each.attributes[_semconv.FUNCTION] for each in functions.data_points]

    assert sorted({f"shop.work_{number}" for number in range(2_050)}) == sorted(names)


def test_shutdown_gives_calls_back(metrics):
    """
    After the exporter's shutdown calls are recorded as before.
    """
    kept = Kept()
    front = otel.metric_exporter(kept)
    front.force_flush()
    front.shutdown()
    marked("given_back")()

    assert _semconv.METRIC_DURATION in metrics()
    assert (True, True) == (kept.is_flushed, kept.is_shut_down)


def test_private_names_are_there():
    """
    The SDK still has the two private names that are read: what every exporter prefers.
    """
    kept = Kept(preferred_temporality=DELTA, preferred_aggregation=EXPONENTIAL)
    front = WithDurations(kept, latency_durations(), cumulative=False)

    assert (DELTA, EXPONENTIAL) == (kept._preferred_temporality, kept._preferred_aggregation)
    assert (DELTA, EXPONENTIAL) == (front._preferred_temporality, front._preferred_aggregation)


def latency_durations():
    from byline._telemetry.durations import Durations

    return Durations()


def test_the_stores_exporter_by_name(tmp_path, metrics):
    """
    OTEL_METRICS_EXPORTER=byline takes distributions as deltas in exponential buckets.
    """
    front = StoreExporter(tmp_path / "byline.db")
    (durations,) = signals.own_durations()
    marked("stored")()
    latency.drain_all()
    (found,) = durations.collect()
    front.shutdown()

    assert (None, 1) == (durations.bounds, found.count)
    assert [] == durations.collect()


def test_otlp_by_name(monkeypatch):
    """
    OTEL_METRICS_EXPORTER=byline_otlp is OpenTelemetry's own exporter for the protocol, with distributions.
    """
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram")  # fmt: skip
    front = OtlpExporter()
    (durations,) = signals.own_durations()
    front.shutdown()

    assert durations.bounds is None


PROGRAM = """
import byline
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import *
from tests_kept import Kept

{wiring}
@byline.ai_generated(tool="claude")
def f(): pass

for _ in range(300_000): f()
{report}
"""


def run(folder, wiring, report):
    (folder / "tests_kept.py").write_text(
        textwrap.dedent(
            """
            from opentelemetry.sdk.metrics.export import *
            class Kept(MetricExporter):
                total = 0
                def export(self, data, timeout_millis=10_000, **kwargs):
                    Kept.total = sum(p.count for r in data.resource_metrics for s in r.scope_metrics
                        for m in s.metrics if m.name == "byline.call.duration" for p in m.data.data_points)
                    return MetricExportResult.SUCCESS
                def force_flush(self, timeout_millis=10_000): return True
                def shutdown(self, timeout_millis=30_000, **kwargs): pass
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(wiring=wiring, report=report)],
        capture_output=True, text=True, check=True, cwd=folder,
    )  # fmt: skip
    assert "" == done.stderr
    return done.stdout


def test_a_whole_program(tmp_path):
    """
    A program with its own MeterProvider exports every one of its calls, up to its last collection.
    """
    wiring = (
        "reader = PeriodicExportingMetricReader(byline.otel.metric_exporter(Kept()))\n"
        "metrics.set_meter_provider(MeterProvider([reader]))"
    )

    assert "300000\n" == run(
        tmp_path,
        f"import byline.otel\n{wiring}",
        "metrics.get_meter_provider().shutdown()\nprint(Kept.total)",
    )


def test_a_prometheus_scrape(tmp_path):
    """
    A scrape of prometheus_client's registry has every call, in the buckets that byline advises.
    """
    pytest.importorskip("prometheus_client")
    report = """
import prometheus_client
text = prometheus_client.generate_latest().decode()
lines = [line for line in text.splitlines() if line.startswith("byline_call_duration_seconds")]
print(len([line for line in lines if "_bucket" in line]), [line.rpartition(" ")[2] for line in lines if "_count" in line])
"""
    wiring = (
        "import byline.otel, prometheus_client as p\np.REGISTRY.register(byline.otel.prometheus_collector())"
    )
    program = run(tmp_path, wiring, report).strip()

    assert f"{len(_semconv.DURATION_BOUNDS) + 1} ['300000.0']" == program


def test_prometheus_exemplars(spans):
    """
    A bucket that a scrape reads names the trace of its newest call; closed, the collector counts no more.
    """
    pytest.importorskip("prometheus_client")
    from opentelemetry import trace

    with closing(otel.prometheus_collector(boundaries=[0.5, 1])) as collector:
        function = marked("scraped")
        with trace.get_tracer("test").start_as_current_span("request"):
            function()
        development.wait()  # a scrape waits for no attribution, and this one is still asked for
        (family,) = collector.collect()
    first = next(each for each in family.samples if "scraped" in each.labels["code_function_name"])
    (span,) = [each for each in spans() if "scraped" in each.name]

    assert ("0.5", 1.0) == (first.labels["le"], first.value)
    assert f"{span.context.trace_id:032x}" == first.exemplar.labels["trace_id"]
    assert "byline" == first.labels["otel_scope_name"]
    assert () == signals.own_durations()
    assert [] == [sample for each in collector.describe() for sample in each.samples]
