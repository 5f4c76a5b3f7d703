"""Every Sentry event knows the AI commit it came from: ``sentry_sdk.init(integrations=[BylineIntegration()])``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .exceptions import MissingExtraError

try:
    from sentry_sdk.integrations import Integration
except ImportError as error:
    raise MissingExtraError("byline.sentry needs sentry-sdk. Run: pip install 'byline[sentry]'") from error

from ._sentry import hooks, settings
from ._sentry.settings import Capture, Settings

__all__ = ["BylineIntegration"]


class BylineIntegration(Integration):
    """Attributes the events of a client of sentry-sdk, and reports exceptions of marked functions that nobody reports."""

    identifier = settings.IDENTIFIER

    def __init__(
        self, *, capture: Capture = "all", rate: int | None = None, spans: bool = True, findings: bool = False
    ) -> None:
        """
        Set what the client gets. Every error event is attributed, whatever is set here.

        Args:
            capture: Which exceptions are reported even if their caller swallows them: those that leave any
                marked function (``all``), those that leave all marked functions on the stack (``escaped``),
                or none.

            rate: How many events of one kind byline may add per minute. Default: ``BYLINE_INCIDENT_RATE``.

            spans: Whether a marked call inside a transaction of Sentry's becomes a span of it.

            findings: Whether exceptions that marked functions swallow become events of level warning, once
                a minute for each line and kind at most. From Python 3.12 on, where ``byline.instrument()`` is on.

        Raises:
            ConfigError: A value that cannot be meant, or an unknown ``BYLINE_*`` variable.
        """
        self.settings = Settings(capture, rate, spans, findings)
        # Who answers for a file puts itself into the registry, and a program that marks nothing has not loaded it.
        import_module("byline._instrumentation.lookup")
        hooks.install()

    @staticmethod
    def setup_once() -> None:
        """Do nothing more: the hooks are there since the integration was made."""

    def setup_once_with_options(self, options: dict[str, Any] | None = None) -> None:
        """Tell the SDK the release before its first session."""
        if options is not None and not _is_disabled():
            hooks.fill_release(options)


def attribute_all() -> None:
    """Attribute the events of every client, also of one made later; for ``byline.instrument(sentry=True)``."""
    settings.use(Settings())
    hooks.install()


def attribute_asked() -> None:
    """Attribute only the events of clients that have the integration."""
    settings.use(None)


def _is_disabled() -> bool:
    from . import _config

    return _config.current().disabled
