"""Modules that the import hook does not see: imported before byline was turned on, or by somebody else's finder."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

from .. import _registry
from .._manifest import Manifest
from .._model import Unverified
from . import import_hook, lookup

_log = logging.getLogger("byline")


def mark_imported(manifest: Manifest) -> int:
    """
    Mark the functions of modules that were imported before byline was turned on.

    Only what is reached through the module or its classes: references taken earlier
    (a route table, an alias) keep the unmeasured function, and ``doctor`` says so.

    Returns:
        How many functions were marked.
    """
    count = 0
    for name, module in list(sys.modules.items()):
        filename = getattr(module, "__file__", None)
        if not isinstance(filename, str) or _tail(name, filename) not in manifest.tails:
            continue
        try:
            marked = _mark_module(module, filename)
        except Exception:  # noqa: BLE001  # a module with a __getattr__ of its own may do anything
            _log.exception("byline could not mark %s, imported earlier", name)
            continue
        if marked:
            count += marked
            if name != "__main__":  # its other functions are still to be defined
                import_hook.tell(name)
            reason = f"imported before byline was turned on: {marked} functions wrapped in place"
            lookup.note(Unverified(name, reason, "turn byline on first: byline run, or byline.instrument()"))
    return count


def mark_main(manifest: Manifest) -> None:
    """Mark the functions of the main script, as multiprocessing has loaded it; a no-op where the manifest names none."""
    module = sys.modules.get("__mp_main__")
    filename = getattr(module, "__file__", None)
    if module is None or not isinstance(filename, str) or Path(filename).stem not in manifest.tails:
        return
    _mark_module(module, filename)
    for name in ("__main__", "__mp_main__"):
        import_hook.tell(name)


def _tail(name: str, filename: str) -> str:
    """Return the last word of a module's name; of the main script's, the word that its file gives it."""
    return Path(filename).stem if name == "__main__" else name.rpartition(".")[2]


def missed(manifest: Manifest) -> Iterator[Unverified]:
    """List the modules with functions to measure that have passed the hook by."""
    for name, module in list(sys.modules.items()):
        filename = getattr(module, "__file__", None)
        if (
            import_hook.is_told(name)
            or not isinstance(filename, str)
            or _tail(name, filename) not in manifest.tails
        ):
            continue
        if name == "__main__":
            yield from _missed_script(manifest, filename)
        elif import_hook.named_in(lookup.source_of(filename, name, manifest)):
            loader = getattr(getattr(module, "__spec__", None), "loader", None)
            reason = f"loaded by {import_hook.loader_name(loader)}, past byline's import hook"
            yield Unverified(name, reason, "turn byline on first")


def _missed_script(manifest: Manifest, filename: str) -> Iterator[Unverified]:
    try:
        file = manifest.by_source(Path(filename).read_bytes(), filename)
    except OSError:
        return
    if file is not None and import_hook.named_in(lookup.Source("ok", file)):
        reason = "the main script: Python compiled it before byline was turned on"
        yield Unverified(file.path, reason, f"start it by: byline run {Path(filename).name}")


def _mark_module(module: ModuleType, filename: str) -> int:
    marked = _mark_names(module, module.__name__, filename)
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            marked += _mark_names(value, module.__name__, filename)
    return marked


def _mark_names(owner: ModuleType | type, module: str, filename: str) -> int:
    marked = 0
    for name, value in list(vars(owner).items()):
        measured = _measured(value, module, filename)
        if measured is not value:
            setattr(owner, name, measured)
            marked += 1
    return marked


def _measured(value: object, module: str, filename: str) -> object:
    """Return the measured form of an attribute; itself when it is none of ours."""
    if isinstance(value, staticmethod | classmethod):
        inner = _measured(value.__func__, module, filename)
        return value if inner is value.__func__ else type(value)(inner)  # type: ignore[arg-type]  # a function again
    if isinstance(value, property):
        parts = [each and _measured(each, module, filename) for each in (value.fget, value.fset, value.fdel)]
        same = parts == [value.fget, value.fset, value.fdel]
        return value if same else property(parts[0], parts[1], parts[2], value.__doc__)  # type: ignore[arg-type]  # functions again
    if not isinstance(value, FunctionType) or value.__module__ != module:
        return value
    if value.__code__.co_filename != filename or _registry.is_wrapper(value.__code__):
        return value
    return import_hook.mark(value)
