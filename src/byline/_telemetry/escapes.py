"""Who else wants to know that an exception left a marked function; ``byline.sentry`` puts itself here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._registry import Entry

if TYPE_CHECKING:
    from .captured import Receipt

watch: Callable[[Entry, BaseException, Receipt | None], object] | None = None
"""
Called in the user's thread, inside an ``except`` block, at every marked frame the exception passes.

The receipt is that of the exception's incident, where this frame has it. What it returns lives in the frame of the wrapper, and so exactly as long as the exception's traceback.
"""


def set_watch(watcher: Callable[[Entry, BaseException, Receipt | None], object] | None) -> None:
    """Set who is told; None stops it."""
    global watch  # noqa: PLW0603  # one callable, replaced whole
    watch = watcher
