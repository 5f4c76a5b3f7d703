"""
How often the probation is right: versions with a known truth, through the real store, looked at again and again.

Durations are log-normal, slower in the afternoon than at night, and noisy from quarter hour to
quarter hour with a memory of about an hour, so that calls are not independent of each other.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from byline._desk.status import State, status
from byline._store import sketches, upkeep
from byline.store import Calls, FunctionSeen, Store

QUARTER_NS = 15 * 60 * 10**9
BEFORE, AFTER = 192, 192
"""Quarter hours of the previous and of the new version: two days each."""

CALLS = 30
MEDIAN_S, SPREAD = 0.010, 0.5
DAILY, NOISE, MEMORY = 0.2, 0.08, 0.8
ERRORS = 0.01
LOOKS_H = (1, 2, 4, 8, 12, 18, 24, 36, 48)
OLD, NEW = "a" * 40, "b" * 40


@dataclass(frozen=True, slots=True)
class Truth:
    """What really changed with the new version."""

    name: str
    slower: float = 1.0
    errors: float = ERRORS
    calls: int = CALLS


TRUTHS = (
    Truth("no change"),
    Truth("slower by 5 %", slower=1.05),
    Truth("slower by 20 %", slower=1.20),
    Truth("slower by 50 %", slower=1.50),
    Truth("failures 1 % → 3 %", errors=0.03),
    Truth("never called", calls=0),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said of the versions of one truth."""

    truth: str
    runs: int
    suspect: int
    """Versions that were suspect at any look."""

    hours: float
    """After how many hours half of those were."""

    last: Counter[State]
    """What was said at the last look."""


def main() -> None:
    """Simulate every truth, and print what was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--truth", type=int, action="append", choices=range(len(TRUTHS)), help="only this one"
    )
    options = parser.parse_args()
    print("| truth | runs | ever suspect | median delay | after 48 h |\n|---|---|---|---|---|")
    for number in options.truth or range(len(TRUTHS)):
        found = simulate(TRUTHS[number], options.runs, options.seed + number)
        last = ", ".join(f"{state} {times}" for state, times in found.last.most_common())
        delay = f"{found.hours:g} h" if found.suspect else ""
        print(
            f"| {found.truth} | {found.runs} | {100 * found.suspect / found.runs:.1f} % | {delay} | {last} |",
            flush=True,
        )


def simulate(truth: Truth, runs: int, seed: int) -> Outcome:
    """Write versions of functions with one truth into a store, and look at them as time goes by."""
    rng = random.Random(seed)
    now_ns = time.time_ns() // QUARTER_NS * QUARTER_NS
    deployed_ns = now_ns - AFTER * QUARTER_NS
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder, "byline.db"), create=True, max_bytes=1 << 40)
        store._sum_up_at = math.inf  # once, at the end  # noqa: SLF001  # the writer would do it as time goes by
        for run in range(runs):
            store.add_functions(_seen(run, deployed_ns))
            store.add_latency(_calls(rng, truth, run, deployed_ns))
        with store._file.opened() as connection:  # noqa: SLF001
            while not upkeep.sum_up(connection, time.time_ns()):
                pass
        found = _look(store, truth, runs, deployed_ns)
        store.close()
    return found


def _seen(run: int, deployed_ns: int) -> Iterator[FunctionSeen]:
    first_ns = deployed_ns - BEFORE * QUARTER_NS
    yield FunctionSeen(f"f{run}", OLD, OLD, first_seen_ns=first_ns, last_seen_ns=deployed_ns)
    yield FunctionSeen(f"f{run}", OLD, NEW, first_seen_ns=deployed_ns, last_seen_ns=deployed_ns)


def _calls(rng: random.Random, truth: Truth, run: int, deployed_ns: int) -> Iterator[Calls]:
    """List the calls of one function; each function has a time of day of its own."""
    phase, noise = rng.random() * math.tau, 0.0
    for quarter in range(-BEFORE, AFTER):
        noise = MEMORY * noise + rng.gauss(0, NOISE * math.sqrt(1 - MEMORY**2))
        new = quarter >= 0
        wave = math.sin(phase + quarter / 96 * math.tau)
        level = math.log(MEDIAN_S) + DAILY / 2 * wave + noise + (math.log(truth.slower) if new else 0.0)
        calls = round((truth.calls if new else CALLS) * (1 + wave / 2) * rng.uniform(0.7, 1.3))
        errors = sum(rng.random() < (truth.errors if new else ERRORS) for _ in range(calls))
        time_ns = deployed_ns + quarter * QUARTER_NS
        version = NEW if new else OLD
        for error_type, number in (("", calls - errors), ("KeyError", errors)):
            if number:
                values = [rng.lognormvariate(level, SPREAD) for _ in range(number)]
                yield Calls(f"f{run}", OLD, version, error_type, time_ns, sketches.of(values), "one")


def _look(store: Store, truth: Truth, runs: int, deployed_ns: int) -> Outcome:
    delays: dict[str, int] = {}
    last: Counter[State] = Counter()
    for hours in LOOKS_H:
        now = datetime.fromtimestamp(deployed_ns / 1e9, UTC) + timedelta(hours=hours)
        (commit,) = status(store, commit=NEW, now=now).commits
        last = Counter(each.state for each in commit.versions)
        for each in commit.versions:
            if each.state == "suspect":
                delays.setdefault(each.function, hours)
    ordered = sorted(delays.values())
    return Outcome(truth.name, runs, len(delays), ordered[len(ordered) // 2] if ordered else 0.0, last)


if __name__ == "__main__":
    main()
