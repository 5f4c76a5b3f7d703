"""The pictures on the pages, as SVG; the numbers behind each are in a table beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pygal  # type: ignore[import-untyped]  # has no types
from pygal.style import Style  # type: ignore[import-untyped]  # has no types

from .._desk.words import duration

_COLORS = ("#3b6fd4", "#c2571a", "#2b8a5b", "#a0459b", "#8a6d1a", "#b3384a", "#4b5563")
_STYLE = Style(
    background="transparent", plot_background="transparent", foreground="#555", foreground_strong="#555",
    foreground_subtle="#999", colors=_COLORS, opacity=".85", font_family="system-ui, sans-serif",
    label_font_size=13, major_label_font_size=13, legend_font_size=13, value_font_size=12, no_data_font_size=16,
)  # fmt: skip


_ON_PAGE = b"""
.guides, .guide.line { stroke: #999 !important; stroke-opacity: .35 !important; stroke-dasharray: none !important; }
@media (prefers-color-scheme: dark) { text { fill: #bbb !important; } }
"""
"""Guides that stay behind the numbers, and text that reads in the dark: a picture knows the browser's scheme too."""


def stacked(labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> bytes:
    """Draw counts over time, on top of each other."""
    return _drawn(pygal.StackedBar, labels, series, height=300)


def lines(labels: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> bytes:
    """Draw durations over time."""
    return _drawn(pygal.Line, labels, series, height=320, dots_size=2, value_formatter=duration)


def bars(labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> bytes:
    """Draw shares side by side."""
    return _drawn(pygal.Bar, labels, series, height=320, value_formatter=lambda share: f"{share:.0%}")


def _drawn(
    kind: type[pygal.Graph],
    labels: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    **options: object,
) -> bytes:
    chart = kind(
        style=_STYLE, js=(), css=("file://style.css", "file://graph.css"), width=900, margin=8, margin_bottom=28, show_minor_x_labels=False,
        truncate_legend=-1, truncate_label=-1, legend_at_bottom=True, legend_at_bottom_columns=3, no_data_text="nothing in this time",
        x_label_rotation=0, disable_xml_declaration=False, show_x_guides=False, **options,
    )  # fmt: skip
    chart.x_labels = list(labels)
    every = max(len(labels) // 8, 1)
    chart.x_labels_major = list(labels)[::every]
    for name, values in series.items():
        chart.add(name, list(values))
    rendered: bytes = chart.render()
    return rendered.replace(b"</style>", _ON_PAGE + b"</style>", 1)
