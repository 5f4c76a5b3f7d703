"""A marked call has a span when its trace records, and then only."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from byline import _config, _registry
from byline._config import Config
from byline._instrumentation.wrapper import wrap
from byline._model import Attribution, Function
from byline._registry import Entry
from byline._telemetry import gate as gate_module, spans as spans_module
from byline._telemetry.spans import CallSpan

AI = Attribution(
    "ai", "high", "ok", "c" * 40, "d" * 40, "Ana", "claude", evidence="note", ai_lines=3, lines=4
)


def mark(function):
    code = function.__code__
    where = Function("shop", function.__name__, "shop.py", 1, 2, 3)
    return wrap(function, _registry.add(Entry(code, where, AI)))


@pytest.fixture
def tracer(providers):
    """The user's own tracer."""
    return trace.get_tracer("app")


@pytest.fixture
def configured():
    """Put settings in force for the test."""

    def use(**settings):
        _config.use(Config(**settings))
        spans_module.configure(_config.current())

    yield use
    _config.use(None)
    spans_module.configure(_config.current())


@mark
def work(fail=None):
    if fail is not None:
        raise fail
    return trace.get_current_span()


def names(spans) -> list[str]:
    return [each.name for each in spans()]


def test_call_in_a_recording_trace(spans, tracer):
    """
    The span is the child of the caller's, the current one inside the call, and says who wrote the function.
    """
    with tracer.start_as_current_span("request") as parent:
        inside = work()
        after = trace.get_current_span()

    (span, _) = spans()
    assert ("shop.work", parent.get_span_context().span_id) == (span.name, span.parent.span_id)
    assert (span.context, parent) == (inside.get_span_context(), after)
    assert ("byline", StatusCode.UNSET) == (span.instrumentation_scope.name, span.status.status_code)
    assert {
        "code.function.name": "shop.work",
        "code.file.path": "shop.py",
        "code.line.number": 2,
        "byline.commit": "c" * 40,
        "byline.last_commit": "d" * 40,
        "byline.author": "Ana",
        "byline.tool": "claude",
        "byline.evidence": "note",
        "byline.confidence": "high",
        "byline.status": "ok",
        "byline.ai_lines": 3,
        "byline.lines": 4,
    } == dict(span.attributes)


def test_no_trace_no_span(spans):
    """
    Outside of a trace no span is made.
    """
    work()

    assert [] == names(spans)


@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
def test_unsampled_trace(remote, spans):
    """
    In a trace that is not sampled no span is made.
    """
    parent = NonRecordingSpan(SpanContext(1, 2, is_remote=remote, trace_flags=TraceFlags(0)))
    with trace.use_span(parent):
        inside = work()

    assert ([], parent) == (names(spans), inside)


def test_trace_that_another_process_records(spans):
    """
    Right below a remote parent that is sampled, the call belongs to its trace.
    """
    with trace.use_span(NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1)))):
        work()

    assert [1] == [span.context.trace_id for span in spans()]


def test_failure(spans, logs, tracer):
    """
    A failed call's span has an error type and no exception event: the incident, which names the span, has it.
    """
    with tracer.start_as_current_span("request"), suppress(ValueError):
        work(ValueError("edge"))

    span = next(each for each in spans() if each.name == "shop.work")
    (incident,) = logs()
    assert (StatusCode.ERROR, "ValueError", ()) == (
        span.status.status_code,
        span.attributes["error.type"],
        span.events,
    )
    assert (span.context.trace_id, span.context.span_id) == (incident.trace_id, incident.span_id)


def test_cancelled(spans, tracer):
    """
    A cancelled call is no error, and says that it was cancelled.
    """
    with tracer.start_as_current_span("request"), suppress(asyncio.CancelledError):
        work(asyncio.CancelledError())

    span = spans()[0]
    assert (StatusCode.UNSET, "cancelled") == (span.status.status_code, span.attributes["error.type"])


def test_root_spans(spans, configured):
    """
    If the user asks for it, a call without a trace starts one, and calls below belong to it.
    """
    configured(root_spans=True)

    @mark
    def outer():
        work()

    outer()

    inner, root = spans()
    assert (["shop.work", "shop.outer"], None, root.context.span_id) == (
        names(spans),
        root.parent,
        inner.parent.span_id,
    )


