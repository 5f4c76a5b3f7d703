"""The bug log: patterns, tools with their intervals, what is open; and hostile messages in each form."""

from __future__ import annotations

import json
import sys
import time

import pytest
from click.testing import CliRunner

from byline._cli.main import main
from byline._desk.report import report, wilson
from byline._model import Attribution, ExecutedLines, Finding, Incident, Suspect, Unverified
from byline._store import sketches
from byline.store import Calls, FunctionSeen, Store

A, B = "a" * 40, "b" * 40
NOW_NS = time.time_ns()
HOSTILE = "<script>alert(1)</script> | **bold** [x](javascript:alert(1)) `code`"
ROW = Attribution("ai", "high", "ok", A, A, "Ana Person")


def incident(number, error_type, message, signs=("", ""), *, commit=A):
    first = Suspect(
        commit, "AI line that raised", "cart.total", "cart.py", 2, 0, "ai", "high", "Ana Person", "claude"
    )
    return Incident(
        f"{number:04}", NOW_NS - number, "cart.total", error_type, message, "stack", "cart.py", number,
        f"f{number}", ROW, (first,), pattern=signs[0], certainty=signs[1],
    )  # fmt: skip


@pytest.fixture
def path(tmp_path):
    """A store with failures of three patterns, two tools, and much that is open."""
    path = tmp_path / "byline.db"

    def seen(name, tool, **more):
        return FunctionSeen(
            name, A, A, tool=tool, model="opus", author="Ana Person", status="ok", confidence="high",
            first_seen_ns=NOW_NS, last_seen_ns=NOW_NS, **more,
        )  # fmt: skip

    def calls(name, number, error_type=""):
        return Calls(name, A, A, error_type, NOW_NS, sketches.of([0.01] * number))

    with Store.open(path, create=True) as store:
        store.add(
            incidents=[
                incident(1, "ModuleNotFoundError", "No module named 'reqeusts'", ("hallucinated-dependency", "high")),
                incident(2, "KeyError", HOSTILE, ("edge-case", "medium"), commit=B),
                incident(3, "WeirdError", HOSTILE),
            ],
            calls=[calls("cart.total", 990), calls("cart.total", 10, "KeyError"), calls("web.get", 50)],
            functions=[seen("cart.total", "claude"), seen("web.get", "cursor"), seen("web.never", "cursor")],
            findings=[
                Finding(
                    id="1", time_ns=NOW_NS, handling="silent", function="cart.total", error_type="ZeroDivisionError",
                    path="cart.py", line=9, handler="except", returned="None", count=7, fingerprint="abc", attribution=ROW,
                )
            ],
            executed=[ExecutedLines("cart.total", "cart.py", 1, A, A, (1, 2, 3), (1, 2), (1, 2), (3,), ())],
            unverified=[Unverified("shop.models", "imported before byline")],
        )  # fmt: skip
    return path


def test_failures_are_added_up_by_pattern(path):
    """
    Incidents and what was swallowed, with the certainty of the rule; all eight patterns are listed.
    """
    with Store.open(path, read_only=True) as store:
        found = {each.pattern: each for each in report(store).patterns}

    assert 9 == len(found)
    assert (1, 0, {"high": 1}) == (
        found["hallucinated-dependency"].incidents,
        found["hallucinated-dependency"].findings,
        found["hallucinated-dependency"].certain,
    )
    assert (1, 7, {"high": 7, "medium": 1}) == (
        found["edge-case"].incidents, found["edge-case"].findings, found["edge-case"].certain
    )  # fmt: skip
    assert 1 == found["unclassified"].incidents
    assert 0 == found["race-condition"].incidents


def test_tools_have_rates_with_intervals(path):
    """
    Failed calls per ten thousand, and how far chance alone may go.
    """
    with Store.open(path, read_only=True) as store:
        claude, cursor = report(store).tools

    assert ("claude", 1_000, 10, 100.0) == (claude.tool, claude.calls, claude.failed, claude.rate)
    assert 50 < claude.low < 100 < claude.high < 200
    assert (0.0, 0.0) == (cursor.rate, cursor.low)
    assert cursor.high > 500


@pytest.mark.parametrize(
    ("hits", "number", "low", "high"),
    [(0, 0, 0, 1), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (1, 10, 0.0179, 0.4042)],
    ids=["nothing", "none of ten", "all of ten", "one of ten"],
)
def test_the_interval_is_wilson_s(hits, number, low, high):
    """
    The published values.
    """
    assert (low, high) == pytest.approx(wilson(hits, number), abs=1e-4)


def test_what_is_open_is_listed(path):
    """
    Never called, handlers that never ran, and what programs could not tell.
    """
    with Store.open(path, read_only=True) as store:
        found = {title: (notes[0].subject, count) for title, notes, count in report(store).unverified}

    assert {
        "AI functions that were never called": ("web.never", 1),
        "Error handlers that never ran": ("cart.total", 1),
        "What programs could not tell": ("shop.models", 1),
    } == found


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_no_form_names_a_person_or_runs_a_message(path, form):
    """
    Messages are hostile input, and people are not ranked.
    """
    done = CliRunner().invoke(main, ["report", "--format", form, "--store", str(path)])

    assert 0 == done.exit_code
    assert "Ana Person" not in done.stdout
    if form == "html":
        assert "<script>" not in done.stdout
        assert "&lt;script&gt;" in done.stdout
    elif form == "json":
        assert "hallucinated-dependency" in {each["pattern"] for each in json.loads(done.stdout)["patterns"]}
    else:
        assert "| claude | opus | 1 | 1,000 | 10 | 100.0 |" in done.stdout
        assert "<script>" not in done.stdout


def test_without_jinja2_the_page_says_what_to_install(path, monkeypatch):
    """
    Status 2, one sentence.
    """
    monkeypatch.setitem(sys.modules, "jinja2", None)

    done = CliRunner().invoke(main, ["report", "--format", "html", "--store", str(path)])

    assert (2, "Error: --format html needs Jinja2. Run: pip install 'byline[web]'\n") == (
        done.exit_code, done.output
    )  # fmt: skip


def test_it_is_written_to_a_file(path, tmp_path):
    """
    And a file that cannot be written is a sentence.
    """
    done = CliRunner().invoke(main, ["report", "--output", str(tmp_path / "log.md"), "--store", str(path)])
    failed = CliRunner().invoke(
        main, ["report", "--output", str(tmp_path / "no" / "x"), "--store", str(path)]
    )

    assert (0, 2) == (done.exit_code, failed.exit_code)
    assert (tmp_path / "log.md").read_text("utf-8").startswith("# Bug log")
