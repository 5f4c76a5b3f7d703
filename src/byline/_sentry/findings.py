"""Swallowed exceptions as events of level warning, for clients that ask for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import sentry_sdk

from .. import _config, _semconv
from .._model import Finding
from .._telemetry import faults
from . import settings
from .attribution import CONTEXT, Event, context_of, tags_of


def tell(finding: Finding) -> None:
    """Send a finding, on the background thread; never raises. Findings come at most once a minute for each line and kind."""
    try:
        served = settings.current()
        if served is not None and served[1].findings:
            sentry_sdk.capture_event(cast(Any, event_of(finding)))
    except Exception as fault:  # noqa: BLE001  # what swallows exceptions must not learn of it by one
        faults.report(fault, "telling Sentry of a finding")


def event_of(finding: Finding) -> Event:
    """
    Return a finding as an event: no exception, since nobody saw one, and grouped by line and kind.

    What the exception said is left out.
    """
    form = _config.current().author
    suspects = () if finding.owner is None else (finding.owner,)
    tags = {} if finding.owner is None else tags_of(finding.owner, form)
    return {
        "level": "warning",
        "logger": "byline",
        "timestamp": datetime.fromtimestamp(finding.time_ns / 1e9, UTC),
        "message": f"{finding.error_type} swallowed in {finding.function}",
        "transaction": finding.function,
        "fingerprint": [_semconv.EVENT_FINDING, finding.fingerprint],
        "tags": {
            **tags,
            _semconv.SENTRY_FUNCTION: finding.function,
            _semconv.FINDING_KIND: _semconv.SWALLOWED,
            _semconv.FINDING_HANDLING: finding.handling,
        },
        "contexts": {
            CONTEXT: {
                **context_of(suspects, (), form),
                "handler": f"{finding.handler} at {finding.path}:{finding.line}",
                "returned": finding.returned or "nothing; it went on",
                "times": finding.count,
                "pattern": finding.pattern or "not known",
            }
        },
    }
