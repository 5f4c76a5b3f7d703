"""Swallowed exceptions: real programs of every kind, each with what is to be found of it."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings

import pytest
from opentelemetry import trace

from byline._probes import swallowed
from byline._telemetry.finding_event import finding_of

from .programs import Program, programs

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 12), reason="needs sys.monitoring"),
    pytest.mark.usefixtures("watching"),
]

PROGRAMS = list(programs())


def run(text: str, call: str) -> None:
    """Run a program; what leaves it, and what it prints, is of no interest here."""
    names: dict[str, object] = {"__name__": "shop"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.14 warns of a return in a finally block
        exec(compile(text, "/nowhere/shop.py", "exec"), names)  # noqa: S102  # programs of this test
    tracer = trace.get_tracer("test")
    shop = logging.getLogger("shop")
    shop.setLevel(logging.DEBUG)
    shop.propagate = False
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        shop.addHandler(logging.StreamHandler(io.StringIO()))
        with (
            tracer.start_as_current_span("request"),
            contextlib.suppress(Exception),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            exec(call, names)  # noqa: S102  # as above


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_is_told_as_it_is(program: Program, providers, logs):
    """
    What is swallowed is found, with its line, its type, what came instead, and who was told; nothing else is.
    """
    run(program.source, program.call)
    swallowed.sweep_all()

    told = [
        finding_of(each.attributes, time_ns=each.timestamp)
        for each in logs()
        if each.event_name == "byline.finding"
    ]
    expected = [(line, *each) for line, each in zip(program.lines, program.expected, strict=True)]

    assert sorted(expected) == sorted(
        (each.line, each.handling, each.error_type, each.returned) for each in told
    )
