"""A shop with AI's functions in it, imported with byline on, and a real client of sentry-sdk that collects envelopes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import sentry_sdk
from sentry_sdk.scope import Scope, use_isolation_scope, use_scope
from sentry_sdk.transport import Transport

import byline
from byline import _config
from byline._attribution.scan import scan
from byline._instrumentation import lookup
from byline._manifest import Manifest, render
from byline._sentry import capture
from byline._telemetry import faults, latency, spans as telemetry_spans
from byline.sentry import BylineIntegration

from ..repositories import RepositoryFactory

CART = """\
import logging


def total(items):
    amount = sum(items)
    if amount < 0:
        raise ValueError("negative: ana@example.org")
    return amount


def checked(items):
    try:
        return total(items)
    except ValueError:
        return None


def wrapped(items):
    try:
        return total(items)
    except ValueError as error:
        raise LookupError("no total") from error


async def later(items):
    return total(items)


def each(items):
    yield total(items)


def logged(items):
    try:
        total(items)
    except ValueError:
        logging.getLogger("shop").exception("no total")
        raise


def warn():
    logging.getLogger("shop").error("a bad day")
"""
TILL = """\
import cart


def pay(items):
    return cart.total(items)


def lose(items):
    try:
        return cart.total(items)
    except ValueError:
        return None
"""
CLAUDE = "Add the cart (#7)\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
MODULES = ("cart", "till")


class Shop(NamedTuple):
    """The repository, and who wrote the cart."""

    folder: Path
    commit: str
    revision: str

    @property
    def manifest(self) -> Path:
        return self.folder / "shop.manifest"


class Collected(Transport):
    """Keeps what would have been sent."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[tuple[str, dict[str, Any]]] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.items += [(item.type, item.payload.json) for item in envelope.items]

    def flush(self, *arguments: object, **options: object) -> None:
        """Keep everything."""

    @property
    def events(self) -> list[dict[str, Any]]:
        """Flush as a program does, and return the events."""
        sentry_sdk.flush()
        return [payload for kind, payload in self.items if kind == "event"]

    @property
    def transactions(self) -> list[dict[str, Any]]:
        return [payload for kind, payload in self.items if kind == "transaction"]

    @property
    def event(self) -> dict[str, Any]:
        """The only event."""
        (event,) = self.events
        return event


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A person's till, an AI tool's cart, and their manifest."""
    repo = RepositoryFactory(tmp_path_factory.mktemp("shop"))
    repo.git("remote", "add", "origin", "https://github.com/acme/shop.git")
    repo.commit({"till.py": "# A till\n"}, message="Start")
    commit = repo.commit({"cart.py": CART}, message=CLAUDE)
    revision = repo.commit({"till.py": TILL}, message="Take money")
    found = Shop(repo.path, commit, revision)
    told = scan(repo.path)
    found.manifest.write_bytes(render(told.header, told.files, told.commits))
    assert Manifest.open(found.manifest).header.ai_functions
    return found


@pytest.fixture
def client(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Collected]]:
    """Start sentry-sdk with byline; every test has scopes of its own."""
    monkeypatch.setenv("SENTRY_RELEASE", "shop@1")
    # With a manifest, nobody asks git about functions of the tests.
    monkeypatch.setenv("BYLINE_MANIFEST", str(shop.manifest))
    lookup.reset()

    def start(*, integration: BylineIntegration | None = None, **options: Any) -> Collected:
        _config.use(None)
        capture._waiting.clear()
        collected = Collected()
        options.setdefault("integrations", [integration or BylineIntegration()])
        # To look for fifty frameworks takes longer than most tests.
        options.setdefault("auto_enabling_integrations", False)
        sentry_sdk.init(dsn="http://key@127.0.0.1:1/1", transport=collected, **options)
        return collected

    with use_isolation_scope(Scope()), use_scope(Scope()):
        yield start
        sentry_sdk.get_client().close()
    Scope.get_global_scope().set_client(None)
    lookup.reset()
    _config.use(None)
    faults.forget()
    telemetry_spans.put_beside(None)


@pytest.fixture
def load(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Import a module of the shop, measured."""
    monkeypatch.syspath_prepend(shop.folder)

    def _load(name: str = "cart", **options: Any) -> ModuleType:
        byline.instrument(manifest=shop.manifest, **options)
        return importlib.import_module(name)

    yield _load
    byline.uninstrument()
    for name in MODULES:
        sys.modules.pop(name, None)
    # As in a program that has not been told anything.
    latency.start()
    telemetry_spans.put_beside(None)


def swallow(call: Callable[..., object], *arguments: object) -> None:
    """Call, and lose what is raised."""
    with suppress(Exception):
        call(*arguments)
