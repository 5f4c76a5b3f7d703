"""byline's own errors inside other people's programs: logged once per site, then quiet."""

from __future__ import annotations

import logging
from types import TracebackType

_LIMIT = 1_000
_logger = logging.getLogger("byline")
_seen: set[tuple[str, int]] = set()


def report(exception: BaseException, doing: str) -> None:
    """
    Log an error of our own the first time its site fails; never raises.

    Args:
        doing: What was being done, for the log line: "byline failed while <doing>".
    """
    try:
        site = _site(exception.__traceback__)
        if site in _seen or len(_seen) >= _LIMIT:
            return
        _seen.add(site)
        _logger.warning(
            "byline failed while %s. The program is not affected; this place stays quiet from now on.",
            doing,
            exc_info=(type(exception), exception, exception.__traceback__),
        )
    except Exception:  # noqa: BLE001, S110  # a logging handler that fails, or no stack left: nothing more can be said
        pass


def forget() -> None:
    """Let every site speak again (tests)."""
    _seen.clear()


def _site(traceback: TracebackType | None) -> tuple[str, int]:
    """Return where an error came from: file and line of the innermost frame."""
    if traceback is None:
        return "", 0
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
