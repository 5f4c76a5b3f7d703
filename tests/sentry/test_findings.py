"""Swallowed exceptions reach Sentry when a client asks for them, and only then."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from byline import _semconv

from ..repositories import RepositoryFactory

TILL = """\
def pay(items):
    try:
        return sum(items) / len(items)
    except ZeroDivisionError:
        return None
"""
CLAUDE = "Pay at the till\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
PROGRAM = """
import json, sys
import sentry_sdk
from sentry_sdk.transport import Transport
import byline
from byline.sentry import BylineIntegration

sent = []
class Collected(Transport):
    def capture_envelope(self, envelope):
        sent.extend(item.payload.json for item in envelope.items if item.type == "event")

byline.instrument()
sentry_sdk.init(
    "http://key@127.0.0.1:9/1", transport=Collected, auto_enabling_integrations=False,
    integrations=[BylineIntegration(findings=sys.argv[1] == "on")],
)
import till
for _ in range(3):
    till.pay([])
byline.uninstrument()
sentry_sdk.flush()
print(json.dumps(sent))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A repository with a function that swallows, scanned; and the commit that wrote it."""
    repository = RepositoryFactory(tmp_path_factory.mktemp("shop"))
    commit = repository.commit({"till.py": TILL}, message=CLAUDE)
    subprocess.run(
        [sys.executable, "-m", "byline", "scan"], cwd=repository.path, check=True, capture_output=True
    )
    return repository.path, commit


def events(shop, asked):
    """Run the program; return what Sentry was sent."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, asked],
        cwd=shop[0], capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def test_a_client_that_asks(shop):
    """
    One warning for the line, with its commit to search by; before Python 3.12 nothing is seen, so nothing is sent.
    """
    found = events(shop, "on")

    if sys.version_info < (3, 12):
        assert [] == found
        return
    [event] = found
    assert ("warning", "ZeroDivisionError swallowed in till.pay") == (
        event["level"], event.get("message") or event["logentry"]["message"],
    )  # fmt: skip
    assert shop[1] == event["tags"]["byline.commit"] == event["tags"]["git_commit"]
    assert "silent" == event["tags"][_semconv.FINDING_HANDLING]
    assert "till.py:4" in event["contexts"]["byline"]["handler"]
    assert "exception" not in event


def test_a_client_that_does_not_ask(shop):
    """
    Nobody's quota is used unasked.
    """
    assert [] == events(shop, "off")
