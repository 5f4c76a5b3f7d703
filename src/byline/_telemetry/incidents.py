"""An exception leaves a marked function: one incident, its suspects by line, rate-limited."""

from __future__ import annotations

from .._registry import Entry


def capture(entry: Entry, exception: BaseException, duration_s: float) -> None:
    """
    Record that an exception left a marked function.

    Called in the user's thread, inside an ``except`` block, at every marked frame
    the exception passes; only the innermost one becomes an incident. Never raises.
    """
