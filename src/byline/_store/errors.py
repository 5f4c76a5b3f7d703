"""What SQLite's result codes mean to the owner of a store, as sentences; no I/O."""

from __future__ import annotations

from pathlib import Path

# https://sqlite.org/rescode.html; the low byte is the primary code.
_PERM, _BUSY, _LOCKED, _READONLY, _IOERR, CORRUPT, _FULL, CANNOT_OPEN, _NOTADB = (
    3,
    5,
    6,
    8,
    10,
    11,
    13,
    14,
    26,
)


def is_busy(code: int) -> bool:
    """Tell whether trying again may help."""
    return code & 0xFF in (_BUSY, _LOCKED)


def cannot_open(code: int) -> bool:
    """Tell whether the file, or a file beside it, could not be opened or written."""
    return code & 0xFF in (_READONLY, CANNOT_OPEN)


def sentence(code: int, path: Path, *, timeout_s: float, detail: str) -> str:
    """Say what is wrong with the store and what to do."""
    name = repr(str(path))
    primary = code & 0xFF
    if is_busy(code):
        return (
            f"The store {name} has been locked by another process for more than {timeout_s:g} s. "
            "Try again, or find who holds it open."
        )
    if primary in (_READONLY, _PERM, CANNOT_OPEN):
        return (
            f"The store {name} cannot be opened or written ({detail}). "
            "Make the file and its folder writable, or set BYLINE_STORE to another path."
        )
    if primary in (CORRUPT, _NOTADB):
        return (
            f"{name} is damaged, or is not a byline store ({detail}). "
            "Move it away and a new one is made; `sqlite3 FILE .recover` may save its rows."
        )
    if primary == _FULL:
        return (
            f"The disk is full: the store {name} cannot grow. Make room, or set BYLINE_STORE to another disk."
        )
    if primary == _IOERR:
        return f"The disk failed under the store {name} ({detail}). Check its free space and the file system."
    return f"The store {name} cannot be used: {detail}."


def missing(path: Path) -> str:
    """Say that there is no store, and how to make one."""
    return (
        f"There is no store at {str(path)!r}. Record one: byline run your_program.py, "
        "or set BYLINE_STORE where the program runs."
    )


def newer(path: Path, version: int, known: int) -> str:
    """Say that the store was written by a newer byline."""
    return f"The store {str(path)!r} has schema {version}; this byline knows schema {known}. Upgrade byline."


def older(path: Path, version: int, known: int) -> str:
    """Say that the store was written by a byline before the first release."""
    return (
        f"The store {str(path)!r} has schema {version}, of a byline that was never released; this one knows schema {known}. "
        "Move it away and a new one is made."
    )


def foreign(path: Path) -> str:
    """Say that the file is an SQLite database of someone else's."""
    return f"{str(path)!r} is an SQLite database, but not a byline store. Set BYLINE_STORE to another path."


def empty(path: Path) -> str:
    """Say that the file has no schema yet."""
    return f"The store {str(path)!r} is empty: nothing has been recorded in it yet."


def unread_journal(path: Path) -> str:
    """Say that rows wait in a journal that cannot be read from a read-only folder."""
    return (
        f"The store {str(path)!r} is in a read-only folder, and some of its rows are still in {path.name}-wal. "
        "Copy both files to a writable folder and use --store."
    )
