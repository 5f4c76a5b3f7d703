"""Turns the probes on and off, as the settings say."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from .._config import Config
from .._manifest import Manifest
from .._model import Unverified
from ..exceptions import BylineError, ConfigError

_is_on = False
_notes: tuple[Unverified, ...] = ()
"""What could not be watched when it was on last."""


def start(config: Config, manifest: Manifest | None) -> None:
    """
    Watch marked functions, those marked already and those to come.

    Raises:
        ConfigError: ``BYLINE_EXPECTED`` or ``BYLINE_BASELINE`` cannot be read.
    """
    global _is_on  # noqa: PLW0603  # one switch
    names = config.probe_names
    if not names:
        return
    # Loaded by those who watch, and by nobody else.
    from .._telemetry import findings
    from . import expected, monitoring, swallowed

    swallowed.expect(expected.parse(config.expected))
    findings.set_baseline(_baseline(config.baseline, manifest))
    monitoring.start(lines="lines" in names, handlers="swallowed" in names)
    _is_on = True
    if monitoring.is_running() and "lines" in names:
        from . import executed

        executed.start()


def stop() -> None:
    """Watch nothing more; what was seen is told first. A second call does nothing."""
    global _is_on, _notes  # one switch
    if not _is_on:
        return
    from . import monitoring

    _is_on, _notes = False, monitoring.unverified()
    if (executed := sys.modules.get(f"{__package__}.executed")) is not None:
        executed.stop()
    monitoring.stop()


def unverified() -> tuple[Unverified, ...]:
    """List the functions that are not watched although the settings say so."""
    if not _is_on:
        return _notes
    from . import monitoring

    return monitoring.unverified()


def _baseline(setting: str, manifest: Manifest | None) -> int:
    """Return the moment before which handlers are known, in seconds since the epoch."""
    if not setting:
        return 0
    try:
        moment = datetime.fromisoformat(setting)
    except ValueError:
        pass
    else:
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if manifest is None:
        raise ConfigError(
            f"BYLINE_BASELINE={setting!r}: a commit needs a manifest that names it. Make one: byline scan, or give a date."
        )
    try:
        return manifest.commit(setting).committed_at
    except BylineError as error:
        raise ConfigError(
            f"BYLINE_BASELINE={setting!r}: neither a date nor a known commit. {error}"
        ) from None
