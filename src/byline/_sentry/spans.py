"""Under Sentry's own tracing, a marked call inside a transaction becomes a span of it; streams.py has the newer kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sentry_sdk
from sentry_sdk import scope as sentry_scope
from sentry_sdk.client import BaseClient
from sentry_sdk.scope import Scope
from sentry_sdk.tracing import Span

from .. import _config, _semconv
from .._telemetry import faults, gate, spans
from .._telemetry.gate import Turns
from .._telemetry.lazy_spans import SLOW_S
from .._telemetry.recorder import Recorder
from . import settings, streams

OPERATION = "function"
ORIGIN = "auto.function.byline"
_ATTRIBUTES = {"sentry.op": OPERATION, "sentry.origin": ORIGIN}

_PARAMETERS = inspect.signature(Span.__init__).parameters
# The SDK renamed it in 2.15, and warns of the old name.
_NAME = "name" if "name" in _PARAMETERS else "description"
_ORIGIN = {"origin": ORIGIN} if "origin" in _PARAMETERS else {}

# To read the variable costs a third of what the public function costs; it is looked for once.
_variable = getattr(sentry_scope, "_current_scope", None)
_scope: Callable[[], Scope | None] = _variable.get if _variable is not None else Scope.get_current_scope


class SentrySpans:
    """Gives a call its span when OpenTelemetry wants none and a sampled transaction is under way."""

    def __init__(self) -> None:
        self._is_tracing: bool | None = None
        """None until there is a client to ask."""
        self._is_streaming = False

    def gate(self, first: Callable[[], object]) -> Callable[[], object]:
        """Return the test of the hot path; where Sentry does not trace, OpenTelemetry's alone."""
        if self._is_tracing is False:
            return first
        if self._is_tracing is None:
            return self._once_decided(first)
        return _in_stream(first) if self._is_streaming else _in_transaction(first)

    def _once_decided(self, first: Callable[[], object]) -> Callable[[], object]:
        def ask() -> object:
            client = sentry_sdk.get_client()
            if client.is_active():
                self._is_tracing, self._is_streaming = (
                    _is_tracing(client),
                    streams.is_streaming(client.options),
                )
                spans.put_beside(self if self._is_tracing else None)
                return gate.gate.cell_contents()
            return first() or None

        return ask

    def begin(self, recorder: Recorder, *, attached: bool) -> Turns | None:
        """Start a span for a call, if it is inside a sampled transaction."""
        if self._is_streaming:
            return streams.begin(recorder, _ATTRIBUTES, attached=attached)
        scope = Scope.get_current_scope()
        parent = scope.span
        if not isinstance(parent, Span) or not parent.sampled or settings.current() is None:
            return None
        if _config.current().spans == "lazy":
            return LateSpan(parent, recorder)
        call = SentrySpan(_start(parent, recorder))
        if attached:
            call.attach()
        return call


def _in_transaction(first: Callable[[], object]) -> Callable[[], object]:
    def test() -> object:
        if first():
            return True
        scope = _scope()
        span = None if scope is None else scope.span
        return True if span is not None and span.sampled else None

    return test


def _in_stream(first: Callable[[], object]) -> Callable[[], object]:
    def test() -> object:
        if first():
            return True
        scope = _scope()
        span = None if scope is None else scope.streamed_span
        return True if span is not None and span.sampled else None

    return test


def _is_tracing(client: BaseClient) -> bool:
    """Tell whether transactions may come: Sentry's own, not those it makes of OpenTelemetry's spans."""
    found = settings.of(client)
    options = client.options
    asked = options.get("traces_sample_rate") is not None or options.get("traces_sampler") is not None
    return bool(found and found.spans and asked and options.get("instrumenter", "sentry") == "sentry")


def _start(parent: Span, recorder: Recorder, **more: Any) -> Span:  # noqa: ANN401  # the SDK's own arguments
    labels = recorder.labels()
    span = parent.start_child(op=OPERATION, **{_NAME: labels.name}, **_ORIGIN, **more)
    for name, value in labels.span.items():
        span.set_data(name, value)
    return span


def _end(span: Span, error_type: str) -> None:
    if error_type:
        span.set_data(_semconv.ERROR_TYPE, error_type)
        span.set_status("cancelled" if error_type == _semconv.CANCELLED else "internal_error")
    span.finish()


class SentrySpan:
    """A span of the SDK's, and its turns as the current one."""

    __slots__ = ("_before", "_scope", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._scope: Scope | None = None
        self._before: Any = None

    def attach(self) -> None:
        """Make the span the current one, if it is not."""
        if self._scope is None:
            scope = self._scope = Scope.get_current_scope()
            self._before, scope.span = scope.span, self._span

    def detach(self) -> None:
        """Make the former span the current one again."""
        scope, self._scope = self._scope, None
        if scope is not None and scope.span is self._span:
            scope.span = self._before
        self._before = None

    def finish(self, error_type: str = "", duration_s: float = 0.0) -> None:  # noqa: ARG002  # the SDK reads the clock
        """Detach and end the span; never raises."""
        try:
            self.detach()
            _end(self._span, error_type)
        except Exception as exception:  # noqa: BLE001  # the call is the user's, the span is not
            faults.report(exception, "ending a span of Sentry's")


class LateSpan:
    """``BYLINE_SPANS=lazy``: a span that is made when the call has ended, if it failed or was slow."""

    __slots__ = ("_parent", "_recorder", "_started")

    def __init__(self, parent: Span, recorder: Recorder) -> None:
        self._parent = parent
        self._recorder = recorder
        self._started = datetime.now(UTC)

    def attach(self) -> None:
        """Do nothing: it is never the current one."""

    def detach(self) -> None:
        """Do nothing: it is never the current one."""

    def finish(self, error_type: str = "", duration_s: float = 0.0) -> None:
        """Make and end the span if the call was interesting; never raises."""
        try:
            if error_type or duration_s >= SLOW_S:
                _end(_start(self._parent, self._recorder, start_timestamp=self._started), error_type)
        except Exception as exception:  # noqa: BLE001  # as above
            faults.report(exception, "ending a span of Sentry's")
