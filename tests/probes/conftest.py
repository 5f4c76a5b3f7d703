"""Watching, for the tests of the probes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from byline._probes import monitoring
from byline._telemetry import findings, worker


@pytest.fixture
def watching() -> Iterator[None]:
    """Watch what is marked in a test."""
    monitoring.start(lines=True, handlers=True)
    yield
    monitoring.stop()
    assert worker.flush(60)
    findings.reset()
