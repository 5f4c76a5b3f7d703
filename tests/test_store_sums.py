"""Sums in the store: every window is answered as if each row were added up, whatever was summed or thinned."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from byline._model import Attribution, Incident, Suspect
from byline._store import sketches, sums, upkeep
from byline._store.windows import DAY, QUARTER, cover
from byline.store import Calls, Store

A, B, C = "a1" * 20, "a2" * 20, "b3" * 20
MINUTE_NS = 60 * 10**9
DAYS = 4
NOW_NS = time.time_ns()
START_NS = NOW_NS - DAYS * 24 * 60 * MINUTE_NS
minutes_ago = st.integers(min_value=0, max_value=DAYS * 24 * 60)


def calls(ago, value, *, function="f", process="one"):
    return Calls(function, A, C, "", NOW_NS - ago * MINUTE_NS, sketches.of([value]), process)


def incident(number, ago_ns, *, fingerprint="f1", commit=A, suppressed=0):
    suspect = Suspect(commit, "r", "f", "p", 1, 0, "ai", "high", tool="claude")
    return Incident(
        f"{number:06}", NOW_NS - ago_ns, "f", "KeyError", f"no {number}", f"KeyError: no {number}", "p", 1,
        fingerprint, Attribution(commit=commit), (suspect,), suppressed=suppressed,
    )  # fmt: skip


def moment(time_ns):
    """A datetime holds microseconds: the moment may be a little early."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1_000)


@settings(max_examples=25, deadline=None)
@given(
    early=st.lists(st.tuples(minutes_ago, st.sampled_from("fg")), min_size=1, max_size=30),
    late=st.lists(st.tuples(minutes_ago, st.sampled_from("fg")), max_size=10),
    windows=st.lists(st.tuples(minutes_ago, minutes_ago), min_size=1, max_size=5),
)
def test_a_window_is_the_same_with_and_without_sums(tmp_path_factory, early, late, windows):
    """
    Calls written before and after their spans were summed count once, in every window.
    """
    rows = [calls(ago, 0.001 * (ago % 9 + 1), function=name) for ago, name in early + late]
    folder = tmp_path_factory.mktemp("sums")
    with Store.open(folder / "byline.db", create=True) as store:
        store.add_latency(rows[: len(early)])
        store._sum_up_at = 0.0
        store.add_latency(rows[len(early) :])
        for pair in windows:
            since_ns, until_ns = (NOW_NS - ago * MINUTE_NS for ago in sorted(pair, reverse=True))
            low, high = since_ns // MINUTE_NS, -(-until_ns // MINUTE_NS)
            found = store.latency(since=moment(since_ns), until=moment(until_ns))
            totals = store.totals(since=moment(since_ns), until=moment(until_ns))

            for name in "fg":
                inside = [each for each in rows if each.function == name and low <= each.minute < high]
                merged = sketches.merge(each.sketch for each in inside)
                told = [each.sketch for each in found if each.function == name]
                assert [(each.count, each.scale, each.offset, each.buckets) for each in told] == (
                    [(merged.count, merged.scale, merged.offset, merged.buckets)] if inside else []
                )
                assert [each.calls for each in totals if each.function == name] == [len(inside)] * bool(
                    inside
                )


@settings(max_examples=25, deadline=None)
@given(
    agos=st.lists(st.integers(0, DAYS * 24 * 60 * MINUTE_NS), min_size=1, max_size=30),
    windows=st.lists(st.tuples(minutes_ago, minutes_ago), min_size=1, max_size=5),
)
def test_incidents_of_a_window_are_counted_to_the_moment(tmp_path_factory, agos, windows):
    """
    Sums answer for whole quarter hours and days, the incidents themselves for the edges.
    """
    rows = [incident(n, ago, fingerprint=f"f{n % 2}", suppressed=n % 3) for n, ago in enumerate(agos)]
    with Store.open(tmp_path_factory.mktemp("sums") / "byline.db", create=True) as store:
        store.add_incidents(rows)
        for pair in windows:
            since, until = (moment(NOW_NS - ago * MINUTE_NS) for ago in sorted(pair, reverse=True))
            inside = [each for each in rows if since <= moment(each.time_ns) < until]
            found = store.kinds(since=since, until=until)

            for kind in found:
                own = [each for each in inside if each.fingerprint == kind.fingerprint]
                newest = max(own, key=lambda each: each.time_ns)
                assert (len(own), sum(1 + each.suppressed for each in own)) == (kind.recorded, kind.incidents)
                assert newest.time_ns == kind.last_ns
                assert newest.message == kind.message or len({each.time_ns for each in own}) < len(own)
            assert len({each.fingerprint for each in inside}) == len(found)
            assert sum(1 + each.suppressed for each in inside) == sum(
                each.incidents for each in store.by_commit(since=since, until=until)
            )


