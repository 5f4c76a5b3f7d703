"""From the frames of a traceback's text to what a manifest knows of them, and what it cannot vouch for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG

from .._manifest import Manifest, ManifestFile
from .._suspects import FrameFacts
from .traceback_text import TracebackFrame

FRAME_LIMIT = 2_000
"""Frames that are looked up; further ones are left out."""

_SOURCE_LIMIT = 10_000_000
_INSTALLED = re.compile(r".*/(?:site|dist)-packages/(?P<module>.+)\.py$")
_LIBRARY = re.compile(r".*/(?:(?:site|dist)-packages|lib/python3\.\d+)/")
_DIFFERS = "the file on this machine is not the one that was scanned (scan again, or check out the deployed revision)"
_ABSENT = "not on this machine, so it could not be compared with the scanned file"


def facts_of(frames: Iterable[TracebackFrame], manifest: Manifest) -> list[FrameFacts]:
    """
    Look up who wrote each frame's function and line.

    Args:
        frames: Innermost first.
    """
    found: list[FrameFacts] = []
    distance = 0
    for frame in frames:
        if len(found) == FRAME_LIMIT:
            break
        found.append(_facts(distance, frame, manifest))
        distance += 1 + frame.repeated
    return found


def code_at(manifest: Manifest, path: str, line: int, filename: str) -> str:
    """
    Return the text of a line, if the scanned file is on this machine; else nothing.

    Args:
        path: Relative to the repository.

        filename: Where the program had the file.
    """
    for place in (Path(filename), _root(manifest) / path):
        data = _read(place)
        file = manifest.by_source(data, path) if data is not None else None
        if data is not None and file is not None and file.path == path:
            return _line(data, line)
    return ""


def _facts(distance: int, frame: TracebackFrame, manifest: Manifest) -> FrameFacts:
    file, reason = _locate(frame, manifest)
    if file is None:
        return FrameFacts(distance, frame.filename, frame.line, frame.name or "<module>", reason=reason)
    function, attribution = file.function_at(frame.line) or (None, None)
    line = file.line(frame.line)
    if line is None and not reason:
        reason = "the line is older than the scan looked (scan with --all)"
    return FrameFacts(
        distance,
        frame.filename,
        frame.line,
        function.qualname if function else frame.name or "<module>",
        file.path,
        function,
        attribution,
        line,
        reason,
    )


def _locate(frame: TracebackFrame, manifest: Manifest) -> tuple[ManifestFile | None, str]:
    """Find a frame's file in the manifest; the second value says what remains in doubt."""
    if frame.filename.startswith("<"):
        return None, "code without a file"
    here = _read(Path(frame.filename))
    if here is not None:
        exact = manifest.by_source(here, frame.filename)
        if exact is not None:
            return _unless_line_differs(exact, frame, here)
    file = _by_name(frame.filename, manifest)
    if file is None:
        if _LIBRARY.match(_slashes(frame.filename)):
            return None, "outside the repository (a library)"
        return None, "not in the manifest: no AI touched this file, or it was not scanned"
    if _is_elsewhere(file, frame):
        return (
            None,
            f"line {frame.line} is not in {frame.name} in the scanned {file.path}: another version of the file",
        )
    if here is not None:
        return file, _DIFFERS
    # The traceback may come from another machine; the checkout beside the manifest can still tell.
    copy = _read(_root(manifest) / file.path)
    if copy is None or not frame.code or manifest.by_source(copy, file.path) is None:
        return file, _ABSENT
    return _unless_line_differs(file, frame, copy)


def _by_name(filename: str, manifest: Manifest) -> ManifestFile | None:
    printed = _slashes(filename)
    if not _LIBRARY.match(printed):
        return manifest.by_path(filename)
    # An installed package: its path says nothing of the repository's, its module does.
    installed = _INSTALLED.match(printed)
    if installed is None:
        return None
    return manifest.by_module(installed["module"].removesuffix("/__init__").replace("/", "."))


def _is_elsewhere(file: ManifestFile, frame: TracebackFrame) -> bool:
    """Tell whether the scanned file has the frame's function, but not around that line."""
    if frame.line > len(file):
        return True
    around = file.function_at(frame.line)
    if around is None or _last(around[0].qualname) == frame.name:
        return False
    # The manifest need not know a function inside this one; it is elsewhere only if it is seen there.
    return any(_last(function.qualname) == frame.name for function, _ in file.functions())


def _last(qualname: str) -> str:
    return qualname.rpartition(".")[2]


def _unless_line_differs(
    file: ManifestFile, frame: TracebackFrame, data: bytes
) -> tuple[ManifestFile | None, str]:
    """Compare the line with the traceback's own copy of it; a difference means another version."""
    if frame.code and _line(data, frame.line) != frame.code.strip():
        return (
            None,
            f"line {frame.line} of the scanned {file.path} reads otherwise: the traceback is of another version",
        )
    return file, ""


def _line(data: bytes, number: int) -> str:
    lines = data.decode("utf-8", "replace").splitlines()
    return lines[number - 1].strip() if 1 <= number <= len(lines) else ""


def _root(manifest: Manifest) -> Path:
    folder = manifest.path.absolute().parent
    return folder.parent if folder.name == ".byline" else folder


def _read(path: Path) -> bytes | None:
    """Read a source file; what is no regular file, or too big for one, is not opened."""
    try:
        about = path.stat()
        if not S_ISREG(about.st_mode) or about.st_size > _SOURCE_LIMIT:
            return None
        return path.read_bytes()
    except (OSError, ValueError):  # a null byte in a hostile path is a ValueError
        return None


def _slashes(filename: str) -> str:
    return filename.replace("\\", "/")
