"""Tables of numbers: one query a column, joined by their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import common, prometheus, table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from .. import _label_names as names
from .panels import FULL_SHA, MANY_FAIL, METRICS, SHARE, commit_links

_SOME_FAIL: Final = 0.01
_SHORT_VALUES: Final = {
    "type": "regex",
    "options": {"pattern": FULL_SHA, "result": {"text": "$1", "index": 0}},
}
_TITLES: Final = {
    names.COMMIT: "commit",
    names.VERSION: "version",
    names.AUTHOR: "author",
    names.TOOL: "tool",
    names.FUNCTION: "function",
    names.ERROR: "exception",
    names.MODEL: "model",
    names.STATUS: "state",
    # A query is by the one that there is.
    "job": "service",
    "service_name": "service",
}
"""What a table calls its columns."""


def rows(
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    by: Sequence[str],
    units: Mapping[str, str],
    commit: str = names.COMMIT,
    sort: str = "",
) -> table.Panel:
    """
    Show a table: the queries are its columns of numbers, joined by their labels.

    Args:
        by: Labels, each a column.

        commit: The column that leads to a commit.

        units: Grafana's unit for each column of numbers.
    """
    panel = table.Panel().title(title).description(description).datasource(METRICS).filterable(True)
    renamed = {name: title for name, title in _TITLES.items() if name in by}
    for at, (column, expression) in enumerate(queries.items()):
        reference = chr(ord("A") + at)
        # Grafana numbers the values of several queries, and not that of one.
        renamed[f"Value #{reference}" if len(queries) > 1 else "Value"] = column
        panel.with_target(
            prometheus.Dataquery()
            .expr(expression)
            .instant()
            .format(PromQueryFormat.TABLE)
            .datasource(METRICS)
            .ref_id(reference)
        )
        panel.override_by_name(column, _unit(units[column]))
    panel.override_by_name(
        commit,
        [
            model.DynamicConfigValue(id_val="links", value=_built(commit_links("${__value.raw}"))),
            model.DynamicConfigValue(id_val="mappings", value=[_SHORT_VALUES]),
        ],
    )
    panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    order = {name: place for place, name in enumerate(dict.fromkeys([*by, *renamed]))}
    panel.with_transformation(
        model.DataTransformerConfig(
            id_val="organize",
            options={"excludeByName": {"Time": True}, "indexByName": order, "renameByName": renamed},
        )
    )
    if sort:
        panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    return panel


def _unit(unit: str) -> list[model.DynamicConfigValue]:
    """Return what a column of numbers looks like; shares are shares of failures, and coloured."""
    found = [model.DynamicConfigValue(id_val="unit", value=unit)]
    if unit != SHARE:
        return found
    steps = [(None, "transparent"), (_SOME_FAIL, "orange"), (MANY_FAIL, "red")]
    thresholds = {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}
    return [
        *found,
        model.DynamicConfigValue(id_val="thresholds", value=thresholds),
        model.DynamicConfigValue(id_val="color", value={"mode": "thresholds"}),
        model.DynamicConfigValue(
            id_val="custom.cellOptions", value={"type": "color-background", "mode": "basic"}
        ),
    ]


def _built(links: list[Builder[model.DashboardLink]]) -> list[dict[str, Any]]:
    return [
        {"title": each.title, "url": each.url, "targetBlank": each.target_blank}
        for each in (link.build() for link in links)
    ]
