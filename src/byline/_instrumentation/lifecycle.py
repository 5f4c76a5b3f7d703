"""Turns byline on and off for a process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

from .. import _config
from .._config import AuthorForm, Config
from .._dataclass import dataclass
from .._manifest import Manifest, find
from .._model import Unverified
from .._probes import switch as probes
from .._telemetry import delivery, gate, latency, otel, worker
from ..exceptions import ManifestError
from . import cap, development, import_hook, imported, lookup, spawned
from .recording import Recording, store_of_exporters

_log = logging.getLogger("byline")

FLUSH_TIMEOUT_S = 3.0


@dataclass(slots=True)
class _Active:
    """What uninstrument() has to undo."""

    finder: import_hook.Finder | None = None
    recording: Recording | None = None
    """The embedded store's part, when there is a store."""

    noted: tuple[Unverified, ...] = ()
    """What was left in the store last, for ``byline doctor``."""

    def before_end(self, *, goes_on: bool = False) -> None:
        """Write everything at an end that may pass every exit function by; ``goes_on`` where it may not be the end yet."""
        _flush_all(goes_on=goes_on)
        if not goes_on:
            _write_notes(self)

    def end(self) -> None:
        """Write everything, and close the store: the program's exit functions are done."""
        _flush_all()
        _close(self)


_lock = threading.Lock()
_active: _Active | None = None


def instrument(
    *, manifest: str | os.PathLike[str] | None = None, store: str | os.PathLike[str] | None = None,
    author: AuthorForm | None = None, sentry: bool | None = None,
) -> None:  # fmt: skip
    """
    Measure every function that the manifest names, from now on. Call it first in the program.

    Calling it again changes nothing until ``uninstrument()``. With ``BYLINE_DISABLED=1`` it does nothing.

    Args:
        manifest: Path of the manifest. Default: ``BYLINE_MANIFEST``, beside the package, or upward
            from the entry script. Without one, only functions marked by ``@ai_generated`` are measured.

        store: Path of an embedded store to write to. Default: ``BYLINE_STORE``, or none.

        author: How the accountable human appears in telemetry.

        sentry: Attribute the events of sentry-sdk, as soon as it has a client. Default: ``BYLINE_SENTRY``, or no.

    Raises:
        ConfigError: A setting is unknown or malformed.
        ManifestError: A manifest was named that is missing, damaged, or of a newer format.
        StoreError: A store was named that cannot be written.
        MissingExtraError: Sentry's events are to be attributed, and sentry-sdk is not installed.
    """
    global _active  # noqa: PLW0603  # one state, guarded by the lock
    with _lock:
        if _active is not None:
            return
        config = Config.from_env(
            manifest=None if manifest is None else os.fspath(manifest),
            store=None if store is None else os.fspath(store),
            author=author,
            sentry=sentry,
        )
        _config.use(config)
        if config.disabled:
            return
        if config.sentry:
            from .. import sentry as events  # sentry-sdk is loaded only by those who want it

            events.attribute_all()
        opened = _open_manifest(config)
        if opened is not None:
            config = config.or_else(opened.header.measure)
            _config.use(config)
        gate.configure(config)
        cap.start(config.max_rate)
        lookup.use(opened)
        lookup.when_unknown(development.ask_now)
        active = _Active()
        store = config.store or store_of_exporters(os.environ)
        if store:
            from . import termination  # loaded only by those who write a store

            active.recording = Recording(Path(store), opened.header if opened else None)
            worker.at_end(active.end)
            termination.flush_before_end(active.before_end)
        try:
            probes.start(config, opened)
        except BaseException:
            _close(active)
            raise
        latency.start()  # with a place to go for what is recorded
        if opened is not None:
            active.finder = import_hook.install(opened)
            otel.expect(announced=True)
            imported.mark_imported(opened)
            spawned.watch(opened)
        _write_notes(active)
        _active = active


def uninstrument() -> None:
    """Stop measuring newly imported modules, flush, and close the store. Repeating it does no harm."""
    global _active  # as in instrument()
    with _lock:
        active, _active = _active, None
    if active is None:
        return
    if active.finder is not None:
        import_hook.remove(active.finder)
        spawned.unwatch()
        otel.expect(announced=False)
    # What comes from now on would be counted in part; what is there waits for git's answer.
    latency.hold()
    development.wait()
    probes.stop()
    _flush_all()
    latency.stop()
    gate.stop()
    cap.stop()
    if (events := sys.modules.get("byline.sentry")) is not None:
        events.attribute_asked()
    _close(active)
    lookup.when_unknown(development.ask)
    lookup.reset()
    _config.use(None)


def is_active() -> bool:
    """Tell whether ``instrument()`` is in force in this process."""
    return _active is not None


def flush(timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
    """
    Hand everything that was measured to OpenTelemetry, and the store's part to the disk.

    Returns:
        False when it was not done within the time, in seconds.
    """
    development.wait()
    done = worker.flush(timeout_s)
    active = _active
    if active is None or active.recording is None:
        return done
    return active.recording.flush(timeout_s) and done


def _open_manifest(config: Config) -> Manifest | None:
    """Open the manifest: a named one must be right, a found one that is damaged is left aside."""
    try:
        path = find(config.manifest)
        if path is not None:
            return Manifest.open(path)
    except ManifestError as error:
        if config.manifest:
            raise
        _log.error("%s", error)  # the message says all; a traceback would not help
        lookup.note(Unverified("manifest", str(error)))
    else:
        lookup.note(Unverified("manifest", "none was found", "make one: byline scan"))
    return None


def _flush_all(*, goes_on: bool = False) -> None:
    """Hand over what is there, also what usually waits for more of its kind; ``goes_on`` as in ``worker.stop``."""
    worker.stop(FLUSH_TIMEOUT_S, goes_on=goes_on)
    flush()


def _write_notes(active: _Active) -> None:
    """Leave what could not be told in the store, for ``byline doctor``."""
    if active.recording is not None:
        current = lookup.manifest() if active.finder is not None else None
        for each in imported.missed(current) if current is not None else ():
            lookup.note(each)
        notes = (*lookup.unverified(), *delivery.unverified(), *probes.unverified())
        if notes != active.noted:
            active.recording.note(notes)
            active.noted = notes


def _close(active: _Active) -> None:
    if active.recording is None:
        return
    from . import termination

    termination.stop_flushing()
    _write_notes(active)
    active.recording.close()
    active.recording = None
    worker.not_at_end(active.end)
    termination.restore()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.Lock()


worker.after_fork(_after_fork_in_child)
