"""The program stays as it is: without a client, with a broken manifest, without an address of the repository, without the SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sentry_sdk

from byline import _links, _registry
from byline._manifest import Manifest
from byline._telemetry import escapes
from byline.sentry import BylineIntegration

from .conftest import swallow
from .test_events import TAGS, fail_and_capture

COLLECT = """
import json, sys
import sentry_sdk
from sentry_sdk.transport import Transport

sent = []

class Collected(Transport):
    def capture_envelope(self, envelope):
        sent.extend(item.payload.json for item in envelope.items if item.type == "event")
    def flush(self, *arguments, **options):
        pass

def start(**options):
    sentry_sdk.init(dsn="http://key@127.0.0.1:1/1", transport=Collected, auto_enabling_integrations=False, **options)

def fail():
    import cart
    try:
        cart.total([-1])
    except ValueError:
        pass
    sentry_sdk.flush()
    print(json.dumps([[each.get("tags"), each.get("release"), each.get("dist")] for each in sent]))
"""


def program(folder: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BYLINE_", "SENTRY_"))}
    # Without git on PATH the SDK cannot guess a release.
    return subprocess.run(
        [sys.executable, "-c", COLLECT + textwrap.dedent(code)],
        cwd=folder, env={**clean, "PATH": "", **environment}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def printed(done: subprocess.CompletedProcess[str]) -> list[list[object]]:
    assert 0 == done.returncode, done.stderr
    found: list[list[object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("code", "environment"),
    [
        pytest.param("import byline; byline.instrument(sentry=True); start(); fail()", {}, id="before init"),
        pytest.param("start(); import byline; byline.instrument(sentry=True); fail()", {}, id="after init"),
        pytest.param(
            "import byline; byline.instrument(); start(); fail()", {"BYLINE_SENTRY": "1"}, id="variable"
        ),
    ],
)
def test_automatically(shop, code, environment):
    """
    Asked for at the start, every client is served, whenever it is made; release and dist are the manifest's.
    """
    ((tags, release, dist),) = printed(
        program(shop.folder, code, BYLINE_MANIFEST=str(shop.manifest), **environment)
    )
    assert (shop.commit, shop.revision, "main") == (tags["git_commit"], release, dist)


def test_integration_alone(shop):
    """
    A program that has the integration, and marks and measures nothing, has its events attributed.
    """
    code = """
    from byline.sentry import BylineIntegration
    start(integrations=[BylineIntegration()])
    import cart
    try:
        cart.total([-1])
    except ValueError as error:
        sentry_sdk.capture_exception(error)
    print(json.dumps([[each.get("tags"), each.get("release"), each.get("dist")] for each in sent]))
    """
    ((tags, release, dist),) = printed(program(shop.folder, code, BYLINE_MANIFEST=str(shop.manifest)))
    assert (shop.commit, shop.revision, "main") == (tags["git_commit"], release, dist)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import byline; byline.instrument(); start(); fail()", id="not asked for"),
        pytest.param("import byline; byline.instrument(sentry=True); fail()", id="no client"),
        pytest.param(
            "import byline; byline.instrument(sentry=True); start(); import cart; byline.uninstrument(); fail()",
            id="uninstrumented",
        ),
        pytest.param(
            "import byline.sentry; start(integrations=[byline.sentry.BylineIntegration()]); fail()",
            id="disabled",
        ),
    ],
)
def test_nothing_is_added(shop, code, request):
    """
    Not asked for, without a client, after uninstrument(), or disabled: no event of byline's, and no error.
    """
    disabled = {"BYLINE_DISABLED": "1"} if "disabled" in request.node.name else {}
    done = program(shop.folder, code, BYLINE_MANIFEST=str(shop.manifest), **disabled)
    assert [] == printed(done)
    assert "" == done.stderr


def test_release_of_the_program_wins(client, load, shop, monkeypatch):
    """
    What the program or its environment sets stays.
    """
    sent, cart = client(release="mine", dist="7"), load()
    fail_and_capture(cart)
    assert ("mine", "7") == (sent.event["release"], sent.event["dist"])


def test_sdk_is_not_installed(tmp_path):
    """
    The import says what to install, and so does asking for it at the start.
    """
    code = """
    import sys
    sys.modules["sentry_sdk"] = None
    import byline
    for attempt in (lambda: byline.instrument(sentry=True), lambda: __import__("byline.sentry")):
        try:
            attempt()
        except ImportError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert (
        2 * ["byline.sentry needs sentry-sdk. Run: pip install 'byline[sentry]'"] == done.stdout.splitlines()
    )


def test_import_of_byline_loads_no_sdk(tmp_path):
    """
    Only who asks for it pays for it.
    """
    code = "import byline, sys; byline.instrument(); print('sentry_sdk' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert "False\n" == done.stdout


