"""byline's own errors: said once per place, and never raised."""

from __future__ import annotations

import logging

import pytest

from byline._telemetry import faults


@pytest.fixture(autouse=True)
def _fresh():
    faults.forget()
    yield
    faults.forget()


def fail() -> Exception:
    try:
        int("ours")
    except ValueError as error:
        return error


def test_once_per_place(caplog):
    """
    The same line speaks once, another line for itself.
    """
    faults.report(fail(), "testing")
    faults.report(fail(), "testing")
    faults.report(RuntimeError("without a traceback"), "testing")

    assert [("byline", logging.WARNING)] * 2 == [(each.name, each.levelno) for each in caplog.records]


def test_places_are_bounded(caplog, monkeypatch):
    """
    However many places fail, what is remembered stays small.
    """
    monkeypatch.setattr(faults, "_LIMIT", 0)

    faults.report(fail(), "testing")

    assert [] == caplog.records


def test_handler_that_fails(monkeypatch):
    """
    A logging handler that raises is not our caller's problem.
    """

    def broken(*_, **__):
        raise OSError

    monkeypatch.setattr(faults._logger, "warning", broken)

    assert faults.report(fail(), "testing") is None
