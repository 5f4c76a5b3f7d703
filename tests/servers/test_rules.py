"""Alerts fire when they should, and only then: promtool runs the rules over made-up hours."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from byline._grafana import files
from byline._grafana.queries import Histograms

from .programs import program

pytestmark = pytest.mark.server

COMPOSE = Path(__file__).parents[2] / "collector-config"
OLD, NEW = "a" * 40, "b" * 40
LABELS = '{service},code_function_name="shop.quote",byline_commit="{commit}",byline_author="Ana",byline_tool="claude"'

MINUTES = 51 * 60
"""Deployed two days before the end, the new version three hours before."""

DEPLOYED = MINUTES - 3 * 60


EVALUATED = "4m"
"""Less than the five minutes for which Prometheus remembers what a rule recorded."""


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    """Return an input series of promtool; ``values`` in its own notation, a sample each minute."""
    commit, service = labels.pop("commit", NEW), labels.pop("service", 'job="shop"')
    more = "".join(f',{label}="{value}"' for label, value in labels.items())
    return {"series": f"{name}{{{LABELS.format(service=service, commit=commit)}{more}}}", "values": values}


def calls(
    histograms: str, version: str, values: str, *, milliseconds: float, **labels: str
) -> list[dict[str, str]]:
    """
    Return the series of a version whose calls all take about so long.

    Args:
        values: Calls added each minute, as "start+stepxcount", with gaps as "_xN".
    """
    labels = {"byline_last_commit": version, **labels}
    if histograms == "classic":
        bounds = ("0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "+Inf")
        return [
            *(
                series("byline_call_duration_seconds_bucket", values if float(le) * 1000 >= milliseconds else zero(values), **labels, le=le)
                for le in bounds
            ),
            series("byline_call_duration_seconds_count", values, **labels),
        ]  # fmt: skip
    return [series("byline_call_duration_seconds", native(values, milliseconds), **labels)]


def zero(values: str) -> str:
    """Return the same samples, all of them 0."""
    gap, _, counted = values.rpartition(" ")
    return f"{gap} 0x{counted.rpartition('x')[2]}".strip()


def native(values: str, milliseconds: float) -> str:
    """Return the same samples as native histograms with one occupied bucket."""
    # At schema 0 bucket i reaches from 2^(i-1) to 2^i seconds.
    offset = next(i for i in range(-12, 4) if milliseconds / 1000 <= 2.0**i)

    def histogram(calls: re.Match[str]) -> str:
        return f"{{{{schema:0 sum:{calls[0]} count:{calls[0]} offset:{offset} buckets:[{calls[0]}]}}}}"

    return re.sub(r"(?<![x\d])\d+", histogram, values)


def counter(values: str, metric: str, **labels: str) -> dict[str, str]:
    """Return the series of one of byline's counters."""
    return series(metric, values, **labels)


def alert(name: str, *, fires: bool, at: int = MINUTES, **labels: str) -> dict[str, Any]:
    """Return what promtool is to expect of an alert at a minute."""
    expected = [{"exp_labels": labels}] if fires else []
    return {"eval_time": f"{at}m", "alertname": name, "exp_alerts": expected}


def steady(version: str = OLD, *, until: int = MINUTES, begin: int = 0, each_minute: int = 60) -> str:
    """Return calls at an even pace, between two minutes."""
    gap = f"_x{begin} " if begin else ""
    return f"{gap}0+{each_minute}x{until - begin}"


