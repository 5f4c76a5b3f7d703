"""
What it costs to count a call's duration into exact buckets, off the call: nanoseconds and shares.

Run it with each Python: ``python benchmarks/drain.py``. The rows are batches as functions leave them:
short calls of a clock that ticks every 10 ns, or every nanosecond, and longer ones that spread more.
Beside them is what else could count them exactly: sorting, and ``collections.Counter``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from time import thread_time

from byline import _semconv
from byline._telemetry.durations import Durations
from byline._telemetry.tally import BOUNDS, Tally

ATTRIBUTES = {"code.function.name": "shop.cart.total"}


def batch(size: int, middle_s: float, width: float, tick_s: float) -> list[float]:
    """Make up durations: log-normal around a middle, as a clock that ticks tells them."""
    chance = random.Random(size)
    now, found = 1_234.567, []
    for _ in range(size):
        later = now + round(middle_s * 2 ** chance.gauss(0.0, width) / tick_s) * tick_s
        found.append(later - now)
        now = later
    return found


BATCHES = {
    "70 ns, clock of 10 ns": (7e-8, 0.15, 1e-8),
    "70 ns, clock of 1 ns": (7e-8, 0.15, 1e-9),
    "10 µs": (1e-5, 0.3, 1e-9),
    "1 ms, a doubling apart": (1e-3, 1.0, 1e-9),
    "1 ms, many doublings apart": (1e-3, 3.0, 1e-9),
}


def with_sort(values: list[float]) -> None:
    """Sort, and search for the bounds of occupied buckets."""
    ascending = sorted(values)
    at, found = 0, {}
    while at < len(ascending):
        bound = bisect_left(BOUNDS, ascending[at])
        end = bisect_right(ascending, BOUNDS[bound], at)
        found[bound] = end - at
        at = end


def with_counter(values: list[float]) -> None:
    """Count equal values first."""
    found: Counter[int] = Counter()
    for value, number in Counter(values).items():
        found[bisect_left(BOUNDS, value)] += number


def ways() -> dict[str, Callable[[list[float]], None]]:
    """Return what is compared."""
    exponential, explicit = Durations(), Durations(_semconv.DURATION_BOUNDS)

    def both(values: list[float]) -> None:
        tally = Tally(values)
        exponential.add(tally, ATTRIBUTES)
        explicit.add(tally, ATTRIBUTES)

    return {
        "exponential": lambda values: exponential.add(Tally(values), ATTRIBUTES),
        "explicit": lambda values: explicit.add(Tally(values), ATTRIBUTES),
        "both": both,
        "sorting": with_sort,
        "`Counter`": with_counter,
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=8_192, help="durations in a batch")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    compared = ways()
    print(f"Python {sys.version.split()[0]}, nanoseconds for each duration, in batches of {options.size}:\n")
    print("| durations | " + " | ".join(compared) + " |")
    print("|---" * (len(compared) + 1) + "|")
    for name, shape in BATCHES.items():
        values = batch(options.size, *shape)
        taken: dict[str, list[float]] = {way: [] for way in compared}
        for _ in range(options.rounds):
            for way, run in compared.items():
                start = thread_time()
                run(values)
                taken[way].append((thread_time() - start) / len(values) * 1e9)
        print(f"| {name} | " + " | ".join(f"{statistics.median(each):.1f}" for each in taken.values()) + " |")


if __name__ == "__main__":
    main()
