"""A small project with AI's functions in it, to be built and installed: what it is, and how its program runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from .repositories import RepositoryFactory

CLAUDE = "Add totals\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
CART = "def total(items):\n    amount = sum(items)\n    return amount\n"
START = "def start():\n    return 1\n"
MAIN = """
import json

import byline
from byline.testing import capture

byline.instrument()

from shop.cart import total

with capture() as captured:
    total([1, 2])
print(json.dumps([dict(span.attributes) for span in captured.spans]))
"""


def project(
    folder: Path, pyproject: str = '[project]\nname = "shop"\nversion = "1.0"\n'
) -> RepositoryFactory:
    """Make the project's repository: one commit of a person, one with the trailer of a tool."""
    repo = RepositoryFactory(folder)
    files = {"pyproject.toml": pyproject, ".gitignore": "byline.manifest\ndist/\nbuild/\n*.egg-info/\n"}
    repo.commit({**files, "src/shop/__init__.py": START, "src/shop/__main__.py": MAIN}, message="Start")
    repo.commit({"src/shop/cart.py": CART}, message=CLAUDE)
    return repo


def byline(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a byline command in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "byline", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def build_wheel(folder: Path) -> Path:
    """Build a real wheel with what is installed, and return it."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "-w", "dist", "."],
        cwd=folder, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, capture_output=True, text=True,
        check=False, timeout=110,
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout + done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def install(wheel: Path, site: Path) -> Path:
    """Unpack a wheel, as an installer does with one that is pure Python."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def without_git(repo: RepositoryFactory, folder: Path) -> Path:
    """Copy the sources to where there is no repository, as the last stage of an image does."""
    shutil.copytree(repo.path / "src", folder)
    return folder


def run(site: Path, *words: str) -> list[dict[str, Any]]:
    """Run the program from a folder that is not a repository; return the attributes of its spans."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BYLINE_", "OTEL_"))}
    # A git that cannot be found cannot be asked.
    clean["PATH"] = str(site)
    done = subprocess.run(
        [sys.executable, *(words or ("-m", "shop"))],
        cwd=site.parent, env={**clean, "PYTHONPATH": str(site)}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
