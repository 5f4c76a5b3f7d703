"""Who else wants to know that an exception left a marked function; ``byline.sentry`` puts itself here."""

from __future__ import annotations

from collections.abc import Callable

from .._registry import Entry

watch: Callable[[Entry, BaseException], object] | None = None
"""
Called in the user's thread, inside an ``except`` block, at every marked frame the exception passes.

What it returns lives in the frame of the wrapper, and so exactly as long as the exception's traceback.
"""


def set_watch(watcher: Callable[[Entry, BaseException], object] | None) -> None:
    """Set who is told; None stops it."""
    global watch  # noqa: PLW0603  # one callable, replaced whole
    watch = watcher
