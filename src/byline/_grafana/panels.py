"""The kinds of panel that the boards are made of, but for tables of numbers; Grafana's own SDK draws them up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import (
    common as common_builders,
    dashboard as board,
    logs,
    loki,
    prometheus,
    stat as stats,
    table as tables,
    tempo,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard as model

from .. import _label_names as names

METRICS: Final = common.DataSourceRef(type_val="prometheus", uid="${metrics}")
LOGS: Final = common.DataSourceRef(type_val="loki", uid="${logs}")
TRACES: Final = common.DataSourceRef(type_val="tempo", uid="${traces}")

SECONDS: Final = "s"
SHARE: Final = "percentunit"
PER_SECOND: Final = "cps"
NUMBER: Final = "short"

MANY_FAIL: Final = 0.05
"""The share of failed calls that is shown in red."""

FULL_SHA: Final = "/([0-9a-f]{10})[0-9a-f]{30}/g"
"""What is shortened. Without the slashes, Grafana compares it with a whole name only."""

_SHORT_NAMES: Final = model.DataTransformerConfig(
    id_val="renameByRegex", options={"regex": FULL_SHA, "renamePattern": "$1"}
)
_KEPT: Final = "&".join(
    f"${{{each}}}"
    for each in (
        "metrics:queryparam",
        "logs:queryparam",
        "traces:queryparam",
        "service:queryparam",
        "repository:queryparam",
        "step:queryparam",
        "sentry:queryparam",
        "__url_time_range",
    )
)
"""What a link to another board takes along."""


def commit_links(commit: str) -> list[Builder[model.DashboardLink]]:
    """
    Lead from a commit to its board, its repository and its events in Sentry.

    Args:
        commit: What Grafana replaces by the SHA, such as ``${__field.labels.byline_commit}``.
    """
    targets = {
        "What this commit does in production": f"/d/byline-commit?var-commit={commit}&{_KEPT}",
        "The change in the repository": f"${{repository}}/commit/{commit}",
        "Its events in Sentry": f"${{sentry}}?query=byline.commit%3A{commit}",
    }
    return [
        board.DashboardLink(title)
        .type(model.DashboardLinkType.LINK)
        .url(url)
        .target_blank(not url.startswith("/d/"))
        for title, url in targets.items()
    ]


def lines(
    title: str,
    description: str,
    unit: str,
    queries: Mapping[str, str],
    *,
    commit: str | None = names.COMMIT,
    exemplar: bool = False,
    logarithmic: bool = False,
) -> timeseries.Panel:
    """
    Draw values over time.

    Args:
        queries: PromQL by the name of its line, in which ``{{label}}`` stands for a label's value.

        commit: The label that holds the commit to which a line leads, if it leads to one.

        logarithmic: Draw ten times as much one step higher, so that what is small is not flat beside what is large.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(METRICS)
        .unit(unit)
        .interval("$step")
        .line_width(2)
        .fill_opacity(5)
        .show_points(common.VisibilityMode.AUTO)
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common_builders.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
        .with_transformation(_SHORT_NAMES)
    )
    if commit:
        panel.data_links(commit_links(f"${{__field.labels.{commit}}}"))
    if logarithmic:
        panel.scale_distribution(
            common_builders.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10)
        )
    else:
        panel.min(0)
    for number, (legend, expression) in enumerate(queries.items()):
        panel.with_target(
            prometheus.Dataquery()
            .expr(expression)
            .legend_format(legend)
            .range()
            .exemplar(exemplar and not number)
            .datasource(METRICS)
            .ref_id(chr(ord("A") + number))
        )
    return panel


def bars(title: str, description: str, queries: Mapping[str, str]) -> timeseries.Panel:
    """Draw how often something happened: a bar for each step of the graph."""
    return (
        lines(title, description, NUMBER, queries)
        .draw_style(common.GraphDrawStyle.BARS)
        .stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
        .line_width(0)
        .fill_opacity(80)
        .show_points(common.VisibilityMode.NEVER)
    )


def number(
    title: str, description: str, unit: str, query: str, *, bad_from: float | None = None
) -> stats.Panel:
    """Show one number of now, red from a value on."""
    steps = [model.Threshold(value=None, color="green" if bad_from is not None else "text")]
    if bad_from is not None:
        steps.append(model.Threshold(value=bad_from, color="red"))
    return (
        stats.Panel()
        .title(title)
        .description(description)
        .datasource(METRICS)
        .unit(unit)
        .no_value("0")
        .thresholds(board.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
        .with_target(prometheus.Dataquery().expr(query).instant().datasource(METRICS).ref_id("A"))
    )


def log_lines(title: str, description: str, query: str) -> logs.Panel:
    """Show log records, newest first."""
    return (
        logs.Panel()
        .title(title)
        .description(description)
        .datasource(LOGS)
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(common.LogsSortOrder.DESCENDING)
        .with_target(loki.Dataquery().expr(query).datasource(LOGS).ref_id("A"))
    )


def log_counts(title: str, description: str, query: str) -> timeseries.Panel:
    """Draw a number that is counted in log records."""
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(LOGS)
        .min(0)
        .legend(
            common_builders.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.LIST)
        )
        .with_target(loki.Dataquery().expr(query).legend_format("held back").datasource(LOGS).ref_id("A"))
    )


def traces(title: str, description: str, query: str) -> tables.Panel:
    """Show traces that answer a TraceQL query."""
    return (
        tables.Panel()
        .title(title)
        .description(description)
        .datasource(TRACES)
        .with_target(
            tempo.Dataquery()
            .query(query)
            .query_type("traceql")
            .limit(50)
            .filters([])
            .datasource(TRACES)
            .ref_id("A")
        )
    )