@given(
    start=st.integers(0, 5_000), length=st.integers(0, 5_000),
    quarters=st.integers(0, 400), days=st.integers(0, 5), gone=st.integers(0, 400), gone_days=st.integers(0, 3),
)  # fmt: skip
def test_a_window_is_covered_once(start, length, quarters, days, gone, gone_days):  # noqa: PLR0913, PLR0917  # drawn by name
    """
    The parts follow each other without a gap and without an overlap, and cover the window.
    """
    reach = {QUARTER: quarters * QUARTER, DAY: min(days * DAY, quarters * QUARTER // DAY * DAY)}
    thinned_days = min(gone_days * DAY, reach[DAY])
    thinned = {1: min(max(gone * QUARTER, thinned_days), reach[QUARTER]), QUARTER: thinned_days}

    parts = cover(start, start + length, reach=reach, thinned=thinned)

    assert all(before.end == after.start for before, after in pairwise(parts))
    if length:
        assert parts[0].start <= start
        assert parts[-1].end >= start + length
    for each in parts:
        assert not each.start % each.minutes
        assert not each.end % each.minutes
        assert each.minutes == 1 or each.end <= reach[each.minutes]
        assert each.minutes == DAY or each.start >= thinned[each.minutes]


def test_a_window_grows_to_what_is_left(tmp_path):
    """
    Where the minutes are thinned, a window that begins between two quarter hours takes the whole first one.
    """
    # At noon, so that all of it is in one day, whenever the test runs.
    noon = (NOW_NS // (24 * 60 * MINUTE_NS) - 3) * 24 * 60 + 12 * 60
    then = NOW_NS // MINUTE_NS - noon
    old = [calls(then + ago, 0.001) for ago in range(30)]
    with Store.open(tmp_path / "byline.db", create=True) as store:
        store.add_latency(old)
        store._sum_up_at = 0.0
        store.add_latency([calls(0, 0.001)])
        with store._file.opened() as connection, upkeep.transaction(connection):
            while upkeep._thin(connection, upkeep.Bounds(0, 0, NOW_NS)):
                pass
        found = store.latency(since=moment(NOW_NS - (then + 5) * MINUTE_NS))

    assert 31 == found[0].sketch.count


def test_a_message_in_the_stack_trace_is_stored_once(tmp_path):
    """
    Incidents that differ in their message share everything else, and come back as they were.
    """
    rows = [incident(number, number * MINUTE_NS) for number in range(5)]
    with Store.open(tmp_path / "byline.db", create=True) as store:
        store.add_incidents(rows)
        with store._file.opened() as connection:
            failures = connection.execute("SELECT COUNT(*) FROM failure").fetchone()[0]

        assert tuple(rows) == store.incidents()
    assert 1 == failures


def test_many_series_are_summed_in_steps(tmp_path, monkeypatch):
    """
    One transaction sums up a few series only; what is written meanwhile counts once.
    """
    monkeypatch.setattr(sums, "SERIES", 2)
    monkeypatch.setattr(upkeep, "SUM_ROUNDS", 1)
    monkeypatch.setattr(upkeep, "_STEP", upkeep.BATCH)
    with Store.open(tmp_path / "byline.db", create=True) as store:
        for number in range(40):
            store.add_latency([calls(100 + number % 7, 0.001, function=f"f{each}") for each in range(7)])
        found = store.latency()

    assert [40] * 7 == [each.sketch.count for each in found]


def test_numbers_outlive_the_incidents(tmp_path):
    """
    When size takes the oldest incidents, how many there were is still known.
    """
    with Store.open(tmp_path / "byline.db", create=True, max_bytes=400_000) as store:
        store.add_incidents([incident(number, number * MINUTE_NS) for number in range(5_000)])
        kept, (kind,) = store.count_incidents(), store.kinds()

    assert 0 < kept < 5_000 == kind.recorded


@pytest.mark.parametrize("hours", [1, 30, 80])
def test_blocks_are_quarter_hours_in_order(tmp_path, hours):
    """
    The blocks of a series hold all its calls, each in its own quarter hour.
    """
    rows = [calls(ago, 0.002) for ago in range(0, hours * 60, 5)]
    with Store.open(tmp_path / "byline.db", create=True) as store:
        store.add_latency(rows)
        store._sum_up_at = 0.0
        store.add_latency([calls(0, 0.002, process="two")])
        blocks = store.blocks(function="f", last_commit=C)

    assert len(rows) + 1 == sum(each.sketch.count for each in blocks)
    assert {QUARTER} == {each.minutes for each in blocks}
    assert sorted(blocks, key=lambda each: each.start_ns) == list(blocks)
    assert len(blocks) == len({each.minute // QUARTER for each in rows})
