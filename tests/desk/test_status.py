"""Probation: what is said of a new version, of known truths and of too little to tell."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from byline._cli.main import main
from byline._desk.status import status
from byline._model import Attribution, Finding
from byline._store import sketches
from byline.exceptions import NotFoundError
from byline.store import Calls, FunctionSeen, Store

OLD, NEW = "a" * 40, "b" * 40
HOUR_NS = 3_600 * 10**9
NOW_NS = time.time_ns()
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "probation.py"


def seen(last_commit, hours_ago, function="cart.total"):
    at_ns = NOW_NS - int(hours_ago * HOUR_NS)
    return FunctionSeen(function, OLD, last_commit, tool="claude", first_seen_ns=at_ns, last_seen_ns=at_ns)


def calls(last_commit, hours_ago, values, *, error_type="", function="cart.total"):
    at_ns = NOW_NS - int(hours_ago * HOUR_NS)
    return Calls(function, OLD, last_commit, error_type, at_ns, sketches.of(values))


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "byline.db", create=True) as opened:
        yield opened


def only(store, **wanted):
    (commit,) = status(store, **wanted).commits
    (version,) = commit.versions
    return version


def deploy(store, *, before, after, hours=6.0, errors=0.0):
    """Write a version that is one day old and its successor, with some durations in each quarter hour."""
    store.add_functions([seen(OLD, 24), seen(NEW, hours)])
    quarters = int(hours * 4)
    store.add_latency(calls(OLD, hours + (n + 1) / 4, before) for n in range(int((24 - hours) * 4)))
    failed = int(len(after) * errors)
    for number in range(quarters):
        ago = hours - number / 4 - 0.01
        store.add_latency([calls(NEW, ago, after[failed:])])
        if failed:
            store.add_latency([calls(NEW, ago, after[:failed], error_type="KeyError")])


FAST = [0.008 + 0.0001 * number for number in range(40)]


def test_a_version_that_was_never_called_is_shipped(store):
    """
    To be there is not to be proven.
    """
    store.add_functions([seen(OLD, 24), seen(NEW, 3)])

    version = only(store, commit=NEW)

    assert ("shipped", "never called", OLD) == (version.state, version.reason, version.previous)


def test_too_few_calls_are_said_to_be_too_few(store):
    """
    Below the minimum there is no verdict, and never a good one.
    """
    store.add_functions([seen(OLD, 24), seen(NEW, 3)])
    store.add_latency([calls(OLD, 10, FAST), calls(NEW, 2, FAST[:12])])

    version = only(store, commit=NEW)

    assert ("exercised", "not enough calls: 12 of 200", ()) == (
        version.state,
        version.reason,
        version.changes,
    )


def test_many_calls_in_a_moment_are_not_enough_time(store):
    """
    A thousand calls of one quarter hour share its load.
    """
    deploy(store, before=FAST, after=FAST)
    store.add_functions([seen("c" * 40, 0.2)])
    store.add_latency([calls("c" * 40, 0.1, FAST * 25)])

    version = only(store, commit="c" * 40)

    assert "exercised" == version.state
    assert "not enough time with calls" in version.reason


def test_a_version_like_the_one_before_is_watched_and_then_proven(store):
    """
    It needs enough calls, no change for the worse, and the time of the probation.
    """
    deploy(store, before=FAST, after=FAST)

    assert "watched" == only(store, commit=NEW).state
    proven = only(store, commit=NEW, probation=timedelta(hours=5))
    assert ("proven", "no worse than before") == (proven.state, proven.reason)


def test_a_slower_version_is_suspect(store):
    """
    Twice as slow from the first moment to the last: size, timing and persistence agree.
    """
    deploy(store, before=FAST, after=[2 * each for each in FAST])

    version = only(store, commit=NEW)

    assert "suspect" == version.state
    assert {"p50", "p95"} <= {each.metric for each in version.worse}
    for each in version.worse:
        assert 0.9 < each.change < 1.1
        assert 0 < each.low < each.change < each.high


def test_a_version_that_fails_is_suspect(store):
    """
    The share of calls that failed is compared, too.
    """
    deploy(store, before=FAST, after=FAST, errors=0.25)

    version = only(store, commit=NEW)

    assert ["errors"] == [each.metric for each in version.worse]
    assert 0.25 == version.worse[0].after


def test_what_was_slower_before_is_not_blamed_on_the_version(store):
    """
    Timing: the previous version had slowed down in its last hours already.
    """
    store.add_functions([seen(OLD, 40), seen(NEW, 6)])
    slow = [2 * each for each in FAST]
    store.add_latency(calls(OLD, 6 + n / 4, slow if n < 26 else FAST) for n in range(1, 130))
    store.add_latency(calls(NEW, n / 4, slow) for n in range(24))

    version = only(store, commit=NEW)

    assert "watched" == version.state
    assert "did not begin with this version" in version.reason


def test_what_is_over_is_not_blamed_on_the_version(store):
    """
    Persistence: slow at first, and as before for the last hours.
    """
    store.add_functions([seen(OLD, 60), seen(NEW, 20)])
    store.add_latency(calls(OLD, 20 + n / 4, FAST) for n in range(1, 150))
    store.add_latency(calls(NEW, n / 4, FAST if n < 32 else [3 * each for each in FAST]) for n in range(80))

    version = only(store, commit=NEW)

    assert "watched" == version.state
    assert {"doubtful"} <= {each.verdict for each in version.changes}


def test_a_function_without_a_version_before_it_can_fail_too_often(store):
    """
    There is nothing to compare with, but half of the calls failing needs no comparison.
    """
    store.add_functions([seen(OLD, 100, "other"), seen(NEW, 6)])
    store.add_latency(calls(NEW, n / 4, FAST) for n in range(24))
    store.add_latency(calls(NEW, n / 4, FAST, error_type="KeyError") for n in range(24))

    assert ("suspect", "fails in 50.0% of its calls") == (only(store).state, only(store).reason)


def test_what_it_swallows_and_the_one_before_did_not_makes_it_suspect(store):
    """
    A kind of finding that came with the version and lasts.
    """
    deploy(store, before=FAST, after=FAST)
    own = Attribution("ai", "high", "ok", OLD, NEW)
    store.add(
        findings=[
            Finding(
                id=f"{n}", time_ns=NOW_NS - n * HOUR_NS, fingerprint="f", handling="silent", count=3,
                function="cart.total", error_type="KeyError", path="cart.py", line=3, handler="except", returned="",
                attribution=own,
            )
            for n in (0, 3)
        ]
    )  # fmt: skip

    version = only(store, commit=NEW)

    assert ("suspect", "swallows KeyError since this version (6 times)") == (version.state, version.reason)


def test_a_commit_that_made_no_version_says_so(store):
    """
    A commit that wrote a function which another one changed later is not its version.
    """
    store.add_functions([seen(NEW, 3)])

    with pytest.raises(NotFoundError, match="changed none that ran"):
        status(store, commit=OLD)


def test_only_new_versions_are_listed(store):
    """
    What was there when the store began was not deployed just now, and old deployments are not looked at.
    """
    store.add_functions([seen(OLD, 90), seen("c" * 40, 60), seen(NEW, 3), seen(OLD, 90, "other")])

    assert [NEW] == [each.commit for each in status(store).commits]
    assert [NEW, "c" * 40] == [each.commit for each in status(store, since=timedelta(days=3)).commits]


def test_the_command_fails_on_a_suspect_when_asked_to(store):
    """
    For a pipeline: status 1, and the version in the JSON.
    """
    deploy(store, before=FAST, after=[2 * each for each in FAST])
    arguments = ["status", "--store", str(store.path)]

    plain = CliRunner().invoke(main, arguments)
    asked = CliRunner().invoke(main, [*arguments, "--fail-on", "suspect", "--json"])
    detailed = CliRunner().invoke(main, ["status", NEW[:8], "--store", str(store.path)])

    assert (0, 1, 0) == (plain.exit_code, asked.exit_code, detailed.exit_code)
    (commit,) = json.loads(asked.stdout)["commits"]
    assert {"suspect": 1} == commit["counts"]
    assert "bbbbbbbbbb: 1 function, 1 suspect" in plain.stdout
    assert "95 % interval" in plain.stdout
    assert "1 suspect" in detailed.stdout


@pytest.mark.parametrize(("number", "least", "most"), [(0, 0, 0), (3, 4, 4)], ids=["no change", "50 %"])
def test_the_simulation_finds_the_truth(number, least, most):
    """
    The program behind the figures in the docs, with fewer runs.
    """
    spec = importlib.util.spec_from_file_location("probation", BENCHMARK)
    program = importlib.util.module_from_spec(spec)
    sys.modules["probation"] = program
    spec.loader.exec_module(program)
    program.LOOKS_H = (6, 48)

    found = program.simulate(program.TRUTHS[number], 4, seed=1)

    assert least <= found.suspect <= most


def test_an_answer_as_of_a_moment_knows_nothing_later(store):
    """
    The same store tells what it would have told yesterday.
    """
    deploy(store, before=FAST, after=[2 * each for each in FAST])

    then = datetime.fromtimestamp((NOW_NS - 5 * HOUR_NS) / 1e9, UTC)

    assert "exercised" == only(store, commit=NEW, now=then).state
