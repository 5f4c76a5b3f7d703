"""Batches that a receiver refuses: counted and said once, though OpenTelemetry reports success."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader

from byline import _semconv
from byline._telemetry import delivery
from byline._telemetry.instruments import Instruments
from byline.otel import metric_exporter


class Receiver(BaseHTTPRequestHandler):
    """Answers every batch with the status that the server was told."""

    def do_POST(self):
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    """A receiver of OTLP over HTTP."""
    delivery.forget()
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
    delivery.forget()


@pytest.fixture
def provider(receiver) -> Iterator[MeterProvider]:
    """A program's own pipeline to that receiver, with byline's exporter in front."""
    exporter = metric_exporter(OTLPMetricExporter(f"http://127.0.0.1:{receiver.server_port}/v1/metrics"))
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=1e9)])
    provider.get_meter("shop").create_counter("orders").add(1)
    yield provider
    provider.shutdown()


def test_a_refused_batch_is_noticed(receiver, provider, caplog):
    """
    Flushing says all is well; byline counts each batch that was refused, and says so once.
    """
    receiver.status = 400
    with caplog.at_level(logging.WARNING, "byline"):
        assert provider.force_flush()
        assert provider.force_flush()

    said = [each.message for each in caplog.records if each.name == "byline"]
    assert {"OTLPMetricExporter": 2} == delivery.failures()
    assert ["OTLPMetricExporter could not deliver a batch of metrics"] == [
        each.split(":")[0] for each in said
    ]
    [note] = delivery.unverified()
    assert "could not deliver 2 batches" in note.reason


def test_a_taken_batch_is_not(receiver, provider):
    """
    What arrives is not counted.
    """
    receiver.status = 200

    assert provider.force_flush()

    assert {} == delivery.failures()
    assert () == delivery.unverified()


def test_it_is_a_metric_once_something_arrives(receiver, provider):
    """
    How many batches were lost arrives with the first one that is not.
    """
    receiver.status = 400
    provider.force_flush()
    reader = InMemoryMetricReader()
    Instruments(MeterProvider([reader]).get_meter("byline"))

    [scope] = reader.get_metrics_data().resource_metrics[0].scope_metrics
    [points] = [
        each.data.data_points for each in scope.metrics if each.name == _semconv.METRIC_FAILED_EXPORTS
    ]

    assert [(1, {_semconv.EXPORTER: "OTLPMetricExporter"})] == [
        (each.value, dict(each.attributes)) for each in points
    ]
