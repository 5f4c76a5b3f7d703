"""Durations in exact buckets, compared with the SDK's own aggregation of the same values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings, strategies as st
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)

from byline._semconv import DURATION_BOUNDS
from byline._telemetry.durations import SCALE, Durations, Exemplar
from byline._telemetry.tally import Tally

SECONDS = st.floats(min_value=1e-9, max_value=1e5, allow_nan=False)


def sdk_buckets(values: list[float]) -> dict[int, int]:
    point = sdk_point(values, ExponentialBucketHistogramAggregation(max_size=4_000, max_scale=SCALE))
    assert SCALE == point.scale
    return {point.positive.offset + n: count for n, count in enumerate(point.positive.bucket_counts) if count}


def sdk_point(values, aggregation):
    reader = InMemoryMetricReader(preferred_aggregation={Histogram: aggregation})
    provider = MeterProvider([reader], shutdown_on_exit=False)
    histogram = provider.get_meter("test").create_histogram("h")
    for value in values:
        histogram.record(value)
    point = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
    provider.shutdown()
    return point


def buckets(durations: Durations) -> dict[int, int]:
    (found,) = durations.collect()
    return {found.offset + n: count for n, count in enumerate(found.buckets) if count}


@settings(max_examples=60, deadline=None)
@given(st.lists(SECONDS, min_size=1, max_size=60))
def test_equal_to_the_sdk(values):
    """
    Bucket for bucket, the counts are those of the SDK's exponential histogram.
    """
    durations = Durations()
    durations.add(Tally(list(values)), {})

    assert sdk_buckets(values) == buckets(durations)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(SECONDS, max_size=20), min_size=1, max_size=5))
def test_batches_add_up(batches):
    """
    Counting in batches gives what counting at once gives.
    """
    whole, parts = Durations(), Durations()
    whole.add(Tally([value for batch in batches for value in batch]), {"a": 1})
    for batch in batches:
        parts.add(Tally(list(batch)), {"a": 1})

    assert [(e.count, e.offset, e.buckets) for e in whole.collect()] == [
        (e.count, e.offset, e.buckets) for e in parts.collect()
    ]


def test_totals():
    """
    Count, sum and extremes are exact; a duration of zero has its own count.
    """
    durations = Durations()
    durations.add(Tally([0.5, 0.0, 0.25, 2.0]), {})

    (found,) = durations.collect()

    assert (4, 2.75, 0.0, 2.0, 1) == (
        found.count,
        found.total,
        found.minimum,
        found.maximum,
        found.zero_count,
    )
    assert 3 == sum(found.buckets)


def test_collection_starts_afresh():
    """
    What was collected is not collected again.
    """
    durations = Durations()
    durations.add(Tally([1.0]), {})
    durations.collect()

    assert [] == durations.collect()


@pytest.mark.parametrize("value", [5e-324, 1e-15, 1e9, math.inf], ids=str)
def test_beyond_the_table(value):
    """
    A duration that no table holds is counted at its end, not lost.
    """
    durations = Durations()
    durations.add(Tally([value]), {})

    assert 1 == sum(buckets(durations).values())


def test_series_are_apart():
    """
    Other attributes make another distribution.
    """
    durations = Durations()
    durations.add(Tally([1.0]), {"error.type": "ValueError"})
    durations.add(Tally([1.0]), {})

    assert [{"error.type": "ValueError"}, {}] == [found.attributes for found in durations.collect()]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(SECONDS, st.sampled_from(DURATION_BOUNDS), st.just(0.0)), min_size=1, max_size=60))
def test_explicit_buckets_equal_the_sdk(values):
    """
    Bucket for bucket, also for values on a bound, the counts are those of the SDK's explicit histogram.
    """
    durations = Durations(DURATION_BOUNDS)
    durations.add(Tally(list(values)), {})
    (found,) = durations.collect()
    point = sdk_point(values, ExplicitBucketHistogramAggregation(DURATION_BOUNDS))

    assert tuple(point.bucket_counts) == found.buckets
    assert (point.count, point.min, point.max) == (found.count, found.minimum, found.maximum)
    assert math.isclose(point.sum, found.total)


@settings(max_examples=60, deadline=None)
@given(st.lists(SECONDS, min_size=1, max_size=60), st.integers(4, 160))
def test_fitted_equals_the_sdk_at_that_scale(values, size):
    """
    With fewer buckets the counts are still exactly those of the SDK's histogram of that scale.
    """
    durations = Durations()
    durations.add(Tally(list(values)), {})
    found = durations.collect()[0].fitted(size)
    point = sdk_point(values, ExponentialBucketHistogramAggregation(max_size=4_000, max_scale=found.scale))

    assert len(found.buckets) <= size
    assert {point.positive.offset + n: c for n, c in enumerate(point.positive.bucket_counts) if c} == {
        found.offset + n: count for n, count in enumerate(found.buckets) if count
    }


def test_cumulative_counts_grow():
    """
    Cumulative counts stay after a collection, and say since when they grow.
    """
    durations = Durations(cumulative=True)
    durations.add(Tally([1.0]), {})
    (first,) = durations.collect()
    durations.add(Tally([1.0]), {})
    (second,) = durations.collect()

    assert (1, 2) == (first.count, second.count)
    assert first.since_ns == second.since_ns


def test_deltas_follow_each_other():
    """
    A delta begins where the one before ended.
    """
    durations = Durations()
    durations.add(Tally([1.0]), {})
    (first,) = durations.collect()
    durations.add(Tally([1.0]), {})
    (second,) = durations.collect()

    assert first.since_ns < second.since_ns


def test_newest_exemplar_of_a_bucket():
    """
    A bucket keeps its newest exemplar, and a collection takes them all.
    """
    durations = Durations([1.0, 2.0], cumulative=True)
    old, new, other = Exemplar(0.5, 1, 1, 1), Exemplar(0.6, 2, 2, 2), Exemplar(9.0, 3, 3, 3)
    durations.add(Tally([0.5, 0.6, 9.0]), {}, [old, other, new])

    assert (other, new) == durations.collect()[0].exemplars
    assert () == durations.collect()[0].exemplars


def test_exemplars_are_bounded():
    """
    A series keeps at most twenty exemplars, the newest.
    """
    durations = Durations()
    durations.add(Tally([1.0]), {}, [Exemplar(2.0 ** (power - 30), power, 1, 1) for power in range(40)])

    assert list(range(20, 40)) == [each.time_ns for each in durations.collect()[0].exemplars]
