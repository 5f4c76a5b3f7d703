"""``byline latency`` and ``byline export``: numbers now and before, and tables for other tools."""

from __future__ import annotations

import csv
import io
import json
import sys
import time

import pyarrow.parquet
import pytest
from click.testing import CliRunner

from byline._cli.main import main
from byline._desk.export import TABLES
from byline._model import Attribution, Incident, Suspect
from byline._store import sketches
from byline.store import Calls, FunctionSeen, Store

WROTE, OLD, NEW = "a" * 40, "b" * 40, "c" * 40
HOUR_NS = 3_600 * 10**9
NOW_NS = time.time_ns()


def calls(hours_ago, values, *, function="cart.total", last_commit=OLD, error_type="", process="one"):  # noqa: PLR0913  # each has a default
    at_ns = NOW_NS - int(hours_ago * HOUR_NS)
    return Calls(function, WROTE, last_commit, error_type, at_ns, sketches.of(values), process)


@pytest.fixture
def run(tmp_path):
    """Run a command over a store with two days of calls of two functions, and one incident."""
    path = tmp_path / "byline.db"
    first = Suspect(
        WROTE, "AI line that raised", "cart.total", "cart.py", 2, 0, "ai", "high", "Ana", "claude"
    )
    with Store.open(path, create=True) as store:
        store.add(
            calls=[
                calls(30, [0.010] * 50),
                calls(2, [0.020] * 30, last_commit=NEW),
                calls(2, [0.020] * 20, last_commit=NEW, process="two"),
                calls(1, [0.001], last_commit=NEW, error_type="KeyError"),
                calls(1, [0.5], function="cart.refund"),
            ],
            functions=[
                FunctionSeen("cart.total", WROTE, OLD, first_seen_ns=NOW_NS - 40 * HOUR_NS, last_seen_ns=NOW_NS),
                FunctionSeen("cart.total", WROTE, NEW, first_seen_ns=NOW_NS - 3 * HOUR_NS, last_seen_ns=NOW_NS),
            ],
            incidents=[
                Incident(
                    "0123", NOW_NS, "cart.total", "KeyError", '=HYPERLINK("x")', "stack", "cart.py", 2, "f1",
                    Attribution("ai", "high", "ok", WROTE, NEW, "Ana"), (first,),
                )
            ],
        )  # fmt: skip

    def run(*arguments):
        return CliRunner().invoke(main, [*arguments, "--store", str(path)])

    return run


def test_what_took_most_of_the_time_comes_first_beside_the_day_before(run):
    """
    All processes of the window, and the window before it.
    """
    total, refund = json.loads(run("latency", "--json").stdout)["rows"]

    assert ("cart.total", 51, 1, 50) == (
        total["name"], total["after"]["calls"], total["after"]["errors"], total["before"]["calls"]
    )  # fmt: skip
    assert 0.020 == pytest.approx(total["after"]["p95_s"], rel=0.01)
    assert 0.010 == pytest.approx(total["before"]["p95_s"], rel=0.01)
    assert ("cart.refund", None) == (refund["name"], refund["before"])


def test_a_commit_shows_its_versions_beside_those_before(run):
    """
    Before is the version before, however long ago it ran.
    """
    (row,) = json.loads(run("latency", NEW[:8], "--json").stdout)["rows"]

    assert ("cart.total", 51, 50) == (row["name"], row["after"]["calls"], row["before"]["calls"])


@pytest.mark.parametrize(("by", "names"), [("commit", [WROTE]), ("version", [NEW, OLD])], ids=str)
def test_calls_are_added_up_by_commit(run, by, names):
    """
    By the commit that wrote the functions, or by the one that changed them last.
    """
    told = json.loads(run("latency", "--by", by, "--json").stdout)["rows"]

    assert sorted(names) == sorted(each["name"] for each in told)
    assert 52 == sum(each["after"]["calls"] for each in told)


def test_numbers_fit_a_narrow_terminal(run):
    """
    The columns need less than eighty characters, and the sort orders are all there.
    """
    shown = run("latency", "--sort", "max", "--limit", "1").stdout

    assert "cart.refund" in shown
    assert "and 1 more" in shown
    assert max(map(len, shown.splitlines())) < 80


def test_no_calls_are_a_sentence(run):
    """
    Nothing found is status 1, and says what to try.
    """
    done = run("latency", "cart.nothing")

    assert (1, "Error: No calls of cart.nothing are recorded") == (done.exit_code, done.output[:44])


def test_csv_has_a_header_and_no_formulas(run):
    """
    A message that a spreadsheet would run is quoted.
    """
    (row,) = csv.DictReader(io.StringIO(run("export").stdout))

    assert [each.name for each in TABLES["incidents"]] == list(row)
    assert ('\'=HYPERLINK("x")', WROTE, "claude") == (row["message"], row["commit"], row["tool"])


@pytest.mark.parametrize("table", TABLES)
def test_json_has_one_object_a_line(run, table):
    """
    Every table has its documented columns, in order.
    """
    lines = [
        json.loads(line) for line in run("export", "--table", table, "--format", "json").stdout.splitlines()
    ]

    assert all([each.name for each in TABLES[table]] == list(line) for line in lines)
    assert lines or table == "findings"


def test_parquet_has_types(run, tmp_path):
    """
    Times are timestamps, and every call is in the sums.
    """
    path = tmp_path / "latency.parquet"
    done = run("export", "--table", "latency", "--format", "parquet", "--output", str(path))

    assert 0 == done.exit_code
    table = pyarrow.parquet.read_table(path)
    assert "timestamp[ns, tz=UTC]" == str(table.schema.field("start").type)
    assert 102 == sum(table["calls"].to_pylist())


def test_what_cannot_be_written_is_a_sentence(run, tmp_path, monkeypatch):
    """
    Status 2: no folder, no output for Parquet, no pyarrow.
    """
    nowhere = run("export", "--output", str(tmp_path / "no" / "file.csv"))
    piped = run("export", "--format", "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    missing = run("export", "--format", "parquet", "--output", str(tmp_path / "file"))

    assert [2, 2, 2] == [nowhere.exit_code, piped.exit_code, missing.exit_code]
    assert "cannot be written: No such file" in nowhere.output
    assert "--output" in piped.output
    assert "pip install 'byline[parquet]'" in missing.output