CASES: dict[str, tuple[str, bool, Any]] = {
    "a version is slower": (
        "BylineCommitSlower", True,
        lambda kind: [
            *calls(kind, OLD, steady(until=DEPLOYED), milliseconds=9),
            *calls(kind, NEW, steady(begin=DEPLOYED), milliseconds=40),
        ],
    ),
    "a version is as fast": (
        "BylineCommitSlower", False,
        lambda kind: [
            *calls(kind, OLD, steady(until=DEPLOYED), milliseconds=9),
            *calls(kind, NEW, steady(begin=DEPLOYED), milliseconds=9),
        ],
    ),
    "a version is slower by nothing that anybody feels": (
        "BylineCommitSlower", False,
        lambda kind: [
            *calls(kind, OLD, steady(until=DEPLOYED), milliseconds=0.9),
            *calls(kind, NEW, steady(begin=DEPLOYED), milliseconds=2),
        ],
    ),
    "a slower version is hardly called": (
        "BylineCommitSlower", False,
        lambda kind: [
            *calls(kind, OLD, steady(until=DEPLOYED), milliseconds=9),
            *calls(kind, NEW, steady(begin=DEPLOYED, each_minute=1), milliseconds=40),
        ],
    ),
    "a function was always slow": (
        "BylineCommitSlower", False, lambda kind: calls(kind, OLD, steady(), milliseconds=40),
    ),
    "every fifth call fails": (
        "BylineCommitErrorBurnPage", True,
        lambda kind: [
            *calls(kind, NEW, steady(each_minute=48), milliseconds=9),
            *calls(kind, NEW, steady(each_minute=12), milliseconds=9, error_type="KeyError"),
        ],
    ),
    "every tenth call fails": (
        "BylineCommitErrorBurnTicket", True,
        lambda kind: [
            *calls(kind, NEW, steady(each_minute=54), milliseconds=9),
            *calls(kind, NEW, steady(each_minute=6), milliseconds=9, error_type="KeyError"),
        ],
    ),
    "every tenth call fails, which wakes nobody": (
        "BylineCommitErrorBurnPage", False,
        lambda kind: [
            *calls(kind, NEW, steady(each_minute=54), milliseconds=9),
            *calls(kind, NEW, steady(each_minute=6), milliseconds=9, error_type="KeyError"),
        ],
    ),
    "no call fails": ("BylineCommitErrorBurnTicket", False, lambda kind: calls(kind, NEW, steady(), milliseconds=9)),
    "calls are cancelled": (
        "BylineCommitErrorBurnTicket", False,
        lambda kind: [
            *calls(kind, NEW, steady(each_minute=54), milliseconds=9),
            *calls(kind, NEW, steady(each_minute=6), milliseconds=9, error_type="cancelled"),
        ],
    ),
    "calls failed until a while ago": (
        "BylineCommitErrorBurnPage", False,
        lambda kind: [
            *calls(kind, NEW, steady(), milliseconds=9),
            *calls(kind, NEW, f"0+60x{MINUTES - 20} {60 * (MINUTES - 20)}x20", milliseconds=9, error_type="KeyError"),
        ],
    ),
    "an exception is new": (
        "BylineNewIncidentType", True,
        lambda _: [counter(f"_x{MINUTES - 5} 1x5", "byline_incidents_total", error_type="KeyError")],
    ),
    "an exception is known": (
        "BylineNewIncidentType", False,
        lambda _: [counter(steady(), "byline_incidents_total", error_type="KeyError")],
    ),
    "an exception is swallowed": (
        "BylineSilentFailures", True,
        lambda _: [counter(steady(each_minute=1), "byline_findings_total", byline_finding_kind="swallowed")],
    ),
    "nothing is swallowed any more": (
        "BylineSilentFailures", False,
        lambda _: [counter(f"7x{MINUTES}", "byline_findings_total", byline_finding_kind="swallowed")],
    ),
    "a service reports no more": (
        "BylineTelemetryMissing", True, lambda _: [counter(f"1x{MINUTES - 40}", "byline_function_info")],
    ),
    "one of two services reports no more, and its name is no job": (
        "BylineTelemetryMissing", True,
        lambda _: [
            counter(f"1x{MINUTES - 40}", "byline_function_info", service='service_name="shop"'),
            counter(f"1x{MINUTES}", "byline_function_info", service='service_name="desk"'),
        ],
    ),
    "a service reports": ("BylineTelemetryMissing", False, lambda _: [counter(f"1x{MINUTES}", "byline_function_info")]),
    "samples are dropped": (
        "BylineSamplesDropped", True, lambda _: [counter(steady(each_minute=9), "byline_metrics_dropped_total")],
    ),
    "no samples are dropped": (
        "BylineSamplesDropped", False, lambda _: [counter(f"0x{MINUTES}", "byline_metrics_dropped_total")],
    ),
}  # fmt: skip