@pytest.mark.parametrize("content", [b"", b"byline manifest 1\n\0\0", b"nonsense"], ids=str)
def test_broken_manifest(client, monkeypatch, tmp_path, caplog, content):
    """
    A manifest that was found and is damaged: the event is the program's own, and no event tells of the damage.
    """
    (tmp_path / "byline.manifest").write_bytes(content)
    (tmp_path / "broken_shop.py").write_text("def fail():\n    raise ValueError\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("BYLINE_MANIFEST", str(tmp_path / "byline.manifest"))
    sent = client()
    import broken_shop

    try:
        broken_shop.fail()
    except ValueError:
        sentry_sdk.capture_exception()
    finally:
        del sys.modules["broken_shop"]
    assert not TAGS & set(sent.event.get("tags", {}))
    assert "byline" not in sent.event["contexts"]
    assert "manifest" in caplog.text


def test_manifest_that_is_damaged_inside(client, shop, monkeypatch, tmp_path, caplog):
    """
    A block that cannot be read: the event is the program's own, and byline says so once, in the log.
    """
    manifest = Manifest.open(shop.manifest)
    data = bytearray(shop.manifest.read_bytes())
    for number, _ in enumerate(manifest.files()):
        offset, length = manifest._span("files", number)
        start = len(data) - len(manifest._body) + offset
        data[start : start + length] = b"x" * length
    (tmp_path / "damaged.manifest").write_bytes(data)
    monkeypatch.syspath_prepend(shop.folder)
    monkeypatch.setenv("BYLINE_MANIFEST", str(tmp_path / "damaged.manifest"))
    sent = client()
    import cart

    try:
        fail_and_capture(cart)
        fail_and_capture(cart)
    finally:
        del sys.modules["cart"]
    assert [set(), set()] == [TAGS & set(event.get("tags", {})) for event in sent.events]
    assert 1 == len([each for each in caplog.records if each.name == "byline"])


def test_no_address_of_the_repository(client, load, monkeypatch):
    """
    Without it, there are no links, and everything else is there.
    """
    from byline._model import Deployment

    sent, cart = client(), load()
    _registry.set_resolver(_registry._resolver, Deployment)
    fail_and_capture(cart)

    context = sent.event["contexts"]["byline"]
    assert "Add the cart (#7)" == context["suspects"][0]["subject"]
    assert not {"commit_url", "change_url", "repository", "deployed_revision"} & set(context)


def test_own_faults_stay_inside(client, load, monkeypatch, caplog):
    """
    Whatever breaks in byline: the exception and the event are the program's, and it is logged once.
    """
    sent, cart = client(), load()
    monkeypatch.setattr("byline._sentry.hooks.annotate", None)
    monkeypatch.setattr("byline._sentry.capture.make", None)
    fail_and_capture(cart)
    fail_and_capture(cart)

    assert 2 == len(sent.events)
    told = [each for each in caplog.records if each.name == "byline"]
    assert 2 == len(told)


def test_another_watcher_is_none():
    """
    The hook of the wrappers is byline.sentry's.
    """
    BylineIntegration()
    assert "byline._sentry.capture" == escapes.watch.__module__


@pytest.mark.parametrize(
    ("repository", "commit", "change"),
    [
        ("https://github.com/acme/shop", "/commit/abc", "/pull/7"),
        ("https://gitlab.example.org/acme/shop/", "/-/commit/abc", "/-/merge_requests/7"),
        ("https://bitbucket.org/acme/shop", "/commits/abc", "/pull-requests/7"),
        ("https://codeberg.org/acme/shop.git", "/commit/abc", "/pulls/7"),
        ("https://git.example.org/acme/shop", "/commit/abc", None),
    ],
    ids=str,
)
def test_links(repository, commit, change):
    """
    Each forge has its own paths; a change on an unknown one gets no link rather than a wrong one.
    """
    base = repository.rstrip("/").removesuffix(".git")
    assert base + commit == _links.commit_url(repository, "abc")
    assert (base + change if change else "") == _links.change_url(repository, "#7")


@pytest.mark.parametrize(
    "repository",
    ["", "git@github.com:acme/shop", "/srv/shop", "https://u:p@h/x", "http://[", "javascript:x"],
    ids=str,
)
def test_no_links(repository):
    """
    What is no web address, or has credentials in it, makes no link.
    """
    assert ("", "") == (_links.commit_url(repository, "abc"), _links.change_url(repository, "7"))


def test_incidents_are_recorded_beside(client, load, logs):
    """
    Sentry and OpenTelemetry each get theirs.
    """
    sent, cart = client(), load()
    swallow(cart.total, [-1])
    assert 1 == len(sent.events)
    assert 1 == len([each for each in logs() if each.event_name == "byline.incident"])
