"""Stands in for a trace store, which cannot be had where the tests run: it keeps the spans that arrive by OTLP."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from .. import threads


class Span(NamedTuple):
    """What is asked of a span."""

    trace_id: str
    name: str
    scope: str
    attributes: dict[str, Any]
    has_failed: bool


class Receiver(ThreadingHTTPServer):
    """A running one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.spans: list[Span] = []

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Keep spans."""
        self.spans += [
            Span(
                span.trace_id.hex(), span.name, scope.scope.name,
                {each.key: each.value.string_value for each in span.attributes},
                span.status.code == Status.STATUS_CODE_ERROR,
            )
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.take(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()
        self.wfile.write(ExportTraceServiceResponse().SerializeToString())

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""


@contextmanager
def running() -> Iterator[Receiver]:
    """Run one for the length of a block."""
    with threads.serving(Receiver()) as server:
        yield server
