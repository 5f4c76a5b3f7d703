"""Coverage, debuggers and tracebacks show the user's lines of a module that was marked while it was imported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..repositories import RepositoryFactory

CLAUDE = "Add prices\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"

SHOP = '''\
"""A shop."""

import functools

ROUTES = []


def route(function):
    ROUTES.append(function)
    return function


@route
@functools.lru_cache
def price(item, tax=0.2):
    """Text."""
    base = len(item)
    if base > 100:
        return 0
    return base * (1 + tax)


class Cart:
    def total(self, items):
        amount = 0
        for item in items:
            amount += price(item)
        return amount


def ratio(a, b):
    return (
        a
        / b
    )
'''
PROGRAM = "import shop\n\nprint(shop.Cart().total(['tea', 'cup']))\n"
FAILING = "import shop\n\nshop.ratio(1, 0)\n"
EXECUTED = {3, 5, 8, 9, 10, 13, 14, 15, 17, 18, 20, 23, 24, 25, 26, 27, 28, 31}
MISSING = {19, 32}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scanned checkout whose module is by AI, with programs by people."""
    repository = RepositoryFactory(tmp_path_factory.mktemp("tools") / "app")
    files = {
        "main.py": PROGRAM,
        "inside.py": f"import byline\nbyline.instrument()\n{PROGRAM}",
        "failing.py": FAILING,
        "inside_failing.py": f"import byline\nbyline.instrument()\n{FAILING}",
    }
    repository.commit(files, message="Start")
    repository.commit({"shop.py": SHOP}, message=CLAUDE)
    run(repository.path, "-m", "byline", "scan")
    return repository.path


def run(folder: Path, *words: str, given: str = "", status: int = 0) -> str:
    dropped = ("BYLINE_", "OTEL_", "COVERAGE_", "COV_CORE_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=60, input=given,
    )  # fmt: skip
    assert status == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


CORES = ["ctrace", "pytrace", *(["sysmon"] if sys.version_info >= (3, 12) else [])]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("program", ["main.py", "inside.py"])
def test_coverage(checkout, program, core):
    """
    coverage.py reports the lines that ran and those that did not, the same with byline and without.
    """
    (checkout / ".coveragerc").write_text(f"[run]\ncore = {core}\n")

    run(checkout, "-m", "coverage", "run", "--include", "shop.py", program)
    run(checkout, "-m", "coverage", "json", "-q", "-o", "found.json")

    found = json.loads((checkout / "found.json").read_text())["files"]
    assert ["shop.py"] == list(found)
    executed = set(found["shop.py"]["executed_lines"]) - {1}  # older ones count the module's docstring
    assert (EXECUTED, MISSING) == (executed, set(found["shop.py"]["missing_lines"]))


def test_coverage_of_branches(checkout):
    """
    The branches that ran are the user's too.
    """
    (checkout / ".coveragerc").write_text("[run]\nbranch = true\n")
    found = {}
    for program in ("main.py", "inside.py"):
        run(checkout, "-m", "coverage", "run", "--include", "shop.py", program)
        run(checkout, "-m", "coverage", "json", "-q", "-o", "found.json")
        found[program] = json.loads((checkout / "found.json").read_text())["files"]["shop.py"]

    assert found["main.py"] == found["inside.py"]
    assert [[18, 19]] == found["inside.py"]["missing_branches"]


def test_debugger(checkout):
    """
    pdb stops at a line of a measured function, shows it, its callers' lines and its values, and steps on in it.
    """
    commands = (
        "break shop.py:20\ncontinue\nwhere\nlist\nargs\np base\nup\nup\nup\np item\nclear 1\ncontinue\nquit\n"
    )

    said = run(checkout, "-m", "pdb", "inside.py", given=commands)

    assert re.search(r"> \S*shop\.py\(20\)price\(\)\n-> return base \* \(1 \+ tax\)", said), said
    assert re.search(r"shop\.py\(27\)total\(\)\n-> amount \+= price\(item\)", said), said
    assert re.search(r"inside\.py\(5\)<module>\(\)", said), said
    assert re.search(r"20 B->\s+return base \* \(1 \+ tax\)", said), said
    assert "item = 'tea'\ntax = 0.2\n" in said
    assert "(Pdb) 3\n" in said


def test_stepping(checkout):
    """
    ``next`` and ``return`` go on along the user's lines, with the value that is returned.
    """
    commands = "break shop.py:18\ncontinue\nnext\nreturn\nquit\n"

    said = run(checkout, "-m", "pdb", "inside.py", given=commands)

    assert ["18", "20", "20"] == re.findall(r"> \S*shop\.py\((\d+)\)price\(\)", said), said
    assert "price()->3.5999999999999996" in said, said


@pytest.mark.parametrize(
    "way",
    [("inside_failing.py",), ("-m", "byline", "run", "--no-store", "failing.py")],
    ids=["instrument", "byline-run"],
)
def test_traceback(checkout, way):
    """
    The interpreter's own traceback ends as without byline: at the user's expression, to the column.
    """
    bare, measured = (run(checkout, *words, status=1) for words in (("failing.py",), way))

    last = bare[bare.index(f'File "{checkout}{os.sep}shop.py"') :]
    assert "line 33, in ratio" in last
    assert "<byline " in measured
    assert measured.endswith(last), measured
