"""Exceptions of marked functions that nobody reports become events; none is sent twice."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import time
import weakref

import pytest
import sentry_sdk

from byline import ai_generated
from byline._sentry import capture
from byline._telemetry import worker
from byline.exceptions import ConfigError
from byline.sentry import BylineIntegration

from .conftest import swallow


class FailureError(Exception):
    """An exception that can be referred to weakly."""


def test_swallowed_exception(client, load, shop):
    """
    The caller swallows it, and Sentry knows of it all the same, as handled.
    """
    sent, cart = client(), load()

    swallow(cart.total, [-1])

    (value,) = sent.event["exception"]["values"]
    assert {"type": "byline", "handled": True} == value["mechanism"]
    assert ["total"] == [each["function"] for each in value["stacktrace"]["frames"]]
    assert shop.commit == sent.event["tags"]["byline.commit"]
    assert "negative: <email>" == value["value"]


def test_swallowed_by_another_marked_function(client, load):
    """
    Between two marked functions: reported as well, unless only what escapes them all is wanted.
    """
    sent, cart = client(), load()
    cart.checked([-1])
    assert 1 == len(sent.events)

    sent = client(integration=BylineIntegration(capture="escaped"))
    cart.checked([-1])
    assert [] == sent.events
    swallow(cart.wrapped, [-1])
    assert ["ValueError", "LookupError"] == [each["type"] for each in sent.event["exception"]["values"]]


def test_none_is_added(client, load):
    """
    With ``none``, byline adds no event, and attributes those of others.
    """
    sent, cart = client(integration=BylineIntegration(capture="none")), load()

    swallow(cart.total, [-1])
    assert [] == sent.events
    try:
        cart.total([-1])
    except ValueError:
        sentry_sdk.capture_exception()
    assert "claude" == sent.event["tags"]["byline.tool"]


def captured_later(call):
    try:
        call([-1])
    except Exception as error:  # noqa: BLE001  # as a framework does
        sentry_sdk.capture_event(*_unhandled(error))


def _unhandled(error):
    from sentry_sdk.utils import event_from_exception

    return event_from_exception(error, mechanism={"type": "framework", "handled": False})


def test_framework_captures_later(client, load):
    """
    What a framework captures is sent as the framework made it, with its frames, and once.
    """
    sent, cart = client(), load()

    captured_later(cart.total)

    (value,) = sent.event["exception"]["values"]
    assert {"type": "framework", "handled": False} == value["mechanism"]
    assert ["captured_later", "total"] == [each["function"] for each in value["stacktrace"]["frames"]]


def test_logger_captures(client, load):
    """
    Logged inside the function, or outside of it: one event.
    """
    sent, cart = client(), load()
    swallow(cart.logged, [-1])
    assert ["logging"] == [each["exception"]["values"][-1]["mechanism"]["type"] for each in sent.events]

    try:
        cart.total([-1])
    except ValueError:
        logging.getLogger("shop").exception("outside")
    assert 2 == len(sent.events)


def test_captured_inside_and_raised_again(client):
    """
    The function itself has reported the exception that leaves it.
    """

    @ai_generated
    def fail():
        try:
            raise FailureError  # noqa: TRY301  # as programs do
        except FailureError as error:
            sentry_sdk.capture_exception(error)
            raise

    sent = client()
    swallow(fail)
    assert 1 == len(sent.events)


def test_one_event_per_chain(client, load):
    """
    An exception that is the cause of a reported one is reported with it.
    """
    sent, cart = client(), load()

    captured_later(cart.wrapped)
    assert ["ValueError", "LookupError"] == [each["type"] for each in sent.event["exception"]["values"]]


def test_group(client, load):
    """
    The members of a captured group are not sent again.
    """
    sent, cart = client(), load()

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(cart.later([-1]))
            group.create_task(cart.later([-2]))

    try:
        asyncio.run(main())
    except ExceptionGroup as error:
        sentry_sdk.capture_exception(error)
    assert ["ValueError", "ValueError", "ExceptionGroup"] == [
        each["type"] for each in sent.event["exception"]["values"]
    ]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda cart: list(cart.each([-1])), id="generator"),
        pytest.param(lambda cart: asyncio.run(cart.later([-1])), id="coroutine"),
    ],
)
def test_kinds_of_functions(client, load, call):
    """
    Generators and coroutines, too.
    """
    sent, cart = client(), load()

    swallow(call, cart)
    gc.collect()

    assert "cart.total" == sent.event["tags"]["byline.function"]


def test_exception_is_not_kept_alive_and_not_written_on(client):
    """
    It ends when the program lets go of it, without a garbage collection, and looks as it did.
    """

    @ai_generated
    def fail():
        raise FailureError("no")

    sent = client()
    gc.disable()
    try:
        try:
            fail()
        except FailureError as error:
            gone, seen = weakref.ref(error), (dict(vars(error)), error.args, repr(error))
        assert gone() is None
    finally:
        gc.enable()
    assert ({}, ("no",), "FailureError('no')") == seen
    assert 1 == len(sent.events)


def test_exception_that_somebody_keeps(client, monkeypatch):
    """
    It is reported after a while, and not once more when it is captured at last.
    """
    monkeypatch.setattr(capture, "HOLD_S", 0.0)

    @ai_generated
    def fail():
        raise FailureError

    sent = client()
    try:
        fail()
    except FailureError as error:
        kept = error
    worker.flush()
    assert 1 == len(sent.events)
    sentry_sdk.capture_exception(kept)
    assert 1 == len(sent.events)


def test_close_sends_what_is_held(client):
    """
    The program ends while an exception is still there.
    """

    @ai_generated
    def fail():
        raise FailureError

    sent = client()
    try:
        fail()
    except FailureError as error:
        kept = error
    assert [] == sent.events
    sentry_sdk.get_client().close()
    assert ["FailureError"] == [each["exception"]["values"][0]["type"] for _, each in sent.items]
    del kept


@pytest.mark.skipif(
    not hasattr(sentry_sdk.Client, "flush_async"), reason="the lowest version of the SDK has none"
)
def test_asynchronous_ends(client):
    """
    A program that flushes and closes its client from an event loop loses nothing either.
    """

    @ai_generated
    def fail():
        raise FailureError

    async def main():
        swallow(fail)
        await sentry_sdk.flush_async()
        flushed = len(sent.items)
        try:
            fail()
        except FailureError as error:
            await sentry_sdk.get_client().close_async()
            return flushed, len(sent.items), error

    sent = client()
    assert (1, 2) == asyncio.run(main())[:2]


def test_scope_of_the_moment(client, load):
    """
    User, tags, breadcrumbs and the request are those of the moment when it failed.
    """
    sent, cart = client(), load()

    def request(event, hint):
        event["request"] = {"url": "http://shop/cart"}
        return event

    with sentry_sdk.new_scope() as scope:
        scope.set_user({"id": "7"})
        scope.set_tag("page", "cart")
        scope.add_event_processor(request)
        sentry_sdk.add_breadcrumb(message="clicked")
        swallow(cart.total, [-1])
    sentry_sdk.set_tag("page", "other")

    event = sent.event
    assert ({"id": "7"}, "cart", {"url": "http://shop/cart"}) == (
        event["user"], event["tags"]["page"], event["request"],
    )  # fmt: skip
    assert "clicked" in [each["message"] for each in event["breadcrumbs"]["values"]]


def test_rate_limit(client, load, monkeypatch):
    """
    Two a minute; the next one after it tells how many were held back.
    """
    sent, cart = client(integration=BylineIntegration(rate=2)), load()
    for _ in range(7):
        swallow(cart.total, [-1])
    assert 2 == len(sent.events)

    now = time.monotonic()
    monkeypatch.setattr("byline._sentry.rate.monotonic", lambda: now + 61)
    swallow(cart.total, [-1])
    assert [None, None, 5] == [each["contexts"]["byline"].get("suppressed") for each in sent.events]


def test_what_the_framework_captures_does_not_count(client, load):
    """
    The limit is for the events that byline adds.
    """
    sent, cart = client(integration=BylineIntegration(rate=1)), load()
    for _ in range(3):
        captured_later(cart.total)
    swallow(cart.total, [-1])
    assert 4 == len(sent.events)
    assert "suppressed" not in sent.events[-1]["contexts"]["byline"]


def test_before_send_runs_last(client, load):
    """
    The program's own filter sees the attribution and an exception of the same type, once, and wins.
    """
    seen = []

    def before_send(event, hint):
        seen.append((event["tags"]["byline.tool"], hint["exc_info"][0], hint["exc_info"][1].args))
        event["tags"]["byline.author"] = "someone"
        return event if len(seen) == 1 else None

    sent, cart = client(before_send=before_send), load()
    swallow(cart.total, [-1])
    swallow(cart.total, [-2])
    sentry_sdk.flush()

    assert [("claude", ValueError, ("negative: ana@example.org",))] * 2 == seen
    assert "someone" == sent.event["tags"]["byline.author"]


@pytest.mark.parametrize("ignored", ["ValueError", ValueError], ids=str)
def test_ignored_errors(client, load, ignored):
    """
    What the program tells the SDK to ignore is not added by byline.
    """
    sent, cart = client(ignore_errors=[ignored]), load()
    swallow(cart.total, [-1])
    assert [] == sent.events


@pytest.mark.parametrize(("mode", "value"), [("off", ""), ("scrubbed", "negative: <email>")], ids=str)
def test_messages(client, load, monkeypatch, mode, value):
    """
    An event that the program did not ask for says what BYLINE_MESSAGES lets it say.
    """
    monkeypatch.setenv("BYLINE_MESSAGES", mode)
    sent, cart = client(), load()
    swallow(cart.total, [-1])
    assert value == sent.event["exception"]["values"][0]["value"]


@pytest.mark.parametrize(
    ("name", "status", "number"),
    [("NotFound", 404, 0), ("InternalServerError", 500, 1), ("Other", None, 0)],
    ids=str,
)
def test_answers_are_no_failures(client, name, status, number):
    """
    "Not found" is an answer to a request, which no framework reports; an error of the server is a failure.
    """
    base = type("HTTPException", (Exception,), {"__module__": "werkzeug.exceptions", "code": status})
    kind = type(name, (base,), {})

    @ai_generated
    def answer():
        raise kind

    sent = client()
    swallow(answer)
    assert number == len(sent.events)


def test_too_many_that_somebody_keeps(client, monkeypatch):
    """
    Events in memory are bounded; what is beyond is counted.
    """
    monkeypatch.setattr(capture, "_MAX_WAITING", 2)

    @ai_generated
    def fail():
        raise FailureError

    sent, kept = client(), []
    for _ in range(5):
        try:
            fail()
        except FailureError as error:
            kept.append(error)
    kept.clear()
    swallow(fail)
    assert [None, None, 3] == [each["contexts"].get("byline", {}).get("suppressed") for each in sent.events]


def test_threads_lose_none(client):
    """
    Many threads fail at once: each failure is sent once.
    """

    @ai_generated
    def fail(number):
        raise FailureError(number)

    def work(start):
        for number in range(start, start + 25):
            swallow(fail, number)

    sent = client(integration=BylineIntegration(rate=1_000))
    threads = [threading.Thread(target=work, args=(100 * each,)) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 100 == len({each["exception"]["values"][0]["value"] for each in sent.events}) == len(sent.events)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_what_the_parent_holds(client):
    """
    The parent sends it; the child does not.
    """

    @ai_generated
    def fail():
        raise FailureError

    sent = client()
    try:
        fail()
    except FailureError as error:
        kept = error
    if (child := os.fork()) == 0:
        status = 1
        try:
            del kept
            status = len(sent.events)
        finally:
            os._exit(status)
    assert 0 == os.waitpid(child, 0)[1]
    del kept
    assert 1 == len(sent.events)


def test_exception_that_cannot_be_copied(client):
    """
    A class with a constructor of its own is reported as any other.
    """

    class StrangeError(Exception):
        def __new__(cls, *arguments):
            if not arguments or arguments[0] != "real":
                raise RuntimeError
            made = super().__new__(cls)
            made.args = ()
            return made

        def __init__(self, *arguments):
            pass

    @ai_generated
    def fail():
        raise StrangeError("real")

    sent = client()
    swallow(fail)
    assert sent.event["exception"]["values"][0]["type"].endswith("StrangeError")


@pytest.mark.parametrize("wrong", [{"capture": "some"}, {"rate": -1}], ids=str)
def test_wrong_settings(wrong):
    """
    They are refused where they are made.
    """
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        BylineIntegration(**wrong)
