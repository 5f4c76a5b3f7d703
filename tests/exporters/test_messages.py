"""What a collector takes in one message: byline's OTLP exporter stays below it, whatever it has to send."""

from __future__ import annotations

from concurrent import futures

import pytest
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from byline._exporters.program import OtlpExporter

grpc = pytest.importorskip("grpc")
messages = pytest.importorskip("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2")
service = pytest.importorskip("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc")


class Collector(service.MetricsServiceServicer):
    """Takes metrics, in messages of gRPC's own limit, which is a collector's too: 4 MB."""

    def __init__(self):
        self.sizes = []
        self.points = 0

    def Export(self, request, context):  # noqa: N802  # gRPC's name
        self.sizes.append(request.ByteSize())
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                self.points += sum(len(metric.sum.data_points) for metric in scope.metrics)
        return messages.ExportMetricsServiceResponse()


@pytest.fixture
def collector(monkeypatch):
    server, made = grpc.server(futures.ThreadPoolExecutor(2)), Collector()
    service.add_MetricsServiceServicer_to_server(made, server)
    monkeypatch.setenv(
        "OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    )
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    server.start()
    yield made
    server.stop(0).wait()


def test_more_than_a_message_holds_arrives(collector):
    """
    Metrics of more than 4 MB, as of some thousand functions, are sent in several messages; nothing is refused.
    """
    reader = PeriodicExportingMetricReader(OtlpExporter(), export_interval_millis=3_600_000)
    provider = sdk.MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("some").create_counter("thing")
    for number in range(1_900):
        counter.add(1, {"name": f"{number}" + "x" * 3_000})
    provider.force_flush()
    provider.shutdown()

    assert sum(collector.sizes) > 4 * 1024 * 1024 > max(collector.sizes)
    # Flushed twice: the shutdown collects once more.
    assert 2 * 1_900 == collector.points
