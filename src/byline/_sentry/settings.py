"""What a client of the SDK has asked byline for: its own integration's settings, or those of ``instrument(sentry=True)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import sentry_sdk
from sentry_sdk.client import BaseClient

from .. import _config
from ..exceptions import ConfigError

Capture = Literal["all", "escaped", "none"]
IDENTIFIER = "byline"


@dataclass(frozen=True, slots=True)
class Settings:
    """How events are added and attributed."""

    capture: Capture = "all"
    rate: int | None = None
    spans: bool = True
    findings: bool = False

    def __post_init__(self) -> None:
        """Refuse values that no setting can mean."""
        if self.capture not in get_args(Capture):
            raise ConfigError(f"capture={self.capture!r} is not one of {', '.join(get_args(Capture))}.")
        if self.rate is not None and self.rate < 0:
            raise ConfigError(f"rate={self.rate!r} is not a number of events per minute: 0 or more.")
        # A misspelled BYLINE_* variable is found at the start, not in the first event.
        _config.current()

    @property
    def limit(self) -> int:
        """Events of one kind that may be added per minute."""
        return _config.current().incident_rate if self.rate is None else self.rate


_automatic: Settings | None = None


def use(settings: Settings | None) -> None:
    """Serve every client, with these settings; None serves only those that ask."""
    global _automatic  # noqa: PLW0603  # one frozen value, replaced whole
    _automatic = settings


def of(client: BaseClient) -> Settings | None:
    """Return what a client has asked for; None when it wants nothing of byline, or byline is disabled."""
    if not client.is_active():
        return None
    integration = client.get_integration(IDENTIFIER)
    settings: Settings | None = getattr(integration, "settings", _automatic)
    return None if settings is None or _config.current().disabled else settings


def current() -> tuple[BaseClient, Settings] | None:
    """Return the current client and its settings."""
    client = sentry_sdk.get_client()
    settings = of(client)
    return None if settings is None else (client, settings)
