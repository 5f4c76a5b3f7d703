"""Where byline's signals go: the program's own OpenTelemetry, and the embedded store beside it.

The store has providers of its own, which are never made global: a program that sets its providers
later finds the place free.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .. import _semconv
from . import otel
from .durations import Durations

if TYPE_CHECKING:
    from opentelemetry import _logs, metrics

_meter_provider: metrics.MeterProvider | None = None
_logger_provider: _logs.LoggerProvider | None = None
_durations: Durations | None = None

_own_durations: tuple[Durations, ...] = ()
_replayed = False
"""Whether the program's own histogram gets every call too, although distributions are taken."""


def add_providers(
    meter_provider: metrics.MeterProvider | None,
    logger_provider: _logs.LoggerProvider | None,
    durations: Durations | None = None,
) -> None:
    """
    Send signals to these providers too; None takes the earlier ones away.

    Args:
        durations: Where call durations are counted, when the meter provider's exporter takes them
            from there instead of from an instrument.
    """
    global _meter_provider, _logger_provider, _durations  # replaced together
    _meter_provider, _logger_provider, _durations = meter_provider, logger_provider, durations


def durations() -> Durations | None:
    """Return where call durations are counted for the added providers."""
    return _durations


def take_distributions(durations: Durations, *, replayed: bool = False) -> None:
    """
    Count call durations for the program's own telemetry here, and record them one by one no longer.

    Args:
        replayed: Record them all the same, for readers of the same provider that take no distributions.
    """
    global _own_durations, _replayed  # each replaced whole
    _own_durations, _replayed = (*_own_durations, durations), _replayed or replayed


def leave_distributions(durations: Durations) -> None:
    """Undo ``take_distributions``."""
    global _own_durations, _replayed  # noqa: PLW0603  # each replaced whole
    _own_durations = tuple(each for each in _own_durations if each is not durations)
    _replayed = _replayed and bool(_own_durations)


def own_durations() -> tuple[Durations, ...]:
    """Return where call durations are counted for the program's own telemetry."""
    return _own_durations


def is_replayed() -> bool:
    """Tell whether the program's own histogram gets every call, one by one."""
    return _replayed or not _own_durations


def meter_provider() -> metrics.MeterProvider | None:
    """Return the added meter provider."""
    return _meter_provider


def has_added() -> bool:
    """Tell whether there is a place for signals that is not the program's own provider."""
    return _meter_provider is not None or _logger_provider is not None or bool(_own_durations)


def is_anyone_listening() -> bool:
    """Tell whether some provider is there to record: the API alone records nothing."""
    if has_added():
        return True
    if not otel.is_loaded():
        return False
    otel.load()
    from opentelemetry import _logs, metrics

    providers = (metrics.get_meter_provider(), _logs.get_logger_provider())
    api = ("opentelemetry.metrics", "opentelemetry._logs")
    return not all(type(provider).__module__.startswith(api) for provider in providers)


def meters() -> tuple[metrics.Meter, ...]:
    """Return the meter of every place that signals go to."""
    own = _own_meter()
    return (own, _meter_provider.get_meter(_semconv.SCOPE)) if _meter_provider else (own,)


def loggers() -> tuple[_logs.Logger, ...]:
    """Return the logger of every place that events go to."""
    own = _own_logger()
    return (own, _logger_provider.get_logger(_semconv.SCOPE)) if _logger_provider else (own,)


# Until the program sets its provider these are proxies, which follow it; made once, because
# the API keeps every proxy it has handed out.
@cache
def _own_meter() -> metrics.Meter:
    otel.load()
    from opentelemetry import metrics

    return metrics.get_meter(_semconv.SCOPE)


@cache
def _own_logger() -> _logs.Logger:
    otel.load()
    from opentelemetry import _logs

    return _logs.get_logger(_semconv.SCOPE)
