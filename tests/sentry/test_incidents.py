"""An incident and the event that Sentry gets of the same exception know each other."""

from __future__ import annotations

import logging
import uuid

import pytest
import sentry_sdk

from byline._desk.why import explain_incident
from byline._telemetry import incidents
from byline._telemetry.incident_event import incident_of
from byline.exceptions import NotFoundError
from byline.sentry import BylineIntegration
from byline.store import Store

from .conftest import swallow


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Let incidents wait for their events as long as a slow machine needs; a flush does not wait."""
    monkeypatch.setattr(incidents, "_GRACE_NS", 600 * 10**9)


@pytest.fixture
def store(logs, tmp_path):
    """Write the incidents that were recorded so far to a store, as its exporter does."""

    def written():
        found = [
            incident_of(each.attributes, time_ns=each.timestamp, trace_id=each.trace_id or 0)
            for each in logs()
            if each.event_name == "byline.incident"
        ]
        store = Store.open(tmp_path / "byline.db", create=True)
        store.add_incidents(found)
        return store, found

    return written


def capture(call):
    try:
        call([-1])
    except Exception:  # noqa: BLE001  # as a framework does
        sentry_sdk.capture_exception()


def log(call):
    try:
        call([-1])
    except Exception:
        logging.getLogger("shop").exception("no total")


@pytest.mark.parametrize("report", [capture, log], ids=["captured", "logged"])
@pytest.mark.parametrize("mode", ["all", "escaped", "none"])
def test_an_event_of_the_program_s(client, load, store, report, mode):
    """
    The event has the incident's id as a tag, the incident the event's id, and byline why takes either.
    """
    sent, cart = client(integration=BylineIntegration(capture=mode)), load()
    report(cart.total)
    event = sent.event
    opened, (incident,) = store()

    assert incident.id == event["tags"]["byline.incident.id"]
    assert event["event_id"] == incident.sentry_event_id
    with opened:
        for name in (
            event["event_id"],
            str(uuid.UUID(event["event_id"])),
            event["event_id"].upper(),
            incident.id,
        ):
            assert incident.id == explain_incident(opened, name).incident.id


def test_an_event_of_byline_s(client, load, store):
    """
    What nobody reports has an id that begins with the incident's, and is a random UUID like any other.
    """
    sent, cart = client(), load()
    swallow(cart.total, [-1])
    event = sent.event
    opened, (incident,) = store()

    assert (incident.id, incident.id) == (event["event_id"][:12], event["tags"]["byline.incident.id"])
    assert (4, uuid.RFC_4122) == (uuid.UUID(event["event_id"]).version, uuid.UUID(event["event_id"]).variant)
    with opened:
        assert incident.id == explain_incident(opened, event["event_id"]).incident.id
        with pytest.raises(NotFoundError, match="ffff"):
            explain_incident(opened, "f" * 32)


def test_a_failure_that_another_one_came_from(client, load, store):
    """
    An exception that a marked function raises from another one tells of its own incident.
    """
    sent, cart = client(), load()
    capture(cart.wrapped)
    opened, found = store()
    opened.close()
    by_type = {each.error_type: each for each in found}

    assert by_type["LookupError"].id == sent.events[-1]["tags"]["byline.incident.id"]


def test_an_event_without_an_incident_has_no_tag(client, load):
    """
    What failed outside of marked functions is attributed by its lines, and has no incident.
    """
    sent, cart = client(), load()
    cart.warn()
    try:
        int("a")
    except ValueError:
        sentry_sdk.capture_exception()

    assert [] == [each for each in sent.events if "byline.incident.id" in each.get("tags", {})]


def test_a_tag_of_the_program_s_stays(client, load):
    """
    Who has put something under this name keeps it.
    """
    sent, cart = client(), load()
    sentry_sdk.set_tag("byline.incident.id", "mine")
    capture(cart.total)

    assert "mine" == sent.event["tags"]["byline.incident.id"]
