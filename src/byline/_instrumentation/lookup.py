"""Finds who wrote a function that is being marked: in the manifest, or later from git."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import CodeType

from .. import _config, _registry
from .._dataclass import dataclass
from .._manifest import Manifest, ManifestFile, find
from .._model import Attribution, Deployment, Function, LineAttribution, Status, Unverified
from .._registry import Entry
from .._telemetry import worker
from ..exceptions import ManifestError

_log = logging.getLogger("byline")

_lock = threading.RLock()
_manifest: Manifest | None = None
_searched = False
_sources: dict[str, Source] = {}
_unverified: list[Unverified] = []
_ask_git: Callable[[Entry], bool] | None = None
"""Who may answer for functions no manifest knows; development.py puts itself here."""


@dataclass(frozen=True, slots=True)
class Source:
    """How a running file relates to the manifest."""

    status: Status
    file: ManifestFile | None = None
    lines: tuple[bytes, ...] = ()
    """The file as it is now, when it differs from the scanned one."""


def manifest() -> Manifest | None:
    """
    Return the manifest in force; looks for one the first time.

    A damaged manifest that was merely found is logged and left aside: the program goes on unattributed.
    """
    global _manifest, _searched  # noqa: PLW0603  # set once, guarded by the lock
    with _lock:
        if not _searched:
            _searched = True
            try:
                path = find(_config.current().manifest)
                _manifest = Manifest.open(path) if path else None
            except ManifestError as error:
                _log.error("%s", error)  # the message says all; a traceback would not help
                note(Unverified("manifest", str(error)))
        return _manifest


def use(opened: Manifest | None) -> None:
    """Put a manifest in force."""
    global _manifest, _searched  # as above
    with _lock:
        _manifest, _searched = opened, True
        _sources.clear()
    _registry.set_resolver(lines_of, deployment)


def reset() -> None:
    """Forget the manifest, so that the next question looks for one again."""
    global _manifest, _searched  # as above
    with _lock:
        _manifest, _searched = None, False
        _sources.clear()
        _unverified.clear()
    _registry.set_resolver(lines_of, deployment)


def when_unknown(ask: Callable[[Entry], bool] | None) -> None:
    """Set who may answer for functions no manifest knows; ``ask`` returns False when it cannot."""
    global _ask_git  # noqa: PLW0603  # one callable, replaced whole
    _ask_git = ask


def note(unverified: Unverified) -> None:
    """Remember something for ``byline doctor``."""
    with _lock:
        if unverified not in _unverified:
            _unverified.append(unverified)


def unverified() -> tuple[Unverified, ...]:
    """Return what could not be told so far."""
    with _lock:
        return tuple(_unverified)


def entry_for(code: CodeType, module: str) -> Entry:
    """
    Return the registry's entry of a code object, new or known.

    Never asks git and never waits: without a manifest the entry is ``pending``
    and a background scan settles it.
    """
    known = _registry.find(code)
    if known is not None:
        return known
    here = function_here(code, module)
    current = manifest()
    if current is None:
        entry = _registry.add(Entry(code, here, Attribution(status="pending")))
        if entry.settled or (_ask_git is not None and _ask_git(entry)):
            return entry
        entry.settle(here, Attribution(status="unknown"))
        return entry
    function, attribution = attribute(current, code, here)
    return _registry.add(Entry(code, function, attribution))


def function_here(code: CodeType, module: str) -> Function:
    """Describe a function by what the running program alone knows."""
    first = code.co_firstlineno
    if module == "__mp_main__":  # what multiprocessing calls the main module in a process that it spawned
        module = "__main__"
    return Function(module, code.co_qualname, code.co_filename, first, first, first)


def attribute(current: Manifest, code: CodeType, here: Function) -> tuple[Function, Attribution]:
    """Look a function up in a manifest, comparing the running file with the scanned one."""
    source = source_of(code.co_filename, here.module, current)
    if source.file is None:
        return here, Attribution(status=source.status)
    if source.status == "ok":
        found = source.file.function(here.first_line, here.qualname)
        return found or (replace(here, path=source.file.path), Attribution(status="ok"))
    moved = source.file.moved(here.qualname, here.first_line, list(source.lines))
    if moved is None:
        return replace(here, path=source.file.path), Attribution(status="stale")
    return moved[0], replace(moved[1], status="moved")


def deployment() -> Deployment:
    """Return what the manifest in force says of the running revision."""
    current = manifest()
    if current is None:
        return Deployment()
    header = current.header
    return Deployment(header.revision, header.branch, header.repository)


def source_of(filename: str, module: str, current: Manifest, data: bytes | None = None) -> Source:
    """
    Compare a running file with the manifest, once.

    Args:
        data: What the file holds; None to read it.
    """
    known = _sources.get(filename)
    if known is None:
        known = _compare(filename, module, current, data)
        with _lock:
            _sources[filename] = known
        _registry.put_file(filename, _lines(known))
    return known


def lines_of(filename: str) -> _registry.SourceLines | None:
    """Answer the registry's question for a file that no marked function was in."""
    current = manifest()
    stem = Path(filename).stem
    tail = Path(filename).parent.name if stem == "__init__" else stem
    if current is None or tail not in current.tails:
        return None
    return _lines(source_of(filename, "", current))


def _compare(filename: str, module: str, current: Manifest, data: bytes | None) -> Source:
    try:
        data = Path(filename).read_bytes() if data is None else data
    except (OSError, ValueError):
        return Source("unverified")
    file = current.by_source(data, filename)
    if file is not None:
        return Source("ok", file)
    file = current.by_path(filename) or (current.by_module(module) if module else None)
    if file is None:
        return Source("unknown")
    note(Unverified(file.path, "the file changed after the scan", "scan again: byline scan"))
    return Source("stale", file, tuple(data.split(b"\n")))


def _lines(source: Source) -> _registry.SourceLines | None:
    if source.file is None:
        return None
    return source.file if source.status == "ok" else MovedLines(source.file, source.lines)


class MovedLines:
    """The lines of a file that changed after the scan: known inside functions whose text is the same."""

    status: Status = "stale"

    def __init__(self, file: ManifestFile, lines: tuple[bytes, ...]) -> None:
        self.path = file.path
        self._file = file
        self._lines = list(lines)
        self._moved: list[tuple[Function, Function, Attribution]] | None = None

    def line(self, number: int) -> LineAttribution | None:
        """Who wrote a line, 1-based; None outside the functions that are still the same."""
        found = self._around(number)
        return self._file.line(number - found[1].first_line + found[0].first_line) if found else None

    def function_at(self, number: int) -> tuple[Function, Attribution] | None:
        """The innermost unchanged function around a line."""
        found = self._around(number)
        return (found[1], replace(found[2], status="moved")) if found else None

    def _around(self, number: int) -> tuple[Function, Function, Attribution] | None:
        if self._moved is None:
            self._moved = list(self._file.moved_functions(self._lines))
        around = [each for each in self._moved if each[1].first_line <= number <= each[1].end_line]
        return max(around, key=lambda each: each[1].first_line, default=None)


# Also before instrument(): an exception may be asked about where nothing is measured.
_registry.set_resolver(lines_of, deployment)


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.RLock()


worker.after_fork(_after_fork_in_child)
