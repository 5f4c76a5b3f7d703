"""Real wheels with the manifest inside: by Hatchling's hook, and by setuptools after ``byline build``."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from importlib.metadata import entry_points
from pathlib import Path
from zipfile import ZipFile

import pytest

from byline._manifest import Manifest

from .packages import build_wheel, byline, install, project, run

pytestmark = pytest.mark.slow

HATCH = """
[build-system]
requires = ["hatchling", "byline"]
build-backend = "hatchling.build"

[project]
name = "shop"
version = "1.0"

[tool.hatch.build]
dev-mode-dirs = ["src"]

[tool.hatch.build.targets.wheel]
packages = ["src/shop"]

[tool.hatch.build.hooks.byline]
"""
SETUPTOOLS = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "shop"
version = "1.0"

[tool.setuptools.package-data]
shop = ["byline.manifest"]
"""


def hatchling(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_hook_is_found_by_name():
    """
    Hatchling finds the hook under the name byline.
    """
    (found,) = entry_points(group="hatch", name="byline")

    assert "byline" == found.load().hatch_register_build_hook().PLUGIN_NAME


def test_wheel_by_hatchling(tmp_path):
    """
    A wheel that Hatchling builds has the manifest beside the code, and what runs from it names the commit.
    """
    repo = project(tmp_path / "project", HATCH)
    site = install(build_wheel(repo.path), tmp_path / "site")

    (span,) = run(site)

    assert (repo.git("rev-parse", "HEAD"), "claude", "ok") == tuple(
        span[f"byline.{name}"] for name in ("commit", "tool", "status")
    )
    assert [] == list((repo.path / "src").rglob("byline.manifest"))


def test_same_wheel_again(tmp_path):
    """
    The manifest in the wheel is the same, byte by byte, whenever it is built.
    """
    repo = project(tmp_path / "project", HATCH)
    sites = [install(build_wheel(repo.path), tmp_path / name) for name in ("one", "two")]

    assert 1 == len({(site / "shop/byline.manifest").read_bytes() for site in sites})


def test_wheel_from_an_sdist(tmp_path):
    """
    An sdist has the manifest, and a wheel that is built from it, where there is no git, has the same one.
    """
    repo = project(tmp_path / "project", HATCH)
    done = hatchling(repo.path, "sdist")
    assert 0 == done.returncode, done.stderr
    with tarfile.open(repo.path / "dist/shop-1.0.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / "shop-1.0"

    site = install(build_wheel(unpacked), tmp_path / "site")

    inside = (unpacked / "src/shop/byline.manifest").read_bytes()
    assert inside == (site / "shop/byline.manifest").read_bytes()
    assert "ok" == run(site)[0]["byline.status"]


def test_options_of_the_hook(tmp_path):
    """
    The hook takes the package, the author's form and the last release's manifest from pyproject.toml.
    """
    options = 'package = "src/shop"\nauthor = "email"\nprevious = "old.manifest"\nall = true\nallow-shallow = false\n'
    repo = project(tmp_path / "project", HATCH + options)
    first = repo.git("rev-parse", "HEAD")
    assert 0 == byline(repo.path, "build", "-o", "old.manifest").returncode
    repo.commit({"src/shop/cart.py": "# Totals.\n" + Path(repo.path / "src/shop/cart.py").read_text()})

    site = install(build_wheel(repo.path), tmp_path / "site")

    manifest = Manifest.open(site / "shop/byline.manifest")
    file = manifest.by_path("src/shop/cart.py")
    ((function, who),) = file.functions()
    assert ("ada@example.com", first) == (who.author, file.first_shipped(function).revision)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("packages = 3\n", "no option 'packages'"),
        ('all = "yes"\n', "all = 'yes' is not true or false"),
        ("package = 3\n", "package = 3 is not a text"),
        ('package = "src/nowhere"\n', "does not exist"),
    ],
    ids=["unknown", "no-flag", "no-text", "no-package"],
)
def test_wrong_options(tmp_path, options, said):
    """
    A wrong option stops the build and is named.
    """
    repo = project(tmp_path / "project", HATCH + options)

    done = hatchling(repo.path, "wheel")

    assert (True, True) == (done.returncode != 0, said in done.stderr + done.stdout)


def test_no_git_and_no_manifest(tmp_path):
    """
    A build without a repository, and without a manifest from an sdist, stops.
    """
    repo = project(tmp_path / "project", HATCH)
    (repo.path / ".git").rename(tmp_path / "away")

    done = hatchling(repo.path, "wheel")

    assert (True, True) == (done.returncode != 0, "not in a git repository" in done.stderr + done.stdout)


def test_editable_install_has_none(tmp_path):
    """
    An editable install brings no manifest: in development, git itself is asked.
    """
    repo = project(tmp_path / "project", HATCH)
    done = subprocess.run(
        [sys.executable, "-c", "from hatchling.build import build_editable as b; print(b('dist'))"],
        cwd=repo.path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr

    (wheel,) = (repo.path / "dist").glob("*.whl")

    assert [] == [name for name in ZipFile(wheel).namelist() if name.endswith("byline.manifest")]


def test_wheel_by_setuptools(tmp_path):
    """
    After ``byline build``, setuptools ships the manifest as package data, and what runs names the commit.
    """
    repo = project(tmp_path / "project", SETUPTOOLS)
    assert 0 == byline(repo.path, "build").returncode

    site = install(build_wheel(repo.path), tmp_path / "site")

    (span,) = run(site)
    assert (repo.git("rev-parse", "HEAD"), "ok") == (span["byline.commit"], span["byline.status"])
