"""Every program in examples/ runs as its text says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout that holds the examples."""
    for example in EXAMPLES.glob("*.py"):
        shutil.copy(example, tmp_path)
    people = {
        f"GIT_{role}_{part}": "ana@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Start"]):
        subprocess.run(["git", *words], cwd=tmp_path, env={**os.environ, **people}, check=True)
    return tmp_path


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_decorator_then_query(folder):
    """
    A marked function fails; the store, asked from Python and on the command line, knows about it.
    """
    assert "2.0\n4.0\nfailed: division by zero\n" == run(folder, "-m", "byline", "run", "decorator.py")

    assert "ZeroDivisionError decorator.average" in run(folder, "query.py", ".byline/byline.db")
    assert "decorator.average" in run(folder, "-m", "byline", "why")


def test_start_up(folder):
    """
    A program that turns byline on measures, and ends as it would.
    """
    assert '{"measuring": true}\n' == run(folder, "start_up.py")


def test_all_examples_are_tested():
    """
    A new example needs a test here.
    """
    assert {"decorator.py", "history.py", "start_up.py", "query.py"} == {
        path.name for path in EXAMPLES.glob("*.py")
    }
