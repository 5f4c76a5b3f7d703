"""Findings and executed lines in the store: what is told in parts is added up."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from byline._model import Attribution, ExecutedLines, Finding, Suspect
from byline.store import Store

NOW_NS = time.time_ns()
HOUR_NS = 3_600_000_000_000


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    with Store.open(tmp_path / "byline.db", create=True) as opened:
        yield opened


def suspect(commit: str) -> Suspect:
    """Make the owner of a line."""
    return Suspect(commit, "AI line", "shop.cart.total", "shop/cart.py", 12, 0, "ai", "high", subject="Add")


def finding(**changes: object) -> Finding:
    """Make a finding; what is not given is the same for all."""
    given: dict[str, object] = {
        "id": "1", "time_ns": NOW_NS, "handling": "silent", "function": "shop.cart.total", "error_type": "KeyError",
        "path": "shop/cart.py", "line": 12, "handler": "except", "returned": "dict", "count": 3,
        "fingerprint": "f1", "attribution": Attribution("ai", commit="a" * 40, last_commit="b" * 40),
        "owner": suspect("c" * 40), **changes,
    }  # fmt: skip
    return Finding(**given)  # type: ignore[arg-type]  # by name


def test_findings_are_added_up_by_kind(store):
    """
    Findings of one kind are one row, with the sum of what their events told, over hours and revisions.
    """
    store.add(findings=[finding(), finding(time_ns=NOW_NS - 2 * HOUR_NS, count=4, revision="r1")])
    store.add(findings=[finding(count=1), finding(handling="logged", fingerprint="f2", count=2)])

    first, second = store.findings()

    assert (8, NOW_NS - 2 * HOUR_NS, NOW_NS) == (first.count, first.first_ns, first.last.time_ns)
    assert ("logged", 2) == (second.last.handling, second.count)


def test_findings_are_filtered(store):
    """
    Findings are found by the commit of the handler's line, by age and by the start of their fingerprint.
    """
    store.add(findings=[finding(), finding(owner=None, fingerprint="f2", time_ns=NOW_NS - 5 * HOUR_NS)])

    assert 2 == len(store.findings())
    assert ["f1"] == [each.last.fingerprint for each in store.findings(commit="cccc")]
    assert ["f2"] == [each.last.fingerprint for each in store.findings(fingerprint="f2")]
    assert ["f1"] == [each.last.fingerprint for each in store.findings(since=timedelta(hours=1))]


def test_executed_lines_are_merged(store):
    """
    What ran in one process or another has run.
    """
    one = ExecutedLines("f", "p.py", 10, "a" * 40, "b" * 40, (1, 2, 3), (2, 3), (1, 2), (3,), ())
    store.add(executed=[one])
    store.add(executed=[replace(one, first_line=20, run=(1, 3), handlers_run=(3,))])

    (found,) = store.executed()

    assert (20, (1, 2, 3), (3,)) == (found.first_line, found.run, found.handlers_run)


def test_what_is_too_old_is_forgotten(tmp_path):
    """
    Findings older than the bound of age go, with their kind.
    """
    with Store.open(tmp_path / "byline.db", create=True, max_age=timedelta(hours=6)) as store:
        store.add(findings=[finding(time_ns=NOW_NS - 20 * HOUR_NS, fingerprint="old"), finding()])

        assert ["f1"] == [each.last.fingerprint for each in store.findings()]
