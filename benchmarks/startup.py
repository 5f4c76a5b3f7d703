"""
What byline adds to the start of a program: 2,000 modules, of which the manifest names 20.

Each way of starting is a process of its own; they take turns, so that a noisy machine is noisy to all,
and what counts is processor time, of all threads. A module of the program weighs what one of SQLAlchemy,
Celery, FastAPI or Hypothesis weighs; that is printed too. Together they import of the standard library
what Flask, Django, FastAPI, Celery and SQLAlchemy all import. Bytecode is there: each way has run before.

With --instructions, valgrind counts the instructions of all threads instead: one run of each way says
what any number of runs would, also on a machine that has other work. ``byline run`` is left out
then: it becomes another program on the way, and valgrind forgets what it has counted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

MODULES, PER_PACKAGE, NAMED = 2_000, 50, 20
PEOPLE = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org")
CLAUDE = "Add modules\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"

LIBRARIES = (
    "base64", "copy", "datetime", "decimal", "email", "importlib.util", "inspect", "ipaddress", "json",
    "logging", "pathlib", "random", "selectors", "shutil", "ssl", "string", "tempfile", "textwrap",
    "threading", "traceback", "typing", "urllib.parse", "uuid", "warnings", "weakref",
)  # fmt: skip
"""Each module imports one of them."""

MODULE = '''\
"""Orders of the {number}th kind."""

from __future__ import annotations

import os
import re
{libraries}
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

NUMBER = re.compile(r"(?P<kind>[a-z]{{2,{width}}})-(?P<number>[0-9]+)")


class State(Enum):
    """How far an order is."""

    NEW = "new"
    PAID = "paid"
    SENT = "sent"


@dataclass
class Line:
    """One line of an order."""

    item: str
    count: int = 1
    notes: list = field(default_factory=list)


RATES = {{"small": 0.1, "large": 0.25, "other": 0.4}}


class Order:
    """What somebody wants to buy."""

    def __init__(self, number, items=(), country="DE"):
        self.number = number
        self.items = list(items)
        self.country = country
        self.state = "new"

    def add(self, item, count=1):
        """Put an item in."""
        for _ in range(count):
            self.items.append(item)
        return len(self.items)

    def total(self, prices):
        """Add up the prices."""
        amount = sum(prices[item] for item in self.items)
        if amount > 100:
            amount -= amount * RATES["large"]
        return round(amount, 2)

    @property
    def is_open(self):
        return self.state not in ("sent", "cancelled")


{functions}


by_country = {{"DE": partial(step_0, scale=1.19), "FR": partial(step_1, scale=1.2)}}
'''

FUNCTION = '''\
def step_{each}(order, scale=1.0, *, limit=None):
    """Take step {each} of an order."""
    found = []
    for item in getattr(order, "items", ()):
        if item in found:
            continue
        found.append(item)
        if limit is not None and len(found) >= limit:
            break
    result = {{"count": len(found) * scale, "folder": os.sep, "step": {each}}}
    return result
'''

MAIN = """
import importlib

for number in range({modules}):
    importlib.import_module(f"app.part_{{number // {per_package}}}.module_{{number}}")
"""


def write(folder: Path) -> None:
    """Make the program, with a history in which an AI tool wrote every hundredth module."""
    functions = "\n\n".join(FUNCTION.format(each=each) for each in range(6))
    named = []
    for number in range(MODULES):
        package = folder / "app" / f"part_{number // PER_PACKAGE}"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        path = package / f"module_{number}.py"
        library = f"import {LIBRARIES[number % len(LIBRARIES)]}"
        path.write_text(
            MODULE.format(number=number, functions=functions, libraries=library, width=3 + number % 50)
        )
        if number % (MODULES // NAMED) == 0:
            named.append(str(path))
    (folder / "app" / "__init__.py").touch()
    main = textwrap.dedent(MAIN).format(modules=MODULES, per_package=PER_PACKAGE)
    (folder / "bare.py").write_text(main)
    (folder / "inside.py").write_text(f"import byline\n\nbyline.instrument()\n{main}")
    (folder / "loaded.py").write_text(f"import opentelemetry.sdk.metrics, opentelemetry.sdk._logs\n{main}")
    for words in (["init", "-q"], ["add", "."], ["rm", "-q", "--cached", *named], ["commit", "-qm", "Start"],
                  ["add", "."], ["commit", "-qm", CLAUDE]):  # fmt: skip
        subprocess.run(["git", *PEOPLE, *words], cwd=folder, check=True)
    subprocess.run(
        [sys.executable, "-m", "byline", "scan"], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )


def seconds(words: list[str], folder: Path, **variables: str) -> float:
    """Return the processor time of a process, from its start to its end."""
    environment = {**os.environ, **variables}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} ended with status {process.returncode}")
    return used.ru_utime + used.ru_stime


def instructions(words: list[str], folder: Path, **variables: str) -> int:
    """Return how many instructions a process executes, from its start to its end."""
    # Hashes of strings decide how full which table is: without a seed each run would be another one.
    environment = {**os.environ, "PYTHONHASHSEED": "0", **variables}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run(
        [*valgrind, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    counted = re.search(r"I +refs: +([0-9,]+)", done.stderr)
    if done.returncode or counted is None:
        raise SystemExit(f"{words} ended with status {done.returncode}: {done.stderr[-500:]}")
    return int(counted[1].replace(",", ""))


def count(ways: dict[str, tuple[list[str], dict[str, str]]], folder: Path) -> None:
    """Print the instructions of each way, and their ratio to the first one's."""
    bare = 0
    for way, (words, variables) in ways.items():
        if "run" in words:
            continue
        number = instructions(words, folder, **variables)
        bare = bare or number
        print(f"{way:42} {number / 1e6:8,.0f} million instructions   {number / bare:6.3f}")


def main() -> None:
    """Print each way's ratio to the program without byline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--instructions", action="store_true", help="count instructions, with valgrind")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    if arguments.instructions and shutil.which("valgrind") is None:
        parser.error("--instructions needs valgrind, which is not installed. Leave it out to measure time.")
    python, byline = sys.executable, [sys.executable, "-m", "byline", "run"]
    ways: dict[str, tuple[list[str], dict[str, str]]] = {
        "without byline": ([python, "bare.py"], {}),
        "byline.instrument()": ([python, "inside.py"], {}),
        "byline.instrument(), BYLINE_DISABLED=1": ([python, "inside.py"], {"BYLINE_DISABLED": "1"}),
        "byline run --no-store": ([*byline, "--no-store", "bare.py"], {}),
        "byline run": ([*byline, "bare.py"], {}),
        "OpenTelemetry's SDK, without byline": ([python, "loaded.py"], {}),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        for words, variables in ways.values():  # writes the .pyc files
            seconds(words, folder, **variables)
        if arguments.instructions:
            count(ways, folder)
            return
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (words, variables) in ways.items():
                taken[way].append(seconds(words, folder, **variables))
        empty = min(seconds([python, "-c", "pass"], folder) for _ in range(5))
    bare = taken["without byline"]
    each_ms = (min(bare) - empty) / MODULES * 1_000
    print(
        f"{MODULES} modules of {each_ms:.2f} ms, {NAMED} of them named by the manifest; "
        f"{rounds} rounds, against without byline"
    )
    for way, found in taken.items():
        ratios = [mine / theirs for mine, theirs in zip(found, bare, strict=True)]
        print(f"{way:42} median {statistics.median(ratios):6.3f}   fastest {min(found) / min(bare):6.3f}")


if __name__ == "__main__":
    main()
