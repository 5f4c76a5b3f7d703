"""byline measures the functions that AI wrote and names the commit behind each failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exceptions import BylineError

__all__ = ["BylineError", "ai_generated", "instrument", "is_active", "uninstrument"]

if TYPE_CHECKING:
    from ._instrumentation.decorator import ai_generated
    from ._instrumentation.lifecycle import instrument, is_active, uninstrument

    __version__: str
else:
    _PLACES = {
        "ai_generated": "decorator",
        "instrument": "lifecycle",
        "is_active": "lifecycle",
        "uninstrument": "lifecycle",
    }

    def __getattr__(name: str) -> object:
        """Load what a program uses: the commands, which import this too, mark and measure nothing."""
        from importlib import import_module

        if name in _PLACES:
            value = getattr(import_module(f"._instrumentation.{_PLACES[name]}", __name__), name)
        elif name == "__version__":
            from importlib.metadata import version

            value = version("byline")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, "__version__"})
