"""The list of marked functions on its way to a store: told once, and again when the store may have missed or lost it."""

from __future__ import annotations

import pytest
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader

from byline import _config, _registry, _semconv
from byline._config import Config
from byline._exporters import functions
from byline._exporters.durations import WithDurations
from byline._exporters.functions import News
from byline._model import Attribution, Function
from byline._registry import Entry
from byline._telemetry.durations import Durations
from byline._telemetry.instruments import Instruments

WRITTEN = Attribution("ai", "high", "ok", "c" * 40, "c" * 40, author="Ada Lovelace <ada@example.com>")


class Told(MetricExporter):
    """An exporter that keeps the functions it is told of, by export."""

    def __init__(self):
        super().__init__()
        self.functions = []
        self.result = MetricExportResult.SUCCESS

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        self.functions.append(
            [
                point.attributes[_semconv.FUNCTION]
                for resource in metrics_data.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
                if metric.name == _semconv.METRIC_FUNCTION
                for point in metric.data.data_points
            ]
        )
        return self.result

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        pass


class Listing:
    """Functions that are marked, and an exporter that hears of them."""

    def __init__(self):
        self.told = Told()
        front = WithDurations(self.told, Durations(), cumulative=False, news=News())
        self.provider = sdk.MeterProvider(
            [PeriodicExportingMetricReader(front, export_interval_millis=3_600_000)], shutdown_on_exit=False
        )
        Instruments(self.provider.get_meter(_semconv.SCOPE), is_list_taken=True)

    def mark(self, name, attribution=WRITTEN):
        where = Function("shop", name, "shop.py", 1, 1, 1)
        return _registry.add(Entry(compile("pass", "shop.py", "exec"), where, attribution))

    def export(self):
        self.provider.force_flush()
        return self.told.functions[-1]


@pytest.fixture
def listing(monkeypatch):
    monkeypatch.setattr(_registry, "_entries", {})
    made = Listing()
    yield made
    made.provider.shutdown()


def test_is_told_once(listing):
    """
    An export names the functions that were marked since the last one, and no others.
    """
    listing.mark("first")
    told = [listing.export(), listing.export()]
    listing.mark("second")

    assert [["shop.first"], [], ["shop.second"]] == [*told, listing.export()]


def test_a_refused_list_is_told_again(listing):
    """
    What a locked store could not take comes with the next export.
    """
    listing.mark("refused")
    listing.told.result = MetricExportResult.FAILURE
    told = [listing.export()]
    listing.told.result = MetricExportResult.SUCCESS
    told += [listing.export(), listing.export()]

    assert [["shop.refused"], ["shop.refused"], []] == told


def test_an_answer_that_arrives_is_told(listing):
    """
    A function whose attribution is on its way is told when it has arrived, and again when it changes.
    """
    entry = listing.mark("awaited", Attribution(status="pending"))
    told = [listing.export()]
    entry.settle(entry.function, WRITTEN)
    told += [listing.export(), listing.export()]
    entry.settle(entry.function, Attribution("ai", "low", "ok", "d" * 40, "d" * 40))

    assert [[], ["shop.awaited"], [], ["shop.awaited"]] == [*told, listing.export()]


def test_all_are_told_now_and_then(listing, monkeypatch):
    """
    A store keeps when a function was last there, so it hears of each every few minutes.
    """
    monkeypatch.setattr(functions, "RENEW_S", 0.0)
    listing.mark("renewed")

    assert [["shop.renewed"], ["shop.renewed"]] == [listing.export(), listing.export()]


def test_other_settings_are_told(listing, monkeypatch):
    """
    Another form of the author's name is another description.
    """
    listing.mark("described")
    told = [listing.export(), listing.export()]
    other = Config(author="off")
    monkeypatch.setattr(_config, "current", lambda: other)

    assert [["shop.described"], [], ["shop.described"]] == [*told, listing.export()]
