"""One exception as an event of the SDK's, complete but not sent: with all that the scopes of this moment know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast
from uuid import uuid4

from sentry_sdk.client import BaseClient
from sentry_sdk.scope import Scope
from sentry_sdk.serializer import serialize
from sentry_sdk.utils import event_from_exception

from .. import _config
from .._telemetry.captured import Receipt
from .._telemetry.scrub import scrub
from .attribution import Event, without_wrappers
from .likeness import likeness_of

MECHANISM = "byline"
OWN = "byline"
"""Key of the hint of an event that is being made here."""


RECEIPT = "byline_receipt"
"""Key of the receipt of its incident."""


def event_id_of(incident_id: str) -> str:
    """Return a random event id, a UUID of version 4, that begins with an incident's id of twelve random digits."""
    return incident_id + uuid4().hex[len(incident_id) :]


class Made(NamedTuple):
    """An event, and what the SDK tells its filters about it."""

    event: Event
    hint: dict[str, Any]


def make(client: BaseClient, exception: BaseException, receipt: Receipt | None = None) -> Made | None:
    """
    Make the event of an exception that is being raised.

    Args:
        receipt: Of its incident; the event's id begins with the incident's.

    Returns:
        None when the SDK or the program wants none: it was just captured, or a processor refuses it.
    """
    options = client.options
    traceback = exception.__traceback__
    # The first frame is our wrapper, which is still handling the exception: whoever reads its locals, as the
    # SDK does, makes a circle that keeps the exception alive (until Python 3.13).
    below = traceback.tb_next if traceback is not None else None
    found, hint = event_from_exception(
        (type(exception), exception, below),
        client_options=options,
        mechanism={"type": MECHANISM, "handled": True},
    )
    event = cast(Event, found)
    hint[OWN] = True
    if receipt is not None:
        hint[RECEIPT] = receipt
        event["event_id"] = event_id_of(receipt.id)
    event["timestamp"] = datetime.now(UTC)
    _keep_messages_private(event)
    without_wrappers(event)
    # What the SDK merges for each event of its own.
    scope = Scope.get_global_scope().fork()
    scope.update_from_scope(Scope.get_isolation_scope())
    scope.update_from_scope(Scope.get_current_scope())
    with _undecided(client):
        applied = cast("Event | None", scope.apply_to_event(cast(Any, event), hint, options))
    if applied is None:
        return None
    # From here on it keeps nothing alive that has the exception.
    hint.pop(OWN, None)
    hint.pop(RECEIPT, None)
    hint["exc_info"] = (type(exception), likeness_of(exception), None)
    return Made(_plain(applied, options), hint)


@contextmanager
def _undecided(client: BaseClient) -> Iterator[None]:
    """Keep the SDK from taking this event for the one it will send: a later one of the same exception must pass."""
    last_seen = getattr(client.get_integration("dedupe"), "_last_seen", None)
    before = last_seen.get(None) if last_seen is not None else None
    try:
        yield
    finally:
        if last_seen is not None:
            last_seen.set(before)


def _plain(event: Event, options: dict[str, Any]) -> Event:
    custom = options.get("custom_repr")
    return serialize(
        event,
        max_request_body_size=options.get("max_request_body_size"),
        max_value_length=options.get("max_value_length"),
        **({"custom_repr": custom} if custom else {}),
    )


def _keep_messages_private(event: Event) -> None:
    """An event that the program did not ask for says no more than ``BYLINE_MESSAGES`` lets it."""
    keep = _config.current().messages != "off"
    for value in event["exception"]["values"]:
        if isinstance(value.get("value"), str):
            value["value"] = scrub(value["value"]) if keep else ""
