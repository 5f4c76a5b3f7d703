"""Which functions are measured, and that those left out are left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from byline._config import Config
from byline._instrumentation.selection import selection_of
from byline._model import Attribution, Function
from byline.exceptions import ConfigError

from ..repositories import RepositoryFactory

CART = Function("shop.cart", "Cart.total", "src/shop/cart.py", 1, 1, 2)
CLAUDE = Attribution("ai", "medium", "ok", tool="claude")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"include": "shop.cart"}, True),
        ({"include": "shop.*.total"}, True),
        ({"include": "src/shop/*"}, True),
        ({"include": "shop.mail, shop.orders"}, False),
        ({"include": "shop", "exclude": "shop.cart.Cart"}, False),
        ({"exclude": "*/cart.py"}, False),
        ({"exclude": "cart"}, True),
        ({"confidence": "medium"}, True),
        ({"confidence": "high"}, False),
        ({"tools": "cursor, claude"}, True),
        ({"tools": "cursor"}, False),
    ],
    ids=str,
)
def test_wants(settings, expected):
    """
    A glob matches a name, the names around it, or a path; confidence and tool narrow the choice.
    """
    assert expected == selection_of(Config(**settings)).wants(CART, CLAUDE)


def test_the_environment_wins_over_the_repository():
    """
    What the manifest brings from [tool.byline.measure] holds where the environment says nothing.
    """
    config = Config.from_env({"BYLINE_TOOLS": "claude"}).or_else({"tools": "cursor", "exclude": "shop.mail"})

    assert ("claude", "shop.mail") == (config.tools, config.exclude)


@pytest.mark.parametrize(
    "environ",
    [{"BYLINE_CONFIDENCE": "sure"}, {"BYLINE_MAX_RATE": "many"}, {"BYLINE_MAX_RATE": "-1"}],
    ids=str,
)
def test_wrong_settings_are_refused(environ):
    """
    A value that means nothing is an error at the start.
    """
    with pytest.raises(ConfigError):
        Config.from_env(environ)


SOURCE = """
import byline

def one(a):
    return a

def two(a):
    if a < 0:
        raise ValueError(a)
    return a

async def three(a):
    return a

@byline.ai_generated
def marked(a):
    return a
"""
MAIN = """
import asyncio, json, sys, time
import byline
if "on" in sys.argv:
    byline.instrument()
import shop
from byline._instrumentation import lookup
from byline._telemetry import latency
if "hot" in sys.argv:
    code = shop.two.__code__
    end = time.monotonic() + 40
    while shop.two.__code__ is code and time.monotonic() < end:
        for _ in range(1_000):
            shop.two(1)
    assert shop.two.__code__ is not code
    latency.drain_all()
    with latency._draining:  # no tick comes in between
        for _ in range(10):
            shop.two(1)
        try:
            shop.two(-1)
        except ValueError:
            pass
        (recorder,) = [each for each in latency._recorders.values() if each.entry.function.qualname == "two"]
        print(json.dumps([len(recorder.durations), len(recorder.failures)]))
    print([each.reason for each in lookup.unverified() if each.subject == "shop.two"])
else:
    names = ("one", "two", "three", "marked")
    print(json.dumps([name for name in names if hasattr(getattr(shop, name), "__wrapped__")]))
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scanned repository; its pyproject.toml leaves one function out."""
    folder = tmp_path_factory.mktemp("program")
    repository = RepositoryFactory(folder)
    settings = '[tool.byline.measure]\nexclude = ["shop.one"]\n'
    repository.commit({"main.py": MAIN, "pyproject.toml": settings}, message="Start")
    repository.commit({"shop.py": SOURCE}, message="Add\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n")
    python(folder, "-m", "byline", "scan")
    return folder


def python(folder: Path, *words: str, **variables: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BYLINE_")}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder, env={**clean, **variables}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["two", "three", "marked"]),
        ({"BYLINE_EXCLUDE": "shop.t*"}, ["one", "marked"]),
        ({"BYLINE_EXCLUDE": "shop.marked"}, ["one", "two", "three"]),
        ({"BYLINE_TOOLS": "cursor"}, ["marked"]),
        ({"BYLINE_DISABLED": "1"}, []),
    ],
    ids=str,
)
def test_others_are_left_alone(program, variables, expected):
    """
    What is not selected is not wrapped; the decorator is a person's own word, and only a glob overrules it.
    """
    assert expected == json.loads(python(program, "main.py", "on", **variables))


def test_a_hot_function_is_timed_no_longer(program):
    """
    Above the rate every reference to a function loses its clock; failures still count, and it is listed.
    """
    told = python(program, "main.py", "on", "hot", BYLINE_MAX_RATE="1000").splitlines()

    assert [0, 1] == json.loads(told[0])
    assert "more than 1000 times a second" in told[1]


def test_disabled_run_leaves_no_trace(program):
    """
    With BYLINE_DISABLED=1 the program of byline run sees no variable, no path and no module of byline.
    """
    look = "import os, sys; print([n for n in sys.modules if n.startswith('byline')], os.environ.get('BYLINE_RUN'), os.environ.get('PYTHONPATH'))"

    told = python(
        program, "-m", "byline", "run", sys.executable, "-c", look, BYLINE_DISABLED="1", PYTHONPATH="x"
    )

    assert "[] None x\n" == told
