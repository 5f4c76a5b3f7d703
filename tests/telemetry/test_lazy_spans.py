"""BYLINE_SPANS=lazy: the spans that are made are those that "all" makes, and most are not made."""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import context, propagate, trace

import byline
from byline import _config
from byline._config import Config
from byline._telemetry import lazy_spans, spans as call_spans

tracer = trace.get_tracer("test")


@pytest.fixture(autouse=True)
def lazy(monkeypatch):
    monkeypatch.setattr(lazy_spans, "SLOW_S", math.inf)  # on a busy machine any call may be slow
    _config.use(Config(spans="lazy"))
    call_spans.configure(_config.current())
    yield
    _config.use(None)
    call_spans.configure(_config.current())


@byline.ai_generated(tool="claude")
def run(action=None):
    return action() if action else None


@byline.ai_generated(tool="claude")
def outer(action=None):
    return run(action)


@byline.ai_generated(tool="claude")
async def task():
    await asyncio.sleep(0)


@byline.ai_generated(tool="claude")
def steps():
    yield trace.get_current_span().is_recording()


def child():
    with tracer.start_as_current_span("child"):
        pass


def fail():
    raise KeyError


def tree(ended):
    """Each span's name below its parent's."""
    names = {each.context.span_id: each.name.rpartition(".")[2] for each in ended}
    return {
        names[each.context.span_id]: names.get(each.parent.span_id) if each.parent else "" for each in ended
    }


def test_uninteresting_calls_have_no_span(spans):
    """
    A call that is quick, succeeds and has no child leaves no span, however deep it is.
    """
    with tracer.start_as_current_span("request"):
        outer()
        asyncio.run(task())
        assert [True] == list(steps())

    assert ["request"] == [each.name for each in spans()]


def test_a_child_makes_its_parents(spans):
    """
    A child span finds all the marked calls it is in, with their own times and nesting.
    """
    with tracer.start_as_current_span("request"):
        outer(child)
    ended = spans()

    assert {"request": "", "outer": "request", "run": "outer", "child": "run"} == tree(ended)
    times = {each.name.rpartition(".")[2]: each for each in ended}
    assert times["request"].start_time <= times["outer"].start_time <= times["run"].start_time
    assert times["run"].start_time <= times["child"].start_time <= times["run"].end_time


def test_errors_have_spans(spans):
    """
    A call that an exception leaves has its span, with status and error.type.
    """
    with tracer.start_as_current_span("request"), pytest.raises(KeyError):
        outer(fail)
    ended = {each.name.rpartition(".")[2]: each for each in spans()}

    assert ["ERROR", "ERROR"] == [ended[name].status.status_code.name for name in ("outer", "run")]
    assert "KeyError" == ended["run"].attributes["error.type"]


def test_slow_calls_have_spans(spans, monkeypatch):
    """
    A slow call has its span.
    """
    monkeypatch.setattr(lazy_spans, "SLOW_S", 0.0)
    with tracer.start_as_current_span("request"):
        run()

    assert {"request": "", "run": "request"} == tree(spans())


def test_a_propagator_makes_the_span(spans):
    """
    Who sends the trace on sends the ids of the marked call.
    """
    carrier = {}
    with tracer.start_as_current_span("request"):
        run(lambda: propagate.inject(carrier))
    (made,) = [each for each in spans() if each.name.endswith("run")]

    assert f"{made.context.span_id:016x}" == carrier["traceparent"].split("-")[2]


def test_a_context_used_late(spans):
    """
    A child that starts in another thread after the call ended has its parent, which ended when the call did.
    """
    with tracer.start_as_current_span("request"):
        handed_on = run(context.get_current)
        with ThreadPoolExecutor() as pool:
            pool.submit(lambda: tracer.start_span("late", handed_on).end()).result()
    ended = {each.name.rpartition(".")[2]: each for each in spans()}

    assert ended["run"].context.span_id == ended["late"].parent.span_id
    assert ended["run"].end_time <= ended["late"].start_time


@pytest.mark.parametrize(
    "say",
    [
        lambda span: span.set_attribute("a", 1),
        lambda span: span.set_attributes({"a": 1}),
        lambda span: span.add_event("a"),
        lambda span: span.add_link(span.get_span_context()),
        lambda span: span.update_name("test.run"),
        lambda span: span.set_status(trace.StatusCode.OK),
        lambda span: span.record_exception(KeyError()),
        lambda span: span.end(),
    ],
    ids=["attribute", "attributes", "event", "link", "name", "status", "exception", "end"],
)
@pytest.mark.filterwarnings("ignore:.*")
def test_what_the_program_says_is_kept(say, spans):
    """
    A program that says something about the current span finds it recorded.
    """
    with tracer.start_as_current_span("request"):
        run(lambda: say(trace.get_current_span()))

    assert {"request": "", "run": "request"} == tree(spans())


def test_nothing_outside_of_a_trace(spans):
    """
    Outside of a trace that records there is nothing to be lazy about.
    """
    run(child)

    assert ["child"] == [each.name for each in spans()]


def test_is_recording_until_the_end():
    """
    The stand-in records as long as the call lasts, made or not.
    """
    with tracer.start_as_current_span("request"):
        quiet = run(trace.get_current_span)
        loud = run(lambda: (trace.get_current_span().get_span_context(), trace.get_current_span())[1])
        assert run(lambda: (child(), trace.get_current_span().is_recording())[1])

    assert (False, False) == (quiet.is_recording(), loud.is_recording())


def test_a_fault_stays_ours(monkeypatch, caplog):
    """
    A span that cannot be made does not disturb the call.
    """

    def broken(*_):
        raise RuntimeError("no spans today")

    monkeypatch.setattr(lazy_spans, "SLOW_S", 0.0)
    with tracer.start_as_current_span("request"):
        monkeypatch.setattr(call_spans, "start", broken)

        assert 3 == run(lambda: 3)
