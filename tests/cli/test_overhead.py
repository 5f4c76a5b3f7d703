"""``byline doctor --overhead``: what marking costs, function by function, without calling any."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from byline._store.sketches import Sketch
from byline.store import Calls, Store

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"

SOURCE = """
from pathlib import Path
Path("imported").touch()

def plain(a, b=2, /, *rest, c, d=4, **more):
    Path("called").touch()

async def awaited(a):
    Path("called").touch()

def numbers():
    Path("called").touch()
    yield 1

class Cart:
    async def lines(self, *, of=None):
        Path("called").touch()
        yield 1
"""


def byline(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "byline", *words],
        cwd=folder, env={**os.environ, "COLUMNS": "100"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SOURCE)
    who = ["-c", "user.name=Ana", "-c", "user.email=a@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", CLAUDE]):
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True)
    assert 0 == byline(tmp_path, "scan").returncode
    return tmp_path


def test_every_kind_is_measured_and_nothing_is_called(checkout):
    """
    Each AI function of the manifest has its cost, by its exact signature; no code of the program runs.
    """
    told = json.loads(byline(checkout, "doctor", "--overhead", "--json").stdout)

    assert {
        "shop.plain": ("function", "a, b, /, *rest, c, d, **more"),
        "shop.awaited": ("coroutine", "a"),
        "shop.numbers": ("generator", ""),
        "shop.Cart.lines": ("async generator", "self, *, of"),
    } == {each["function"]: (each["kind"], each["signature"]) for each in told["functions"]}
    assert all(each["added_ns"] > 0 < each["bare_ns"] for each in told["functions"])
    assert all(each["share"] is None for each in told["functions"])
    assert [] == told["unverified"]
    assert not {"imported", "called"} & {path.name for path in checkout.iterdir()}


def test_share_at_the_rate_of_the_store(checkout):
    """
    The store tells how often a function is called, and what counting has cost.
    """
    now_ns = time.time_ns()
    calls = Calls("shop.plain", "", "", "", now_ns, Sketch(count=600, zero_count=600))
    with Store.open(checkout / ".byline" / "byline.db", create=True) as store:
        store.add(calls=[calls], own_time_s=0.25)
        store.add(own_time_s=0.5)

    told = json.loads(byline(checkout, "doctor", "--overhead", "--json").stdout)
    (plain, *_) = told["functions"]

    assert ("shop.plain", 600.0, 0.75) == (
        plain["function"], plain["calls_per_minute"], told["self_duration_s"]
    )  # fmt: skip
    assert 600 * (plain["added_ns"] + told["counting_ns"]) / 60e9 == pytest.approx(plain["share"])


def test_for_people(checkout):
    """
    A line for each function, and a sentence on the counting.
    """
    done = byline(checkout, "doctor", "--overhead")

    assert (0, "") == (done.returncode, done.stderr)
    assert ["shop.Cart.lines", "shop.awaited", "shop.numbers", "shop.plain"] == sorted(
        line.split()[0] for line in done.stdout.splitlines() if line.startswith("shop.")
    )
    assert "Counting a call, later and in the background:" in done.stdout


def test_moved_functions_are_told(checkout):
    """
    A function that is not where the manifest says is not measured, and that is said.
    """
    (checkout / "shop.py").write_text("\n\n" + SOURCE)

    done = byline(checkout, "doctor", "--overhead")

    assert 2 == done.returncode
    assert "There is no marked function to measure" in done.stderr


def test_a_module_is_imported_on_wish(tmp_path):
    """
    Without a manifest, what a named module marks is measured.
    """
    (tmp_path / "shop.py").write_text(
        "import byline\n@byline.ai_generated(tool='claude')\ndef total(a, b=2): raise SystemExit\n"
    )

    told = json.loads(byline(tmp_path, "doctor", "--overhead", "--module", "shop", "--json").stdout)

    assert [("shop.total", "a, b")] == [(each["function"], each["signature"]) for each in told["functions"]]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--overhead"], "There is no marked function to measure."),
        (["--overhead", "--module", "nowhere"], "--module 'nowhere' cannot be imported: ModuleNotFoundError"),
        (["--module", "nowhere"], "--module belongs to --overhead."),
    ],
    ids=["nothing", "no-module", "alone"],
)
def test_wrong_use(words, told, tmp_path):
    """
    What cannot be measured is one sentence, with status 2.
    """
    done = byline(tmp_path, "doctor", *words)

    assert (2, True, False) == (done.returncode, told in done.stderr, "Traceback" in done.stderr)
