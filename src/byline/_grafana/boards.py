"""The three boards: AI commits in production, one commit, and the fleet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.cog import encoder
from grafana_foundation_sdk.models import dashboard as model

from .. import _label_names as names, _semconv
from . import variables
from .panels import (
    MANY_FAIL,
    NUMBER,
    PER_SECOND,
    SECONDS,
    SHARE,
    bars,
    lines,
    log_counts,
    log_lines,
    number,
    traces,
)
from .queries import Histograms, Queries
from .tables import rows

_FULL, _HALF, _QUARTER = 24, 12, 6
_TALL, _MIDDLE, _LOW = 9, 7, 4

WATCH_HOURS: Final = 48
"""How long a new version is watched."""

_RANGE = "$__range"


def commits(histograms: Histograms) -> str:
    """Return the board that shows all AI commits side by side."""
    ask = Queries(histograms, variables.SELECTION)
    described = f"{names.COMMIT}, {names.AUTHOR}, {names.TOOL}"
    new = ask.new(names.VERSION, WATCH_HOURS)
    commit = f"{{{{{names.COMMIT}}}}}"

    def watched(expression: str) -> str:
        return f"{expression} and on ({names.VERSION}) ({new})"

    found = _board(
        "byline-commits",
        "AI commits in production",
        "Latency, failures and findings of AI-written functions, by commit.",
    )
    _variables(found, [*variables.shared(), *variables.selection()])
    _add(found, _LOW, _QUARTER, [
        number("AI commits running", "Commits whose functions were called.", NUMBER, f"count({ask.calls(names.COMMIT, _RANGE)} > 0)"),
        number("Calls", "Calls of AI functions per second.", PER_SECOND, ask.calls("", "5m")),
        number("Error rate", "Share of calls that an exception left.", SHARE, ask.error_rate("", "5m"), bad_from=MANY_FAIL),
        number("Incidents", "Exceptions that left AI functions, in this time range.", NUMBER, f"{ask.counted(names.INCIDENTS, '', _RANGE)} or vector(0)", bad_from=1),
    ])  # fmt: skip
    _add(found, _MIDDLE, _FULL, [
        rows(
            f"New within {WATCH_HOURS} hours",
            "Versions of functions that are in production since less than 48 hours, worst first. A version is named by the "
            "newest commit that changed the function; follow it to see its functions before and after.",
            {
                "functions": watched(f"count by ({names.VERSION}) ({ask.calls(f'{names.VERSION}, {names.FUNCTION}', _RANGE)})"),
                "calls": watched(ask.calls(names.VERSION, _RANGE, function="increase")),
                "error rate": watched(ask.error_rate(names.VERSION, _RANGE)),
                "P95": watched(ask.quantile(0.95, names.VERSION, _RANGE)),
                "P50": watched(ask.quantile(0.5, names.VERSION, _RANGE)),
            },
            by=[names.VERSION], commit=names.VERSION, sort="error rate",
            units={"functions": NUMBER, "calls": NUMBER, "error rate": SHARE, "P95": SECONDS, "P50": SECONDS},
        ),
    ])  # fmt: skip
    _add(found, _TALL, _HALF, [
        lines("Error rate by commit", "Share of calls that an exception left; cancelled calls are no errors.", SHARE,
              {commit: ask.error_rate(names.COMMIT)}),
        bars("Incidents by commit", "Exceptions by the commit of the line that is most suspect, also those a rate limit held back. "
             "A bar is the smallest step, or that of the graph where it is longer.",
             {f"{commit} {{{{{names.ERROR}}}}}": ask.counted(names.INCIDENTS, f"{names.COMMIT}, {names.ERROR}")}),
        lines("P95 by commit", "95 of 100 calls take less, on a logarithmic scale. Diamonds are single calls with a trace.",
              SECONDS, {commit: ask.quantile(0.95, names.COMMIT)}, exemplar=True, logarithmic=True),
        lines("P50 by commit", "Half of the calls take less, on a logarithmic scale.", SECONDS,
              {commit: ask.quantile(0.5, names.COMMIT)}, logarithmic=True),
        lines("Calls by commit", "Calls per second.", PER_SECOND, {commit: ask.calls(names.COMMIT)}),
        bars("Findings by commit", "What byline's probes saw, such as exceptions that were swallowed. "
             "A bar is the smallest step, or that of the graph where it is longer.",
             {f"{commit} {{{{{names.KIND}}}}}": ask.counted(names.FINDINGS, f"{names.COMMIT}, {names.KIND}")}),
    ])  # fmt: skip
    _add(found, _MIDDLE, _FULL, [
        rows(
            "Commits", "All of this time range, most incidents first. Follow a commit to its own board, to the repository and to Sentry. "
            "A commit with incidents and no calls changed a line of a function that another commit wrote most of.",
            {
                "incidents": f"{ask.counted(names.INCIDENTS, described, _RANGE)} or 0 * {ask.calls(described, _RANGE)}",
                "calls": ask.calls(described, _RANGE, function="increase"),
                "error rate": ask.error_rate(described, _RANGE),
                "P95": ask.quantile(0.95, described, _RANGE),
                "P50": ask.quantile(0.5, described, _RANGE),
            },
            by=[names.COMMIT, names.AUTHOR, names.TOOL], sort="incidents",
            units={"incidents": NUMBER, "calls": NUMBER, "error rate": SHARE, "P95": SECONDS, "P50": SECONDS},
        ),
    ])  # fmt: skip
    return _json(found)


def one_commit(histograms: Histograms) -> str:
    """Return the board of one commit: its functions before and after, its incidents, its traces."""
    touched = f'{variables.SERVICE},{names.FUNCTION}=~"$function"'
    ask = Queries(histograms, touched)
    incidents = Queries(histograms, f'{variables.SERVICE},{names.COMMIT}="$commit"')
    version = f"{{{{{names.FUNCTION}}}}} at {{{{{names.VERSION}}}}}"
    by = f"{names.FUNCTION}, {names.VERSION}"

    found = _board(
        "byline-commit",
        "One commit",
        "What one commit does in production: the functions that it wrote or changed, before and after.",
    )
    _variables(found, [
        *variables.shared(),
        variables.commit(),
        variables.functions_of_commit(),
    ])  # fmt: skip
    _add(found, _TALL, _HALF, [
        lines("P95 before and after", "Of the functions chosen, by their version: the newest commit that changed each. "
              "Diamonds are single calls with a trace.", SECONDS,
              {version: ask.quantile(0.95, by)}, commit=names.VERSION, exemplar=True),
        lines("Error rate before and after", "Share of calls that an exception left, by version.", SHARE,
              {version: ask.error_rate(by)}, commit=names.VERSION),
    ])  # fmt: skip
    _add(found, _MIDDLE, _FULL, [
        rows(
            "Functions", "Each version of each function in this time range, what fails most first.",
            {
                "calls": ask.calls(by, _RANGE, function="increase"),
                "error rate": ask.error_rate(by, _RANGE),
                "P50": ask.quantile(0.5, by, _RANGE),
                "P95": ask.quantile(0.95, by, _RANGE),
                "P99": ask.quantile(0.99, by, _RANGE),
            },
            by=[names.FUNCTION, names.VERSION], commit=names.VERSION, sort="error rate",
            units={"calls": NUMBER, "error rate": SHARE, "P50": SECONDS, "P95": SECONDS, "P99": SECONDS},
        ),
    ])  # fmt: skip
    _add(found, _TALL, _HALF, [
        lines("Calls", "Per second, by version: the deploy shows as one line ending and another beginning.", PER_SECOND,
              {version: ask.calls(by)}, commit=names.VERSION),
        bars("Incidents", "By type of the exception; the first suspect is a line of this commit. "
             "A bar is the smallest step, or that of the graph where it is longer.",
             {f"{{{{{names.ERROR}}}}}": incidents.counted(names.INCIDENTS, f"{names.ERROR}, {names.COMMIT}")}),
    ])  # fmt: skip
    _add(found, _TALL, _HALF, [
        log_lines("Incidents in the logs", "With suspects, message and the function's attribution as structured metadata.",
                  f'{{service_name=~"$service"}} | {names.INCIDENT}!="" | {names.COMMIT}="$commit"'),
        traces("Traces", "That hold a call of a function this commit wrote or changed.",
               f'{{ span.{_semconv.COMMIT} = "$commit" || span.{_semconv.LAST_COMMIT} = "$commit" }}'),
    ])  # fmt: skip
    return _json(found)


def fleet(histograms: Histograms) -> str:
    """Return the board of byline itself: what it costs, knows and loses."""
    ask = Queries(histograms, variables.SERVICE)
    service = "${service_label}"
    info = f"{names.INFO}{{{variables.SERVICE}}}"

    found = _board(
        "byline-fleet", "Fleet", "What byline costs, how much it could attribute, and what it lost."
    )
    _variables(found, variables.shared())
    _add(found, _LOW, _QUARTER, [
        number("Processes", "That report.", NUMBER, f"count(count by ({service}, instance, service_instance_id) ({info}))"),
        number("AI functions", "Measured, counted once for all processes.", NUMBER, f"count(count by ({service}, {names.FUNCTION}) ({info}))"),
        number("Attributed", "Share of measured functions whose running code is the scanned code.", SHARE,
               f'count({names.INFO}{{{variables.SERVICE},{names.STATUS}=~"ok|moved"}}) / count({info})'),
        number("Samples lost", "Calls in this time range that were not recorded because too many waited.", NUMBER,
               f"{ask.counted(names.DROPPED, '', _RANGE)} or vector(0)", bad_from=1),
    ])  # fmt: skip
    _add(found, _TALL, _HALF, [
        lines("Cost of byline", "Processor time of its background thread, as a share of one core.", SHARE,
              {"{{job}}{{service_name}}": f"sum by ({service}) (rate({names.OWN_TIME}{{{variables.SERVICE}}}[$__rate_interval]))"}, commit=None),
        lines("Calls measured", "Per second.", PER_SECOND, {"{{job}}{{service_name}}": ask.calls(service)}, commit=None),
        lines("Functions by state of their attribution", "ok: the running code is the scanned code. stale: it was changed since.", NUMBER,
              {f"{{{{{names.STATUS}}}}}": f"count by ({names.STATUS}) (group by ({service}, {names.FUNCTION}, {names.STATUS}) ({info}))"}, commit=None),
        lines("Functions by tool and confidence", "How sure byline is of who wrote them.", NUMBER,
              {f"{{{{{names.TOOL}}}}}, {{{{{names.CONFIDENCE}}}}}": f"count by ({names.TOOL}, {names.CONFIDENCE}) (group by ({service}, {names.FUNCTION}, {names.TOOL}, {names.CONFIDENCE}) ({info}))"}, commit=None),
        lines("Lost telemetry", "Calls that were not recorded, and batches that no receiver took.", NUMBER, {
            "calls": f"{ask.counted(names.DROPPED, '')} or vector(0)",
            "batches": f"{ask.counted(names.FAILED_EXPORTS, '')} or vector(0)",
        }, commit=None),
        log_counts("Incidents held back", "By the rate limit: they are counted, and the next one that is sent says how many.",
                   f'sum(sum_over_time({{service_name=~"$service"}} | {names.SUPPRESSED}!="" | unwrap {names.SUPPRESSED} [$__auto]))'),
    ])  # fmt: skip
    _add(found, _MIDDLE, _FULL, [
        rows("Commits running", "By service, model and state of their attribution.",
             {"functions": f"count by ({service}, {names.COMMIT}, {names.MODEL}, {names.STATUS}) (group by ({service}, {names.FUNCTION}, {names.COMMIT}, {names.MODEL}, {names.STATUS}) ({info}))"},
             by=["job", "service_name", names.COMMIT, names.MODEL, names.STATUS], units={"functions": NUMBER}, sort="functions"),
    ])  # fmt: skip
    return _json(found)


def _board(uid: str, title: str, description: str) -> board.Dashboard:
    boards = board.DashboardLink("byline").type(model.DashboardLinkType.DASHBOARDS).tags(["byline"])
    return (
        board.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["byline"])
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .editable()
        .links([boards.as_dropdown(True).keep_time(True)])
        .with_variable(variables.data_source("metrics", "Metrics", "prometheus"))
        .with_variable(variables.data_source("logs", "Logs", "loki"))
        .with_variable(variables.data_source("traces", "Traces", "tempo"))
    )


def _variables(found: board.Dashboard, each: Sequence[Any]) -> None:
    for variable in each:
        found.with_variable(variable)


def _add(found: board.Dashboard, height: int, width: int, panels: Sequence[Any]) -> None:
    for panel in panels:
        found.with_panel(panel.height(height).span(width))


def _json(found: board.Dashboard) -> str:
    drawn: dict[str, Any] = json.loads(encoder.JSONEncoder().encode(found.build()))
    # What the SDK writes there and Grafana's schema has not.
    for variable in drawn["templating"]["list"]:
        for key in ("auto", "auto_count", "auto_min"):
            variable.pop(key, None)
    for panel in drawn["panels"]:
        panel.get("options", {}).pop("footer", None)
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        if "links" in defaults:
            defaults["links"] = [
                {key: link[key] for key in ("title", "url", "targetBlank")} for link in defaults["links"]
            ]
    return json.dumps(drawn, sort_keys=True, indent=2) + "\n"
