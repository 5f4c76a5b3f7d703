"""What measuring costs: a function that does nothing in each marked function's exact signature, bare and measured."""

from __future__ import annotations

import gc
import statistics
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import thread_time
from types import CodeType, FunctionType
from typing import Any

import wrapt
from opentelemetry import trace

from .. import _registry
from .._config import Config
from .._instrumentation import lookup, wrapper
from .._instrumentation.shapes import Shape, shape_of
from .._manifest import Manifest
from .._model import Attribution, Function, Unverified
from .._registry import Entry
from .._telemetry import gate, latency, signals
from .._telemetry.durations import Durations
from ..exceptions import OverheadError
from ..store import Store

ROUNDS = 9
SHAPES = 100
"""Signatures that are measured: those of the functions that are called most often."""

_TURN_S = 0.003
_MINUTE_NS = 60e9


@dataclass(frozen=True, slots=True)
class Cost:
    """What measuring adds to a call of one function."""

    function: str
    kind: str
    signature: str
    bare_ns: float
    """A call of a function that does nothing; an async one is awaited, a generator is gone through."""

    added_ns: float
    """What byline adds to it, inside a trace that is not sampled."""

    wrapt_ns: float
    """What an empty wrapt wrapper adds to it."""

    calls_per_minute: float | None
    """As the store has it; None when it does not know the function."""

    share: float | None
    """Of one processor, at that rate, with the counting in the background."""

    @property
    def ratio(self) -> float:
        """Return what byline adds, an empty wrapt wrapper being 1."""
        return self.added_ns / self.wrapt_ns


@dataclass(frozen=True, slots=True)
class Overhead:
    """The costs of all functions, the most expensive in all first."""

    costs: tuple[Cost, ...]
    counting_ns: float
    """What it costs to count one call, later and in the background."""

    own_time_s: float | None
    """``byline.self.duration`` of the store: what the counting has cost so far. None without a store."""

    unverified: tuple[Unverified, ...]
    """Functions that were not measured."""


@dataclass(frozen=True, slots=True)
class _Marked:
    name: str
    code: CodeType


def measure(
    manifest: Manifest | None,
    store: Store | None = None,
    *,
    modules: tuple[str, ...] = (),
    rounds: int = ROUNDS,
) -> Overhead:
    """
    Measure what marking costs. No function of the program is ever called.

    Args:
        manifest: Its AI functions are looked up in the source files, which are compiled but not run.

        modules: Imported, as the program would; what is marked in them is measured.

    Raises:
        OverheadError: A module cannot be imported, or there is nothing to measure.
    """
    unverified: list[Unverified] = []
    found = {each.name: each for each in _of_modules(modules)}
    if manifest is not None:
        found |= {each.name: each for each in _of_manifest(manifest, unverified)}
    if not found:
        raise OverheadError(
            "There is no marked function to measure. Scan first (byline scan), or name a module: "
            "byline doctor --overhead --module shop.web"
        )
    rates = _calls_per_minute(store) if store is not None else {}
    often = sorted(found.values(), key=lambda each: (-rates.get(each.name, 0.0), each.name))
    shapes = {each.name: shape_of(each.code) for each in often}
    measured = list(dict.fromkeys(shapes.values()))[:SHAPES]
    with _trace_that_is_not_sampled():
        costs = {shape: _cost(shape, rounds) for shape in measured}
    counting_ns = _counting_ns(rounds)
    for name, shape in shapes.items():
        if shape not in costs:
            unverified.append(Unverified(name, f"only {SHAPES} signatures are measured"))
    rows = [
        _row(name, shape, costs[shape], rates.get(name), counting_ns)
        for name, shape in shapes.items()
        if shape in costs
    ]
    rows.sort(key=lambda each: (-(each.share or 0.0), -each.added_ns, each.function))
    own_time_s = store.own_time_s() if store is not None else None
    return Overhead(tuple(rows), counting_ns, own_time_s, tuple(unverified))


def _row(name: str, shape: Shape, cost: _Times, rate: float | None, counting_ns: float) -> Cost:
    added_ns = cost.measured_ns - cost.bare_ns
    share = None if rate is None else rate * (added_ns + counting_ns) / _MINUTE_NS
    return Cost(
        name, shape.kind, shape.signature, cost.bare_ns, added_ns, cost.wrapt_ns - cost.bare_ns, rate, share
    )


# --- what is marked ---------------------------------------------------------------


def _of_modules(names: tuple[str, ...]) -> Iterator[_Marked]:
    lookup.when_unknown(None)
    for name in names:
        try:
            import_module(name)
        except Exception as error:
            raise OverheadError(
                f"--module {name!r} cannot be imported: {type(error).__name__}: {error}"
            ) from error
    if names:
        for entry in _registry.entries():
            yield _Marked(entry.function.name, entry.code)


