"""byline measures the functions that AI wrote and names the commit behind each failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._instrumentation.decorator import ai_generated
from ._instrumentation.lifecycle import instrument, is_active, uninstrument
from .exceptions import BylineError

__all__ = ["BylineError", "ai_generated", "instrument", "is_active", "uninstrument"]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        # Reading the version loads importlib.metadata, which few programs need.
        if name == "__version__":
            from importlib.metadata import version

            return version("byline")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
