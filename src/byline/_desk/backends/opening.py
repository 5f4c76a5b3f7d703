"""Which backend can answer what, and how one is opened in the place of the store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...exceptions import ConfigError
from ..places import open_store
from ..source import Source
from .address import Address, BackendName

ANSWERS: Mapping[BackendName, str] = {
    "prometheus": "calls and durations",
    "loki": "incidents and swallowed exceptions",
    "sentry": "incidents",
}
"""What each backend holds of byline's telemetry."""


def open_source(address: Address | None, store: Path | None) -> Source:
    """
    Open the store, or a backend in its place.

    Raises:
        ConfigError: Both are named, or the backend's token cannot be one.
        StoreError: There is no store, or it cannot be read.
    """
    if address is None:
        return open_store(store)
    if store is not None:
        raise ConfigError(
            f"--store {str(store)!r} is not read with --source {address.backend}. Leave one out."
        )
    from . import sentry
    from .http import Client
    from .loki import Loki
    from .prometheus import Prometheus

    if address.backend == "loki":
        return Loki(Client(address))
    if address.backend == "sentry":
        return sentry.opened(Client(address))
    return Prometheus(Client(address))
