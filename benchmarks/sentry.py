"""
What byline costs Sentry: ratios from one interleaved run.

Run it with ``python benchmarks/sentry.py``. It needs byline with sentry-sdk, git, and no network, and prints
a Markdown table. Each row compares the same work with byline and without; only ratios of one run mean anything.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import thread_time
from types import ModuleType
from typing import Any

import sentry_sdk
from sentry_sdk.transport import Transport

import byline
from byline._sentry import hooks, settings
from byline._telemetry import latency, spans
from byline.sentry import BylineIntegration

Work = Callable[[int], float]

DEPTH = 12
"""Calls between the top and the line that raises."""

SOURCE = f"""\
def fail(depth):
    if depth:
        return fail(depth - 1)
    raise ValueError("no")


def failing():
    fail({DEPTH})


def refuse():
    raise ValueError("no")


def total(a, b=2):
    return a
"""


class Nowhere(Transport):
    """Takes everything, and sends nothing."""

    def capture_envelope(self, envelope: Any) -> None:  # noqa: ANN401  # the SDK's signature
        """Drop it."""

    def flush(self, *arguments: object, **options: object) -> None:
        """Drop everything."""


def start(*, rate: int) -> None:
    """Make a client, for which byline may add so many events a minute."""
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1", transport=Nowhere, integrations=[BylineIntegration(rate=rate)],
        auto_enabling_integrations=False, traces_sample_rate=1.0, max_breadcrumbs=0,
    )  # fmt: skip


def shop(folder: Path) -> Path:
    """Make a repository with one AI commit and scan it; return its manifest."""

    def git(*words: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    (folder / "benchmarked_shop.py").write_text(SOURCE)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>")
    subprocess.run([sys.executable, "-m", "byline", "scan"], cwd=folder, check=True, capture_output=True)
    return folder / ".byline" / "manifest"


@contextlib.contextmanager
def without_byline() -> Iterator[None]:
    """Take byline out of the SDK for the length of a block."""
    found = settings.of
    settings.of = lambda client: None  # noqa: ARG005  # as it is called
    try:
        yield
    finally:
        settings.of = found


def captured(module: ModuleType) -> Work:
    """Capture an exception as a framework does."""

    def run(number: int) -> float:
        start = thread_time()
        for _ in range(number):
            try:
                module.fail(DEPTH)
            except ValueError as error:
                sentry_sdk.capture_exception(error)
        return thread_time() - start

    return run


def message(_module: ModuleType) -> Work:
    """Capture a message, in which byline finds nothing."""

    def run(number: int) -> float:
        start = thread_time()
        for _ in range(number):
            sentry_sdk.capture_message("hello")
        return thread_time() - start

    return run


def called(module: ModuleType, *, inside: bool = False) -> Work:
    """Call a marked function, inside a sampled transaction or outside of any."""

    def run(number: int) -> float:
        around = sentry_sdk.start_transaction(name="request") if inside else contextlib.nullcontext()
        with around:
            start = thread_time()
            for _ in range(number):
                module.total(1)
            return thread_time() - start

    return run


def compare(one: Work, other: Work, number: int, rounds: int) -> tuple[float, float]:
    """Return the median times per item of two kinds of work, in turns."""
    ones, others = [], []
    for _ in range(rounds):
        ones.append(one(number))
        others.append(other(number))
    return statistics.median(ones) / number, statistics.median(others) / number


def plainly(work: Work) -> Work:
    """Do the work without byline's part in the SDK."""

    def run(number: int) -> float:
        with without_byline():
            return work(number)

    return run


def alone(work: Work) -> Work:
    """Do the work while only OpenTelemetry is asked whether it wants spans."""

    def run(number: int) -> float:
        beside = spans._beside  # noqa: SLF001  # to put it back
        spans.put_beside(None)
        try:
            return work(number)
        finally:
            spans.put_beside(beside)

    return run


def swallowed(module: ModuleType) -> Work:
    """Call a marked function that fails, and lose its exception."""

    def run(number: int) -> float:
        start = thread_time()
        for _ in range(number):
            with contextlib.suppress(ValueError):
                module.refuse()
        return thread_time() - start

    return run


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        manifest = next(iter(Path(shop(Path(name))).parent.glob("*manifest*")))
        sys.path.insert(0, name)
        start(rate=10**9)
        bare = importlib.import_module("benchmarked_shop")
        rows = [
            ("an error event, nothing marked", *compare(captured(bare), plainly(captured(bare)), 40, rounds)),
            ("a message", *compare(message(bare), plainly(message(bare)), 200, rounds)),
        ]
        del sys.modules["benchmarked_shop"]
        byline.instrument(manifest=manifest)
        marked = importlib.import_module("benchmarked_shop")
        rows.append(
            (
                "an error event that passed a dozen marked functions",
                *compare(captured(marked), plainly(captured(bare)), 40, rounds),
            )
        )
        marked.total(1)
        outside, inside = called(marked), called(marked, inside=True)
        rows += [
            (
                "a marked call outside of a transaction, Sentry tracing on",
                *compare(outside, alone(outside), 20_000, rounds),
            ),
            ("a marked call that becomes a span", *compare(inside, sentrys(marked), 500, rounds)),
        ]
        start(rate=0)
        refused = swallowed(marked)
        rows.append(
            (
                "an exception that is swallowed, beyond the rate",
                *compare(refused, plainly(refused), 2_000, rounds),
            )
        )
        latency.stop()
        hooks.install()
    print("| work | with byline, µs | without, µs | ratio |\n|---|---|---|---|")
    for text, one, other in rows:
        print(f"| {text} | {one * 1e6:.2f} | {other * 1e6:.2f} | {one / other:.2f} |")


def sentrys(module: ModuleType) -> Work:
    """Trace the same function with Sentry's own decorator."""
    traced = sentry_sdk.trace(module.total.__wrapped__)

    def run(number: int) -> float:
        with sentry_sdk.start_transaction(name="request"):
            start = thread_time()
            for _ in range(number):
                traced(1)
            return thread_time() - start

    return run


if __name__ == "__main__":
    main()
