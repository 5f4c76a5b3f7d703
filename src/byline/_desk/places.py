"""Where the desk finds its two files, the store and the manifest, when nobody names them."""

from __future__ import annotations

from pathlib import Path

from .. import _manifest
from .._config import Config
from ..exceptions import ManifestError, StoreError
from ..store import Store

NAME = Path(".byline") / "byline.db"


def open_store(argument: Path | None, *, start: Path | None = None) -> Store:
    """
    Open the store for reading.

    Args:
        argument: Its path. By default that of ``BYLINE_STORE``, else ``.byline/byline.db``
            in a folder from ``start`` upward to the repository's root.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    configured = Config.from_env().store
    path = argument or (Path(configured) if configured else _upward(start or Path.cwd()))
    if path is None:
        raise StoreError(
            f"There is no {NAME.as_posix()} here or above. Record one: byline run your_program.py, or name one with --store."
        )
    return Store.open(path, read_only=True)


def open_manifest(argument: Path | None, *, start: Path | None = None) -> _manifest.Manifest:
    """
    Open the manifest.

    Args:
        argument: Its path. By default that of ``BYLINE_MANIFEST``, else looked for from ``start`` upward.

    Raises:
        ManifestError: There is none, or it cannot be read.
    """
    named = str(argument or Config.from_env().manifest)
    path = _manifest.find(named, start or Path.cwd())
    if path is None:
        raise ManifestError(
            "There is no manifest here or above. Make one: byline scan, or name one with --manifest."
        )
    return _manifest.Manifest.open(path)


def _upward(start: Path) -> Path | None:
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / NAME).is_file():
            return folder / NAME
        if (folder / ".git").exists():
            return None
    return None
