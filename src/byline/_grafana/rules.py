"""Recording rules, and the alerts that need them; thresholds are data at the top."""

from __future__ import annotations

from typing import Any, Final

import yaml

from .. import _label_names as names
from .queries import Histograms, Queries

SLOWER: Final = 1.3
"""A version is slower when its P95 is so many times the one its function had two days ago."""

SLOWER_S: Final = 0.005
"""And by at least so many seconds: a third more of a microsecond wakes nobody."""

LEAST_CALLS: Final = 100
"""Calls in an hour below which a quantile or a rate says little."""

OBJECTIVE: Final = 0.99
"""The share of calls that should not fail."""

BURNS: Final = (("page", 14.4, "1h", "5m"), ("ticket", 6, "6h", "30m"))
"""
Severity, burn rate, long and short window: both must burn. From the chapter "Alerting on SLOs" of
Google's Site Reliability Workbook, table 5-8.
"""

WATCHED: Final = "48h"

P95: Final = "byline:call_duration_seconds:p95_1h"
CALLS: Final = "byline:calls:increase1h"
ERRORS: Final = "byline:errors:ratio"

# What names the service: the one is left out where the way that metrics came has the other.
_SERVICE = "job, service_name"
_SERVICE_NAME = "{{ or $labels.job $labels.service_name }}"
_VERSION = f"{_SERVICE}, {names.FUNCTION}, {names.COMMIT}, {names.VERSION}, {names.AUTHOR}, {names.TOOL}"
_COMMIT = f"{_SERVICE}, {names.COMMIT}, {names.AUTHOR}, {names.TOOL}"
_WINDOWS = tuple(dict.fromkeys(window for _, _, *windows in BURNS for window in windows))


def rules(histograms: Histograms, runbook: str) -> str:
    """
    Return the rule file for Prometheus.

    Args:
        runbook: Where the page with the answers is; each alert adds its own name as fragment.
    """
    ask = Queries(histograms)
    alerts = [_slower(), *_burning(), _new_incident(), _silent(ask), _missing(), _dropped(ask)]
    for each in alerts:
        each["annotations"]["runbook_url"] = f"{runbook}#{each['alert'].lower()}"
    groups = {
        "groups": [
            {"name": "byline-records", "interval": "1m", "rules": _records(ask)},
            {"name": "byline-alerts", "rules": alerts},
        ]
    }
    written: str = yaml.safe_dump(groups, sort_keys=False, allow_unicode=True, width=1_000)
    return written


def _records(ask: Queries) -> list[dict[str, Any]]:
    return [
        {"record": P95, "expr": ask.quantile(0.95, _VERSION, "1h")},
        {"record": CALLS, "expr": ask.calls(_VERSION, "1h", function="increase")},
        *({"record": f"{ERRORS}{window}", "expr": ask.error_rate(_COMMIT, window)} for window in _WINDOWS),
    ]


def _alert(
    name: str, expression: str, severity: str, summary: str, description: str, *, wait: str = "0m"
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": wait,
        "labels": {"severity": severity},
        "annotations": {
            "summary": summary,
            "description": description,
            "commit": f"{{{{ $labels.{names.COMMIT} }}}}",
            "author": f"{{{{ $labels.{names.AUTHOR} }}}}",
        },
    }


def _slower() -> dict[str, Any]:
    same = f"{_SERVICE}, {names.FUNCTION}"
    # What ran two days ago at this hour is the version before, on traffic of the same time of day.
    before = f"max by ({same}) ({P95} offset {WATCHED} and {CALLS} offset {WATCHED} >= {LEAST_CALLS})"
    new = f"({P95} and {CALLS} >= {LEAST_CALLS} unless {P95} offset {WATCHED})"
    expression = (
        f"{new} / on ({same}) group_left {before} > {SLOWER} "
        f"and on ({same}) ({new} - on ({same}) group_left {before} > {SLOWER_S})"
    )
    found = _alert(
        "BylineCommitSlower", expression, "ticket",
        f"{_SERVICE_NAME}: {{{{ $labels.{names.FUNCTION} }}}} is slower since {{{{ $labels.{names.VERSION} }}}}",
        "Its P95 over the last hour is {{ $value | humanizePercentage }} of what the version before had two days ago.",
        wait="15m",
    )  # fmt: skip
    found["annotations"]["commit"] = f"{{{{ $labels.{names.VERSION} }}}}"
    return found


def _burning() -> list[dict[str, Any]]:
    allowed = 1 - OBJECTIVE
    return [
        _alert(
            f"BylineCommitErrorBurn{severity.title()}",
            f"{ERRORS}{long} > {rate * allowed:.4g} and {ERRORS}{short} > {rate * allowed:.4g} "
            f"and on ({_COMMIT}) sum by ({_COMMIT}) ({CALLS}) >= {LEAST_CALLS}",
            severity,
            f"{_SERVICE_NAME}: calls of functions by {{{{ $labels.{names.COMMIT} }}}} fail",
            f"{{{{ $value | humanizePercentage }}}} of the calls within {long} were left by an exception, "
            f"{rate:g} times what an objective of {OBJECTIVE:.0%} allows.",
            wait="2m",
        )
        for severity, rate, long, short in BURNS
    ]


def _new_incident() -> dict[str, Any]:
    by = f"{_COMMIT}, {names.ERROR}"
    return _alert(
        "BylineNewIncidentType",
        f"sum by ({by}) ({names.INCIDENTS}) > 0 unless group by ({by}) (last_over_time({names.INCIDENTS}[7d] offset 15m))",
        "ticket",
        f"{_SERVICE_NAME}: {{{{ $labels.{names.ERROR} }}}} is new in functions by {{{{ $labels.{names.COMMIT} }}}}",
        "{{ $value }} so far, none in the week before. `byline incidents` lists them, `byline why` explains one.",
    )


def _silent(ask: Queries) -> dict[str, Any]:
    by = f"{_COMMIT}, {names.KIND}"
    return _alert(
        "BylineSilentFailures",
        f"{ask.counted(names.FINDINGS, by, '15m')} > 0",
        "ticket",
        f"{_SERVICE_NAME}: functions by {{{{ $labels.{names.COMMIT} }}}} fail and say nothing",
        f"{{{{ $value }}}} findings of kind {{{{ $labels.{names.KIND} }}}} within a quarter of an hour.",
        wait="5m",
    )


def _missing() -> dict[str, Any]:
    found = _alert(
        "BylineTelemetryMissing",
        f"group by ({_SERVICE}) (last_over_time({names.INFO}[1h] offset 10m)) unless group by ({_SERVICE}) ({names.INFO})",
        "ticket",
        f"{_SERVICE_NAME} no longer reports what byline measures",
        "It did within the last hour. The service may be down, or its telemetry may not arrive.",
        wait="10m",
    )
    del found["annotations"]["commit"], found["annotations"]["author"]
    return found


def _dropped(ask: Queries) -> dict[str, Any]:
    found = _alert(
        "BylineSamplesDropped",
        f"{ask.counted(names.DROPPED, f'{_SERVICE}, {names.FUNCTION}', '15m')} > 0",
        "ticket",
        f"{_SERVICE_NAME}: calls of {{{{ $labels.{names.FUNCTION} }}}} are not all recorded",
        "{{ $value }} within a quarter of an hour: it is called faster than single calls can be recorded.",
    )
    del found["annotations"]["commit"], found["annotations"]["author"]
    return found
