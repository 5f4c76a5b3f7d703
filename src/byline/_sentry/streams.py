"""Under Sentry's streamed traces, a marked call inside a sampled span becomes a span below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentry_sdk.scope import Scope

from .. import _config, _semconv
from .._telemetry import faults
from .._telemetry.gate import Turns
from .._telemetry.lazy_spans import SLOW_S
from .._telemetry.recorder import Recorder
from . import settings

if TYPE_CHECKING:
    from sentry_sdk.traces import StreamedSpan


def is_streaming(options: dict[str, Any]) -> bool:
    """Tell whether a client streams spans, in a way that is known here: early versions of the SDK had another."""
    asked = options.get("trace_lifecycle") or (options.get("_experiments") or {}).get("trace_lifecycle")
    return bool(asked == "stream" and hasattr(Scope, "streamed_span"))


def begin(recorder: Recorder, attributes: dict[str, Any], *, attached: bool) -> Turns | None:
    """
    Start a span for a call, if it is inside a sampled one.

    Args:
        attributes: What the span has besides the function's own.
    """
    from sentry_sdk.traces import start_span  # older versions of the SDK have no such module

    parent = Scope.get_current_scope().streamed_span
    if parent is None or not parent.sampled or settings.current() is None:
        return None
    labels = recorder.labels()
    span = start_span(labels.name, {**labels.span, **attributes}, parent_span=parent, active=False)
    if not span.sampled:  # the program ignores spans of this name
        span.end()
        return None
    if _config.current().spans == "lazy":
        return OptionalSpan(span)
    call = StreamSpan(span)
    if attached:
        call.attach()
    return call


class StreamSpan:
    """A streamed span, and its turns as the current one."""

    __slots__ = ("_before", "_scope", "_span")

    def __init__(self, span: StreamedSpan) -> None:
        self._span = span
        self._scope: Scope | None = None
        self._before: StreamedSpan | None = None

    def attach(self) -> None:
        """Make the span the current one, if it is not."""
        if self._scope is None:
            scope = self._scope = Scope.get_current_scope()
            self._before, scope.streamed_span = scope.streamed_span, self._span

    def detach(self) -> None:
        """Make the former span the current one again."""
        scope, self._scope = self._scope, None
        if scope is not None and scope.streamed_span is self._span:
            scope.streamed_span = self._before
        self._before = None

    def finish(self, error_type: str = "", duration_s: float = 0.0) -> None:  # noqa: ARG002  # the SDK reads the clock
        """Detach and end the span; never raises."""
        try:
            self.detach()
            if error_type:
                self._span.set_attribute(_semconv.ERROR_TYPE, error_type)
                if error_type != _semconv.CANCELLED:
                    self._span.status = "error"
            self._span.end()
        except Exception as exception:  # noqa: BLE001  # the call is the user's, the span is not
            faults.report(exception, "ending a span of Sentry's")


class OptionalSpan(StreamSpan):
    """
    ``BYLINE_SPANS=lazy``: a span that is ended, and with that sent, only if the call failed or was slow.

    The SDK has no way to say later when a span began.
    """

    __slots__ = ()

    def attach(self) -> None:
        """Do nothing: it is never the current one."""

    def finish(self, error_type: str = "", duration_s: float = 0.0) -> None:
        """End the span if the call was interesting; never raises."""
        if error_type or duration_s >= SLOW_S:
            super().finish(error_type, duration_s)