def test_root_that_the_sampler_refused(configured, monkeypatch):
    """
    Where the sampler refuses a root, the calls below do not ask again.
    """
    asked = []

    class Sampling(Sampler):
        def should_sample(self, *arguments, **keywords):
            asked.append(arguments[2])
            return SamplingResult(Decision.DROP)

        def get_description(self):
            return "refuses"

    provider = TracerProvider(sampler=Sampling(), shutdown_on_exit=False)
    monkeypatch.setattr(spans_module, "_tracer", provider.get_tracer("byline"))
    configured(root_spans=True)

    @mark
    def outer():
        work()

    outer()

    assert ["shop.outer"] == asked
    assert not context.get_current()


def test_spans_off(spans, tracer, configured):
    """
    BYLINE_SPANS=off makes no spans, also for functions wrapped before.
    """
    configured(spans="off")

    with tracer.start_as_current_span("request"):
        work()

    assert ["request"] == names(spans)


def test_stop(spans, tracer, configured):
    """
    Stopped, no span is started; configured again, they are.
    """
    with tracer.start_as_current_span("request"):
        gate_module.stop()
        work()
        configured()
        work()

    assert ["shop.work", "request"] == names(spans)


# --- contexts ---------------------------------------------------------------------


@mark
def generate():
    yield trace.get_current_span().get_span_context().span_id
    work()
    yield 2


@mark
async def stream():
    yield trace.get_current_span().get_span_context().span_id
    await asyncio.sleep(0)
    work()
    yield 2


def test_generator(spans, tracer):
    """
    A generator's span is current inside its steps, never between them, and lasts over all of them.
    """
    with tracer.start_as_current_span("request") as parent:
        running = generate()
        inside = next(running)
        between = trace.get_current_span()
        next(running)
        running.close()

    inner, span, _ = spans()
    assert (span.context.span_id, parent) == (inside, between)
    assert ("shop.work", span.context.span_id) == (inner.name, inner.parent.span_id)


def test_generator_driven_from_elsewhere(spans, tracer, caplog):
    """
    A generator whose steps run in different contexts detaches in each, and nobody complains.
    """
    with tracer.start_as_current_span("request"):
        running = contextvars.copy_context().run(generate)
        contextvars.copy_context().run(next, running)
        contextvars.copy_context().run(next, running)
        contextvars.copy_context().run(running.close)

    assert (["shop.work", "shop.generate", "request"], []) == (names(spans), caplog.messages)


def test_failing_generator(spans, logs, tracer):
    """
    An incident in a generator names the generator's span.
    """

    @mark
    def fail():
        yield
        raise ValueError

    with tracer.start_as_current_span("request"), suppress(ValueError):
        list(fail())

    assert [spans()[0].context.span_id] == [each.span_id for each in logs()]


def test_async_generator_left_early(spans, tracer, caplog):
    """
    A loop that leaves an async generator leaves no context behind.
    """

    async def main():
        with tracer.start_as_current_span("request") as parent:
            seen = []
            async for inside in stream():
                seen.append((inside, trace.get_current_span() is parent))
                break
            await asyncio.sleep(0.01)
            return seen

    seen = asyncio.run(main())

    span = next(each for each in spans() if each.name == "shop.stream")
    assert ([(span.context.span_id, True)], []) == (seen, caplog.messages)


def test_tasks(spans, tracer):
    """
    Tasks that run at once are siblings.
    """

    @mark
    async def job():
        await asyncio.sleep(0.001)

    async def main():
        with tracer.start_as_current_span("request"):
            await asyncio.gather(job(), job(), job())

    asyncio.run(main())

    *jobs, request = spans()
    assert [("shop.job", request.context.span_id)] * 3 == [(span.name, span.parent.span_id) for span in jobs]


def pooled(function):
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(contextvars.copy_context().run, function) for _ in range(3)]
        return [job.result() for job in jobs]


def in_threads(function):
    async def main():
        await asyncio.gather(*(asyncio.to_thread(function) for _ in range(3)))

    asyncio.run(main())


