"""What is installed: the front page, its weight, the entry points, the metadata."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points, metadata
from types import ModuleType

import pytest

import byline
from byline import store

HEAVY = ("asyncio", "click", "git", "opentelemetry.sdk", "rich", "sentry_sdk", "sqlite3", "wrapt")
"""What an import of byline must not load, whoever else does."""

PARSERS = ("ast", "tokenize")
"""What byline must not load; OpenTelemetry's API and wrapt do, through ``inspect``."""


def answer_of(program: str) -> set[str]:
    """Return the names that a program leaves in ``found``, in a fresh interpreter."""
    # Coverage would load half of the standard library first.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    whole = f"import json, sys\n{program}\nprint(json.dumps(sorted(found)))"
    done = subprocess.run(
        [sys.executable, "-c", whole], capture_output=True, text=True, check=True, env=clean
    )
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def front_page() -> set[str]:
    """The modules that ``import byline`` loads, with all that it offers."""
    return answer_of("from byline import *\nfound = sys.modules")


def test_command_loads_nothing_that_measures():
    """
    The commands import the front page too, and load none of what marks and measures.
    """
    ours = "[each for each in sys.modules if each.startswith('byline.')]"

    assert {"byline.exceptions"} == answer_of(f"import byline\nfound = {ours}")


@pytest.fixture(scope="module")
def marked() -> set[str]:
    """The modules of a program with one marked function."""
    return answer_of("import byline\n@byline.ai_generated\ndef f(): pass\nf()\nfound = sys.modules")


@pytest.mark.parametrize("name", [*HEAVY, "opentelemetry"])
def test_import_is_light(name, front_page):
    """
    Importing byline loads neither git, Sentry, SQLite, the SDK nor the command line.
    """
    assert name not in front_page


@pytest.mark.parametrize("name", PARSERS)
def test_import_uses_no_parser(name):
    """
    No module of byline that is loaded at start refers to a parser of Python.
    """
    users = answer_of(
        f"from byline import *\nours = [each for each in sys.modules if each.partition('.')[0] == 'byline']\n"
        f"found = [each for each in ours if {name!r} in vars(sys.modules[each])]"
    )

    assert set() == users


@pytest.mark.parametrize("name", HEAVY)
def test_marking_is_light(name, marked):
    """
    A program that marks and calls a function loads none of it either.
    """
    assert name not in marked


def test_all_is_complete_and_sorted():
    """
    The front page offers what __all__ names, and nothing else.
    """
    offered = {
        name
        for name in dir(byline)
        if not name.startswith("_") and not isinstance(getattr(byline, name), ModuleType)
    }

    assert sorted(offered - {"TYPE_CHECKING", "annotations"}) == byline.__all__


def test_store_offers_what_it_returns():
    """
    Everything in the __all__ of byline.store is there, each name once.
    """
    assert len(set(store.__all__)) == len(store.__all__)
    assert all(hasattr(store, name) for name in store.__all__)


def test_version_is_that_of_the_package():
    """
    byline.__version__ is the installed version, and any other missing name is an AttributeError.
    """
    assert metadata("byline")["Version"] == byline.__version__
    with pytest.raises(AttributeError, match="no attribute 'versoin'"):
        byline.versoin  # noqa: B018


@pytest.mark.parametrize("group", ["opentelemetry_logs_exporter", "opentelemetry_metrics_exporter"])
def test_exporters_are_found_by_name(group):
    """
    OTEL_LOGS_EXPORTER=byline and OTEL_METRICS_EXPORTER=byline find a class that can be made.
    """
    (found,) = entry_points(group=group, name="byline")

    assert found.load().__module__.startswith("byline._exporters.")


def test_command_is_installed():
    """
    The byline command is an entry point, and python -m byline is the same program.
    """
    (script,) = entry_points(group="console_scripts", name="byline")
    done = subprocess.run(
        [sys.executable, "-m", "byline", "--version"], capture_output=True, text=True, check=True
    )

    assert callable(script.load())
    assert f"byline {byline.__version__}\n" == done.stdout


def test_licence_is_shipped():
    """
    The package carries its licence.
    """
    assert metadata("byline")["License-Expression"] == "Apache-2.0"
