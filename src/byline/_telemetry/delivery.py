"""What exporters could not deliver: counted, said once in the log, and told to the store; no SDK in here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from .._model import Unverified
from . import worker

_log = logging.getLogger("byline")
_failures: dict[str, int] = {}
_lock = threading.Lock()  # for the above


def failed(exporter: str) -> None:
    """
    Count a batch that an exporter could not deliver.

    OpenTelemetry's ``force_flush()`` answers True all the same, so nobody else would notice.
    """
    with _lock:
        count = _failures[exporter] = _failures.get(exporter, 0) + 1
    if count == 1:
        _log.warning(
            "%s could not deliver a batch of metrics: the receiver refused it or did not answer. This is said once; "
            "byline.export.failures counts how often it happens.",
            exporter,
        )


def failures() -> Mapping[str, int]:
    """Return how many batches were not delivered, by the exporter's name."""
    with _lock:
        return dict(_failures)


def unverified() -> tuple[Unverified, ...]:
    """Return what the metrics backend may not know, for the store."""
    return tuple(
        Unverified(
            exporter,
            f"could not deliver {count:,} batches of metrics",
            "look at the receiver and at the program's log",
        )
        for exporter, count in failures().items()
    )


def forget() -> None:
    """Start again from nothing; what was counted before a fork is the parent's to report."""
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.Lock()
    _failures.clear()


worker.after_fork(forget)
