"""The desk's questions in PromQL; nothing is sent here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from ... import _label_names as names

Histograms = Literal["classic", "native"]

VERSION = (names.FUNCTION, names.COMMIT, names.VERSION)
SERIES = (*VERSION, names.ERROR)

BUCKET_LABELS = ("le", "vmrange")
"""VictoriaMetrics keeps exponential histograms in buckets with the label vmrange."""

COUNT = "count"

_LOOK_BACK = "6h"
"""A series without a value for so long began anew: it counts from zero."""


def matching(metric: str, select: str, *more: str) -> str:
    """Return a selector of series."""
    return f"{metric}{{{','.join(filter(None, (select, *more)))}}}"


def equal(label: str, value: str) -> str:
    """Return a matcher for one value; what is empty matches series without the label."""
    return f"{label}={quoted(value)}"


def starting(label: str, prefix: str) -> str:
    """Return a matcher for values that start with something."""
    return f"{label}=~{quoted(re.escape(prefix) + '.*')}"


def one_of(label: str, values: Iterable[str]) -> str:
    """Return a matcher for any of some values."""
    return f"{label}=~{quoted('|'.join(re.escape(each) for each in values))}"


def quoted(text: str) -> str:
    """Return a string as PromQL and LogQL write it."""
    escaped = "".join(
        f"\\{each}" if each in {'"', "\\"} else f"\\u{ord(each):04x}" if each < " " else each for each in text
    )
    return f'"{escaped}"'


def summed(labels: tuple[str, ...], expression: str) -> str:
    """Return the sum by some labels."""
    return f"sum by ({', '.join(labels)}) ({expression})"


def grown(series: str, window_s: int, *, native: bool = False) -> str:
    """
    Return by how much counters grew in a window, from last sample to last sample.

    ``increase`` guesses what lies between the window's edges and the samples, and cannot know that
    a series which begins within the window began at zero. So it is asked only where a counter
    was reset in the window; then it alone knows what was lost.
    """
    window = f"{window_s}s"
    now, was = (
        f"last_over_time({series}[{window}])",
        f"last_over_time({series}[{_LOOK_BACK}] offset {window})",
    )
    reset = f"(increase({series}[{window}]) and resets({series}[{window}]) > 0)"
    if native:
        # Histograms can be subtracted, but not compared.
        more = f"(({now} - {was}) and histogram_count({now}) >= histogram_count({was}))"
    else:
        more = f"({now} - {was} >= 0)"
    return f"({reset} or {more} or {now})"


def calls_and_seconds(kind: Histograms, select: str, window_s: int, *matchers: str) -> tuple[str, str]:
    """Return the number of calls, and the sum of their durations, by series."""
    if kind == "native":
        found = grown(matching(names.DURATION, select, *matchers), window_s, native=True)
        return summed(SERIES, f"histogram_count({found})"), summed(SERIES, f"histogram_sum({found})")
    count, total = (
        grown(matching(metric, select, *matchers), window_s)
        for metric in (names.COUNT, f"{names.DURATION}_sum")
    )
    return summed(SERIES, count), summed(SERIES, total)


def distributions(
    kind: Histograms, select: str, window_s: int, labels: tuple[str, ...], *matchers: str
) -> str:
    """
    Return how long calls took: native histograms, or a number for each bucket.

    Beside the buckets stand the number of calls, with ``COUNT`` as its bound, and their sum, without one.
    """
    if kind == "native":
        return summed(labels, grown(matching(names.DURATION, select, *matchers), window_s, native=True))
    buckets, calls, total = (
        grown(matching(metric, select, *matchers), window_s)
        for metric in (names.BUCKET, names.COUNT, f"{names.DURATION}_sum")
    )
    counted = f'label_replace({summed(labels, calls)}, "le", "{COUNT}", "le", "")'
    return f"{summed((*labels, *BUCKET_LABELS), buckets)} or {counted} or {summed(labels, total)}"


def seen(labels: tuple[str, ...], series: str, window: str, step: str, *, first: bool) -> str:
    """Return when a series by some labels was there first, or last: seconds since the epoch."""
    lesser = "min" if first else "max"
    return f"{lesser}_over_time(({lesser} by ({', '.join(labels)}) (timestamp({series})))[{window}:{step}])"
