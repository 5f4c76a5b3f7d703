"""Without a manifest, inside a git checkout: a background thread asks git, and no call waits for it."""

from __future__ import annotations

import logging
import os
import threading
import time
from functools import cache
from pathlib import Path

from .. import _config, _registry
from .._dataclass import dataclass, field
from .._manifest import Manifest
from .._model import Attribution, Unverified
from .._registry import Entry
from .._telemetry import signals, worker
from ..exceptions import BylineError
from . import declaration, lookup
from .declaration import declared

_log = logging.getLogger("byline")

_GATHER_S = 0.05
"""Modules are imported in bursts: wait this long, then ask git for all of their files at once."""


@dataclass(slots=True)
class _State:
    lock: threading.Lock = field(default_factory=threading.Lock)
    pending: dict[str, list[Entry]] = field(default_factory=dict)
    """Entries by the file of their code."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    """Answers of earlier scans, by file."""

    thread: threading.Thread | None = None
    deadline: float = 0.0
    idle: threading.Event = field(default_factory=threading.Event)


_state = _State()


def ask(entry: Entry) -> bool:
    """
    Queue a function for the background scan, which starts when its answer can be of use.

    Returns:
        False when its file is in no git checkout; the caller settles the entry then.
    """
    filename = entry.code.co_filename
    if _root_of(os.path.dirname(os.path.abspath(filename))) is None or not os.path.isfile(filename):  # noqa: PTH100, PTH113, PTH120  # pathlib costs ten times as much, per marked function
        return False
    with _state.lock:
        answered = _state.manifests.get(filename)
        if answered is None:
            _state.deadline = time.monotonic() + _config.current().scan_budget_s
            _state.pending.setdefault(filename, []).append(entry)
            worker.before_stop(wait)
            worker.each_tick(_tick)
            return True
    _settle(entry, answered)
    return True


def ask_now(entry: Entry) -> bool:
    """Queue a function, and ask git at once: the program turned byline on."""
    queued = ask(entry)
    with _state.lock:
        if _state.pending:
            _start()
    return queued


def _tick() -> None:
    """Ask git as soon as somebody listens: a mark that nobody reads costs no scan."""
    with _state.lock:
        if not _state.pending:
            return
        if signals.is_anyone_listening():
            _start()
        elif _state.thread is None:
            _state.deadline = time.monotonic() + _config.current().scan_budget_s
    give_up()


def wait(timeout_s: float | None = None) -> bool:
    """Wait until nothing is pending, at most for the budget; then settle what is left as ``pending``."""
    _tick()
    budget = max(0.0, _state.deadline - time.monotonic())
    done = not _state.thread or _state.idle.wait(budget if timeout_s is None else min(timeout_s, budget))
    give_up()
    return done


def give_up() -> None:
    """
    Settle what git has not answered in time, so that its telemetry is not held back for ever.

    An answer that comes later is still taken.
    """
    with _state.lock:
        if time.monotonic() < _state.deadline:
            return
        late = [entry for entries in _state.pending.values() for entry in entries if not entry.settled]
    for entry in late:
        entry.settle(entry.function, declared(Attribution(status="pending"), declaration.of(entry)))


def _start() -> None:
    """Start the thread; the lock is held."""
    if _state.thread is not None and _state.thread.is_alive():
        return
    _state.idle.clear()
    _state.thread = threading.Thread(target=_run, name="byline-scan", daemon=True)
    _state.thread.start()


def _run() -> None:
    try:
        while True:
            time.sleep(_GATHER_S)
            with _state.lock:
                files = list(_state.pending)
                if not files:
                    _state.idle.set()
                    _state.thread = None
                    return
            _answer(files)
    except Exception:  # noqa: BLE001  # a background thread of ours never harms the host
        _log.exception("byline could not ask git; functions stay unattributed")
        _state.idle.set()
        _state.thread = None


def _answer(files: list[str]) -> None:
    by_root: dict[str, list[str]] = {}
    for filename in files:
        root = _root_of(os.path.dirname(os.path.abspath(filename)))  # noqa: PTH100, PTH120  # see ask()
        by_root.setdefault(root or "", []).append(filename)
    for root, group in by_root.items():
        manifest = _scan(Path(root), group)
        for filename in group:
            with _state.lock:
                entries = _state.pending.pop(filename, [])
                if manifest is not None:
                    _state.manifests[filename] = manifest
            for entry in entries:
                _settle(entry, manifest)


def _scan(root: Path, files: list[str]) -> Manifest | None:
    from .._attribution.scan import scan_files  # git stays out of a program that has a manifest

    try:
        return scan_files(root, [Path(each) for each in files])
    except BylineError as error:
        _log.warning("byline could not ask git: %s", error)
        lookup.note(Unverified(str(root), str(error)))
        return None


def _settle(entry: Entry, manifest: Manifest | None) -> None:
    function, attribution = entry.function, Attribution(status="unknown")
    if manifest is not None:
        function, attribution = lookup.attribute(manifest, entry.code, entry.function)
        if attribution.status == "stale":
            lookup.note(Unverified(function.name, "uncommitted edits", "commit, then start again"))
    entry.settle(function, declared(attribution, declaration.of(entry)))


@cache
def _root_of(folder: str) -> str | None:
    """Return the folder that holds ``.git``; a file in a worktree or submodule, else a folder."""
    while True:
        if os.path.exists(os.path.join(folder, ".git")):  # noqa: PTH110, PTH118  # see ask()
            return folder
        parent = os.path.dirname(folder)  # noqa: PTH120  # see ask()
        if parent == folder:
            return None
        folder = parent


def reset() -> None:
    """Forget everything; in a forked child the thread is gone."""
    global _state  # noqa: PLW0603  # replaced whole, so that no lock of the parent stays held
    left = [entry for entries in _state.pending.values() for entry in entries]
    _state = _State(manifests=_state.manifests)
    for entry in left:
        if _registry.find(entry.code) is entry:
            ask(entry)


worker.after_fork(reset)
# A mark in a checkout without a manifest: git may know more. Said once, so that instrument() can say otherwise.
lookup.when_unknown(ask)