def attached(function):
    here = context.get_current()

    def attach():
        token = context.attach(here)
        try:
            function()
        finally:
            context.detach(token)

    threads = [threading.Thread(target=attach) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("mode", ["all", "lazy"])
@pytest.mark.parametrize("carry", [pooled, in_threads, attached])
def test_context_carried_into_threads(carry, mode, spans, tracer, configured):
    """
    Where the program carries its context into threads, calls there are children of the call that sent them.
    """
    configured(spans=mode)

    @mark
    def job():
        with tracer.start_as_current_span("inner"):
            return

    @mark
    def send():
        carry(job)

    with tracer.start_as_current_span("request"):
        send()

    found = spans()
    by_id = {each.context.span_id: each for each in found}
    chains = sorted(
        (by_id[each.parent.span_id].name, by_id[by_id[each.parent.span_id].parent.span_id].name)
        for each in found
        if each.name == "inner"
    )
    assert [("shop.job", "shop.send")] * 3 == chains
    assert 8 == len(found)


def test_a_thread_without_the_context_has_no_span(spans, tracer):
    """
    A thread that was not given the context is in no trace.
    """

    @mark
    def job():
        pass

    with tracer.start_as_current_span("request"), ThreadPoolExecutor(1) as pool:
        pool.submit(job).result()

    assert ["request"] == names(spans)


def test_returned_coroutine(spans, tracer):
    """
    A function that returned a coroutine has its span while that runs, and not in between.
    """

    async def inner():
        await asyncio.sleep(0)
        return trace.get_current_span().get_span_context().span_id

    @mark
    def start():
        return inner()

    async def main():
        with tracer.start_as_current_span("request") as parent:
            pending = start()
            return trace.get_current_span() is parent, await pending

    is_parent, inside = asyncio.run(main())

    assert (True, spans()[0].context.span_id) == (is_parent, inside)


def test_returned_future(spans, tracer):
    """
    A function that returned a future has its span until that is done.
    """

    @mark
    def start():
        return asyncio.ensure_future(asyncio.sleep(0.02))

    async def main():
        with tracer.start_as_current_span("request") as parent:
            pending = start()
            assert parent is trace.get_current_span()
            await pending

    asyncio.run(main())

    span = next(each for each in spans() if each.name == "shop.start")
    assert span.end_time - span.start_time > 15_000_000


def test_closed_from_elsewhere(spans, tracer, caplog):
    """
    A coroutine that is closed in another context than it ran in ends its span without a complaint.
    """

    class Pause:
        def __await__(self):
            yield

    @mark
    async def pause():
        await Pause()

    with tracer.start_as_current_span("request"):
        running = pause()
        contextvars.copy_context().run(running.send, None)
        running.close()

    assert (["shop.pause", "request"], []) == (names(spans), caplog.messages)


def test_own_failure_stays_ours(tracer, monkeypatch, caplog):
    """
    When a span cannot be made, the call goes on without it.
    """

    def broken():
        raise RuntimeError("ours")

    monkeypatch.setattr(spans_module, "_get_tracer", broken)

    with tracer.start_as_current_span("request"):
        assert [False, False] == [work().get_span_context().is_remote, work().get_span_context().is_remote]

    assert 1 == sum("starting a span" in each for each in caplog.messages)


def test_user_sampler_off(monkeypatch):
    """
    The user's sampler has the last word.
    """
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    with provider.get_tracer("app").start_as_current_span("request"):
        assert not work().is_recording()


def test_span_that_fails_to_end(caplog):
    """
    When a span cannot be ended, the call has ended all the same.
    """

    class Broken(NonRecordingSpan):
        def end(self, end_time=None):
            raise RuntimeError("ours")

    CallSpan(Broken(SpanContext(1, 2, is_remote=False))).end()

    assert 1 == sum("ending a span" in each for each in caplog.messages)


class Token:
    """What a context that is kept elsewhere than in a variable gives."""


def test_context_that_is_no_variable(monkeypatch):
    """
    Where OpenTelemetry keeps its context in another way, byline asks OpenTelemetry.
    """
    monkeypatch.setattr(context, "attach", lambda _: Token())
    detached = []
    monkeypatch.setattr(context, "detach", detached.append)

    found = spans_module._find_variable()
    monkeypatch.setattr(spans_module, "enter", context.attach)
    span = CallSpan(trace.INVALID_SPAN)
    span.attach()
    span.end()

    assert (None, [Token, Token]) == (found, [type(each) for each in detached])
