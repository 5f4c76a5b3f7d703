"""Who wrote a function that is being marked: by the manifest, by its unchanged text, or not at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from byline import _registry
from byline._attribution.scan import scan
from byline._config import Config, use
from byline._instrumentation import development, lookup
from byline._telemetry.frames import facts_of, frames_of

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
SOURCE = "def first():\n    return 1\n\n\ndef fail(x):\n    y = x\n    return y / 0\n"


@pytest.fixture(autouse=True)
def clean():
    """Leave nothing for the next test."""
    yield
    lookup.when_unknown(None)
    lookup.reset()
    use(None)
    _registry.clear()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=Ana", "-c", "user.email=a@example.org", *words], cwd=tmp_path, check=True
        )

    git("init", "-q")
    (tmp_path / "mod.py").write_text(SOURCE)
    git("add", ".")
    git("commit", "-qm", CLAUDE)
    return tmp_path


def load(path: Path) -> dict:
    """Run a file as its module would run."""
    names: dict = {"__name__": "mod"}
    exec(compile(path.read_bytes(), str(path), "exec"), names)  # noqa: S102  # the test's own program
    return names


def entry(path: Path, name: str = "fail"):
    return lookup.entry_for(load(path)[name].__code__, "mod")


def test_known_file(checkout):
    """
    The code that was scanned is attributed as scanned.
    """
    lookup.use(scan(checkout).manifest())

    found = entry(checkout / "mod.py")

    assert ("ok", "claude", "mod.py", 5) == (
        found.attribution.status, found.attribution.tool, found.function.path, found.function.line
    )  # fmt: skip


def test_moved_function(checkout):
    """
    In a file that changed, a function whose text is the same keeps its attribution, and its lines theirs.
    """
    manifest = scan(checkout).manifest()
    (checkout / "mod.py").write_text("import os\n\n\n" + SOURCE)
    lookup.use(manifest)
    fail = load(checkout / "mod.py")["fail"]

    found = lookup.entry_for(fail.__code__, "mod")
    with pytest.raises(ZeroDivisionError) as caught:
        fail(1)
    facts = facts_of(frames_of(caught.value))[0]

    assert ("moved", "claude", 8) == (found.attribution.status, found.attribution.tool, found.function.line)
    assert ("ai", found.attribution.commit) == (
        facts.line_attribution.verdict,
        facts.line_attribution.commit.sha,
    )


def test_changed_function_is_stale(checkout):
    """
    A function that changed after the scan is never guessed at.
    """
    manifest = scan(checkout).manifest()
    (checkout / "mod.py").write_text(SOURCE.replace("y = x", "y = x + 1"))
    lookup.use(manifest)

    found = entry(checkout / "mod.py")

    assert ("stale", "", "unknown") == (
        found.attribution.status,
        found.attribution.commit,
        found.attribution.verdict,
    )
    assert ("mod.py", "the file changed after the scan") in [
        (e.subject, e.reason) for e in lookup.unverified()
    ]


def test_foreign_file(checkout, tmp_path):
    """
    A file the manifest does not know is unknown.
    """
    lookup.use(scan(checkout).manifest())
    other = tmp_path / "other.py"
    other.write_text("def fail(x):\n    return x\n")

    found = lookup.entry_for(load(other)["fail"].__code__, "other")

    assert "unknown" == found.attribution.status


def test_no_source(checkout):
    """
    Code whose file cannot be read is unverified.
    """
    lookup.use(scan(checkout).manifest())
    fail = load(checkout / "mod.py")["fail"]
    (checkout / "mod.py").unlink()

    assert "unverified" == lookup.entry_for(fail.__code__, "mod").attribution.status


def test_development(checkout):
    """
    Without a manifest, in a checkout, git answers in the background.
    """
    lookup.use(None)
    lookup.when_unknown(development.ask_now)

    found = entry(checkout / "mod.py")
    before = found.attribution.status
    development.wait()

    assert ("pending", "ok", "claude") == (before, found.attribution.status, found.attribution.tool)


def test_development_out_of_time(checkout):
    """
    When git does not answer in time, the function is settled as pending, and nothing is held back for it.
    """
    use(Config(scan_budget_s=0.0))
    lookup.use(None)
    lookup.when_unknown(development.ask_now)
    (checkout / "other.py").write_text(SOURCE)

    found = entry(checkout / "other.py")
    development.wait()

    assert (True, "pending") == (found.settled, found.attribution.status)


def test_development_outside_git(tmp_path):
    """
    Outside git nothing is pending.
    """
    lookup.use(None)
    lookup.when_unknown(development.ask_now)
    (tmp_path / "mod.py").write_text(SOURCE)

    found = entry(tmp_path / "mod.py")

    assert (True, "unknown") == (found.settled, found.attribution.status)


def test_uncommitted_edits(checkout):
    """
    A function that is edited and not committed is stale, and the reason says so.
    """
    lookup.use(None)
    lookup.when_unknown(development.ask_now)
    (checkout / "mod.py").write_text(SOURCE.replace("y = x", "y = x + 2"))

    found = entry(checkout / "mod.py")
    development.wait()

    assert "stale" == found.attribution.status
    assert "uncommitted edits" in [each.reason for each in lookup.unverified()]
