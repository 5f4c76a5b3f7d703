"""Exceptions that are not as most: the program sees what it would see without byline, and none is lost, kept or sent twice."""

from __future__ import annotations

import asyncio
import gc
import weakref
from concurrent.futures import Future

import pytest
import sentry_sdk

from byline import ai_generated
from byline._sentry import capture
from byline._sentry.likeness import likeness_of
from byline._telemetry import worker
from byline.sentry import BylineIntegration

from .conftest import swallow


class FailureError(Exception):
    """An exception that can be referred to weakly."""


def types_of(sent):
    return [[each["type"] for each in event["exception"]["values"]] for event in sent.events]


def fails(*_):
    raise RuntimeError("a property of the program's")


class SilentError(Exception):
    def __str__(self):
        return fails()

    __repr__ = __str__


class CauselessError(Exception):
    __cause__ = property(fails)


class ContextlessError(Exception):
    __context__ = property(fails)


class TracelessError(Exception):
    __traceback__ = property(fails)


class WithoutArgumentsError(Exception):
    args = property(fails)


class ClasslessError(Exception):
    __class__ = property(fails)


class FrozenError(Exception):
    __slots__ = ()

    def __setattr__(self, name, value):
        fails()

    __delattr__ = fails


class StatusError(Exception):
    code = property(fails)


class OpaqueError(Exception):
    def __getattribute__(self, name):
        return fails()


class EqualError(Exception):
    __hash__ = None

    def __eq__(self, other):
        return fails()

    __bool__ = fails


class MemberlessError(ExceptionGroup):
    exceptions = property(fails)


class HasheslessType(type):
    __hash__ = None


class UnhashableError(Exception, metaclass=HasheslessType):
    """Its class is in no set and no dictionary."""


def cyclic():
    one, other = FailureError("one"), FailureError("other")
    one.__cause__, other.__cause__ = other, one
    return one


def noted():
    error = FailureError()
    error.__notes__ = 7
    return error


def deep():
    error = FailureError()
    for _ in range(3_000):
        error = ExceptionGroup("deep", [error])
    return error


@pytest.mark.parametrize(
    "make",
    [
        SilentError,
        CauselessError,
        ContextlessError,
        TracelessError,
        WithoutArgumentsError,
        ClasslessError,
        FrozenError,
        StatusError,
        OpaqueError,
        EqualError,
        UnhashableError,
        pytest.param(lambda: MemberlessError("group", [ValueError()]), id="MemberlessError"),
        cyclic,
        noted,
        deep,
    ],
)
def test_the_program_gets_its_own(client, make):
    """
    Whatever the exception does when it is looked at, the caller gets that very one, and the client works on.
    """
    error = make()

    @ai_generated
    def fail():
        raise error

    sent = client()
    for _ in range(2):
        caught = None
        try:
            fail()
        except BaseException as exception:  # noqa: BLE001  # whatever comes
            caught = exception
        assert caught is error
    sentry_sdk.capture_message("on we go")
    assert "on we go" in [each.get("message") for each in sent.events]


@pytest.mark.parametrize("is_captured", [True, False], ids=["captured", "swallowed"])
def test_large_group(client, is_captured):
    """
    Of sixty tasks that fail at once there is one event, whoever sends it.
    """

    @ai_generated
    async def fail(number):
        await asyncio.sleep(0)
        raise FailureError(number)

    @ai_generated
    async def main():
        async with asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(fail(number))

    sent = client(integration=BylineIntegration(rate=1_000))
    try:
        asyncio.run(main())
    except ExceptionGroup as error:
        if is_captured:
            sentry_sdk.capture_exception(error)
    gc.collect()
    (types,) = types_of(sent)
    assert 61 == len(types)


def test_exception_that_has_another(client):
    """
    One that names its cause in an attribute and among its arguments, as many libraries' do, ends like any other.
    """

    class WrappedError(FailureError):
        def __init__(self, original):
            super().__init__(original)
            self.original = original

    @ai_generated
    def fail():
        try:
            raise FailureError("deep")  # noqa: TRY301  # as a driver of a database does
        except FailureError as error:
            raise WrappedError(error) from error

    sent = client()
    gc.disable()
    try:
        try:
            fail()
        except WrappedError as error:
            gone = weakref.ref(error)
        assert gone() is None
    finally:
        gc.enable()
    assert 1 == len(sent.events)


def test_likeness():
    """
    What filters look at is there; what keeps frames alive is not, and no code of the class has run.
    """
    made = []

    class CountedError(ValueError):
        def __new__(cls, *arguments):
            made.append(cls)
            return super().__new__(cls, *arguments)

        def __init__(self, message, status):
            super().__init__(message)
            self.status = status

    try:
        raise CountedError("no", 503)  # noqa: TRY301  # its traceback is looked at
    except CountedError as error:
        error.self, error.group = error, ExceptionGroup("group", [KeyError("k"), error])
        error.each, error.named = [OSError(2, "gone")], {"future": Future(), "where": error.__traceback__}
        found = likeness_of(error)

    assert isinstance(found, CountedError)
    assert (1, ("no",), 503, None) == (len(made), found.args, found.status, found.__traceback__)
    assert (None, ["KeyError('k')"]) == (found.self, [repr(each) for each in found.group.exceptions])
    assert (2, {"future": None, "where": None}) == (found.each[0].errno, found.named)


def test_likeness_that_cannot_be():
    """
    A class that does not let itself be looked at has none.
    """
    assert likeness_of(WithoutArgumentsError()) is None


def test_one_object_that_is_raised_again_and_again(client, monkeypatch):
    """
    Each raise of it is a failure of its own: sent when the next one shows that it was swallowed, or captured.
    """
    error = FailureError("the only one")

    @ai_generated
    def fail():
        raise error

    sent = client(integration=BylineIntegration(rate=3))
    for _ in range(3):
        swallow(fail)
    monkeypatch.setattr(capture, "HOLD_S", 0.0)
    assert 2 == len(sent.events)  # somebody may still capture the third
    for _ in range(2):
        try:
            fail()
        except FailureError as caught:
            sentry_sdk.capture_exception(caught)
        sentry_sdk.capture_exception(LookupError("something else in between"))
    told = [each["exception"]["values"][-1]["mechanism"]["type"] for each in sent.events]
    assert ["byline"] * 3 + ["generic"] * 4 == sorted(told)
    worker.flush()


def test_recursion_without_end(client):
    """
    The innermost function has no stack left to tell of it: an outer one does, once.
    """

    @ai_generated
    def descend(number):
        return descend(number + 1)

    sent = client()
    swallow(descend, 0)
    assert {"RecursionError"} == set(types_of(sent)[0])
    assert 1 == len(sent.events)
    assert "byline.incident.id" in sent.event["tags"]


def test_what_was_sent_long_ago_does_not_hide_what_comes(client, monkeypatch):
    """
    An object that was kept until byline sent it, and is raised once more: what the framework captures then is sent.
    """
    monkeypatch.setattr(capture, "HOLD_S", 0.0)
    error = FailureError("the only one")

    @ai_generated
    def fail():
        raise error

    sent = client()
    swallow(fail)
    worker.flush()
    assert 1 == len(sent.events)
    try:
        fail()
    except FailureError as caught:
        sentry_sdk.capture_exception(caught)
    assert 2 == len(sent.events)
