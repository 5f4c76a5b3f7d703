"""capture(): what a block of test code recorded."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from byline import ai_generated
from byline.testing import Durations, capture


@ai_generated(tool="claude")
def divide(a, b):
    return a / b


NAME = f"{__name__}.divide"


def call():
    divide(1, 2)
    with pytest.raises(ZeroDivisionError):
        divide(1, 0)


@pytest.fixture(autouse=True)
def _sdk(providers):
    """The session's providers come first."""


def test_captures_spans_durations_and_incidents():
    """
    A block tells which calls were made, how they ended and how long they took.
    """
    divide(1, 3)
    with capture() as captured:
        call()
    divide(1, 3)

    durations = captured.durations[NAME]
    assert [NAME, NAME] == [each.name for each in captured.spans]
    assert (2, {"ZeroDivisionError": 1}) == (durations.count, durations.errors)
    assert 0 < durations.min_s <= durations.max_s <= durations.total_s
    assert [("ZeroDivisionError", "claude")] == [
        (each.error_type, each.attribution.tool) for each in captured.incidents
    ]
    assert f"{captured.spans[1].context.span_id:016x}" == captured.incidents[0].span_id


def test_blocks_may_be_nested():
    """
    What an inner block captures, the outer one captures too.
    """
    with capture() as outer:
        divide(1, 2)
        with capture() as inner:
            divide(1, 2)

    assert (2, 1) == (outer.durations[NAME].count, inner.durations[NAME].count)
    assert (2, 1) == (len(outer.spans), len(inner.spans))


def test_block_that_fails():
    """
    An exception passes through, and what was recorded is there.
    """
    with pytest.raises(ZeroDivisionError), capture() as captured:
        divide(1, 0)

    assert 1 == captured.durations[NAME].count


def test_nothing_called():
    """
    A block without marked calls captured nothing.
    """
    with capture() as captured:
        pass

    assert ([], {}, []) == (captured.spans, captured.durations, captured.incidents)
    assert Durations() == Durations(0, 0.0, float("inf"), 0.0)


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


def test_process_without_providers():
    """
    Where nobody set OpenTelemetry's providers, the block sets them.
    """
    code = """
        from byline import ai_generated
        from byline.testing import capture
        @ai_generated
        def work(): pass
        for _ in range(2):
            with capture() as captured:
                work()
            print(len(captured.spans), captured.durations["__main__.work"].count)
    """

    assert "1 1\n1 1\n" == run(code)


@pytest.mark.parametrize(
    "statement",
    [
        "trace.set_tracer_provider(Tracers())",
        "metrics.set_meter_provider(Meters())",
        "_logs.set_logger_provider(Loggers())",
    ],
)
def test_foreign_provider(statement):
    """
    Beside providers that are not the SDK's nothing can be captured, and the error says what to do.
    """
    code = f"""
        from opentelemetry import _logs, metrics, trace
        class Tracers(trace.NoOpTracerProvider): pass
        class Meters(metrics.NoOpMeterProvider): pass
        class Loggers(_logs.NoOpLoggerProvider): pass
        {statement}
        from byline.exceptions import BylineError
        from byline.testing import capture
        try:
            with capture(): pass
        except BylineError as error:
            print(str(error)[:49])
    """

    assert "byline.testing.capture() cannot record beside <__\n" == run(code)
