"""
What byline adds to the start of a program: 2,000 modules, of which the manifest names 20.

Each way of starting is a process of its own; they take turns, so that a noisy machine is noisy to all,
and what counts is processor time, of all threads. A module of the program weighs what one of SQLAlchemy,
Celery, FastAPI or Hypothesis weighs; that is printed too. Together they import of the standard library
what Flask, Django, FastAPI, Celery and SQLAlchemy all import. Bytecode is there: each way has run before.

One program would say little. Python collects all objects whenever their number has grown by a quarter:
a program that ends just short of that pays for a collection, a tenth of its start, whatever is added to
it, and one that ends just beyond pays for none. So there are programs of several weights, and the mean
of their ratios is what an unknown program can expect; how often each way collected is printed too.

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
WEIGHTS = (4, 5, 6, 7, 8)
"""Functions in each module of a program, beside its classes."""

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


def write(folder: Path, weight: int) -> None:
    """Make a program, with a history in which an AI tool wrote every hundredth module."""
    functions = "\n\n".join(FUNCTION.format(each=each) for each in range(weight))
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


COLLECTIONS = """
import gc, runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
print(gc.get_stats()[2]["collections"])
"""

Way = tuple[list[str], dict[str, str]]
"""The arguments of a program, and the environment that is set for it."""


def ways() -> dict[str, Way]:
    """Return the ways of starting; all others are compared with the first."""
    run = ["-m", "byline", "run"]
    return {
        "without byline": (["bare.py"], {}),
        "byline.instrument()": (["inside.py"], {}),
        "byline.instrument(), BYLINE_DISABLED=1": (["inside.py"], {"BYLINE_DISABLED": "1"}),
        "byline run --no-store": ([*run, "--no-store", "bare.py"], {}),
        "byline run": ([*run, "bare.py"], {}),
        "OpenTelemetry's SDK, without byline": (["loaded.py"], {}),
    }


def environment(way: Way, **more: str) -> dict[str, str]:
    """Return the variables of a process that keeps its bytecode."""
    variables = {**os.environ, **way[1], **more}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


def seconds(way: Way, folder: Path) -> float:
    """Return the processor time of a process, from its start to its end."""
    words = [sys.executable, *way[0]]
    process = subprocess.Popen(words, cwd=folder, env=environment(way), stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} ended with status {process.returncode}")
    return used.ru_utime + used.ru_stime


def instructions(way: Way, folder: Path) -> float:
    """Return how many instructions a process executes, from its start to its end."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    words = [*valgrind, sys.executable, *way[0]]
    # Hashes of strings decide how full which table is: without a seed each run would be another one.
    variables = environment(way, PYTHONHASHSEED="0")
    done = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    counted = re.search(r"I +refs: +([0-9,]+)", done.stderr)
    if done.returncode or counted is None:
        raise SystemExit(f"{words} ended with status {done.returncode}: {done.stderr[-500:]}")
    return float(counted[1].replace(",", ""))


def collections(way: Way, folder: Path) -> str:
    """Return how often a program that Python starts by itself collected all objects."""
    if "run" in way[0]:
        return ""
    words = [sys.executable, "-c", COLLECTIONS, *way[0]]
    done = subprocess.run(words, cwd=folder, env=environment(way), capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def measure(weight: int, rounds: int, *, counted: bool) -> dict[str, float]:
    """Print what each way of starting one program takes, as a ratio to the first way, and return the ratios."""
    chosen = {name: way for name, way in ways().items() if not (counted and "run" in way[0])}
    taken: dict[str, list[float]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(folder, weight)
        for way in chosen.values():  # writes the .pyc files
            seconds(way, folder)
        empty = min(seconds((["-c", "pass"], {}), folder) for _ in range(5))
        for _ in range(1 if counted else rounds):
            for name, way in chosen.items():
                taken[name].append(instructions(way, folder) if counted else seconds(way, folder))
        collected = {name: collections(way, folder) for name, way in chosen.items()}
    first, *_ = taken.values()
    each = (
        f"{min(first) / 1e6:,.0f} million instructions"
        if counted
        else f"{(min(first) - empty) / MODULES * 1e3:.2f} ms a module"
    )
    print(f"\n{MODULES} modules with {weight} functions each, {NAMED} of them named by the manifest; {each}")
    ratios = {}
    for name, found in taken.items():
        ratios[name] = statistics.median(mine / theirs for mine, theirs in zip(found, first, strict=True))
        fastest = "" if counted else f"   fastest {min(found) / min(first):6.3f}"
        print(
            f"{name:42} {ratios[name]:6.3f}{fastest}   full collections {collected[name] or '?'}", flush=True
        )
    return ratios


def main() -> None:
    """Print each way's ratio to the program without byline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", type=int, nargs="+", default=WEIGHTS, help="functions in each module")
    parser.add_argument("--instructions", action="store_true", help="count instructions, with valgrind")
    arguments = parser.parse_args()
    if arguments.instructions and shutil.which("valgrind") is None:
        parser.error("--instructions needs valgrind, which is not installed. Leave it out to measure time.")
    found = [
        measure(weight, arguments.rounds, counted=arguments.instructions) for weight in arguments.weights
    ]
    print(f"\nmean of {len(found)} programs")
    for name in found[0]:
        print(f"{name:42} {statistics.mean(each[name] for each in found):6.3f}")


if __name__ == "__main__":
    main()
