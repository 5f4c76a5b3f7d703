"""The main script in a process that multiprocessing started: it is run again, past every import hook, so it is marked in place."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .._manifest import Manifest
from . import imported

_log = logging.getLogger("byline")

_prepare: Callable[[Mapping[str, Any]], None] | None = None
"""What multiprocessing loads the main script with, while ours stands in its place."""


def watch(manifest: Manifest) -> None:
    """
    Mark the main script once it is loaded, before the process is given its work; does nothing in any other process.

    There is no hook between the two, so the function that loads it is replaced, here and in no program's own process.
    """
    global _prepare  # noqa: PLW0603  # one value, replaced whole
    if _prepare is not None or not any("from multiprocessing." in word for word in sys.orig_argv):
        return
    from multiprocessing import spawn

    original = _prepare = spawn.prepare

    def prepare(data: Mapping[str, Any]) -> None:
        original(data)
        try:
            imported.mark_main(manifest)
        except Exception:  # noqa: BLE001  # a main script with a __getattr__ of its own may do anything
            _log.exception("byline could not mark the main script of a spawned process")

    spawn.prepare = prepare


def unwatch() -> None:
    """Put back what was replaced; a second call does nothing."""
    global _prepare  # as above
    original, _prepare = _prepare, None
    if original is not None:
        from multiprocessing import spawn

        spawn.prepare = original  # type: ignore[assignment]  # as it was
