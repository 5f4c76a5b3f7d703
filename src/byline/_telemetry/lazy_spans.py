"""``BYLINE_SPANS=lazy``: a call gets its SDK span when somebody wants to know of it, and most are never made."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextvars import Token
from time import time_ns

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue

from . import faults, spans, worker
from .recorder import Recorder

SLOW_S = 0.1
"""A call that takes longer gets its span, with or without children."""

# For the moment in which a span is made or given up; reentrant, because to make one may make its parent.
_lock = threading.RLock()


class LazySpan(Span):
    """
    Stands for the span of a call, as the current one, until something needs the real one.

    That is: a child span or a propagator asks for the ids, the program says something about the
    current span, the call fails, or it is slow. Times are those of the call, also when the
    real one is made after the end: the program handed the context on, and used it late.
    """

    __slots__ = ("_around", "_began_ns", "_ended_ns", "_inside", "_made", "_recorder", "_token")

    def __init__(self, recorder: Recorder, around: Context) -> None:
        self._recorder = recorder
        self._around = around
        self._began_ns = time_ns()
        self._ended_ns = 0
        self._made: Span | None = None
        self._inside: Context | None = None
        self._token: Token[Context] | None = None

    # --- as the span of a call

    def attach(self) -> None:
        """Make it the current span, if it is not."""
        if self._token is None:
            inside = self._inside
            if inside is None:
                inside = self._inside = Context(self._around)
                dict.__setitem__(
                    inside, spans.SPAN_KEY, self
                )  # as spans.within; a call of that would cost as much
            self._token = spans.enter(inside)

    def detach(self) -> None:
        """Make the former span the current one again."""
        token, self._token = self._token, None
        if token is not None:
            spans.leave(token)

    def finish(self, error_type: str = "", duration_s: float = 0.0) -> None:
        """Detach; make and end the real span if the call was interesting. Never raises."""
        try:
            token, self._token = self._token, None
            if token is not None:
                spans.leave(token)
            self._inside = None  # it holds this span: a circle would wait for the garbage collector
            if not error_type and duration_s < SLOW_S:
                with _lock:
                    if self._made is None:
                        self._ended_ns = time_ns()
                        return
            spans.end(self._real(), self._recorder, error_type, duration_s)
        except Exception as exception:  # noqa: BLE001  # the call is the user's, the span is ours
            faults.report(exception, "ending a span")

    def _real(self) -> Span:
        with _lock:
            if self._made is None:
                self._made = spans.start(self._recorder, self._around, self._began_ns)
                if self._ended_ns:
                    self._made.end(self._ended_ns)
            return self._made

    # --- as a span of OpenTelemetry

    def get_span_context(self) -> SpanContext:
        """Return the ids, which makes the span."""
        return self._real().get_span_context()

    def is_recording(self) -> bool:
        """Tell whether the call is still going on; this question alone makes no span."""
        return self._made.is_recording() if self._made is not None else not self._ended_ns

    def end(self, end_time: int | None = None) -> None:
        """End the real span."""
        self._real().end(end_time)

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Say something about the real span."""
        self._real().set_attributes(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Say something about the real span."""
        self._real().set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Say that something happened within the real span."""
        self._real().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Link the real span."""
        self._real().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """Rename the real span."""
        self._real().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say how the call ended."""
        self._real().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002  # the base class has it so
    ) -> None:
        """Record an exception on the real span."""
        self._real().record_exception(exception, attributes, timestamp, escaped)


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.RLock()


worker.after_fork(_after_fork_in_child)
