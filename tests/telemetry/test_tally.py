"""Large batches are counted by their bytes, and fall where each value by itself would."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import Counter

import pytest
from hypothesis import given, settings, strategies as st

from byline._telemetry.tally import BOUNDS, Tally, limits

NEAR_A_BOUND = st.builds(
    lambda bound, steps: math.nextafter(bound, math.inf if steps > 0 else 0.0) if steps else bound,
    st.sampled_from(BOUNDS[600:1200]),
    st.integers(-1, 1),
)
ANY = st.one_of(st.just(0.0), st.floats(0.0, 1e9), NEAR_A_BOUND)


def one_by_one(values: list[float]) -> Counter[int]:
    return Counter(bisect_left(BOUNDS, each) for each in values if each > 0.0)


def spread(middle_s: float, width: float, tick_s: float, size: int = 3_000) -> list[float]:
    """Make up durations around a middle, as a clock that ticks would tell them."""
    chance = random.Random(f"{middle_s} {width} {tick_s}")  # noqa: S311  # no secret
    now = 1_234.567
    found = []
    for _ in range(size):
        duration_s = middle_s * 2 ** chance.gauss(0.0, width)
        later = now + (round(duration_s / tick_s) * tick_s if tick_s else duration_s)
        found.append(later - now)
        now = later
    return found


def check(values: list[float]) -> Tally:
    tally = Tally(list(values))

    assert one_by_one(values) == tally.buckets
    assert (min(values), max(values), sum(values), sum(each <= 0.0 for each in values)) == (
        tally.minimum,
        tally.maximum,
        tally.total,
        tally.zero_count,
    )
    for bucket in tally.buckets:
        low, high = limits(bucket)
        assert sorted(each for each in values if low < each <= high) == sorted(tally.inside(bucket))
    return tally


@pytest.mark.parametrize("tick_s", [0.0, 1e-9, 1e-8], ids=["fine", "1 ns", "10 ns"])
@pytest.mark.parametrize("width", [0.05, 0.5, 3.0], ids=["narrow", "an octave", "wide"])
@pytest.mark.parametrize("middle_s", [7e-8, 3.1e-5, 1e-3, 0.25, 40.0], ids=str)
def test_where_durations_fall(middle_s, width, tick_s):
    """
    Buckets, extremes and sum are those of the values, wherever they are and however they spread.
    """
    check(spread(middle_s, width, tick_s))


@settings(max_examples=40, deadline=None)
@given(st.lists(ANY, min_size=1, max_size=40), st.sampled_from(BOUNDS[640:1280]))
def test_odd_values(odd, usual):
    """
    Values on bounds, beside bounds, far away and zero are counted right among many others.
    """
    check([*odd, *(usual * (1 + number / 5_000) for number in range(1_500))])


@pytest.mark.parametrize("value", BOUNDS[640:704:3], ids=str)
def test_all_on_a_bound(value):
    """
    A bound belongs to the bucket below it, however many calls took just that long.
    """
    tally = check([value] * 1_000)

    assert {BOUNDS.index(value): 1_000} == tally.buckets


def test_bytes_are_what_is_counted():
    """
    Durations as they are measured are not sorted: hardly one of them has to be looked at by itself.
    """
    tally = check(spread(7e-8, 0.1, 1e-8))

    assert tally.labels is not None
    assert len(tally.labels.odd) < 100


@pytest.mark.parametrize("values", [[math.inf, 1.0], [5e-324, 1e300], [0.0]], ids=str)
def test_beyond_the_bounds(values):
    """
    What is too long, too short, or nothing at all is counted at the ends.
    """
    check(values * 500)


def test_limits_of_the_ends():
    """
    The first bucket begins above zero, the last one never ends.
    """
    assert (0.0, BOUNDS[0]) == limits(0)
    assert (BOUNDS[-1], math.inf) == limits(len(BOUNDS))
