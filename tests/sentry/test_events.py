"""Any error event gets the commits behind it, wherever it comes from; what byline knows nothing of stays as it is."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import sys
import threading

import pytest
import sentry_relay.processing
import sentry_sdk
from sentry_sdk.integrations.asyncio import AsyncioIntegration
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

from byline import _registry
from byline._model import Suspect, Unverified
from byline._sentry import attribution
from byline.sentry import BylineIntegration

from .conftest import swallow

TAGS = {"byline.commit", "byline.author", "byline.tool", "byline.function", "byline.confidence", "git_commit"}


def fail_in_thread(cart):
    thread = threading.Thread(target=cart.total, args=([-1],))
    thread.start()
    thread.join()


def fail_in_wsgi(cart):
    def app(environ, start_response):
        cart.total([-1])

    swallow(
        SentryWsgiMiddleware(app),
        {"wsgi.url_scheme": "http", "SERVER_NAME": "shop", "SERVER_PORT": "80"},
        None,
    )


def fail_and_capture(cart):
    try:
        cart.total([-1])
    except ValueError as error:
        sentry_sdk.capture_exception(error)


def fail_and_log(cart):
    try:
        cart.total([-1])
    except ValueError:
        logging.getLogger("shop").exception("no total")


def fail_at_the_top(cart):
    try:
        cart.total([-1])
    except ValueError:
        sys.excepthook(*sys.exc_info())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("fail", "mechanism"),
    [
        pytest.param(fail_in_thread, "threading", id="thread"),
        pytest.param(fail_in_wsgi, "wsgi", id="wsgi"),
        pytest.param(fail_and_capture, "generic", id="capture_exception"),
        pytest.param(fail_and_log, "logging", id="logging"),
        pytest.param(fail_at_the_top, "excepthook", id="excepthook"),
    ],
)
def test_ways_of_reporting(client, load, shop, fail, mechanism):
    """
    Whoever reports it: one event, with the tags and the context.
    """
    sent = client()
    fail(load())

    event = sent.event
    assert mechanism == event["exception"]["values"][-1]["mechanism"]["type"]
    assert {
        "byline.commit": shop.commit,
        "byline.author": "Ada Lovelace",
        "byline.tool": "claude",
        "byline.function": "cart.total",
        "byline.confidence": "medium",
        "git_commit": shop.commit,
    } == {name: value for name, value in event["tags"].items() if name in TAGS}


def test_task(client, load):
    """
    A task of asyncio that fails, as the SDK's own integration reports it.
    """
    cart = load()

    async def main():
        sent = client(integrations=[BylineIntegration(), AsyncioIntegration()])
        task = asyncio.create_task(cart.later([-1]))
        await asyncio.wait([task])
        assert isinstance(task.exception(), ValueError)
        return sent

    event = asyncio.run(main()).event
    assert "asyncio" == event["exception"]["values"][-1]["mechanism"]["type"]
    assert "cart.total" == event["tags"]["byline.function"]


def test_context(client, load, shop):
    """
    The suspects, with links and reasons; a person's line is named as what it is.
    """
    sent = client()
    load("till")
    import till

    try:
        till.pay([-1])
    except ValueError:
        sentry_sdk.capture_exception()

    context = sent.event["contexts"]["byline"]
    first = context["suspects"][0]
    address = f"https://github.com/acme/shop/commit/{shop.commit}"
    assert ("AI line that raised", "cart.py:7", "Add the cart (#7)", "7") == (
        first["reason"], first["line"], first["subject"], first["change"],
    )  # fmt: skip
    assert (address, "https://github.com/acme/shop/pull/7") == (first["commit_url"], first["change_url"])
    assert (address, shop.revision) == (context["commit_url"], context["deployed_revision"])
    assert 1 == len(context["suspects"])
    assert f"{shop.commit[:10]} Add the cart (#7): AI line that raised at cart.py:7" == context["summary"]


def test_functions_that_are_not_marked(client, shop, monkeypatch):
    """
    The manifest answers for any file of the repository, also when nothing is measured.
    """
    monkeypatch.setenv("BYLINE_MANIFEST", str(shop.manifest))
    monkeypatch.syspath_prepend(shop.folder)
    sent = client()
    import cart

    try:
        assert not _registry.is_wrapper(cart.total.__code__)
        cart.total([-1])
    except ValueError:
        sentry_sdk.capture_exception()
    finally:
        del sys.modules["cart"]

    assert shop.commit == sent.event["tags"]["byline.commit"]
    assert "cart.total" == sent.event["tags"]["byline.function"]


def test_event_that_was_made_by_hand(client, load, shop):
    """
    An event without an exception object is attributed by its frames.
    """
    sent = client()
    load()
    frame = {"abs_path": str(shop.folder / "cart.py"), "lineno": 7, "function": "total"}
    sentry_sdk.capture_event(
        {"exception": {"values": [{"type": "ValueError", "stacktrace": {"frames": [frame]}}]}}
    )

    assert "claude" == sent.event["tags"]["byline.tool"]


def test_log_line_without_exception(client, load, shop):
    """
    An AI line that logs an error is what the event is about.
    """
    sent, cart = client(), load()
    cart.warn()

    event = sent.event
    assert shop.commit == event["tags"]["byline.commit"]
    assert "AI line that logged" == event["contexts"]["byline"]["suspects"][0]["reason"]


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(lambda: sentry_sdk.capture_message("hello"), id="message"),
        pytest.param(lambda: sentry_sdk.capture_exception(ValueError("no traceback")), id="exception"),
        pytest.param(lambda: swallow(json.loads, "{") or logging.getLogger("shop").error("no"), id="log"),
    ],
)
def test_events_that_are_left_alone(client, load, report):
    """
    Without a frame that byline knows, an event is what it is without byline.
    """
    sent = client()
    load()
    report()
    plain = client(integrations=[])
    report()

    (with_byline,), (without,) = sent.events, plain.events
    assert set(without) == set(with_byline) - {"dist"}
    assert "byline" not in with_byline["contexts"]
    assert without.get("tags") == with_byline.get("tags")


@pytest.mark.parametrize(
    "event",
    [
        {"exception": None, "threads": 7},
        {"exception": [7, {"stacktrace": 7}, {"stacktrace": {"frames": [7]}}]},
        {"exception": {"values": [{"stacktrace": {"frames": [{"abs_path": 7, "lineno": "x"}]}}]}},
    ],
    ids=str,
)
def test_odd_events(event):
    """
    Whatever a program makes of an event, byline says nothing rather than to fail.
    """
    before = copy.deepcopy(event)
    attribution.annotate(event, {"exc_info": True})
    attribution.without_wrappers(event)
    assert before == event


def test_own_frames_are_taken_out(client, load):
    """
    An event is grouped as without byline: the wrappers are in no stack trace.
    """
    sent = client()
    cart = load()
    fail_and_capture(cart)

    (value,) = sent.event["exception"]["values"]
    assert ["fail_and_capture", "total"] == [each["function"] for each in value["stacktrace"]["frames"]]


def test_names_of_the_program_stay(client, load):
    """
    A tag or context that the program has set under the same name is not replaced.
    """
    sent, cart = client(), load()
    sentry_sdk.get_isolation_scope().set_tag("git_commit", "mine") if hasattr(
        sentry_sdk, "get_isolation_scope"
    ) else sentry_sdk.set_tag("git_commit", "mine")
    fail_and_capture(cart)

    assert ("mine", "claude") == (sent.event["tags"]["git_commit"], sent.event["tags"]["byline.tool"])


def test_tags_as_pairs(load, shop):
    """
    The other form of tags.
    """
    load()
    frame = {"abs_path": str(shop.folder / "cart.py"), "lineno": 7}
    event = {
        "tags": [["git_commit", "mine"]],
        "exception": {"values": [{"stacktrace": {"frames": [frame]}}]},
    }
    attribution.annotate(event, {})

    assert TAGS == {name for name, _ in event["tags"]}
    assert ["git_commit", "mine"] == event["tags"][0]


@pytest.mark.parametrize("form", ["off", "hash", "name"], ids=str)
def test_author(client, load, monkeypatch, form):
    """
    People appear as BYLINE_AUTHOR says.
    """
    monkeypatch.setenv("BYLINE_AUTHOR", form)
    sent, cart = client(), load()
    fail_and_capture(cart)

    event = sent.event
    told = event["tags"].get("byline.author")
    assert told == event["contexts"]["byline"]["suspects"][0].get("author")
    assert (form == "off") == (told is None)
    assert ("Ada Lovelace" in json.dumps(event)) == (form == "name")


def test_file_that_changed_after_the_scan(client, load, shop, tmp_path, monkeypatch):
    """
    Where the running code is not the scanned code, nothing is claimed, and the event says why.
    """
    changed = (shop.folder / "cart.py").read_text().replace("amount < 0", "amount < 1")
    (tmp_path / "cart.py").write_text(changed)
    monkeypatch.syspath_prepend(tmp_path)
    sent, cart = client(), load()
    assert cart.__file__ == str(tmp_path / "cart.py")
    fail_and_capture(cart)

    event = sent.event
    assert not TAGS & set(event.get("tags", {}))
    (reason,) = [each for each in event["contexts"]["byline"]["unverified"] if "cart.py" in each]
    assert "the function changed after the scan" in reason


def test_limits(client):
    """
    However long the names: tags stay within 200 characters and one line, the context under 16 kB.
    """
    long = "très\nlong " * 1_000
    suspects = [
        Suspect(
            str(each) * 40,
            long,
            long,
            long,
            7,
            each,
            "ai",
            "high",
            long,
            long,
            long,
            long,
            long,
            long,
            10**30,
        )
        for each in range(5)
    ]
    unverified = [Unverified(long, long)] * 500

    tags = attribution.tags_of(suspects[0])
    assert all(len(value) <= 200 and "\n" not in value for value in tags.values())
    context = attribution.context_of(suspects, unverified)
    assert 5 == len(context["suspects"])
    assert len(json.dumps(context, ensure_ascii=False)) < 16_000


def test_sentrys_own_normaliser_keeps_everything(client, load):
    """
    Relay, which is what Sentry itself runs, keeps tags, context and release as they are.
    """
    sent, cart = client(), load()
    fail_and_capture(cart)
    event = sent.event
    normalised = sentry_relay.processing.StoreNormalizer(project_id=1).normalize_event(copy.deepcopy(event))

    assert event["tags"].items() <= dict(normalised["tags"]).items()
    kept = {name: value for name, value in normalised["contexts"]["byline"].items() if name != "type"}
    assert event["contexts"]["byline"] == kept
    assert (event["release"], event["dist"]) == (normalised["release"], normalised["dist"])
    assert not (normalised.get("_meta") or {}).get("tags")


def test_transactions_are_not_errors(client, load):
    """
    A transaction gets no suspects.
    """
    sent = client(traces_sample_rate=1.0)
    load()
    with sentry_sdk.start_transaction(name="request"):
        pass
    (transaction,) = sent.transactions
    assert "byline" not in transaction["contexts"]
