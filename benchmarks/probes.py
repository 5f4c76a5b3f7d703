"""
What watching costs: marked and other code, with the probes on and off, in turns.

    python benchmarks/probes.py [ROUNDS]

Prints ratios of the times with the probes on to those with them off, side by side in one
process: 1.00 means that it costs nothing. The last column watches exceptions process-wide
(``EXCEPTION_HANDLED``), which is the other way to see them.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter

import byline
from byline._probes import monitoring
from byline._telemetry import findings, worker

ROUNDS = 15
OTHER = 5

log = logging.getLogger("benchmark")
log.addHandler(logging.NullHandler())
log.propagate = False
PRICES = {f"p{number}": number for number in range(100)}


def lookup_here(key: str) -> int:
    """Find, or not, in code that nobody marked."""
    try:
        return PRICES[key]
    except KeyError:
        return 0


def deep(levels: int) -> None:
    """Raise through some frames."""
    if levels:
        deep(levels - 1)
    raise ValueError


def unrelated_exceptions() -> int:
    """Raise and handle, as exception-heavy code does."""
    total = 0
    for number in range(100):
        total += lookup_here("nothing" if number % 2 else "p1")
        try:
            deep(3)
        except ValueError:
            total += 1
    return total


def unrelated_work() -> int:
    """Compute, in code that nobody marked."""
    return sum(number * number % 7 for number in range(2_000))


def unrelated_logging() -> None:
    """Log, in code that nobody marked."""
    for _ in range(50):
        log.warning("a line")


@byline.ai_generated
def small(key: str) -> int:
    """Handle what seldom comes."""
    try:
        return PRICES[key]
    except KeyError:
        return 0


@byline.ai_generated
def larger(count: int) -> int:
    """Loop, with a handler inside and one outside."""
    total = 0
    try:
        for number in range(count):
            try:
                total += number * 3 % 7
            except TypeError:
                log.error("not a number")  # noqa: TRY400  # never reached
    finally:
        total += 1
    return total


@byline.ai_generated
def retrying() -> int:
    """Succeed at the first attempt."""
    value = 0
    for _ in range(3):
        try:
            value = PRICES["p1"]
            break
        except KeyError:
            continue
    return value


@byline.ai_generated
def generating(count: int) -> Iterator[int]:
    """Yield, with a handler around."""
    try:
        for number in range(count):  # noqa: UP028  # each is a step of its own
            yield number
    except ValueError:
        return


@byline.ai_generated
async def awaiting() -> int:
    """Wait, with a handler around."""
    try:
        await asyncio.sleep(0)
    except ValueError:
        return 0
    return 1


@byline.ai_generated
def swallowing() -> dict[str, int]:
    """Swallow, every time."""
    try:
        deep(0)
    except ValueError:
        return {}
    return {}


@byline.ai_generated
def missing() -> int:
    """Look up what is not there, every time."""
    try:
        return PRICES["nothing"]
    except KeyError:
        return 0


def repeated(function: Callable[..., object], *arguments: object, times: int) -> None:
    """Call a function many times."""
    for _ in range(times):
        function(*arguments)


def exhausted() -> None:
    """Use a generator up."""
    for _ in range(20):
        for _ in generating(50):
            pass


async def _awaited() -> None:
    for _ in range(300):
        await awaiting()


CASES: dict[str, Callable[[], object]] = {
    "not marked: raises and handles": unrelated_exceptions,
    "not marked: computes": unrelated_work,
    "not marked: logs": unrelated_logging,
    "marked: a lookup that finds": partial(repeated, small, "p1", times=3_000),
    "marked: a loop with handlers": partial(repeated, larger, 200, times=50),
    "marked: a retry that works at once": partial(repeated, retrying, times=3_000),
    "marked: a generator": exhausted,
    "marked: a coroutine": lambda: asyncio.run(_awaited()),
    "marked: a lookup that misses, every time": partial(repeated, missing, times=1_000),
    "marked: swallows, every time": partial(repeated, swallowing, times=1_000),
}


@contextmanager
def probes() -> Iterator[None]:
    """Watch as ``byline.instrument()`` does."""
    monitoring.start(lines=True, handlers=True)
    try:
        yield
    finally:
        monitoring.stop()


@contextmanager
def process_wide() -> Iterator[None]:
    """Watch every exception that is handled anywhere, with the least that can be done."""
    api = sys.monitoring
    api.use_tool_id(OTHER, "process-wide")
    api.register_callback(OTHER, api.events.EXCEPTION_HANDLED, lambda *_: None)
    api.set_events(OTHER, api.events.EXCEPTION_HANDLED)
    try:
        yield
    finally:
        api.set_events(OTHER, 0)
        api.free_tool_id(OTHER)


def timed(case: Callable[[], object]) -> float:
    """Return the best of three runs, warm."""
    for _ in range(3):
        case()
    best = float("inf")
    for _ in range(3):
        start = perf_counter()
        case()
        best = min(best, perf_counter() - start)
    return best


def main(rounds: int) -> None:
    """Measure in turns, and print the medians of the ratios."""
    print(f"Python {sys.version.split()[0]}, {rounds} rounds, medians of ratios (10th to 90th percentile)\n")
    print(f"{'':<42} {'probes':>7} {'':>14} {'process-wide':>13}")
    for name, case in CASES.items():
        ratios: list[float] = []
        others: list[float] = []
        for _ in range(rounds):
            off = timed(case)
            with probes():
                on = timed(case)
            with process_wide():
                other = timed(case)
            off = min(off, timed(case))
            ratios.append(on / off)
            others.append(other / off)
            worker.flush()
            findings.reset()
        tenths = statistics.quantiles(ratios, n=10)
        spread = f"({tenths[0]:.2f}-{tenths[-1]:.2f})"
        print(f"{name:<42} {statistics.median(ratios):>7.2f} {spread:>14} {statistics.median(others):>13.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
