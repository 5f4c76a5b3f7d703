"""
Stands in for Loki, which cannot be had where the tests run: its documented API, over what real programs send by OTLP.

Names of attributes and the form of answers are by Loki's own documentation: resource attributes
and attributes of a record become labels of the entry's stream, with underscores for dots.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from .. import threads

MATCHER = r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"'
MOST = 5_000


class Loki(ThreadingHTTPServer):
    """A running one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.entries: list[tuple[int, dict[str, str]]] = []
        self.asked: list[dict[str, str]] = []

    def take(self, request: ExportLogsServiceRequest) -> None:
        """Keep log records."""
        for resource in request.resource_logs:
            shared = _labels(resource.resource.attributes)
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    labels = {**shared, **_labels(record.attributes), "scope_name": scope.scope.name}
                    if record.trace_id:
                        labels |= {"trace_id": record.trace_id.hex(), "span_id": record.span_id.hex()}
                    at_ns = record.time_unix_nano or record.observed_time_unix_nano
                    self.entries.append((at_ns, labels))

    def query_range(self, query: str, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        """Answer LogQL: a selector, and filters on labels."""
        selector, _, rest = query.partition("}")
        wanted = re.findall(MATCHER, selector.lstrip("{") + rest)
        assert re.fullmatch(rf"\{{{MATCHER}(?:,\s*{MATCHER})*\}}(?: \| {MATCHER})*", query), query
        found = [
            (at_ns, labels)
            for at_ns, labels in self.entries
            if start <= at_ns < end
            and all(_meets(labels.get(name, ""), how, _text(value)) for name, how, value in wanted)
        ]
        newest = sorted(found, key=lambda each: -each[0])[:limit]
        return [{"stream": labels, "values": [[str(at_ns), ""]]} for at_ns, labels in newest]


class _Handler(BaseHTTPRequestHandler):
    server: Loki

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/otlp/v1/logs", self.path
        self.server.take(ExportLogsServiceRequest.FromString(body))
        self._answer(200, ExportLogsServiceResponse().SerializeToString(), "application/x-protobuf")

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append(asked)
        limit, start, end = (int(asked[name]) for name in ("limit", "start", "end"))
        if parts.path != "/loki/api/v1/query_range":
            self._answer(404, b"404 page not found", "text/plain")
        elif limit > MOST:
            self._answer(400, b"max entries limit per query exceeded", "text/plain")
        elif end - start > (30 * 24 + 1) * 3_600 * 10**9:
            self._answer(400, b"the query time range exceeds the limit (query length: 721h)", "text/plain")
        else:
            result = self.server.query_range(asked["query"], start, end, limit)
            told = {"status": "success", "data": {"resultType": "streams", "result": result, "stats": {}}}
            self._answer(200, json.dumps(told).encode(), "application/json")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""


def _labels(attributes: Any) -> dict[str, str]:
    found = {}
    for each in attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        text = str(value).lower() if kind == "bool_value" else str(value)
        found[re.sub(r"\W", "_", each.key)] = text
    return found


def _text(quoted: str) -> str:
    return str(json.loads(f'"{quoted}"'))


def _meets(value: str, how: str, wanted: str) -> bool:
    meets = re.fullmatch(wanted, value) is not None if how.endswith("~") else value == wanted
    return meets is not how.startswith("!")


@contextmanager
def running() -> Iterator[Loki]:
    """Run one for the length of a block."""
    with threads.serving(Loki()) as server:
        yield server
