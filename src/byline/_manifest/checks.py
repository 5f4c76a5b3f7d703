"""Whether some bytes are a manifest that can be read, and what to say when they are not."""

from __future__ import annotations

from pathlib import Path

from ..exceptions import ManifestError
from .records import MAGIC, NAME, VERSION


def check_version(start: bytes, path: Path) -> None:
    """Refuse what is no manifest, and a manifest of another format."""
    if start.startswith(MAGIC):
        return
    version = start[len(NAME) :].partition(b"\n")[0]
    if start.startswith(NAME) and version.isdigit():
        raise ManifestError(
            f"The manifest {str(path)!r} has format {int(version)}; this byline reads format {VERSION}. "
            "Upgrade byline, or scan again with this version."
        )
    raise ManifestError(f"{str(path)!r} is not a byline manifest. Make one: byline scan -o {path}")


def expect(condition: bool, otherwise: str) -> None:  # noqa: FBT001  # a condition is what it is
    """Refuse bytes of which something is not true."""
    if not condition:
        raise ValueError(otherwise)


def damaged(path: Path, error: Exception) -> ManifestError:
    """Say that a manifest is not what was written."""
    return ManifestError(
        f"The manifest {str(path)!r} is damaged ({error}). Scan again: byline scan -o {path}"
    )
