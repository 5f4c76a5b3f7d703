"""The metric instruments of marked functions, once per meter that signals go to; the public API only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from .. import _config, _registry, _semconv
from .._dataclass import dataclass
from . import delivery, otel, signals, worker
from .attributes import Attributes, function_attributes
from .durations import Durations, Exemplar
from .tally import Tally

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

DESCRIPTION = "How long calls of marked functions take."


_UNDIVIDED = 256
"""Samples that are recorded one by one between two moments in which the program may fork."""

_SERIES_LIMIT = 2_000
_SERIES_WARNED = 1_800
_log = logging.getLogger("byline")

Exemplars = Mapping[str, Sequence[Exemplar]]
"""By ``error.type``; empty for calls that did not fail."""


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one function that are recorded together."""

    durations: Tally
    """Of the calls that did not fail."""

    failures: dict[str, Tally]
    """Durations of the others, by ``error.type``."""

    exemplars: Exemplars


class Instruments:
    """What is measured of marked functions, on one meter."""

    is_slow = True
    """Whether each call is recorded by itself."""

    def __init__(self, meter: Meter, *, is_list_taken: bool = False) -> None:
        """
        Make the instruments.

        Args:
            is_list_taken: Whether the exporter takes the list of functions from the registry itself.
        """
        self._duration = meter.create_histogram(
            _semconv.METRIC_DURATION,
            unit="s",
            description=DESCRIPTION,
            explicit_bucket_boundaries_advisory=_semconv.DURATION_BOUNDS,
        )
        self._dropped = meter.create_counter(
            _semconv.METRIC_DROPPED,
            unit="{sample}",
            description="Calls of marked functions that were not recorded because too many waited.",
        )
        self._own_time = meter.create_counter(
            _semconv.METRIC_SELF,
            unit="s",
            description="Processor time that byline spent on counting calls, off the calling threads.",
        )
        meter.create_observable_counter(
            _semconv.METRIC_FAILED_EXPORTS,
            callbacks=[_failed_exports],
            unit="{batch}",
            description="Batches of metrics that an exporter could not deliver.",
        )
        self._series: set[tuple[object, str]] = set()
        meter.create_observable_gauge(
            _semconv.METRIC_FUNCTION,
            callbacks=[_observe_one if is_list_taken else _observe],
            description="1 for each marked function; the attributes say who wrote it and how byline knows.",
        )

    def record(self, calls: Calls, attributes: Attributes) -> None:
        """Add a function's calls to the histogram."""
        self._watch(attributes, calls)
        self._record(calls.durations.batch, attributes)
        for error_type, durations in calls.failures.items():
            self._record(durations.batch, {**attributes, _semconv.ERROR_TYPE: error_type})

    def _record(self, durations: list[float], attributes: Attributes) -> None:
        record = self._duration.record
        for start in range(0, len(durations), _UNDIVIDED):
            with worker.undivided():
                for duration_s in durations[start : start + _UNDIVIDED]:
                    record(duration_s, attributes)

    def count_dropped(self, number: int, function: str) -> None:
        """Say that samples of a function were lost."""
        with worker.undivided():
            self._dropped.add(number, {_semconv.FUNCTION: function})

    def count_own_time(self, seconds: float) -> None:
        """Say what the counting itself has cost."""
        with worker.undivided():
            self._own_time.add(seconds)

    def _watch(self, attributes: Attributes, calls: Calls) -> None:
        """Warn, once, before the SDK merges what is beyond its limit of attribute sets into one, silently."""
        if len(self._series) >= _SERIES_WARNED:
            return
        function = attributes.get(_semconv.FUNCTION)
        self._series.update((function, outcome) for outcome in ("", *calls.failures))
        if len(self._series) >= _SERIES_WARNED:
            _log.warning(
                "%s has %d series, one for each marked function and outcome. OpenTelemetry's SDK merges all beyond %d. "
                "byline.otel.metric_exporter() has no such limit.",
                _semconv.METRIC_DURATION,
                len(self._series),
                _SERIES_LIMIT,
            )


