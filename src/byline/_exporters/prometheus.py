"""Call durations for a Prometheus scrape, through prometheus_client's public interface."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from opentelemetry.trace import format_span_id, format_trace_id
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from .. import _semconv
from .._telemetry import latency, signals
from .._telemetry.attributes import Attributes
from .._telemetry.durations import Distribution, Durations, Exemplar as Counted
from .._telemetry.instruments import DESCRIPTION
from .program import ascending

_Bucket = tuple[str, float] | tuple[str, float, Exemplar]

_NAME = "byline_call_duration_seconds"
_SCOPE = {"otel_scope_name": _semconv.SCOPE, "otel_scope_version": ""}
"""As on what OpenTelemetry's own reader offers."""


class DurationCollector(Collector):
    """A collector for a registry of prometheus_client; as long as it lives, no call is recorded singly."""

    def __init__(self, *, boundaries: Sequence[float] | None = None, replay: bool = False) -> None:
        """As for ``byline.otel.prometheus_collector``."""
        bounds = _semconv.DURATION_BOUNDS if boundaries is None else ascending(boundaries)
        self._bounds = bounds
        self._durations = Durations(bounds, cumulative=True)
        signals.take_distributions(self._durations, replayed=replay)

    def close(self) -> None:
        """Count no more; calls are left to whoever else takes them."""
        signals.leave_distributions(self._durations)

    def describe(self) -> list[HistogramMetricFamily]:
        """Name what is offered, without collecting it: a registry asks when the collector is registered."""
        return [HistogramMetricFamily(_NAME, DESCRIPTION)]

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Offer every function's durations, exact to the moment of the scrape."""
        latency.drain()
        found = self._durations.collect()
        names = sorted({_label(name) for each in found for name in each.attributes} | _SCOPE.keys())
        family = HistogramMetricFamily(_NAME, DESCRIPTION, labels=names)
        for each in found:
            labels = _labels(each.attributes)
            family.add_metric([labels.get(name, "") for name in names], self._buckets(each), each.total)
        yield family

    def _buckets(self, found: Distribution) -> list[_Bucket]:
        """Return cumulative counts, as Prometheus wants them."""
        exemplars = {bisect_left(self._bounds, each.duration_s): each for each in found.exemplars}
        limits = [*map(repr, self._bounds), "+Inf"]
        buckets: list[_Bucket] = []
        for index, (limit, total) in enumerate(zip(limits, accumulate(found.buckets), strict=True)):
            exemplar = exemplars.get(index)
            buckets.append((limit, float(total), _shown(exemplar)) if exemplar else (limit, float(total)))
        return buckets


def _shown(exemplar: Counted) -> Exemplar:
    ids = {
        "trace_id": format_trace_id(exemplar.trace_id),
        "span_id": format_span_id(exemplar.span_id),
    }
    return Exemplar(ids, exemplar.duration_s, exemplar.time_ns / 1e9)


def _label(name: str) -> str:
    return name.replace(".", "_")


def _labels(attributes: Attributes) -> dict[str, str]:
    return _SCOPE | {_label(name): str(value) for name, value in attributes.items()}
