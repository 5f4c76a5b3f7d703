"""What Prometheus, Loki and Tempo call the names of ``_semconv``; no queries here."""

from __future__ import annotations

import re
from typing import Final

from . import _semconv


def label(attribute: str) -> str:
    """Return the label that an attribute arrives as; Loki's structured metadata follows the same rule."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", attribute)


def metric(name: str, *, unit: str = "", counter: bool = False) -> str:
    """
    Return the name that a metric arrives as.

    By the translation of OpenTelemetry's compatibility page for Prometheus: the unit is spelled
    out at the end, and counters end in ``_total``.
    """
    return label(name) + (f"_{unit}" if unit else "") + ("_total" if counter else "")


DURATION: Final = metric(_semconv.METRIC_DURATION, unit="seconds")
COUNT: Final = f"{DURATION}_count"
BUCKET: Final = f"{DURATION}_bucket"
INCIDENTS: Final = metric(_semconv.METRIC_INCIDENTS, counter=True)
FINDINGS: Final = metric(_semconv.METRIC_FINDINGS, counter=True)
INFO: Final = metric(_semconv.METRIC_FUNCTION)
DROPPED: Final = metric(_semconv.METRIC_DROPPED, counter=True)
FAILED_EXPORTS: Final = metric(_semconv.METRIC_FAILED_EXPORTS, counter=True)
OWN_TIME: Final = metric(_semconv.METRIC_SELF, unit="seconds", counter=True)
TARGET: Final = "target_info"

COMMIT: Final = label(_semconv.COMMIT)
VERSION: Final = label(_semconv.LAST_COMMIT)
AUTHOR: Final = label(_semconv.AUTHOR)
TOOL: Final = label(_semconv.TOOL)
MODEL: Final = label(_semconv.MODEL)
CONFIDENCE: Final = label(_semconv.CONFIDENCE)
STATUS: Final = label(_semconv.STATUS)
FUNCTION: Final = label(_semconv.FUNCTION)
ERROR: Final = label(_semconv.ERROR_TYPE)
KIND: Final = label(_semconv.FINDING_KIND)
INCIDENT: Final = label(_semconv.INCIDENT_ID)
SUPPRESSED: Final = label(_semconv.SUPPRESSED)
REPOSITORY: Final = label(_semconv.VCS_REPOSITORY)
REVISION: Final = label(_semconv.VCS_REVISION)
