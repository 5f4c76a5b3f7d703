"""Ranges and extremes found by bytes are those of the values."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter

import pytest
from hypothesis import example, given, settings, strategies as st

from byline._semconv import DURATION_BOUNDS
from byline._telemetry.durations import Durations
from byline._telemetry.lanes import Lanes, counts
from byline._telemetry.tally import Tally

EDGES = [2.0**power for power in range(-39, 12, 2)]
"""Where one range ends and the next begins."""


def beside(value: float, steps: int) -> float:
    for _ in range(abs(steps)):
        value = math.nextafter(value, math.inf if steps > 0 else 0.0)
    return value


NEAR_AN_EDGE = st.builds(beside, st.sampled_from(EDGES), st.integers(-3, 3))
ROUNDED_UP = st.builds(
    lambda edge, part: edge * (1 - part * 2.0**-25), st.sampled_from(EDGES), st.floats(0, 2)
)
VALUE = st.one_of(st.floats(1e-12, 1e4), NEAR_AN_EDGE, ROUNDED_UP)
BULK = [6e-8 * (1 + number / 5_000) for number in range(1_600)]


@settings(max_examples=200, deadline=None)
@given(st.lists(VALUE, min_size=1, max_size=30), VALUE, st.sampled_from([1, 40]))
@example([0.5], math.inf, 1)
@example([1e300], 1e300, 1)
def test_extremes(values, known, times):
    """
    The least and the greatest value are exact, however many equal ones there are, and whatever is known.
    """
    try:
        lanes = Lanes(values * times)
    except OverflowError:
        assert max(values) > 3e38
        return

    assert min(known, *values, math.inf) == lanes.lowest(known)
    assert max(known, *values, 0.0) == lanes.highest(known)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(VALUE, max_size=30),
    st.one_of(
        st.just(DURATION_BOUNDS),
        st.lists(VALUE, min_size=1, max_size=8, unique=True).map(lambda found: tuple(sorted(found))),
    ),
)
def test_explicit_buckets(odd, bounds):
    """
    Large batches fall into the same explicit buckets as each value by itself, also where a bound is at the edge of a range.
    """
    durations = Durations(bounds)
    values = [*odd, *BULK]

    durations.add(Tally(list(values)), {})
    durations.add(Tally(list(values)), {})
    (found,) = durations.collect()

    expected = Counter(bisect_left(bounds, each) for each in values)
    assert tuple(2 * expected[at] for at in range(len(bounds) + 1)) == found.buckets
    assert (2 * len(values), min(values), max(values), 0) == (
        found.count,
        found.minimum,
        found.maximum,
        found.zero_count,
    )
    assert math.isclose(2 * math.fsum(values), found.total)


def test_ranges_are_what_is_counted():
    """
    Where no bound is near, durations are not looked at one by one, nor are exponential buckets.
    """
    tally = Tally(BULK)
    Durations(DURATION_BOUNDS).add(tally, {})

    assert "buckets" not in vars(tally)


@pytest.mark.parametrize("lane", [b"", b"a", b"abca"], ids=str)
def test_counts(lane):
    """
    Bytes are counted.
    """
    assert Counter(lane) == counts(lane)