def told(name: str, case: str) -> dict[str, Any]:
    """Return the labels that an alert carries, beside its name."""
    service = {"service_name" if "is no job" in case else "job": "shop"}
    severity = {"severity": "page" if name.endswith("Page") else "ticket"}
    commit = {"job": "shop", "byline_commit": NEW, "byline_author": "Ana", "byline_tool": "claude"}
    function = {"code_function_name": "shop.quote"}
    return (
        severity
        | {
            "BylineCommitSlower": commit | function | {"byline_last_commit": NEW},
            "BylineCommitErrorBurnPage": commit,
            "BylineCommitErrorBurnTicket": commit,
            "BylineNewIncidentType": commit | {"error_type": "KeyError"},
            "BylineSilentFailures": commit | {"byline_finding_kind": "swallowed"},
            "BylineTelemetryMissing": service,
            "BylineSamplesDropped": {"job": "shop"} | function,
        }[name]
    )


def rules_of(kind: str) -> dict[str, Any]:
    """Return the rule file of one kind of histograms."""
    found: dict[str, Any] = yaml.safe_load((files.GENERATED / kind / "rules/byline.yaml").read_text())
    return found


@pytest.mark.parametrize("kind", get_args(Histograms))
def test_alerts(tmp_path, kind):
    """
    Each alert fires in the cases that it is for, and stays quiet in those that look like them.
    """
    # Texts hold values that differ by rounding; what they say is for another test.
    rules = rules_of(kind)
    for group in rules["groups"]:
        group.pop("interval", None)  # each minute of two days takes minutes
        for rule in group["rules"]:
            rule.pop("annotations", None)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    tests = [
        {
            "name": case,
            "interval": "1m",
            "input_series": make(kind),
            "alert_rule_test": [alert(name, fires=fires, **(told(name, case) if fires else {}))],
        }
        for case, (name, fires, make) in CASES.items()
        if kind == "classic" or name.startswith("BylineCommit")  # the others read no histogram
    ]
    (tmp_path / "tests.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": EVALUATED, "tests": tests})
    )

    done = subprocess.run(
        [program("promtool"), "test", "rules", "tests.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("kind", get_args(Histograms))
def test_check(kind):
    """
    Prometheus' own checker finds nothing wrong with the rules.
    """
    done = subprocess.run(
        [program("promtool"), "check", "rules", "--lint-fatal", files.GENERATED / kind / "rules/byline.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout + done.stderr


def test_configuration(tmp_path):
    """
    The configuration of the demo's Prometheus is one, with the rules where it looks for them; a mistake in it is found.
    """
    rules = files.GENERATED / "classic/rules/*.yaml"
    told = (
        (COMPOSE / "prometheus.yaml").read_text("utf-8").replace("/etc/prometheus/rules/*.yaml", str(rules))
    )
    right, wrong = tmp_path / "right.yaml", tmp_path / "wrong.yaml"
    right.write_text(told)
    wrong.write_text(told.replace("promote_resource_attributes", "promote_attributes"))

    done = {
        path: subprocess.run(
            [program("promtool"), "check", "config", path], capture_output=True, text=True, check=False
        )
        for path in (right, wrong)
    }

    assert 0 == done[right].returncode, done[right].stdout + done[right].stderr
    assert "rules found" in done[right].stdout
    assert "promote_attributes" in done[wrong].stderr


def test_every_alert_has_both_cases():
    """
    No alert goes without a case in which it fires and one in which it does not.
    """
    alerts = {
        rule["alert"] for group in rules_of("classic")["groups"] for rule in group["rules"] if "alert" in rule
    }

    for fires in (True, False):
        assert alerts == {name for name, expected, _ in CASES.values() if expected is fires}
