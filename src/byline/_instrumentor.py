"""Adapters for ``opentelemetry-instrument``: turning byline on, and what the resource says of the deployment."""

# ruff: noqa: TID251  # they implement the SDK's interfaces

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # mypy sees no names in it
    BaseInstrumentor,
)
from opentelemetry.sdk.resources import Resource, ResourceDetector

from . import _config
from ._config import Config
from ._exporters.resource import deployment
from ._instrumentation import lifecycle
from ._manifest import Manifest, find
from .exceptions import BylineError

_log = logging.getLogger("byline")


class BylineInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # as above
    """What ``opentelemetry-instrument`` loads as ``byline``; ``instrument()`` and ``uninstrument()`` are byline's own."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Depend on nothing: what is measured is the program itself."""
        return ()

    def instrument(self, **kwargs: Any) -> Any:  # noqa: ANN401  # as the base class's
        """
        Turn byline on, once.

        Under ``opentelemetry-instrument`` an error of byline's is logged as one sentence: raised, it
        would be shown as two tracebacks, and the instrumentors after this one would not be loaded.

        Raises:
            BylineError: As for ``byline.instrument()``, when the program calls it itself.
        """
        is_automatic = bool(kwargs.get("skip_dep_check"))  # nobody else has looked at dependencies before
        try:
            return super().instrument(**kwargs)
        except BylineError as error:
            if not is_automatic:
                raise
            _log.error("byline is off: %s", error)  # the message says all
            _config.use(Config(disabled=True))  # marks in the program would meet the same error
            return None

    def _instrument(self, **kwargs: Any) -> None:  # noqa: ANN401  # the base class has it so
        wanted = {name: kwargs[name] for name in ("manifest", "store", "author") if name in kwargs}
        lifecycle.instrument(**wanted)

    def _uninstrument(self, **_: Any) -> None:  # noqa: ANN401  # the base class has it so
        lifecycle.uninstrument()


class BylineResourceDetector(ResourceDetector):
    """What ``OTEL_EXPERIMENTAL_RESOURCE_DETECTORS=byline`` names: the deployed revision, from the manifest."""

    def detect(self) -> Resource:
        """Return what the manifest says; nothing without one."""
        try:
            config = Config.from_env()
            path = None if config.disabled else find(config.manifest)
            if path is None:
                return Resource.get_empty()
            found = deployment(Manifest.open(path).header)
        except BylineError as error:
            _log.warning("byline cannot say which revision is deployed: %s", error)
            return Resource.get_empty()
        # The order in which detectors are asked is not settled, and the user's own word counts.
        given = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
        names = {each.partition("=")[0].strip() for each in given}
        return Resource({name: value for name, value in found.items() if name not in names})
