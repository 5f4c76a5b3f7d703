"""How long the desk takes to answer from a big store, and how big that store is: each command as a person starts it."""

from __future__ import annotations

import argparse
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from byline._model import Attribution, Incident, Suspect
from byline._store import sketches, upkeep
from byline.store import MAX_BYTES, Calls, FunctionSeen, Store

MINUTE_NS = 60 * 10**9
QUARTER = 15
DAYS = 30
TOOLS = ("claude", "copilot", "cursor", "codex")
ERRORS = ("KeyError", "ValueError", "TypeError", "TimeoutError", "AttributeError")
COMMITS = 300
BATCH = 20_000
LONG = 30
"""Digits of an id that is not printed whole."""

SHAPES = 60
"""Different distributions of durations."""

ON_PROBATION = 100
"""Versions that were deployed within the last two days."""


def main() -> None:
    """Make a store, ask it everything, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=1_000_000)
    parser.add_argument("--functions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3, help="the fastest counts")
    parser.add_argument("--bytes", type=int, default=8 * MAX_BYTES, help="bound of the store")
    parser.add_argument("--store", type=Path, help="ask this one, made before, or make it here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.store or Path(folder, "byline.db")
        if not path.exists():
            start = time.perf_counter()
            make(path, options.incidents, options.functions, options.seed, options.bytes)
            print(f"made in {time.perf_counter() - start:.0f} s")
        report(path, options.runs)


def make(path: Path, incidents: int, functions: int, seed: int, max_bytes: int) -> None:
    """Write a store as thirty days of a busy program leave it."""
    rng = random.Random(seed)
    now_ns = time.time_ns()
    world = World(rng, functions, now_ns)
    with Store.open(path, create=True, max_bytes=1 << 62, max_age=timedelta(days=2 * DAYS)) as store:
        store._sum_up_at = math.inf  # once, at the end  # noqa: SLF001  # the writer would do it as time goes by
        for some in _batches(world.functions_seen(), BATCH):
            store.add_functions(some)
        for some in _batches(world.calls(), BATCH):
            store.add_latency(some)
        for some in _batches(world.incidents(incidents), BATCH):
            store.add_incidents(some)
        bounds = upkeep.Bounds(max_bytes, now_ns - 2 * DAYS * 24 * 60 * MINUTE_NS, now_ns)
        with store._file.opened() as connection:  # noqa: SLF001
            while not upkeep.sum_up(connection, now_ns):
                pass
            while upkeep.used_bytes(connection) > max_bytes:
                upkeep.shrink(connection, bounds)


Value = TypeVar("Value")


def _batches(values: Iterable[Value], size: int) -> Iterator[list[Value]]:
    source = iter(values)
    while batch := list(islice(source, size)):
        yield batch


class World:
    """A program: its functions with their versions, and how often each is called."""

    def __init__(self, rng: random.Random, functions: int, now_ns: int) -> None:
        self.rng = rng
        self.now_ns = now_ns
        self.shas = [f"{rng.getrandbits(160):040x}" for _ in range(COMMITS)]
        self.names = [f"shop.part{number % 97}.function_{number}" for number in range(functions)]
        self.shapes = [
            sketches.of([rng.lognormvariate(-5 + number / SHAPES * 4, 0.4) for _ in range(40)])
            for number in range(SHAPES)
        ]
        # A few functions have a version that is younger than two days.
        self.changed = {
            number: now_ns - rng.randrange(2 * 24 * 60) * MINUTE_NS
            for number in rng.sample(range(functions), min(ON_PROBATION, functions))
        }

    def versions(self, number: int, time_ns: int) -> tuple[str, str]:
        """Return the commit and the last commit of a function at a moment."""
        commit = self.shas[number % COMMITS]
        deployed = self.changed.get(number)
        new = deployed is not None and time_ns >= deployed
        return commit, self.shas[(number * 7 + 1 + new) % COMMITS]

    def functions_seen(self) -> Iterator[FunctionSeen]:
        """List every version."""
        first_ns = self.now_ns - DAYS * 24 * 60 * MINUTE_NS
        for number, name in enumerate(self.names):
            moments = [(first_ns, self.changed.get(number, self.now_ns))]
            if number in self.changed:
                moments.append((self.changed[number], self.now_ns))
            for start_ns, end_ns in moments:
                commit, last = self.versions(number, start_ns)
                yield FunctionSeen(
                    name, commit, last, "shop/app.py", number, "Ana", TOOLS[number % 4], "opus", "trailer",
                    "medium", "ok", 5, 9, start_ns // 10**9, start_ns, end_ns,
                )  # fmt: skip

    def calls(self) -> Iterator[Calls]:
        """List calls by the quarter hour: the function of rank r in one of r / 50 of them, each at least daily."""
        for quarter in range(DAYS * 24 * 4, 0, -1):
            time_ns = self.now_ns - quarter * QUARTER * MINUTE_NS
            for number, name in enumerate(self.names):
                daily = quarter % 96 == number % 96
                if daily or self.rng.random() * (number + 1) < 50:  # noqa: PLR2004
                    commit, last = self.versions(number, time_ns)
                    sketch = self.shapes[(number + quarter % 3) % SHAPES]
                    yield Calls(name, commit, last, "", time_ns, sketch, "web-1")
                    if self.rng.random() < 0.02:  # noqa: PLR2004
                        yield Calls(name, commit, last, ERRORS[number % 5], time_ns, self.shapes[0], "web-1")

    def incidents(self, wanted: int) -> Iterator[Incident]:
        """List incidents, evenly over time; a fifth of the functions have most of them."""
        for index in range(wanted):
            number = int(len(self.names) * self.rng.random() ** 3)
            time_ns = self.now_ns - int((wanted - index) / wanted * DAYS * 24 * 60 * MINUTE_NS)
            commit, last = self.versions(number, time_ns)
            error, line = ERRORS[number % 5], 10 + number % 3
            message = f"order {self.rng.randrange(10**6)} is not known"
            stack = "Traceback (most recent call last):\n" + "".join(
                f'  File "/srv/shop/part{each}.py", line {each * 7}, in step_{each}\n' for each in range(12)
            )
            suspect = Suspect(
                commit, "AI line that raised", self.names[number], "shop/app.py", line, 0, "ai", "medium",
                "Ana", TOOLS[number % 4], "opus", "trailer", f"Change {number % COMMITS}",
            )  # fmt: skip
            yield Incident(
                f"{self.rng.getrandbits(64):016x}", time_ns, self.names[number], error, message,
                f"{stack}{error}: {message}\n", "shop/app.py", line, f"fp{number % 2_000}",
                Attribution("ai", "medium", "ok", commit, last, "Ana", TOOLS[number % 4], lines=9, ai_lines=5),
                (suspect,), trace_id=f"{self.rng.getrandbits(128):032x}", span_id=f"{self.rng.getrandbits(64):016x}",
                service="shop", revision=self.shas[0],
            )  # fmt: skip


def report(path: Path, runs: int) -> None:
    """Ask everything, and print the fastest of several runs."""
    with Store.open(path, read_only=True) as store:
        incidents = store.count_incidents()
        commit = store.by_commit(since=timedelta(days=2))[0].commit
        incident = store.incidents(limit=1)[0]
        thinned = ", ".join(f"{each.what}: {each.rows:,} rows" for each in store.thinned()) or "nothing"
    print(f"{incidents:,} incidents, {path.stat().st_size / 1e6:.0f} MB, thinned: {thinned}\n")
    print("| question | seconds | of the processor |\n|---|---|---|")
    _print("byline --version", [answered(["--version"]) for _ in range(runs)])
    for line in questions(commit, incident):
        told = " ".join(each[:12] if len(each) > LONG else each for each in line)
        _print(f"byline {told}", [answered([*line, "--store", str(path)]) for _ in range(runs)])
    for line in (["incidents", "--follow", "--since", "48h"], ["export"]):
        times = [first_line([*line, "--store", str(path)]) for _ in range(runs)]
        _print(f"byline {' '.join(line)}", times, ", the first line")
    with serving(path) as (address, process):
        for page in pages(commit, incident):
            _print("byline serve", [asked(address + page, process) for _ in range(runs)], f": {page}")


def _print(words: str, times: list[Times], more: str = "") -> None:
    print(
        f"| `{words}`{more} | {min(each.wall_s for each in times):.2f} | {min(each.cpu_s for each in times):.2f} |",
        flush=True,
    )


def questions(commit: str, incident: Incident) -> Iterator[list[str]]:
    """List the commands."""
    yield ["incidents"]
    yield ["incidents", "--since", "48h"]
    yield ["incidents", commit[:12]]
    yield ["incidents", "--function", incident.function]
    yield ["incidents", "--tool", "claude"]
    yield ["incidents", "--error", "KeyError"]
    yield ["incidents", "--pattern", "edge-case"]
    yield ["incidents", "--trace", incident.trace_id]
    yield ["latency"]
    yield ["latency", "--since", "30d"]
    yield ["latency", incident.function]
    yield ["latency", "--by", "commit"]
    yield ["status"]
    yield ["status", commit[:12]]
    yield ["report"]
    yield ["report", "--since", "30d"]
    yield ["findings"]
    yield ["coverage"]
    yield ["doctor"]
    yield ["why"]
    yield ["why", incident.id]
    yield ["why", incident.trace_id]


def pages(commit: str, incident: Incident) -> Iterator[str]:
    """List the pages and pictures."""
    yield "/"
    yield f"/commit/{commit[:12]}"
    yield f"/function/{incident.function}"
    yield f"/incident/{incident.id}"
    yield "/picture/incidents.svg"
    yield f"/picture/latency/{incident.function}.svg"
    yield f"/picture/distribution/{incident.function}.svg"


class Times(NamedTuple):
    """How long something took."""

    wall_s: float
    cpu_s: float
    """Of the processor, so without what other programs took of it."""


def answered(arguments: list[str]) -> Times:
    """Run a command to its end."""
    start, used_s = time.perf_counter(), _used_s()
    done = subprocess.run([sys.executable, "-m", "byline", *arguments], capture_output=True, check=False)
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stderr.decode())
    return Times(time.perf_counter() - start, _used_s() - used_s)


def first_line(arguments: list[str]) -> Times:
    """Run a command to its first line; then nobody reads any more."""
    start, used_s = time.perf_counter(), _used_s()
    with subprocess.Popen([sys.executable, "-m", "byline", *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        process.stdout.readline()
        wall_s = time.perf_counter() - start
        process.kill()
    return Times(wall_s, _used_s() - used_s)


def _used_s() -> float:
    """Return what all processes that were started and have ended took of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def serving(path: Path) -> Iterator[tuple[str, int]]:
    """Serve the pages; yield their address without the last slash, and the process's id."""
    words = [sys.executable, "-u", "-m", "byline", "serve", "--port", "0", "--store", str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        address = process.stdout.readline().partition(" at ")[2].split()[0]
        yield address.rstrip("/"), process.pid
        process.terminate()


def asked(address: str, process: int) -> Times:
    """Ask for a page."""
    start, used_s = time.perf_counter(), _used_by(process)
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310  # our own server
        answer.read()
    return Times(time.perf_counter() - start, _used_by(process) - used_s)


def _used_by(process: int) -> float:
    """Return what a running process took of the processor; as Linux tells it, by the hundredth of a second."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
