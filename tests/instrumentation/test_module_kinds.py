"""However a module comes into the program: its functions are measured, or ``byline doctor`` says why not."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from byline.store import Store

from ..repositories import RepositoryFactory

CART = "def total(items):\n    amount = sum(items)\n    return amount\n"
CLAUDE = "Add totals\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
PYPROJECT = (
    '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "shop"\nversion = "1"\n[tool.setuptools.packages.find]\nwhere = ["src"]\n'
)
START = "import byline, sys\nbyline.instrument(manifest=sys.argv[1], store='x.db')\n"
USE = "from shop.cart import total\ntotal([1, 2])\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scanned project; no folder of it is on the path."""
    folder = tmp_path_factory.mktemp("project")
    repository = RepositoryFactory(folder)
    repository.commit({"pyproject.toml": PYPROJECT, "src/shop/__init__.py": ""}, message="Start")
    main = f"{START}{CART}total([1, 2])\n"
    repository.commit({"src/shop/cart.py": CART, "main.py": main}, message=CLAUDE)
    run(folder, "-m", "byline", "scan")
    return folder


def run(folder: Path, *words: str, **variables: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BYLINE_", "OTEL_"))}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder, env={**clean, **variables}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    return done.stdout


def outcome(folder: Path, project: Path, code: str, **variables: str) -> tuple[int, list[str]]:
    """Run a program; return how many calls were counted, and what doctor says of functions unmeasured."""
    manifest = project / ".byline" / "byline.manifest"
    (folder / "main.py").write_text(code)
    run(folder, "main.py", str(manifest), **variables)
    with Store.open(folder / "x.db", read_only=True) as store:
        calls = sum(each.sketch.count for each in store.latency())
    told = json.loads(run(folder, "-m", "byline", "doctor", "--json", "--store", "x.db"))
    said = [each["told"] for each in told["checks"] if each["name"] == "last run"]
    # Before Python 3.12 the probes are listed too, which is another matter.
    return calls, [each for each in said if "sys.monitoring" not in each]


def test_namespace_package(tmp_path, project):
    """
    A module in a folder without __init__.py is measured.
    """
    (tmp_path / "shop").mkdir()
    shutil.copy(project / "src" / "shop" / "cart.py", tmp_path / "shop")

    assert (1, []) == outcome(tmp_path, project, START + USE)


def test_editable_install(tmp_path, project):
    """
    A project installed by ``pip install -e`` is measured, through the finder that its backend installs.
    """
    build = "from setuptools import build_meta; print(build_meta.build_editable(sys.argv[1], {'editable_mode': 'strict'}))"
    copy = shutil.copytree(project, tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    wheel = run(copy, "-c", f"import sys; {build}", str(tmp_path)).splitlines()[-1]
    with zipfile.ZipFile(tmp_path / wheel) as archive:
        archive.extractall(tmp_path / "site")
    start = f"import site; site.addsitedir({str(tmp_path / 'site')!r})\n"

    assert (1, []) == outcome(tmp_path, project, start + START + USE)


def test_zip(tmp_path, project):
    """
    A module in a zip file is not measured, and listed.
    """
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.write(project / "src" / "shop" / "__init__.py", "shop/__init__.py")
        archive.write(project / "src" / "shop" / "cart.py", "shop/cart.py")

    found = outcome(tmp_path, project, START + USE, PYTHONPATH="shop.zip")

    assert (0, ["shop.cart: loaded by zipimport.zipimporter, which byline cannot mark"]) == found


def test_without_source(tmp_path, project):
    """
    A module that comes as bytecode only is not measured, and listed.
    """
    shutil.copytree(project / "src" / "shop", tmp_path / "shop")
    compileall.compile_dir(tmp_path / "shop", legacy=True, quiet=1)
    (tmp_path / "shop" / "cart.py").unlink()

    calls, told = outcome(tmp_path, project, START + USE)

    assert (0, True) == (calls, "SourcelessFileLoader, which byline cannot mark" in told[0])


def test_imported_before(tmp_path, project):
    """
    A module that was there before is wrapped in place, which misses who holds the function already: listed.
    """
    held = f"from shop.cart import total\n{START}import shop.cart\nshop.cart.total([1])\ntotal([1])\n"

    calls, told = outcome(tmp_path, project, held, PYTHONPATH=str(project / "src"))

    assert 1 == calls
    assert ["shop.cart: imported before byline was turned on: 1 functions wrapped in place"] == told


def test_past_the_hook(tmp_path, project):
    """
    A module that another finder loads first is not measured, and listed.
    """
    finder = (
        "import sys, importlib.machinery\nclass First:\n    @staticmethod\n    def find_spec(*a, **k):\n"
        "        return importlib.machinery.PathFinder.find_spec(*a, **k)\nsys.meta_path.insert(0, First)\n"
    )

    found = outcome(tmp_path, project, START + finder + USE, PYTHONPATH=str(project / "src"))

    reason = "loaded by _frozen_importlib_external.SourceFileLoader, past byline's import hook"
    assert (0, [f"shop.cart: {reason}"]) == found


def test_main_script_that_turns_byline_on(tmp_path, project):
    """
    The functions of the script that calls instrument() are compiled already: listed, with the cure.
    """
    found = outcome(tmp_path, project, (project / "main.py").read_text())

    assert (0, ["main.py: the main script: Python compiled it before byline was turned on"]) == found


def test_rewriting_that_fails(tmp_path, project):
    """
    A module that cannot be marked imports and works; doctor says so.
    """
    broken = (
        "from byline._instrumentation import import_hook\n"
        "def fail(*_): raise RuntimeError('no')\nimport_hook.marked_code = fail\n"
    )

    found = outcome(tmp_path, project, START + broken + USE, PYTHONPATH=str(project / "src"))

    assert (0, ["shop.cart: could not be marked: no"]) == found