class CountedInstruments:
    """
    The instruments of a place that takes durations as whole distributions.

    Recording value by value costs some microseconds each: a program that calls a small
    function a million times a second can be counted, but not recorded.
    """

    def __init__(
        self, behind: Instruments, durations: Sequence[Durations], *, replayed: bool = False
    ) -> None:
        """
        Count for each of these.

        Args:
            replayed: Record each value too.
        """
        self._behind = behind
        self._durations = durations
        self.is_slow = replayed

    def record(self, calls: Calls, attributes: Attributes) -> None:
        """Count a function's calls."""
        for durations in self._durations:
            durations.add(calls.durations, attributes, calls.exemplars.get("", ()))
            for error_type, failed in calls.failures.items():
                outcome = {**attributes, _semconv.ERROR_TYPE: error_type}
                durations.add(failed, outcome, calls.exemplars.get(error_type, ()))
        if self.is_slow:
            self._behind.record(calls, attributes)

    def count_dropped(self, number: int, function: str) -> None:
        """Say that samples of a function were lost."""
        self._behind.count_dropped(number, function)

    def count_own_time(self, seconds: float) -> None:
        """Say what the counting itself has cost."""
        self._behind.count_own_time(seconds)


Destination = Instruments | CountedInstruments

_own: Instruments | None = None
_beside: tuple[MeterProvider, Destination] | None = None
_before: list[Callable[[], object]] = []
_is_warned = False
_lock = threading.Lock()


def destinations() -> tuple[Destination, ...]:
    """
    Return the instruments of every place that records.

    The API alone records nothing; then its place is left out, which saves the calls.
    """
    global _own, _beside  # noqa: PLW0603  # each replaced whole, under the lock
    otel.load()
    from opentelemetry import metrics

    provider = signals.meter_provider()
    with _lock:
        if _own is None:
            # A proxy until the program sets its provider; what is made here follows it.
            _own = Instruments(metrics.get_meter(_semconv.SCOPE))
        if provider is None:
            _beside = None
        elif _beside is None or _beside[0] is not provider:
            durations = signals.durations()
            made = Instruments(provider.get_meter(_semconv.SCOPE), is_list_taken=durations is not None)
            _beside = (provider, CountedInstruments(made, (durations,)) if durations else made)
        found = _own_destination(_own)
        return (*found, _beside[1]) if _beside else found


def _own_destination(own: Instruments) -> tuple[Destination, ...]:
    durations = signals.own_durations()
    if durations:
        return (CountedInstruments(own, durations, replayed=signals.is_replayed()),)
    return (own,) if _has_provider() else ()


def before_collection(callback: Callable[[], object]) -> None:
    """Run a callback whenever a reader collects; a second registration changes nothing."""
    if callback not in _before:
        _before.append(callback)


def _has_provider() -> bool:
    from opentelemetry import metrics

    return not type(metrics.get_meter_provider()).__module__.startswith("opentelemetry.metrics")


def _observe(_options: CallbackOptions) -> Iterable[Observation]:
    """Describe every marked function, after the calls so far are recorded."""
    from opentelemetry.metrics import Observation

    _prepare()
    found = [*descriptions()]
    _watch_descriptions(len(found))
    for each in found:
        yield Observation(1, each)


def _observe_one(_options: CallbackOptions) -> Iterable[Observation]:
    """As above, for an exporter that replaces it: an export needs one point to come at all, and no more."""
    from opentelemetry.metrics import Observation

    _prepare()
    yield Observation(1)


def _prepare() -> None:
    for callback in _before:
        callback()


def descriptions() -> Iterator[Attributes]:
    """Yield what ``byline.function.info`` says of each settled function."""
    config = _config.current()
    for entry in _registry.entries():
        if entry.settled:
            yield function_attributes(entry, config)


def _watch_descriptions(number: int) -> None:
    """As for the calls; byline's own exporters put back what is merged."""
    global _is_warned  # noqa: PLW0603  # says it once
    if number < _SERIES_WARNED or _is_warned or signals.own_durations() or not _has_provider():
        return
    _is_warned = True
    _log.warning(
        "%s has %d series, one for each marked function. OpenTelemetry's SDK merges all beyond %d. "
        "byline.otel.metric_exporter() has no such limit; or give your MeterProvider a View with a higher one.",
        _semconv.METRIC_FUNCTION,
        number,
        _SERIES_LIMIT,
    )


def _failed_exports(_options: CallbackOptions) -> Iterable[Observation]:
    from opentelemetry.metrics import Observation

    for exporter, count in delivery.failures().items():
        yield Observation(count, {_semconv.EXPORTER: exporter})


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.Lock()


worker.after_fork(_after_fork_in_child)
