"""A marked call inside a transaction of Sentry's is a span of it, unless OpenTelemetry traces already."""

from __future__ import annotations

import asyncio
import math

import pytest
import sentry_sdk
from opentelemetry import trace

from byline import ai_generated
from byline._telemetry import gate, spans as call_spans
from byline.sentry import BylineIntegration

from .conftest import swallow


def spans_of(sent):
    (transaction,) = sent.transactions
    return transaction["spans"]


def test_span_of_a_call(client, load, shop):
    """
    The span carries what an OpenTelemetry span would, and hangs below the transaction.
    """
    sent, cart = client(traces_sample_rate=1.0), load()
    with sentry_sdk.start_transaction(name="request") as transaction:
        cart.checked([1])
    outer, inner = spans_of(sent)

    assert ("function", "cart.checked", transaction.span_id) == (
        outer["op"], outer["description"], outer["parent_span_id"],
    )  # fmt: skip
    assert ("cart.total", outer["span_id"]) == (inner["description"], inner["parent_span_id"])
    assert (shop.commit, "claude", "cart.py", 4) == tuple(
        inner["data"][name] for name in ("byline.commit", "byline.tool", "code.file.path", "code.line.number")
    )


def test_failed_call(client, load):
    """
    A failure is the span's status, and the span it happened in is the event's.
    """
    sent, cart = client(traces_sample_rate=1.0), load()
    with sentry_sdk.start_transaction(name="request") as transaction:
        swallow(cart.total, [-1])
        assert sentry_sdk.get_current_span() is transaction
    (span,) = spans_of(sent)

    assert ("internal_error", "ValueError") == (span["tags"]["status"], span["data"]["error.type"])
    assert span["span_id"] == sent.event["contexts"]["trace"]["span_id"]


def test_generators_and_coroutines(client, load):
    """
    Between its steps a generator's span is not the current one.
    """
    sent, cart = client(traces_sample_rate=1.0), load()
    with sentry_sdk.start_transaction(name="request") as transaction:
        steps = cart.each([1])
        next(steps)
        assert sentry_sdk.get_current_span() is transaction
        list(steps)
        asyncio.run(cart.later([1]))
    assert ["cart.each", "cart.total", "cart.later", "cart.total"] == [
        each["description"] for each in spans_of(sent)
    ]


@pytest.mark.parametrize(
    ("options", "spans"),
    [
        pytest.param({"traces_sample_rate": 0.0}, True, id="unsampled"),
        pytest.param({"traces_sample_rate": 1.0}, False, id="switched off"),
    ],
)
def test_no_spans(client, load, options, spans):
    """
    An unsampled transaction has no spans, and an integration that wants none makes none.
    """
    sent, cart = client(integration=BylineIntegration(spans=spans), **options), load()
    with sentry_sdk.start_transaction(name="request"):
        cart.total([1])
    assert [] == [each for transaction in sent.transactions for each in transaction["spans"]]


def test_outside_of_a_transaction(client, load):
    """
    Nothing is made.
    """
    sent, cart = client(traces_sample_rate=1.0), load()
    cart.total([1])
    assert [] == sent.transactions


def test_calls_cost_nothing_without_tracing(client, load):
    """
    Where Sentry does not trace, the hot path's test is OpenTelemetry's own again after the first call.
    """
    client()
    cart = load()
    cart.total([1])
    assert call_spans.current is gate.gate.cell_contents
    assert call_spans.begin is gate.begin.cell_contents


def test_opentelemetry_traces_already(client, load, spans):
    """
    With OpenTelemetry's span around it, a call has one span, and it is OpenTelemetry's.
    """
    sent, cart = client(traces_sample_rate=1.0), load()
    with (
        sentry_sdk.start_transaction(name="request"),
        trace.get_tracer("test").start_as_current_span("request"),
    ):
        cart.total([1])
    assert [] == spans_of(sent)
    assert ["cart.total", "request"] == [each.name for each in spans()]


def test_opentelemetry_is_in_charge(client, load):
    """
    When Sentry's transactions are made of OpenTelemetry's spans, byline makes none for Sentry.
    """
    client(traces_sample_rate=1.0, instrumenter="otel")
    cart = load()
    cart.total([1])
    assert call_spans.current is gate.gate.cell_contents


def test_lazy_spans(client, load, monkeypatch):
    """
    BYLINE_SPANS=lazy: only calls that fail or are slow have a span, with the time at which they began.
    """
    monkeypatch.setenv("BYLINE_SPANS", "lazy")
    monkeypatch.setattr("byline._sentry.spans.SLOW_S", math.inf)  # on a busy machine any call may be slow
    sent, cart = client(traces_sample_rate=1.0), load()
    with sentry_sdk.start_transaction(name="request"):
        cart.total([1])
        swallow(cart.total, [-1])
    (span,) = spans_of(sent)
    assert "ValueError" == span["data"]["error.type"]
    assert span["start_timestamp"] <= span["timestamp"]


def test_broken_sdk(client, load, monkeypatch):
    """
    A span that cannot be made is no reason for a call to fail.
    """
    sent, cart = client(traces_sample_rate=1.0), load()
    with sentry_sdk.start_transaction(name="request"):
        monkeypatch.setattr("sentry_sdk.tracing.Span.start_child", None)
        assert 1 == cart.total([1])
    assert [] == spans_of(sent)


def test_decorator_alone(client):
    """
    Without a manifest, too.
    """

    @ai_generated(tool="codex")
    def work():
        return 1

    sent = client(traces_sample_rate=1.0)
    with sentry_sdk.start_transaction(name="request"):
        work()
    (span,) = spans_of(sent)
    assert "codex" == span["data"]["byline.tool"]
