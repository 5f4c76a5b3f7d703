"""Opens byline.db and keeps it open: settings, schema, forks, replaced files, errors. The one file that imports sqlite3."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from weakref import WeakSet

from ..exceptions import StoreError
from . import errors, queries, upkeep
from .schema import APPLICATION_ID, SCHEMA, VERSION

Error = sqlite3.Error

_JOURNAL_BYTES = 4 * 1024 * 1024
_FORK_WAIT_S = 1.0

_files: WeakSet[StoreFile] = WeakSet()
_abandoned: list[sqlite3.Connection] = []
"""Connections of a parent that was writing when it forked: never used here, never closed."""


class StoreFile:
    """The file of a store. Threads share its one connection, processes never do."""

    def __init__(self, path: Path, *, create: bool, read_only: bool, timeout_s: float) -> None:
        self.path = path
        self._create = create and not read_only
        self._read_only = read_only
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._forking_thread = 0
        _files.add(self)

    def close(self) -> None:
        """Close the connection; the next use opens a new one."""
        with self._lock:
            self._disconnect()

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """
        Hold the connection, outside of a transaction.

        Raises:
            StoreError: It cannot be opened, or a statement failed.
        """
        with self._lock, self._translated():
            yield self._connected()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """
        Hold the connection on one state of the file.

        Raises:
            StoreError: It cannot be opened or read, or a value in it is damaged.
        """
        with self.opened() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            except ValueError as error:
                raise StoreError(self._sentence(errors.CORRUPT, str(error))) from error
            finally:
                with suppress(sqlite3.Error):  # a failed statement may have ended it
                    connection.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(self._sentence(_code(error), str(error))) from error

    def _sentence(self, code: int, detail: str) -> str:
        return errors.sentence(code, self.path, timeout_s=self._timeout_s, detail=detail)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity != _identity(self.path):
            # Rows written to a deleted file would be lost without a word.
            self._disconnect()
        if self._connection is None:
            self._connection = self._connect()
            self._identity = _identity(self.path)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    # --- opening -------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        if self._create:
            self._make_folder()
        elif not self.path.exists():
            raise StoreError(errors.missing(self.path))
        if self.path.is_dir():
            raise StoreError(self._sentence(errors.CANNOT_OPEN, "it is a folder"))
        if not self._read_only:
            connection = self._prepared("rwc" if self._create else "rw")
            # SQLite would notice with the first write only, and a program wants to know when it starts.
            if not (os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)):
                connection.close()
                raise StoreError(self._sentence(errors.CANNOT_OPEN, "it is read-only"))
            return connection
        try:
            return self._prepared("ro")
        except sqlite3.Error as error:
            if not errors.cannot_open(_code(error)):
                raise
        # WAL wants to write beside the file, even to read it. Without a journal nothing is missed.
        journal = self.path.with_name(self.path.name + "-wal")
        if journal.exists() and journal.stat().st_size:
            raise StoreError(errors.unread_journal(self.path))
        return self._prepared("ro&immutable=1")

    def _prepared(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.row_factory = sqlite3.Row
            if mode == "rwc":
                self._make_schema(connection)
            self._check(connection)
            # A crash of the process loses nothing committed; a crash of the machine may lose the last moments.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
            ignore = folder / ".gitignore"
            if folder.name == ".byline" and not ignore.exists():
                # Recorded data does not belong into git.
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            if not folder.is_dir():
                detail = f"its folder cannot be made: {error.strerror or error}"
                raise StoreError(self._sentence(errors.CANNOT_OPEN, detail)) from error

    def _make_schema(self, connection: sqlite3.Connection) -> None:
        if _pragma(connection, "application_id") or _tables(connection):
            return
        self._use_wal(connection)
        with upkeep.transaction(connection):
            # Another process may have been faster while this one waited.
            if _tables(connection):
                return
            for statement in _statements(SCHEMA):
                connection.execute(statement)
            for key, value in queries.created_by(_version(), time.time_ns()).items():
                connection.execute("INSERT INTO meta VALUES (:key, :value)", {"key": key, "value": value})
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """
        Set what must be set before the first table.

        SQLite does not always wait by itself when several processes switch to WAL at once.
        """
        until = time.monotonic() + self._timeout_s
        while True:
            try:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
            except sqlite3.OperationalError as error:
                if not errors.is_busy(_code(error)) or time.monotonic() > until:
                    raise
                time.sleep(0.01)  # pragma: no cover  # only when processes meet in this very statement
            else:
                return

    def _check(self, connection: sqlite3.Connection) -> None:
        if _pragma(connection, "application_id") != APPLICATION_ID:
            says = errors.foreign if _tables(connection) else errors.empty
            raise StoreError(says(self.path))
        version = _pragma(connection, "user_version")
        if version > VERSION:
            raise StoreError(errors.newer(self.path, version, VERSION))
        if version < VERSION:
            raise StoreError(errors.older(self.path, version, VERSION))

    # --- forks ---------------------------------------------------------------

    def before_fork(self) -> None:
        """Close the connection, so that no process inherits it; waits for a write in progress, but not long."""
        if self._lock.acquire(timeout=_FORK_WAIT_S):
            self._forking_thread = threading.get_ident()
            self._disconnect()

    def after_fork_in_parent(self) -> None:
        """Go on; another thread may be forking, too."""
        if self._forking_thread == threading.get_ident():
            self._forking_thread = 0
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Start anew."""
        if self._connection is not None:
            # The wait was over before the parent's write was. Closing it would give up locks and a journal that belong to the parent.
            _abandoned.append(self._connection)
            self._connection = None
        self._forking_thread = 0
        self._lock = threading.Lock()


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _tables(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Split a script; ``executescript`` would commit the transaction it runs in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _version() -> str:
    try:
        return metadata.version("byline")
    except metadata.PackageNotFoundError:  # pragma: no cover  # a source tree on the path, not installed
        return "unknown"


def _before_fork() -> None:
    for each in list(_files):
        each.before_fork()


def _after_fork_in_parent() -> None:
    for each in list(_files):
        each.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for each in list(_files):
        each.after_fork_in_child()


with suppress(AttributeError):  # no fork on Windows
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
