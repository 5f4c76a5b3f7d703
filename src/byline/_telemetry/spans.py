"""A span around a call of a marked function, when the current trace records; exceptions go to the incident."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context as Variables, ContextVar, Token
from typing import Protocol

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, Status, StatusCode, Tracer

from .. import _config, _semconv
from .._config import Config
from . import faults, gate, worker
from .gate import Turns
from .recorder import Recorder


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
current: Callable[[], Context] = _variable.get if _variable is not None else context.get_current
SPAN_KEY = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
_tracer: Tracer | None = None

enter: Callable[[Context], Token[Context]] = _variable.set if _variable is not None else context.attach
"""Makes a context the current one."""


def leave(token: Token[Context]) -> None:
    """Make the former context the current one again."""
    try:
        token.var.reset(token)
    except AttributeError:
        context.detach(token)
    except ValueError:
        # Finished in another context than it started in, as a coroutine that the
        # garbage collector closes: that context was never changed.
        pass


def _always() -> bool:
    return True


def configure(config: Config) -> None:
    """Put the settings in force for functions already wrapped and those to come."""
    global make_span  # noqa: PLW0603  # one callable, replaced whole
    gate.forget()
    worker.each_tick(gate.forget)
    if config.spans == "lazy":
        from .lazy_spans import LazySpan  # only for those who want it

        make_span = LazySpan
    else:
        make_span = _eager
    gate.begin.cell_contents = begin if _beside is None else _begin_beside
    if config.spans == "off":
        gate.gate.cell_contents = gate.never
    elif config.root_spans:
        gate.gate.cell_contents = _always
    else:
        gate.gate.cell_contents = current if _beside is None else _beside.gate(current)


class Beside(Protocol):
    """Another tracer than OpenTelemetry's, which gets a call's span when OpenTelemetry wants none."""

    def gate(self, first: Callable[[], object]) -> Callable[[], object]:
        """
        Return a cheap test whose result is None when neither OpenTelemetry nor this one can want a span.

        Args:
            first: OpenTelemetry's own: its result is falsy when that cannot want one.
        """
        ...

    def begin(self, recorder: Recorder, *, attached: bool) -> Turns | None:
        """Start a span for a call, if one is wanted; may raise."""
        ...


_beside: Beside | None = None


def put_beside(tracer: Beside | None) -> None:
    """Ask another tracer too, from now on; None asks OpenTelemetry alone. Without one, a call costs nothing more."""
    global _beside  # noqa: PLW0603  # one tracer, replaced whole
    _beside = tracer
    configure(_config.current())


def within(around: Context, span: Span) -> Context:
    """Return a context with another span in it."""
    inside = Context(around)
    # Nobody else has it yet, so it may be filled as the dictionary it is.
    dict.__setitem__(inside, SPAN_KEY, span)
    return inside


class CallSpan:
    """A span, and its turns as the current one: a context must never stay attached across a ``yield``."""

    __slots__ = ("_inside", "_recorder", "_span", "_token")

    def __init__(self, span: Span, recorder: Recorder | None = None, around: Context | None = None) -> None:
        """
        Stand around a call.

        Args:
            recorder: Gets the call as an exemplar when it ends.

            around: The current context, if it is at hand.
        """
        self._span = span
        self._recorder = recorder
        self._inside = within(current() if around is None else around, span)
        self._token: Token[Context] | None = None

    def attach(self) -> None:
        """Make the span the current one, if it is not."""
        if self._token is None:
            self._token = enter(self._inside)

    def detach(self) -> None:
        """Make the former span the current one again."""
        token, self._token = self._token, None
        if token is not None:
            leave(token)

    def finish(self, error_type: str = "", duration_s: float = 0.0) -> None:
        """Detach and end the span; never raises."""
        try:
            self.detach()
            end(self._span, self._recorder, error_type, duration_s)
        except Exception as exception:  # noqa: BLE001  # the call is the user's, the span is ours
            faults.report(exception, "ending a span")

    end = finish


def end(span: Span, recorder: Recorder | None, error_type: str, duration_s: float) -> None:
    if error_type:
        span.set_attribute(_semconv.ERROR_TYPE, error_type)
        if error_type != _semconv.CANCELLED:
            span.set_status(Status(StatusCode.ERROR))
    span.end()
    where = span.get_span_context()
    # Whoever reads of an exemplar looks for its span; one that was not sampled is nowhere.
    if recorder is not None and where.trace_flags.sampled:
        recorder.remember(duration_s, error_type, where.trace_id, where.span_id)


def begin(recorder: Recorder, *, attached: bool = True) -> Turns | None:
    """Start a span for a call, if its trace records; never raises."""
    if gate.gate.cell_contents is gate.never:
        gate.forget()  # a call that was under way when spans were turned off has left its context
        return None
    try:
        around = current()
        parent = around.get(SPAN_KEY)
        if not (parent.is_recording() if type(parent) in _recordable else _is_wanted(parent)):  # type: ignore[attr-defined]  # it is a span
            if _beside is None and (parent is None or type(parent) is NonRecordingSpan):
                gate.quiet.cell_contents = around
            return None
        # A span that the sampler refused becomes the current one too: what is called
        # below belongs to its trace and must not start another.
        call = make_span(recorder, around)
        if attached:
            call.attach()
    except Exception as exception:  # noqa: BLE001  # the call is the user's, the span is ours
        faults.report(exception, "starting a span")
        return None
    return call


def _begin_beside(recorder: Recorder, *, attached: bool = True) -> Turns | None:
    """Start a span of OpenTelemetry's, else one of the tracer beside it; never raises."""
    call = begin(recorder, attached=attached)
    if call is not None or _beside is None:
        return call
    try:
        return _beside.begin(recorder, attached=attached)
    except Exception as exception:  # noqa: BLE001  # the call is the user's, the span is not
        faults.report(exception, "starting a span")
        return None


def start(recorder: Recorder, around: Context, start_ns: int | None = None) -> Span:
    """Start a span of the SDK for a call of a marked function."""
    labels = recorder.labels()
    return _get_tracer().start_span(
        labels.name,
        around,
        attributes=labels.span,
        start_time=start_ns,
        record_exception=False,
        set_status_on_exception=False,
    )


def _eager(recorder: Recorder, around: Context) -> Turns:
    return CallSpan(start(recorder, around), recorder, around)


make_span: Callable[[Recorder, Context], Turns] = _eager
"""How a call gets its span; ``configure`` swaps it."""


# Types of spans that may record. To ask an abstract class for its instances costs more than all the rest.
_RECORDABLE_LIMIT = 100
_recordable: set[type] = set()


def _is_wanted(parent: object) -> bool:
    if isinstance(parent, NonRecordingSpan):
        where = parent.get_span_context()
        if where.is_remote:
            # Nothing here records yet, but the caller's process does.
            return where.trace_flags.sampled
        return not where.is_valid and _config.current().root_spans
    if isinstance(parent, Span):
        if len(_recordable) < _RECORDABLE_LIMIT:
            _recordable.add(type(parent))
        return parent.is_recording()
    return _config.current().root_spans


def _get_tracer() -> Tracer:
    global _tracer  # noqa: PLW0603  # made once; a proxy until the program sets its provider
    if _tracer is None:
        _tracer = trace.get_tracer(_semconv.SCOPE)
    return _tracer
