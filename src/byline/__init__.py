"""byline measures the functions that AI wrote and names the commit behind each failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exceptions import BylineError

__all__ = ["BylineError"]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        # Reading the version loads importlib.metadata, which few programs need.
        if name == "__version__":
            from importlib.metadata import version

            return version("byline")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