def _of_manifest(manifest: Manifest, unverified: list[Unverified]) -> Iterator[_Marked]:
    """Find the code of the manifest's AI functions: the files are compiled, not run."""
    for file in manifest.files():
        wanted = {
            (function.first_line, function.qualname): function.name
            for function, attribution in file.functions()
            if attribution.verdict == "ai"
        }
        if not wanted:
            continue
        path = _find(manifest.path, file.path)
        codes = (
            {} if path is None else {(each.co_firstlineno, each.co_qualname): each for each in _codes(path)}
        )
        for place, name in wanted.items():
            if place in codes:
                yield _Marked(name, codes[place])
            else:
                reason = "its file is not here" if path is None else "it is not where the manifest says"
                unverified.append(Unverified(name, reason, "scan again: byline scan"))


def _find(manifest: Path, relative: str) -> Path | None:
    for folder in manifest.absolute().parents:
        if (folder / relative).is_file():
            return folder / relative
    return None


def _codes(path: Path) -> Iterator[CodeType]:
    with warnings.catch_warnings(), suppress(SyntaxError, ValueError, OSError):
        warnings.simplefilter("ignore")
        waiting = [compile(path.read_bytes(), str(path), "exec", dont_inherit=True)]
        while waiting:
            code = waiting.pop()
            yield code
            waiting += [each for each in code.co_consts if isinstance(each, CodeType)]


def _calls_per_minute(store: Store) -> dict[str, float]:
    """Return how often functions were called, over the time from their first to their last call."""
    calls: dict[str, int] = {}
    spans: dict[str, tuple[int, int]] = {}
    for each in store.totals():
        calls[each.function] = calls.get(each.function, 0) + each.calls
        first, last = spans.get(each.function, (each.first_ns, each.last_ns))
        spans[each.function] = min(first, each.first_ns), max(last, each.last_ns)
    return {
        name: number / max((spans[name][1] - spans[name][0]) / _MINUTE_NS, 1.0)
        for name, number in calls.items()
    }


# --- measuring --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Times:
    bare_ns: float
    wrapt_ns: float
    measured_ns: float


def _cost(shape: Shape, rounds: int) -> _Times:
    """Measure in turns; each figure is the median of its own turns."""
    runs = [shape.run(shape.make()), shape.run(_wrapped(shape.make())), shape.run(_measured(shape.make()))]
    number = _calls_of_a_turn(runs[1])
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, taken in zip(runs, times, strict=True):
            latency.clear_all()
            taken.append(_timed(run, number))
    latency.clear_all()
    return _Times(*(statistics.median(taken) * 1e9 for taken in times))


def _calls_of_a_turn(run: Callable[[int], object]) -> int:
    number = 16
    while (taken := _timed(run, number) * number) < _TURN_S / 4:
        number *= 4
    return max(1, int(number * _TURN_S / taken))


def _timed(run: Callable[[int], object], number: int) -> float:
    """Return the processor time of one call: what other programs do meanwhile does not count."""
    gc.disable()
    try:
        start = thread_time()
        run(number)
        return (thread_time() - start) / number
    finally:
        gc.enable()


def _measured(function: FunctionType) -> Callable[..., Any]:
    """Wrap as a mark does; the registry does not learn of it."""
    here = Function("", function.__qualname__, "", 1, 1, 1)
    return wrapper.wrap(function, Entry(function.__code__, here, Attribution(status="ok")))


def _wrapped(function: FunctionType) -> Callable[..., Any]:
    def pass_on(wrapped: Callable[..., Any], _instance: object, arguments: Any, keywords: Any) -> object:  # noqa: ANN401  # wrapt's form
        return wrapped(*arguments, **keywords)

    made: Callable[..., Any] = wrapt.FunctionWrapper(function, pass_on)
    return made


def _trace_that_is_not_sampled() -> Any:  # noqa: ANN401  # a context manager
    gate.configure(Config())
    where = trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(0))
    return trace.use_span(trace.NonRecordingSpan(where))


def _counting_ns(rounds: int, calls: int = 10_000) -> float:
    """Measure what the background thread does later for each call."""

    def nothing() -> None:
        pass

    durations, times = Durations(), []
    signals.take_distributions(durations)
    try:
        measured = _measured(nothing)  # type: ignore[arg-type]  # a def is a FunctionType
        for _ in range(rounds):
            latency.clear_all()
            for _ in range(calls):
                measured()
            start = thread_time()
            latency.drain_all()
            times.append((thread_time() - start) / calls)
    finally:
        signals.leave_distributions(durations)
    return statistics.median(times) * 1e9
