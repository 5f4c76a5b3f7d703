"""Findings on their way: counted exactly, told once a minute, on the span, to who asked, and quiet below the baseline."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import weakref
from types import SimpleNamespace

import pytest
from opentelemetry import trace

from byline._model import Commit, LineAttribution
from byline._probes import monitoring, waiting
from byline._registry import put_file
from byline._telemetry import findings
from byline._telemetry.finding_event import attributes_of, finding_of

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 12), reason="needs sys.monitoring"),
    pytest.mark.usefixtures("watching"),
]


SOURCE = """
from byline import ai_generated

@ai_generated
def silent():
    try:
        raise ValueError("the carrier hung up")
    except ValueError:
        return {}

@ai_generated
def normal():
    try:
        return {}["x"]
    except KeyError:
        return None

@ai_generated
def endless(go_on):
    while not go_on.wait(0.01):
        try:
            raise ValueError
        except ValueError:
            continue

@ai_generated
def careless(error, alive):
    try:
        raise error()
    except error as caught:
        alive.append(weakref.ref(caught))
        str(caught)
    gc.collect()
    return alive[0]()

@ai_generated
async def patient(future, step):
    try:
        return await future
    except ConnectionError:
        await step.wait()

class Guarded:
    @property
    def __dict__(self):
        raise RuntimeError("not now")

@ai_generated
def guarded():
    result = Guarded()
    try:
        raise ValueError
    except ValueError:
        return result
