"""Where a manifest may be."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ..exceptions import ManifestError

DEFAULT_NAME = "byline.manifest"
FOLDER = ".byline"


def find(argument: str = "", start: Path | None = None) -> Path | None:
    """
    Find the manifest of a program.

    In this order: the argument (from a parameter or BYLINE_MANIFEST); beside the
    code of the program's top-level package; then upward from ``start``, in each folder
    itself and in its ``.byline``, up to the repository's root; then beside the code of an
    installed top-level package, for programs that a server or a console script starts.

    Args:
        start: A folder or file; by default the program's entry script, or the working directory.

    Raises:
        ManifestError: The argument names a file that is not there, or several installed packages
            bring a manifest.
    """
    if argument:
        path = Path(argument)
        if not path.is_file():
            raise ManifestError(f"There is no manifest at {str(path)!r}. Make one: byline scan -o {path}")
        return path
    main = sys.modules.get("__main__")
    if start is None:
        packaged = _beside_package(main)
        if packaged is not None:
            return packaged
    for folder in _upward(start or _entry(main)):
        for candidate in (folder / DEFAULT_NAME, folder / FOLDER / DEFAULT_NAME):
            if candidate.is_file():
                return candidate
    return _installed(sys.path) if start is None else None


def _installed(folders: Iterable[str]) -> Path | None:
    """Find the only manifest beside a top-level package; the first folder that has one counts."""
    for folder in folders:
        found = [path for name in _folders_in(folder) if os.path.isfile(path := f"{name}/{DEFAULT_NAME}")]  # noqa: PTH113  # a third of pathlib's price, for every installed package
        if len(found) > 1:
            names = ", ".join(sorted(found))
            raise ManifestError(f"Several packages bring a manifest: {names}. Name one with BYLINE_MANIFEST.")
        if found:
            return Path(found[0])
    return None


def _folders_in(folder: str) -> list[str]:
    try:
        # A distribution's metadata is no package, and half of what is installed.
        with os.scandir(folder or ".") as entries:
            return [each.path for each in entries if "-" not in each.name and each.is_dir()]
    except OSError:  # a zip file, or a folder that is not there
        return []


def _beside_package(main: object) -> Path | None:
    spec = getattr(main, "__spec__", None)
    name = getattr(spec, "name", "").partition(".")[0]
    package = sys.modules.get(name) if name and name != "__main__" else None
    for folder in getattr(package, "__path__", ()):
        candidate = Path(folder) / DEFAULT_NAME
        if candidate.is_file():
            return candidate
    return None


def _entry(main: object) -> Path:
    file = getattr(main, "__file__", None)
    return Path(file) if file else Path.cwd()


def _upward(start: Path) -> list[Path]:
    """List the folders from ``start`` to the repository's root, or to the top without one."""
    start = start.resolve()
    folders = [start, *start.parents] if start.is_dir() else list(start.parents)
    for number, folder in enumerate(folders):
        if (folder / ".git").exists():
            return folders[: number + 1]
    return folders
