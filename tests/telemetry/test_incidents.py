"""From an exception that leaves a marked function to one log event with its suspects."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import textwrap
import threading
from concurrent import futures

import pytest

from byline import _config, _registry, _semconv, ai_generated
from byline._instrumentation import development, lookup
from byline._model import Attribution, Commit, Deployment, Evidence, Function, LineAttribution
from byline._telemetry import incidents, worker

AI = "a" * 40


class Lines:
    """Every line of this file, by one AI commit."""

    path = "tests/here.py"
    status = "ok"

    def line(self, number: int) -> LineAttribution | None:
        evidence = Evidence("ai", "trailer", "claude", "medium", "Claude Opus 4.6")
        return LineAttribution(Commit(AI, "Add it (#7)", 5, "raw", "Ben", "7"), evidence)

    def function_at(self, number: int) -> tuple[Function, Attribution] | None:
        return None


@pytest.fixture
def incidents_of(logs, monkeypatch):
    """Run something, and return the incident events it left."""
    # What git says of this very file must not come in between.
    settle = development._settle
    monkeypatch.setattr(development, "_settle", lambda entry, _manifest: settle(entry, None))
    incidents.reset()
    _registry.put_file(__file__, Lines())

    def run(call) -> list[dict]:
        call()
        assert worker.flush(60)
        incidents.drain_all()
        return [dict(each.attributes) for each in logs() if each.event_name == _semconv.EVENT_INCIDENT]

    yield run
    _registry.put_file(__file__, None)


@ai_generated(tool="claude", commit=AI)
def fail(kind: type[BaseException] = ValueError, message: str = "no") -> None:
    raise kind(message)


@ai_generated
def outer() -> None:
    fail()


def quietly(call) -> None:
    with contextlib.suppress(BaseException):
        call()


def test_attributes(incidents_of):
    """
    The event names the exception, the function, the line and the first suspect's commit.
    """
    (found,) = incidents_of(lambda: quietly(fail))

    assert ("ValueError", "no", AI, "claude") == (
        found[_semconv.EXCEPTION_TYPE], found[_semconv.EXCEPTION_MESSAGE], found[_semconv.COMMIT], found[_semconv.TOOL]
    )  # fmt: skip
    assert found[_semconv.INCIDENT_FUNCTION].endswith("fail")
    assert "tests/here.py" == found[_semconv.FILE]
    assert fail.__wrapped__.__code__.co_firstlineno + 2 == found[_semconv.LINE]


def test_suspects_are_self_contained(incidents_of):
    """
    The suspects carry what the desk shows, so that it needs neither git nor manifest.
    """
    (found,) = incidents_of(lambda: quietly(fail))

    first = json.loads(found[_semconv.SUSPECTS])[0]

    assert (AI, "Add it (#7)", "Ben", "AI line that raised") == (
        first["commit"], first["subject"], first["author"], first["reason"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("deployed", "reason"),
    [
        (Deployment(), "no manifest is in force, and git does not know its file"),
        (Deployment("e" * 40), "the manifest does not name it: its file is newer than the scan"),
    ],
    ids=["without a manifest", "with an older manifest"],
)
def test_why_no_commit_is_known(incidents_of, monkeypatch, deployed, reason):
    """
    A manifest that does not name the function keeps git from being asked, so nothing is said about git.
    """
    names = {"ai_generated": ai_generated, "__name__": "late"}
    monkeypatch.setattr(lookup, "manifest", lambda: None)
    monkeypatch.setattr(lookup, "_ask_git", None)
    monkeypatch.setattr(_registry, "_deployed", lambda: deployed)
    source = "@ai_generated\ndef late():\n    raise ValueError\n"
    exec(compile(source, "/nowhere/late.py", "exec"), names)  # noqa: S102  # a program of this test

    (found,) = incidents_of(lambda: quietly(names["late"]))

    told = {each["subject"]: each["reason"] for each in json.loads(found[_semconv.UNVERIFIED])}
    assert told["late.late"].startswith(reason)


def test_one_incident_per_exception(incidents_of):
    """
    An exception that passes several marked functions is one incident, at the innermost.
    """
    found = incidents_of(lambda: quietly(outer))

    assert 1 == len(found)
    assert found[0][_semconv.INCIDENT_FUNCTION].endswith("fail")


def test_recursion_without_end(incidents_of):
    """
    The innermost function has no stack left to record it: an outer one does, once.
    """

    @ai_generated
    def one(number):
        return other(number)

    @ai_generated
    def other(number):
        return one(number + 1)

    def run():
        with contextlib.suppress(RecursionError):
            one(0)
        with contextlib.suppress(ValueError):
            outer()

    assert ["RecursionError", "ValueError"] == [each["error.type"] for each in incidents_of(run)]


def test_one_object_that_is_raised_again(incidents_of):
    """
    Python adds to the traceback of an exception that a program keeps and raises again: each raise is an incident.
    """
    kept = ValueError("the only one")

    @ai_generated
    def work():
        raise kept

    @ai_generated
    def around():
        work()

    def run():
        for _ in range(3):
            with contextlib.suppress(ValueError):
                around()

    assert 3 == len(incidents_of(run))


def test_future_that_was_waited_for(incidents_of):
    """
    What another thread's function raised is one incident, although the function that waited for it fails as well.
    """

    def run():
        with futures.ThreadPoolExecutor() as pool:

            @ai_generated
            def wait(future):
                return future.result()

            failed = pool.submit(fail)
            futures.wait([failed])
            waiting = pool.submit(wait, failed)
            futures.wait([waiting])
            quietly(lambda: wait(waiting))

    assert 1 == len(incidents_of(run))


def test_no_source_text_and_no_frames_of_ours(incidents_of):
    """
    The stack trace has files, lines and functions; no code, and nothing of byline.
    """
    (found,) = incidents_of(lambda: quietly(outer))

    stack = found[_semconv.EXCEPTION_STACKTRACE]

    assert "in fail" in stack
    assert "raise kind" not in stack
    assert "<byline" not in stack


@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, SystemExit, GeneratorExit], ids=lambda kind: kind.__name__
)
def test_a_wish_to_end_is_no_incident(incidents_of, kind):
    """
    Control flow and a person's Ctrl-C are not failures of the function.
    """
    assert [] == incidents_of(lambda: quietly(lambda: fail(kind)))


def test_rate_limit_counts_what_it_holds_back(incidents_of, monkeypatch):
    """
    Beyond the limit one incident stands for all that were held back.
    """
    monkeypatch.setattr(_config, "_current", _config.Config(incident_rate=2))

    def many() -> None:
        for _ in range(9):
            quietly(fail)

    found = incidents_of(many)

    assert 9 == sum(1 + each.get(_semconv.SUPPRESSED, 0) for each in found)
    assert 3 == len(found)


def test_incident_counter_is_exact(incidents_of, metrics, monkeypatch):
    """
    The counter counts every exception, whatever the rate limit holds back.
    """
    monkeypatch.setattr(_config, "_current", _config.Config(incident_rate=1))

    def many() -> None:
        for _ in range(7):
            quietly(fail)

    incidents_of(many)

    points = metrics()[_semconv.METRIC_INCIDENTS]
    assert 7 == sum(point.value for point in points if point.attributes[_semconv.ERROR_TYPE] == "ValueError")


def test_many_at_once_are_all_counted(incidents_of, metrics):
    """
    Threads that fail in one place while others count lose none, and the events tell of each.
    """
    done, each, threads_n = threading.Event(), 3_000, 4

    def keep_failing():
        for _ in range(each):
            quietly(fail)

    def keep_draining():
        while not done.is_set():
            incidents.drain()

    def run():
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        callers = [threading.Thread(target=keep_failing) for _ in range(threads_n)]
        drainer = threading.Thread(target=keep_draining)
        for thread in (drainer, *callers):
            thread.start()
        for thread in callers:
            thread.join()
        sys.setswitchinterval(interval)
        done.set()
        drainer.join()

    found = incidents_of(run)
    (point,) = metrics()[_semconv.METRIC_INCIDENTS]

    assert each * threads_n == point.value
    assert each * threads_n == sum(1 + event.get(_semconv.SUPPRESSED, 0) for event in found)


def test_places_are_apart(incidents_of, metrics, monkeypatch):
    """
    After many failures in one place, another place in the function still has an event of its own.
    """
    monkeypatch.setattr(_config, "_current", _config.Config(incident_rate=1))

    @ai_generated(tool="claude", commit=AI)
    def fail_somewhere(*, here: bool) -> None:
        if here:
            raise ValueError
        raise ValueError

    def run():
        for here in (True, True, True, False, False, True, False):
            quietly(lambda here=here: fail_somewhere(here=here))

    found = incidents_of(run)
    (point,) = metrics()[_semconv.METRIC_INCIDENTS]

    assert 7 == point.value
    assert [0, 0, 1, 2] == sorted(event.get(_semconv.SUPPRESSED, 0) for event in found)


def test_secrets_stay(incidents_of):
    """
    What looks like a secret does not leave the process.
    """
    (found,) = incidents_of(lambda: quietly(lambda: fail(ValueError, "password=hunter2 of ana@example.org")))

    assert "hunter2" not in json.dumps(found)
    assert "ana@example.org" not in json.dumps(found)


def test_messages_off(incidents_of, monkeypatch):
    """
    Without messages, none leaves the process, neither by itself nor in the stack trace.
    """
    monkeypatch.setattr(_config, "_current", _config.Config(messages="off"))

    (found,) = incidents_of(lambda: quietly(lambda: fail(ValueError, "word")))

    assert "word" not in json.dumps(found)


class NastyError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message for you")


def test_exception_that_cannot_be_printed(incidents_of):
    """
    An exception whose text cannot be made is an incident like any other.
    """
    (found,) = incidents_of(lambda: quietly(lambda: fail(NastyError)))

    assert "raised RuntimeError" in found[_semconv.EXCEPTION_MESSAGE]


def chained() -> None:
    try:
        fail(KeyError)
    except KeyError as error:
        raise RuntimeError("later") from error


def test_cause_comes_first(incidents_of):
    """
    Where an exception was caused by another, the cause's line is the first suspect.
    """
    found = incidents_of(lambda: quietly(ai_generated(chained)))

    last = json.loads(found[-1][_semconv.SUSPECTS])[0]

    assert "RuntimeError" == found[-1][_semconv.EXCEPTION_TYPE]
    assert last["function"].endswith("fail")


def test_the_callers_exception_is_untouched():
    """
    The exception object carries nothing of ours.
    """
    with pytest.raises(ValueError, match="no") as caught:
        fail()

    assert ({}, ()) == (vars(caught.value), tuple(getattr(caught.value, "__notes__", ())))


FORKS = """
    import os, byline
    from byline._telemetry import incidents, worker

    @byline.ai_generated
    def fail():
        raise ValueError("no")

    try:
        fail()
    except ValueError:
        pass
    child = os.fork()
    if not child:
        os._exit(len(incidents._state.waiting) + len(incidents._state.windows))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_does_not_repeat_the_parents_incidents():
    """
    What waits at a fork is the parent's to tell.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORKS)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "0" == done.stdout.strip()


def test_none_is_dropped_while_too_many_wait(incidents_of, monkeypatch):
    """
    Where no more may wait, incidents are held back and told of later: the number stays exact.
    """
    monkeypatch.setattr(incidents, "_MAX_WAITING", 2)

    found = incidents_of(
        lambda: [quietly(lambda kind=kind: fail(kind)) for kind in (ValueError, KeyError, OSError) * 3]
    )

    assert 9 == sum(1 + each.get(_semconv.SUPPRESSED, 0) for each in found)
