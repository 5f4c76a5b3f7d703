"""Latency sketches: exact merging, quantiles within a bucket, and agreement with the SDK's own aggregation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, strategies as st
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

from byline._store import sketches
from byline._store.sketches import Sketch

durations = st.one_of(
    st.just(0.0),
    st.floats(min_value=1e-9, max_value=1e5, allow_nan=False),
    st.sampled_from([2.0**power for power in range(-30, 10)]),
)
samples = st.lists(durations, max_size=60)


@given(st.lists(samples, max_size=6))
def test_merging_equals_counting_at_once(parts):
    """
    The merge of sketches is the sketch of all their values.
    """
    together = sketches.of([value for part in parts for value in part])

    merged = sketches.merge(sketches.of(part) for part in parts)

    assert math.isclose(together.total, merged.total, rel_tol=1e-12)
    assert without_total(together) == without_total(merged)


@given(samples, samples, samples)
def test_the_order_of_merging_does_not_matter(one, two, three):
    """
    Merging is associative and commutative.
    """
    first, second, third = sketches.of(one), sketches.of(two), sketches.of(three)

    left = sketches.merge([sketches.merge([first, second]), third])
    right = sketches.merge([third, sketches.merge([second, first])])

    assert without_total(left) == without_total(right)


@given(st.lists(durations, min_size=1, max_size=200), st.floats(min_value=0, max_value=1))
def test_a_quantile_is_in_the_bucket_of_the_true_one(values, q):
    """
    A quantile is at most a bucket's width away from the true one, by nearest rank.
    """
    sketch = sketches.of(values)
    true = sorted(values)[max(0, math.ceil(q * len(values)) - 1)]
    factor = 2**2**-sketch.scale

    found = sketches.quantile(sketch, q)

    assert true == found or true / factor * (1 - 1e-9) <= found <= true * factor * (1 + 1e-9)


@given(st.lists(durations, min_size=1, max_size=50))
def test_extremes_are_exact(values):
    """
    The highest quantile is the slowest call itself.
    """
    assert max(values) == sketches.quantile(sketches.of(values), 1)


@pytest.mark.parametrize("seed", range(20))
def test_the_sdk_counts_the_same(seed):
    """
    Counting here and taking over what the SDK aggregated give the same buckets.
    """
    chance = random.Random(seed)  # noqa: S311  # a data set, not a secret
    values = [
        chance.lognormvariate(-5, chance.choice([0.1, 1, 3])) for _ in range(chance.choice([1, 2, 3, 500]))
    ]
    reader = InMemoryMetricReader(
        preferred_temporality={Histogram: AggregationTemporality.DELTA},
        preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()},
    )
    provider = MeterProvider(metric_readers=[reader])
    histogram = provider.get_meter("test").create_histogram("duration")
    for value in values:
        histogram.record(value)
    point = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
    provider.shutdown()

    taken = sketches.from_exponential(
        count=point.count, total=point.sum, minimum=point.min, maximum=point.max, scale=point.scale,
        zero_count=point.zero_count, offset=point.positive.offset, bucket_counts=point.positive.bucket_counts,
    )  # fmt: skip

    assert without_total(sketches.of(values)) == without_total(taken)


def test_a_histogram_with_explicit_bounds_becomes_an_estimate():
    """
    The count, the sum and the extremes stay, and a quantile stays in its explicit bucket.
    """
    sketch = sketches.from_explicit(
        total=3.3, minimum=0.02, maximum=2.0, bounds=[0.01, 0.1, 1.0], bucket_counts=[0, 8, 1, 1]
    )

    assert (10, 3.3, 0.02, 2.0) == (sketch.count, sketch.total, sketch.minimum, sketch.maximum)
    assert 0.02 <= sketches.quantile(sketch, 0.5) <= 0.1


def test_a_histogram_without_extremes_is_taken_too():
    """
    An aggregation that keeps no minimum and maximum says infinity; the buckets stand in for them.
    """
    endless = math.inf
    exponential = sketches.from_exponential(
        count=2,
        total=3.0,
        minimum=endless,
        maximum=-endless,
        scale=0,
        zero_count=0,
        offset=0,
        bucket_counts=[2, 0],
    )
    explicit = sketches.from_explicit(
        total=3.0, minimum=endless, maximum=-endless, bounds=[1.0, 4.0], bucket_counts=[0, 1, 1]
    )

    assert (0.0, 2.0) == (exponential.minimum, exponential.maximum)
    assert (2, 2.0, 4.0) == (explicit.count, explicit.minimum, explicit.maximum)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf], ids=["negative", "nan", "infinite"])
def test_what_is_no_duration_is_refused(value):
    """
    A negative or endless value is an error, not a bucket.
    """
    with pytest.raises(ValueError, match="not a duration"):
        sketches.of([value])


def test_nothing_is_a_sketch_too():
    """
    Without values every question has the answer zero.
    """
    nothing = sketches.merge([])

    assert (Sketch(), 0.0, 0.0) == (nothing, nothing.mean, sketches.quantile(nothing, 0.95))
    assert Sketch() == sketches.from_exponential(
        count=0, total=0, minimum=0, maximum=0, scale=3, zero_count=0, offset=0, bucket_counts=[]
    )


def test_calls_of_no_duration_are_counted():
    """
    Zero has a bucket of its own, and a quantile there is zero.
    """
    zeros = sketches.from_exponential(
        count=3, total=0.0, minimum=0.0, maximum=0.0, scale=3, zero_count=3, offset=0, bucket_counts=[0]
    )

    assert (3, (), 0.0) == (zeros.zero_count, zeros.buckets, sketches.quantile(zeros, 0.5))
    assert sketches.of([0.0] * 3) == zeros


def test_a_damaged_sketch_has_an_answer():
    """
    When the buckets hold less than the count says, the longest call is the answer.
    """
    assert 2.0 == sketches.quantile(Sketch(count=5, maximum=2.0, buckets=(1,)), 0.5)


def test_a_share_beyond_one_is_refused():
    """
    A quantile of 95 is a mistake for 0.95.
    """
    with pytest.raises(ValueError, match="between 0 and 1"):
        sketches.quantile(Sketch(), 95)


def without_total(sketch):
    return (
        sketch.count,
        sketch.minimum,
        sketch.maximum,
        sketch.scale,
        sketch.zero_count,
        sketch.offset,
        sketch.buckets,
    )
