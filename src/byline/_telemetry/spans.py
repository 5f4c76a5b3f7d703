"""A span around a call of a marked function, when the current trace records; exceptions go to the incident."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context as Variables, ContextVar, Token
from types import CellType

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, Status, StatusCode, Tracer

from .. import _config, _semconv
from .._config import Config
from . import faults
from .latency import Recorder


def _find_variable() -> ContextVar[Context] | None:
    """
    Return the variable that holds OpenTelemetry's current context, or None when it is not a variable.

    To read it costs a tenth of what ``context.get_current`` costs. It is private; the
    token of ``context.attach`` names it in public.
    """
    token = context.attach(Context())
    context.detach(token)
    variable = getattr(token, "var", None)
    try:
        # A variable without a default cannot be read in a thread that never attached.
        Variables().run(variable.get)  # type: ignore[union-attr]  # None is what the except is for
    except (AttributeError, LookupError):
        return None
    return variable


_variable = _find_variable()
_current: Callable[[], Context] = _variable.get if _variable is not None else context.get_current
_SPAN_KEY = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
_tracer: Tracer | None = None


def _always() -> bool:
    return True


# bool() is False, and the cheapest call that says so.
_never: Callable[[], object] = bool

gate: CellType = CellType(_current)
"""
The cheapest test of the hot path, shared by all wrappers: falsy when no span can be wanted.

It reads the current context, which is empty outside of any trace. ``configure`` swaps it
in every wrapper at once.
"""


def configure(config: Config) -> None:
    """Put the settings in force for functions already wrapped and those to come."""
    if config.spans == "off":
        gate.cell_contents = _never
    elif config.root_spans:
        gate.cell_contents = _always
    else:
        gate.cell_contents = _current


def stop() -> None:
    """Start no more spans; ``configure`` starts them again."""
    gate.cell_contents = _never


class CallSpan:
    """A span, and its turns as the current one: a context must never stay attached across a ``yield``."""

    __slots__ = ("_context", "_recorder", "_span", "_token")

    def __init__(self, span: Span, recorder: Recorder | None = None) -> None:
        """
        Stand around a call.

        Args:
            recorder: Gets the call as an exemplar when it ends.
        """
        self._span = span
        self._recorder = recorder
        self._context = trace.set_span_in_context(span)
        self._token: Token[Context] | None = None

    def attach(self) -> None:
        """Make the span the current one, if it is not."""
        if self._token is None:
            self._token = context.attach(self._context)

    def detach(self) -> None:
        """Make the former span the current one again."""
        token, self._token = self._token, None
        if token is None:
            return
        try:
            token.var.reset(token)
        except AttributeError:
            context.detach(token)
        except ValueError:
            # Finished in another context than it started in, as a coroutine that the
            # garbage collector closes: that context was never changed.
            pass

    def end(self, error_type: str = "", duration_s: float = 0.0) -> None:
        """Detach and end the span; never raises."""
        try:
            self.detach()
            if error_type:
                self._span.set_attribute(_semconv.ERROR_TYPE, error_type)
                if error_type != _semconv.CANCELLED:
                    self._span.set_status(Status(StatusCode.ERROR))
            self._span.end()
            where = self._span.get_span_context()
            # Whoever reads of an exemplar looks for its span; one that was not sampled is nowhere.
            if self._recorder is not None and where.trace_flags.sampled:
                self._recorder.remember(duration_s, error_type, where.trace_id, where.span_id)
        except Exception as exception:  # noqa: BLE001  # the call is the user's, the span is ours
            faults.report(exception, "ending a span")


def begin(recorder: Recorder, *, attached: bool = True) -> CallSpan | None:
    """Start a span for a call, if its trace records; never raises."""
    parent = _current().get(_SPAN_KEY)
    if parent is _quiet:
        return None
    try:
        if not _is_wanted(parent):
            _remember(parent)
            return None
        labels = recorder.labels()
        span = _get_tracer().start_span(
            labels.name, attributes=labels.span, record_exception=False, set_status_on_exception=False
        )
        # A span that the sampler refused becomes the current one too: what is called
        # below belongs to its trace and must not start another.
        call = CallSpan(span, recorder)
        if attached:
            call.attach()
    except Exception as exception:  # noqa: BLE001  # the call is the user's, the span is ours
        faults.report(exception, "starting a span")
        return None
    return call


# The last parent below which no span is wanted, or none: the calls of one request have the
# same one. A span that records nothing holds nothing but its ids, so it may be kept.
_quiet: object = object()


def _remember(parent: object) -> None:
    global _quiet  # noqa: PLW0603  # replaced whole; if two threads disagree, both ask again
    if type(parent) is NonRecordingSpan and parent.get_span_context().is_valid:
        _quiet = parent


def _is_wanted(parent: object) -> bool:
    if isinstance(parent, NonRecordingSpan):
        where = parent.get_span_context()
        if where.is_remote:
            # Nothing here records yet, but the caller's process does.
            return where.trace_flags.sampled
        return not where.is_valid and _config.current().root_spans
    if isinstance(parent, Span):
        return parent.is_recording()
    return _config.current().root_spans


def _get_tracer() -> Tracer:
    global _tracer  # noqa: PLW0603  # made once; a proxy until the program sets its provider
    if _tracer is None:
        _tracer = trace.get_tracer(_semconv.SCOPE)
    return _tracer
