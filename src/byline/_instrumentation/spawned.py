"""The main script in a process that multiprocessing started: it is run again, past every import hook, so it is marked in place."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import wraps

from .._manifest import Manifest
from . import imported

_log = logging.getLogger("byline")

_LOADERS = ("prepare", "import_main_path")
"""What multiprocessing loads the main script with: in a process, and from Python 3.14 on in the server that forks them."""

_replaced: dict[str, Callable[..., None]] = {}
"""Those of them in whose place ours stand."""


def watch(manifest: Manifest) -> None:
    """
    Mark the main script once it is loaded, before the process is given its work; does nothing in any other process.

    There is no hook between the two, so the functions that load it are replaced, here and in no program's own process.
    """
    if _replaced or not any("from multiprocessing." in word for word in sys.orig_argv):
        return
    from multiprocessing import spawn

    for name in _LOADERS:
        _replaced[name] = getattr(spawn, name)
        setattr(spawn, name, _marking(_replaced[name], manifest))


def _marking(load: Callable[..., None], manifest: Manifest) -> Callable[..., None]:
    @wraps(load)
    def load_and_mark(*arguments: object, **options: object) -> None:
        load(*arguments, **options)
        try:
            imported.mark_main(manifest)
        except Exception:  # noqa: BLE001  # a main script with a __getattr__ of its own may do anything
            _log.exception("byline could not mark the main script of a spawned process")

    return load_and_mark


def unwatch() -> None:
    """Put back what was replaced; a second call does nothing."""
    while _replaced:
        from multiprocessing import spawn

        setattr(spawn, *_replaced.popitem())
