"""The boards and rules that the package carries are those that the code draws, and speak of nothing unknown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from byline import _label_names as names
from byline._grafana import files
from byline._grafana.generate import generated
from byline._grafana.queries import Histograms

DRAWN = dict(generated())
BOARDS = [name for name in DRAWN if name.endswith(".json")]


def test_the_package_carries_what_the_code_draws():
    """
    Nobody changed a board by hand, or the code without drawing again.
    """
    carried = {
        str(path.relative_to(files.GENERATED)): path.read_text("utf-8")
        for path in files.GENERATED.rglob("*.*")
    }

    assert DRAWN == carried, "write them again: python -m byline._grafana.generate"


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_is_defined(name):
    """
    What a query, a link or a variable names with a dollar sign is a variable of the board, or Grafana's own.
    """
    board = json.loads(DRAWN[name])
    defined = {each["name"] for each in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", DRAWN[name]))

    own = {"__auto", "__data", "__field", "__range", "__rate_interval", "__url_time_range", "__value"}
    used -= {"1"}  # a group of a regular expression

    assert set() == used - defined - own


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_says_what_it_shows(name):
    """
    Each panel has a title and a sentence, and its legend can be seen.
    """
    for panel in json.loads(DRAWN[name])["panels"]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        if panel["type"] == "timeseries":
            assert panel["options"]["legend"]["showLegend"]


@pytest.mark.parametrize("name", BOARDS)
def test_a_report_each_minute_is_enough(name):
    """
    Graphs of rates have steps that are long enough for how often OTLP reports unless told otherwise.
    """
    board = json.loads(DRAWN[name])
    [step] = [each["current"]["value"] for each in board["templating"]["list"] if each["name"] == "step"]
    rates = [each for each in board["panels"] if "$__rate_interval" in json.dumps(each["targets"])]

    assert rates
    assert "2m" == step
    assert {"$step"} == {each["interval"] for each in rates}


@pytest.mark.parametrize("name", BOARDS)
def test_a_commit_leads_three_ways(name):
    """
    From a line or a cell with a commit to its board, its change in the repository, and its events in Sentry.

    What is not by commit leads nowhere.
    """
    uids = {json.loads(DRAWN[each])["uid"] for each in BOARDS}
    panels = [each for each in json.loads(DRAWN[name])["panels"] if each["type"] in ("timeseries", "table")]
    for panel in (each for each in panels if each["targets"][0]["datasource"]["type"] == "prometheus"):
        links = panel["fieldConfig"]["defaults"].get("links") or [
            link
            for override in panel["fieldConfig"]["overrides"]
            for setting in override["properties"]
            if setting["id"] == "links"
            for link in setting["value"]
        ]
        groups = re.findall(r"by \(([^)]*)\)", " ".join(target["expr"] for target in panel["targets"]))
        if not any(label in group for group in groups for label in (names.COMMIT, names.VERSION)):
            assert not links
            continue
        board, change, events = (link["url"] for link in links)

        assert board.split("?")[0].removeprefix("/d/") in uids
        assert change.startswith("${repository}/commit/${__")
        assert events.startswith("${sentry}?query=byline.commit%3A${__")


@pytest.mark.parametrize("name", DRAWN)
def test_every_name_is_one_that_is_emitted(name):
    """
    Metrics and labels with our prefix come from the table of names.
    """
    known = {value for key, value in vars(names).items() if key.isupper()} | {names.BUCKET}
    recorded = re.findall(r"record: (\S+)", DRAWN[name])
    used = set(re.findall(r"\bbyline[_:][a-z0-9_:]+", DRAWN[name])) - set(recorded)

    assert set() == used - known


@pytest.mark.parametrize("kind", get_args(Histograms))
def test_alerts_lead_somewhere(kind):
    """
    Each alert has a summary, a runbook, and where it can be said the commit and its author.
    """
    alerts = [
        rule
        for group in yaml.safe_load(DRAWN[f"{kind}/rules/byline.yaml"])["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    page = (Path(__file__).parents[2] / files.RUNBOOK).read_text("utf-8")

    for alert in alerts:
        notes = alert["annotations"]
        assert notes["summary"]
        assert notes["runbook_url"] == f"{files.RUNBOOK}#{alert['alert'].lower()}"
        assert f"## {alert['alert']}\n" in page
        if names.COMMIT in alert["expr"] or names.VERSION in alert["expr"]:
            assert {"commit", "author"} < notes.keys()
