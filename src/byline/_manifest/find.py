"""Where a manifest may be."""

from __future__ import annotations

import sys
from pathlib import Path

from ..exceptions import ManifestError

DEFAULT_NAME = "byline.manifest"
FOLDER = ".byline"


def find(argument: str = "", start: Path | None = None) -> Path | None:
    """
    Find the manifest of a program.

    In this order: the argument (from a parameter or BYLINE_MANIFEST); beside the
    code of the program's top-level package; then upward from ``start``, in each folder
    itself and in its ``.byline``, up to the repository's root.

    Args:
        start: A folder or file; by default the program's entry script, or the working directory.

    Raises:
        ManifestError: The argument names a file that is not there.
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
    return None


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
