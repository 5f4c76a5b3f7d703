"""The watch list has what is new within two days, and nothing else: promtool asks the board's own queries."""

from __future__ import annotations

import subprocess
from typing import get_args

import pytest
import yaml

from byline import _label_names as names
from byline._grafana import files
from byline._grafana.queries import Histograms

from .grafana import Board, filled
from .programs import program
from .test_rules import DEPLOYED, MINUTES, NEW, OLD, calls, counter, steady

pytestmark = pytest.mark.server

CHOSEN = {
    "service_label": "job", "service": ".+", "commit": ".*", "author": ".*", "tool": ".*", "function": ".*",
    "__range": "6h",
}  # fmt: skip
WAIT_MINUTES = 49 * 60
"""Until what was new at the end is new no more."""


@pytest.mark.parametrize("kind", get_args(Histograms))
def test_new_versions_only(tmp_path, kind):
    """
    A version of three hours is on the list and one of three days is not; two days later neither is.
    """
    board = Board(files.GENERATED / kind / "dashboards/byline-commits.json")
    asked = [
        filled(query.expression, CHOSEN) for query in board.queries() if query.panel == "New within 48 hours"
    ]
    until = MINUTES + WAIT_MINUTES
    series = [
        counter(f"1x{until}", names.INFO, commit=OLD, byline_last_commit=OLD),
        counter(f"_x{DEPLOYED} 1x{until - DEPLOYED}", names.INFO, byline_last_commit=NEW),
        *calls(kind, OLD, steady(until=until), milliseconds=9),
        *calls(kind, NEW, steady(begin=DEPLOYED, until=until), milliseconds=40),
        *calls(kind, NEW, steady(begin=DEPLOYED, until=until), milliseconds=40, error_type="KeyError"),
    ]
    expected = [{"labels": f'{{{names.VERSION}="{NEW}"}}', "value": 1}]
    tests = [
        {"expr": f"count by ({names.VERSION}) ({query})", "eval_time": f"{at}m", "exp_samples": found}
        for query in asked
        for at, found in ((MINUTES, expected), (until, []))
    ]
    (tmp_path / "tests.yaml").write_text(
        yaml.safe_dump({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}]})
    )

    done = subprocess.run(
        [program("promtool"), "test", "rules", "tests.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert 5 == len(asked)
    assert 0 == done.returncode, done.stdout + done.stderr