"""
FILE = "/nowhere/shop.py"


@pytest.fixture
def shop():
    """A module in no repository: nobody has to be asked who wrote it."""
    names = {"__name__": "shop", "gc": gc, "weakref": weakref}
    exec(compile(SOURCE, FILE, "exec"), names)  # noqa: S102  # a program of this test
    return SimpleNamespace(**names)


def told(records):
    return [
        finding_of(each.attributes, time_ns=each.timestamp, trace_id=each.trace_id, span_id=each.span_id)
        for each in records
        if each.event_name == "byline.finding"
    ]


def test_threads_are_counted_exactly(shop, metrics):
    """
    What several threads swallow at once is counted one by one.
    """

    def work():
        for _ in range(500):
            shop.silent()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    (point,) = metrics()["byline.findings"]

    assert (2_000, "silent", "swallowed", "ValueError") == (
        point.value,
        point.attributes["byline.finding.handling"],
        point.attributes["byline.finding.kind"],
        point.attributes["error.type"],
    )


def test_a_kind_is_told_once_a_minute_with_its_number(shop, logs, monkeypatch):
    """
    The first of a kind is told at once, the rest when the minute is over; the numbers add up.
    """
    shop.silent()
    first = told(logs())
    for _ in range(7):
        shop.silent()
    in_between = told(logs())
    monkeypatch.setattr(findings, "WINDOW_S", 0.0)
    last = told(logs())

    assert [1] == [each.count for each in first] == [each.count for each in in_between]
    assert [1, 7] == [each.count for each in last]


def test_the_end_tells_the_rest(shop, logs):
    """
    What is held back is told when the program ends.
    """
    shop.silent()
    logs()
    shop.silent()
    findings.drain_all()

    assert 2 == sum(each.count for each in told(logs()))


def test_a_finding_comes_back_from_its_attributes(shop, logs):
    """
    All of a finding is in the log record.
    """
    shop.silent()
    (found,) = told(logs())

    assert found == finding_of(attributes_of(found), time_ns=found.time_ns)
    assert ("silent", "ValueError", "dict", "except") == (
        found.handling, found.error_type, found.returned, found.handler
    )  # fmt: skip
    assert "the carrier hung up" == found.message
    assert "shop.py" in found.stacktrace


def test_it_is_on_the_span_of_the_call(shop, spans, logs):
    """
    The first of a minute is an event of the call's span, and the log record has its ids.
    """
    with trace.get_tracer("test").start_as_current_span("request"):
        shop.silent()
    (found,) = told(logs())
    call = next(each for each in spans() if each.name.endswith("silent"))

    assert ["byline.finding"] == [each.name for each in call.events]
    assert "silent" == call.events[0].attributes["byline.finding.handling"]
    assert trace.format_span_id(call.context.span_id) == found.span_id


def test_control_flow_is_stored_but_no_warning(shop, logs, metrics):
    """
    A lookup that finds nothing is told as what it is, and is not in the counter.
    """
    heard = []
    findings.subscribe(heard.append)
    shop.normal()
    records = logs()
    findings.unsubscribe(heard.append)

    assert ["expected"] == [each.handling for each in told(records)]
    assert ["DEBUG"] == [each.severity_text for each in records if each.event_name == "byline.finding"]
    assert [] == heard
    assert "byline.findings" not in metrics()


def test_who_asked_is_told_of_what_is_silent(shop, logs):
    """
    A subscriber gets loud findings, once for each event.
    """
    heard = []
    findings.subscribe(heard.append)
    findings.subscribe(heard.append)
    shop.silent()
    logs()
    findings.unsubscribe(heard.append)
    shop.silent()
    logs()

    assert ["silent"] == [each.handling for each in heard]


class Lines:
    """A file whose every line one commit wrote."""

    path = "shop/test.py"

    def __init__(self, committed_at):
        self.commit = Commit("c" * 40, "Make it robust", committed_at, "Ana", "Ana")

    def line(self, number):
        return LineAttribution(self.commit)

    def function_at(self, number):
        return None


@pytest.mark.parametrize(("committed_at", "is_new"), [(100, False), (101, True)])
def test_below_the_baseline_it_is_quiet(shop, logs, metrics, committed_at, is_new):
    """
    A handler that is not newer than the baseline is told of, but is no warning and not counted.
    """
    heard = []
    findings.subscribe(heard.append)
    put_file(FILE, Lines(committed_at))
    findings.set_baseline(100)
    shop.silent()
    records = logs()
    counted = "byline.findings" in metrics()
    findings.set_baseline(0)
    findings.unsubscribe(heard.append)
    put_file(FILE, None)

    assert [is_new] == [each.is_new for each in told(records)]
    assert ["c" * 40] == [each.owner.commit for each in told(records)]
    assert (is_new, int(is_new)) == (counted, len(heard))
    assert ["WARN" if is_new else "INFO"] == [
        each.severity_text for each in records if each.event_name == "byline.finding"
    ]


def test_a_loop_that_never_ends_is_told_of(shop, logs):
    """
    What a call swallowed is told within about a second, although the call goes on.
    """
    go_on = threading.Event()

    thread = threading.Thread(target=shop.endless, args=(go_on,))
    thread.start()
    time.sleep(1.3)
    records = told(logs())
    go_on.set()
    thread.join()

    assert [("silent", "")] == sorted({(each.handling, each.returned) for each in records})
    assert waiting._pending == {} == waiting._open


def test_two_tasks_that_handle_one_exception(shop, logs):
    """
    Tasks that wait for one future handle the same exception, in turns; each is counted, and nothing is left over.
    """

    async def both():
        failing = asyncio.get_running_loop().create_future()
        steps = [asyncio.Event(), asyncio.Event()]
        tasks = [asyncio.ensure_future(shop.patient(failing, each)) for each in steps]
        await asyncio.sleep(0)
        failing.set_exception(ConnectionError("the carrier hung up"))
        for each in (*steps, *tasks):
            if isinstance(each, asyncio.Event):
                await asyncio.sleep(0)
                each.set()
            else:
                await each

    asyncio.run(both())

    assert 2 == sum(each.count for each in told(logs()))
    assert waiting._pending == {} == waiting._open


def test_a_result_that_cannot_be_looked_into(shop, logs):
    """
    A value whose own code fails when it is looked at hides no exception.
    """
    shop.guarded()

    assert [("silent", "Guarded")] == [(each.handling, each.returned) for each in told(logs())]


def test_nothing_is_kept_alive(shop, logs):
    """
    No exception outlives its handler on account of byline.
    """

    class GoneError(Exception):
        """Can be referred to weakly, as built-in exceptions cannot."""

    assert shop.careless(GoneError, []) is None
    assert waiting._open == {}


def test_nothing_is_seen_after_the_end(shop, logs):
    """
    When watching has stopped, nothing is found any more.
    """
    monitoring.stop()
    shop.silent()

    assert [] == told(logs())
