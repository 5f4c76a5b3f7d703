"""Under Sentry's streamed traces, a marked call inside a sampled span is a span below it."""

from __future__ import annotations

import asyncio
import math

import pytest
import sentry_sdk

from byline._sentry import streams
from byline._telemetry import gate, spans as call_spans
from byline.sentry import BylineIntegration

from .conftest import swallow

traces = pytest.importorskip("sentry_sdk.traces", reason="the lowest version of the SDK streams nothing")
STREAM = {"trace_lifecycle": "stream", "traces_sample_rate": 1.0}


def spans_of(sent):
    """Flush, and return the spans as they were sent, in the order of their ends."""
    sentry_sdk.flush()
    return [span for kind, payload in sent.items if kind == "span" for span in payload["items"]]


def named(sent, name):
    (span,) = [each for each in spans_of(sent) if each["name"] == name]
    return span


def value_of(span, name):
    return span["attributes"][name]["value"]


def test_span_of_a_call(client, load, shop):
    """
    The span carries what an OpenTelemetry span would, and hangs below what called it.
    """
    sent, cart = client(**STREAM), load()
    with traces.start_span("request") as request:
        cart.checked([1])
    outer, inner = named(sent, "cart.checked"), named(sent, "cart.total")

    assert (request.span_id, outer["span_id"]) == (outer["parent_span_id"], inner["parent_span_id"])
    assert (request.trace_id, "ok", False) == (inner["trace_id"], inner["status"], inner["is_segment"])
    assert (shop.commit, "claude", "cart.py", 4) == tuple(
        value_of(inner, name)
        for name in ("byline.commit", "byline.tool", "code.file.path", "code.line.number")
    )
    assert ("function", "auto.function.byline") == (
        value_of(inner, "sentry.op"), value_of(inner, "sentry.origin"),
    )  # fmt: skip


def test_failed_call(client, load):
    """
    A failure is the span's status, and the span it happened in is the event's.
    """
    sent, cart = client(**STREAM), load()
    with traces.start_span("request") as request:
        swallow(cart.total, [-1])
        assert traces.get_current_span() is request
    span = named(sent, "cart.total")

    assert ("error", "ValueError") == (span["status"], value_of(span, "error.type"))
    assert span["span_id"] == sent.event["contexts"]["trace"]["span_id"]


def test_generators_and_coroutines(client, load):
    """
    Between its steps a generator's span is not the current one; a cancelled call did not fail.
    """
    sent, cart = client(**STREAM), load()
    with traces.start_span("request") as request:
        steps = cart.each([1])
        next(steps)
        assert traces.get_current_span() is request
        list(steps)
        asyncio.run(cart.later([1]))
        cart.later([1]).close()
        cancelled = cart.later([1])
        with pytest.raises(asyncio.CancelledError):
            cancelled.throw(asyncio.CancelledError)
    names = [each["name"] for each in spans_of(sent)]
    assert ["cart.total", "cart.each", "cart.total", "cart.later", "request"] == names


@pytest.mark.parametrize(
    ("options", "spans"),
    [
        pytest.param({"traces_sample_rate": 0.0}, True, id="unsampled"),
        pytest.param({"traces_sample_rate": 1.0}, False, id="switched off"),
        pytest.param({"traces_sample_rate": 1.0, "ignore_spans": ["cart.total"]}, True, id="ignored"),
    ],
)
def test_no_spans(client, load, options, spans):
    """
    What is not sampled, not wanted or ignored has no span, and what is around it stays the current one.
    """
    sent, cart = (
        client(integration=BylineIntegration(spans=spans), trace_lifecycle="stream", **options),
        load(),
    )
    with traces.start_span("request") as request:
        cart.total([1])
        assert traces.get_current_span() is request
    cart.total([1])
    assert {"request"} >= {each["name"] for each in spans_of(sent)}


def test_lazy_spans(client, load, monkeypatch):
    """
    BYLINE_SPANS=lazy: only calls that fail or are slow have a span, with the time at which they began.
    """
    monkeypatch.setenv("BYLINE_SPANS", "lazy")
    monkeypatch.setattr("byline._sentry.streams.SLOW_S", math.inf)  # on a busy machine any call may be slow
    sent, cart = client(**STREAM), load()
    with traces.start_span("request"):
        cart.total([1])
        swallow(cart.total, [-1])
    span, request = spans_of(sent)
    assert ("ValueError", "request") == (value_of(span, "error.type"), request["name"])
    assert request["start_timestamp"] <= span["start_timestamp"] <= span["end_timestamp"]


def test_opentelemetry_traces_already(client, load, spans):
    """
    With OpenTelemetry's span around it, a call has one span, and it is OpenTelemetry's.
    """
    from opentelemetry import trace

    sent, cart = client(**STREAM), load()
    with traces.start_span("request"), trace.get_tracer("test").start_as_current_span("request"):
        cart.total([1])
    assert ["request"] == [each["name"] for each in spans_of(sent)]
    assert ["cart.total", "request"] == [each.name for each in spans()]


@pytest.mark.parametrize("broken", ["set_attribute", "end"], ids=str)
def test_broken_sdk(client, load, monkeypatch, broken):
    """
    A span that cannot be made or ended is no reason for a call to fail.
    """
    sent, cart = client(**STREAM), load()
    with traces.start_span("request"):
        with monkeypatch.context() as patch:
            patch.setattr(f"sentry_sdk.traces.StreamedSpan.{broken}", None)
            assert 1 == cart.total([1])
        assert 1 == cart.total([1])
    assert ["cart.total", "request"] == [each["name"] for each in spans_of(sent)]


def test_who_streams(monkeypatch):
    """
    A client that asks for it in either way, with a version of the SDK that has the spans known here.
    """
    experiment = {"_experiments": {"trace_lifecycle": "stream"}}
    assert streams.is_streaming(experiment)
    assert not streams.is_streaming({"trace_lifecycle": "static"})
    monkeypatch.delattr("sentry_sdk.scope.Scope.streamed_span")
    assert not streams.is_streaming(experiment)


def test_without_tracing(client, load):
    """
    Where nothing is sampled, the hot path's test is OpenTelemetry's own again after the first call.
    """
    client(trace_lifecycle="stream")
    load().total([1])
    assert call_spans.current is gate.gate.cell_contents
