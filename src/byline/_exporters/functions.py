"""The list of marked functions, past OpenTelemetry's SDK: whole, or only what a store has not heard of lately."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from opentelemetry.sdk.metrics.export import Gauge, Metric, NumberDataPoint

from .. import _config, _registry, _semconv
from .._config import Config
from .._model import Attribution
from .._registry import Entry
from .._telemetry.attributes import Attributes, function_attributes
from .._telemetry.instruments import descriptions

RENEW_S = 240.0
"""How often a store hears of a function again: it keeps when one was last there, at most ten minutes behind."""

_OVERFLOW = "otel.metric.overflow"
"""On the point that stands for those beyond the limit: opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute"""


def complete(metric: Metric, now_ns: int) -> Metric:
    """
    Put every function back into ``byline.function.info``, where some were merged; others are returned as they are.

    OpenTelemetry's SDK merges all attribute sets beyond 2,000 into one.
    """
    if metric.name != _semconv.METRIC_FUNCTION or not any(
        _OVERFLOW in (each.attributes or {}) for each in metric.data.data_points
    ):
        return metric
    return _listing(metric, descriptions(), now_ns)


class News:
    """
    The functions that a store has yet to hear of.

    To describe thousands of functions at each export, once a second, keeps a processor busy with what is known.
    """

    def __init__(self) -> None:
        self._told: dict[Entry, Attribution] = {}
        self._config: Config | None = None
        self._renew_at = 0.0
        self._telling: Sequence[tuple[Entry, Attribution]] = ()

    def only(self, metric: Metric, now_ns: int) -> Metric | None:
        """Put what is new into ``byline.function.info``, in place of what it holds; None when nothing is."""
        config = _config.current()
        if config is not self._config or time.monotonic() >= self._renew_at:
            self._told, self._config = {}, config
            self._renew_at = time.monotonic() + RENEW_S
        told = self._told
        self._telling = [
            (each, each.attribution)
            for each in _registry.entries()
            if each.settled and told.get(each) is not each.attribution
        ]
        if not self._telling:
            return None
        return _listing(metric, (function_attributes(each, config) for each, _ in self._telling), now_ns)

    def heard(self) -> None:
        """Say that the store has what it was told last; otherwise it is told again."""
        self._told.update(self._telling)


def _listing(metric: Metric, described: Iterable[Attributes], now_ns: int) -> Metric:
    points = [NumberDataPoint(each, None, now_ns, 1) for each in described]  # type: ignore[arg-type]  # a gauge starts at no time
    return replace(metric, data=Gauge(points))
