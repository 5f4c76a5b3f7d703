"""Where byline is hooked into the SDK: one processor for every event, and one watcher of marked functions."""

from __future__ import annotations

import re
import threading
import weakref
from typing import Any, cast

import sentry_sdk
from sentry_sdk.client import BaseClient
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.scope import add_global_event_processor

from .. import _registry, _semconv
from .._telemetry import escapes, faults, findings as finding_events, spans, worker
from .._telemetry.captured import Receipt
from . import capture, findings, settings
from .attribution import Event, Hint, annotate, is_error, put_tags, without_wrappers
from .event import OWN, RECEIPT
from .spans import SentrySpans

DIST_LIMIT = 64
"""Sentry refuses a longer one, and what is not a letter, a digit, or one of ``+-._``."""

_lock = threading.Lock()
_installed = False
_told: weakref.WeakSet[BaseClient] = weakref.WeakSet()
"""Clients that know the release."""


def install() -> None:
    """Hook in, once per process: the SDK has no way to take a processor away."""
    global _installed  # noqa: PLW0603  # a flag, with its lock
    with _lock:
        if not _installed:
            _installed = True
            add_global_event_processor(cast(Any, process))
            # What byline says of itself is no event of the program's.
            ignore_logger("byline")
    escapes.set_watch(capture.watch)
    spans.put_beside(SentrySpans())
    finding_events.subscribe(findings.tell)


def process(event: Event, hint: Hint | None) -> Event | None:
    """Attribute an event; never raises. None drops an exception that byline has sent already."""
    try:
        client = sentry_sdk.get_client()
        if settings.of(client) is None:
            return event
        tell_release(client)
        return _processed(event, hint or {}) if is_error(event) else event
    except Exception as fault:  # noqa: BLE001  # the event is the program's, whatever happens to ours
        faults.report(fault, "attributing an event of Sentry's")
        return event


def _processed(event: Event, hint: Hint) -> Event | None:
    info = hint.get("exc_info")
    exception = info[1] if isinstance(info, tuple) and len(info) > 1 else None
    if isinstance(exception, BaseException):
        was_sent, receipt = capture.note_captured(exception, is_own=OWN in hint)
        if was_sent:
            return None
        _tell_incident(event, hint, receipt)
    annotate(event, hint)
    without_wrappers(event)
    return event


def _tell_incident(event: Event, hint: Hint, receipt: Receipt | None) -> None:
    """Let the event and the incident of one exception know each other."""
    if OWN in hint:
        receipt = hint.get(RECEIPT)
    if receipt is None:
        return
    put_tags(event, {_semconv.INCIDENT_ID: receipt.id})
    if OWN not in hint and not receipt.sentry_event_id:
        receipt.sentry_event_id = str(event.get("event_id", ""))


def tell_release(client: BaseClient) -> None:
    """Set a client's release and dist from the manifest, where the program sets none."""
    if client in _told:
        return
    _told.add(client)
    fill_release(client.options)


def fill_release(options: dict[str, Any]) -> None:
    """Set the release and dist of the SDK's options, where they are unset."""
    deployed = _registry.deployment()
    if deployed.revision and options.get("release") is None:
        options["release"] = deployed.revision
    dist = re.sub(r"[^\w.+-]+", "-", deployed.branch, flags=re.ASCII)[:DIST_LIMIT]
    if dist and options.get("dist") is None:
        options["dist"] = dist


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.Lock()


worker.after_fork(_after_fork_in_child)
