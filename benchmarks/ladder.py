"""
Where the nanoseconds of a measured call go: each row adds one step to the one before it.

Run it with each Python: ``python benchmarks/ladder.py``. First the call, from an unmarked function to the
wrapper that byline makes; then the drain, from taking a batch out of the list to counting it. What a step
costs is the difference between two rows, which are measured in turns; shares are of two clock reads.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from itertools import pairwise
from time import perf_counter, thread_time
from types import NoneType
from typing import Any

from opentelemetry import trace
from ways import bodies
from ways.peers import unsampled

from byline import _semconv, ai_generated
from byline._instrumentation import lookup
from byline._telemetry import latency, spans
from byline._telemetry.durations import Durations
from byline._telemetry.tally import Tally

CALLS = 4_000
BATCH = 8_192

CLOCKS = """
    start = clock()
    result = function(a, b)
    {end}
    return result
"""
FAILURES = """
    start = clock()
    try:
        result = function(a, b)
    except rare.BaseException as exception:
        rare.failed(clock() - start, exception)
        raise
    {end}
    return result
"""
RESULT = FAILURES.replace(
    "    {end}",
    """    if result is not None and kind(result) is not expected and kind(result) not in rare.finished:
        return rare.returned(clock() - start, result)
    {end}""",
)
APPEND = "samples.append(clock() - start)"
CONTEXT = """
    if gate() is not quiet:
        rare.begin()
"""
STEPS = {
    "two clock reads (the floor)": CLOCKS.format(end="clock() - start"),
    "and an append": CLOCKS.format(end=APPEND),
    "and a place for failures": FAILURES.format(end=APPEND),
    "and a look at the result": RESULT.format(end=APPEND),
    "and a look at the context": CONTEXT + RESULT.format(end=APPEND),
}


class Rare:
    """What the steps need in no call here."""

    BaseException = BaseException
    finished: frozenset[type] = frozenset()


def step(body: str, samples: list[float]) -> Callable[[int], object]:
    """Make a wrapper from a body."""
    cells = {
        "function": bodies.copy(bodies.nothing), "clock": perf_counter, "samples": samples, "rare": Rare(),
        "gate": spans.current, "quiet": spans.current(), "kind": type, "expected": NoneType,
    }  # fmt: skip
    namespace: dict[str, Any] = {}
    # As cells, which is what byline's own are.
    used = [name for name in cells if name in body]
    source = (
        f"def factory({', '.join(used)}):\n  def wrapper(a, b=2):\n{body.strip(chr(10))}\n  return wrapper\n"
    )
    exec(source, namespace)  # noqa: S102  # ours
    made: Callable[[int], object] = namespace["factory"](*(cells[name] for name in used))
    return made


def calls(rounds: int) -> dict[str, float]:
    """Return what each step's wrapper adds to a bare call, in seconds."""
    samples: list[float] = []
    wrappers = {name: step(body, samples) for name, body in STEPS.items()}
    wrappers["as byline makes it"] = ai_generated(tool="claude")(bodies.copy(bodies.nothing))
    runs = {"bare": bodies.timed(bodies.nothing)} | {
        name: bodies.timed(each) for name, each in wrappers.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            samples.clear()
            latency.clear_all()
            taken[name].append(run(CALLS) / CALLS)
    costs = {name: statistics.median(each) for name, each in taken.items()}
    return {name: cost - costs["bare"] for name, cost in costs.items() if name != "bare"}


def drains(rounds: int) -> dict[str, float]:
    """Return what each step of a drain costs for each duration, in seconds."""
    run = bodies.timed(ai_generated(tool="claude")(bodies.copy(bodies.nothing)))
    durations = Durations(_semconv.DURATION_BOUNDS)
    fresh = list(latency._recorders.values())[-1]  # noqa: SLF001  # that of the function just marked

    def count(tally: Tally) -> None:
        durations.add(tally, {"code.function.name": "shop.cart.total"})

    steps: dict[str, Callable[[Tally], object]] = {
        "take samples out of the list, and free them": lambda _: None,
        "and add up": lambda tally: tally.total,
        "and pack": lambda tally: (tally.total, tally.lanes),
        "and count ranges": lambda tally: (tally.total, tally.lanes and tally.lanes.occupied),
        "and look for the extremes": count,
    }
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, do in steps.items():
            latency.clear_all()
            run(3 * BATCH)
            start = thread_time()
            for batch in fresh.take_durations(3 * BATCH):
                do(Tally(batch))
            taken[name].append((thread_time() - start) / (3 * BATCH))
    return {name: statistics.median(each) for name, each in taken.items()}


def rows(costs: dict[str, float], floor: float) -> None:
    """Print each step with what it adds."""
    before = {later: costs[earlier] for earlier, later in pairwise(costs)}
    for name, cost in costs.items():
        added = cost - before.get(name, 0.0)
        print(f"| {name} | {cost * 1e9:.0f} | {added * 1e9:+.0f} | {cost / floor:.2f} |")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    lookup.when_unknown(None)  # nobody asks git meanwhile
    with unsampled():
        assert not trace.get_current_span().is_recording()  # noqa: S101  # what this is about
        costs = calls(options.rounds)
        floor = next(iter(costs.values()))
        print(f"Python {sys.version.split()[0]}; nanoseconds\n")
        print("| step | in all | added | of the floor |\n|---|---|---|---|")
        rows(costs, floor)
        rows(drains(options.rounds), floor)


if __name__ == "__main__":
    main()
