"""The tutorial and the README work as written: their files, their commands, and what they print."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"

BLOCK = re.compile(r"^```(\{code-block\} python|console|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CAPTION = re.compile(r":caption: (\S+)\n\n")

FAILING = "byline run app.py"
"""The command that ends with an exception, as the tutorial says."""


class Reader:
    """Someone who does what the tutorial says."""

    def __init__(self, home: Path) -> None:
        self.folder = home
        self.compared: list[tuple[str, str]] = []
        """Blocks of output as the tutorial shows them, with what was really printed."""
        settings = home / "gitconfig"
        settings.write_text(
            "[user]\n\tname = Ana Souza\n\temail = ana@example.org\n[init]\n\tdefaultBranch = main\n"
        )
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BYLINE", "OTEL", "GIT"))
        }
        self.environment = {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "GIT_CONFIG_GLOBAL": str(settings),
            "GIT_CONFIG_SYSTEM": os.devnull,
            "NO_COLOR": "1",
        }

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def type(self, line: str) -> str:
        """Run a command and return what it printed; only one of them may fail."""
        if line.startswith("cd "):
            self.folder /= line.removeprefix("cd ")
            return ""
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == (line == FAILING), done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Reader:
    """Someone who has read the tutorial to its end."""
    reader = Reader(tmp_path_factory.mktemp("tutorial"))
    printed = ""
    for kind, text in BLOCK.findall((DOCS / "tutorial.md").read_text("utf-8")):
        if kind == "console":
            for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
                printed = reader.type(line)
        elif kind == "text":
            reader.compared.append((text, printed))
        else:
            reader.write(CAPTION.match(text)[1], CAPTION.sub("", text, count=1))
    return reader


def masked(text: str) -> list[str]:
    """Return the lines without what differs from run to run: ids, numbers and times."""
    without = re.sub(r"\b[0-9a-f]{7,40}\b", "SHA", text)
    without = re.sub(r"\d[\d.,:-]*", "N", without)
    without = re.sub(r"N (ns|µs|ms|s|min)\b", "N s", without).replace("just now", "N s ago")
    # Python 3.14 no longer says which kind of number was divided.
    without = without.replace("float division by zero", "division by zero")
    # How many a rate limit holds back depends on when a minute of it began.
    without = re.sub(r" \(N held back by the rate limit\)", "", without)
    return [" ".join(line.split()) for line in without.strip().splitlines()]


def compare(page: Path, shown: str, printed: str) -> None:
    """Fail when a page shows something else than what was printed; with WRITE_DOCS=1, put it in."""
    if masked(shown) != masked(printed) and os.environ.get("WRITE_DOCS"):
        page.write_text(page.read_text("utf-8").replace(shown, printed), "utf-8")
        return
    assert masked(shown) == masked(printed), (
        f"{page.name} is stale; write it again: WRITE_DOCS=1 pytest {__file__}"
    )


def test_readme_shows_what_the_demo_finds(tmp_path):
    """
    The first screen of the README is what byline why says of a failure in the demo.
    """
    reader = Reader(tmp_path)
    reader.type("byline demo shop")
    reader.type("cd shop")
    kinds = [
        kind
        for commit in json.loads(reader.type("byline incidents --json"))["commits"]
        for kind in commit["incidents"]
        if kind["error_type"] == "ZeroDivisionError"
    ]
    shown = re.search(r"^```text\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)[1]

    compare(README, shown, reader.type(f"byline why {kinds[0]['id']}"))


def test_commands_print_what_the_tutorial_shows(reader):
    """
    Each block of output in the tutorial is what the command before it prints.
    """
    assert reader.compared
    for promised, seen in reader.compared:
        compare(DOCS / "tutorial.md", promised, seen)


@pytest.mark.parametrize("command", ["scan", "manifest show", "why", "incidents", "blame", "doctor"])
def test_json_is_documented(command, reader):
    """
    docs/reference/json.md has a row per key of what a command prints with --json.
    """
    answer = json.loads(reader.type(f"byline {command} --json {'cart.py' if command == 'blame' else ''}"))
    section = (
        (DOCS / "reference" / "json.md")
        .read_text("utf-8")
        .partition(f"## byline {command}\n")[2]
        .partition("\n## ")[0]
    )
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)

    assert list(answer) == documented
