"""Marked code is kept between two starts as Python keeps bytecode: found again, never stale, and never in Python's way."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from byline._registry import WRAPPER_FILENAME

from ..repositories import RepositoryFactory

CART = "def total(items):\n    return sum(items)\n\n\ndef count(items):\n    return len(items)\n"
CLAUDE = "Add totals\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
BARE = "import sys\nimport cart\nprint(cart.total.__code__.co_filename, cart.count.__code__.co_filename, 'ast' in sys.modules)\n"
# What byline loads for other reasons must not hide who parses.
START = "import sys, ast\nimport byline\nbyline.instrument()\ndel sys.modules['ast']\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A scanned checkout with one module by AI."""
    repository = RepositoryFactory(tmp_path / "app")
    repository.commit({"bare.py": BARE, "marked.py": START + BARE}, message="Start")
    repository.commit({"cart.py": CART}, message=CLAUDE)
    run(repository.path, "-m", "byline", "scan")
    return repository.path


def run(folder: Path, *words: str, **variables: str) -> list[str]:
    dropped = ("BYLINE_", "OTEL_", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder, env={**clean, **variables}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr)
    return ["measured" if each.startswith(WRAPPER_FILENAME.strip()) else each for each in done.stdout.split()]


def measured(folder: Path, *words: str, **variables: str) -> tuple[int, bool]:
    """Return how many of the two functions are measured, and whether the module was parsed for that."""
    said = run(folder, *words, "marked.py", **variables)
    return said.count("measured"), said[-1] == "True"


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").glob("cart.*opt-byline.pyc"))


def test_the_second_start_does_not_parse(checkout):
    """
    What the first start compiled, the second one loads.
    """
    assert [(2, True), (2, False)] == [measured(checkout), measured(checkout)]
    assert 1 == len(kept(checkout))


def test_python_alone_runs_its_own(checkout):
    """
    Without byline, and with it switched off, Python never loads what byline kept.
    """
    measured(checkout)

    for variables in ({}, {"BYLINE_DISABLED": "1"}):
        program = "marked.py" if variables else "bare.py"
        assert "measured" not in run(checkout, program, **variables)


def test_another_source_is_compiled_anew(checkout):
    """
    A file that changed is compiled again, also within the same second and with the same size.
    """
    measured(checkout)
    cart, time = checkout / "cart.py", (checkout / "cart.py").stat()
    cart.write_text(CART.replace("len(items)", "len([1,2])"))
    os.utime(cart, ns=(time.st_atime_ns, time.st_mtime_ns))

    assert (1, True) == measured(checkout)


def test_another_selection_is_compiled_anew(checkout):
    """
    Other settings mark other functions.
    """
    measured(checkout)

    assert (1, True) == measured(checkout, BYLINE_EXCLUDE="cart.count")


@pytest.mark.parametrize("content", [b"", b"byline 1\n", None], ids=["empty", "short", "truncated"])
def test_a_damaged_file_is_made_anew(checkout, content):
    """
    What cannot be read is compiled, as if it were not there.
    """
    measured(checkout)
    (file,) = kept(checkout)
    file.write_bytes(file.read_bytes()[:100] if content is None else content)

    assert [(2, True), (2, False)] == [measured(checkout), measured(checkout)]


def test_nothing_is_written_where_python_writes_nothing(checkout):
    """
    PYTHONDONTWRITEBYTECODE holds for byline too.
    """
    measured(checkout, PYTHONDONTWRITEBYTECODE="1")

    assert [] == kept(checkout)


def test_optimisation_keeps_its_own(checkout):
    """
    ``python -O`` gets code without asserts, not what was kept without it.
    """
    measured(checkout)

    assert [(2, True), (2, False)] == [measured(checkout, "-O"), measured(checkout, "-O")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_it_is_as_private_as_the_source(checkout):
    """
    Who may not read the source may not read its code.
    """
    (checkout / "cart.py").chmod(0o600)

    measured(checkout)

    assert 0o600 == stat.S_IMODE(kept(checkout)[0].stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_folder_that_cannot_be_written(checkout):
    """
    Where nothing can be kept, the module is compiled at each start.
    """
    (checkout / "__pycache__").write_text("a file, so that not even root can write into it")

    assert [(2, True), (2, True)] == [measured(checkout), measured(checkout)]
