"""From a Sentry event to the commits behind it: tags to search by, a context to read. The SDK is not needed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .. import _config, _links, _registry, _semconv, _suspects, _wire
from .._config import AuthorForm
from .._model import Suspect, Unverified
from .._suspects import FrameFacts
from .._telemetry.attributes import author as written
from .._telemetry.frames import Place, facts_at, facts_of, frames_of

Event = dict[str, Any]
Hint = Mapping[str, Any]

CONTEXT = "byline"
TAG_LIMIT = 200
"""Sentry drops a longer value."""

TEXT_LIMIT = 200
_SHA_DIGITS = 10
UNVERIFIED_LIMIT = 10
"""With the limit of a text, and at most five suspects, a context stays under the 16 kB that Sentry keeps."""


def annotate(event: Event, hint: Hint) -> None:
    """
    Say on an event which commits may be behind it; one without a frame that byline knows is left as it is.

    What the program has put under the same names stays.
    """
    facts, happened = _facts(event, hint)
    if not any(each.path for each in facts):
        return
    suspects, unverified = _suspects.rank(facts, happened=happened)
    form = _config.current().author
    context = context_of(suspects, unverified, form)
    if suspects:
        put_tags(event, tags_of(suspects[0], form))
    contexts = event.setdefault("contexts", {})
    if isinstance(contexts, dict) and context:
        contexts.setdefault(CONTEXT, context)


def tags_of(suspect: Suspect, form: AuthorForm = "name") -> dict[str, str]:
    """Return the tags of an event by its first suspect; what is empty is left out."""
    found = {
        _semconv.COMMIT: suspect.commit,
        _semconv.AUTHOR: written(suspect.author, form),
        _semconv.TOOL: suspect.tool,
        _semconv.SENTRY_FUNCTION: suspect.function,
        _semconv.CONFIDENCE: suspect.confidence,
        _semconv.SENTRY_GIT_COMMIT: suspect.commit,
    }
    return {name: _text(value, TAG_LIMIT) for name, value in found.items() if value}


def context_of(
    suspects: Sequence[Suspect], unverified: Sequence[Unverified], form: AuthorForm = "name"
) -> dict[str, Any]:
    """Return the context of an event: the suspects, most likely first, and what could not be checked."""
    deployed = _registry.deployment()
    found: dict[str, Any] = {
        # For servers that show a list of objects as it is written.
        "summary": "\n".join(_sentence(each) for each in suspects),
        "suspects": [_described(each, deployed.repository, form) for each in suspects],
        "unverified": [
            _text(f"{each.subject}: {each.reason}", TEXT_LIMIT) for each in unverified[:UNVERIFIED_LIMIT]
        ],
    }
    if suspects:
        # Strings at the top are what Sentry makes into links.
        found["commit_url"] = _links.commit_url(deployed.repository, suspects[0].commit)
        found["change_url"] = _links.change_url(deployed.repository, suspects[0].change)
    found["deployed_revision"] = deployed.revision
    found["repository"] = _text(deployed.repository, TEXT_LIMIT)
    return {name: value for name, value in found.items() if value}


def is_error(event: Event) -> bool:
    """Tell whether an event is about a failure, or a message: transactions and others name their type."""
    return not event.get("type") or event["type"] in ("error", "default")


def without_wrappers(event: Event) -> None:
    """Take byline's own frames out of an event's stack traces, so that it is grouped as without byline."""
    for stacktrace in _stacktraces(event):
        frames = [each for each in stacktrace["frames"] if not _is_wrapper(each)]
        if frames:
            stacktrace["frames"] = frames


def _described(suspect: Suspect, repository: str, form: AuthorForm) -> dict[str, Any]:
    found: dict[str, Any] = {
        "commit": suspect.commit,
        "subject": suspect.subject,
        "reason": suspect.reason,
        "line": f"{suspect.path}:{suspect.line}" if suspect.path else "",
        "function": suspect.function,
        "verdict": suspect.verdict,
        "confidence": suspect.confidence,
        "tool": suspect.tool,
        "model": suspect.model,
        "evidence": suspect.evidence,
        "author": written(suspect.author, form),
        "committed_at": _moment(suspect.committed_at),
        "change": suspect.change,
        "commit_url": _links.commit_url(repository, suspect.commit),
        "change_url": _links.change_url(repository, suspect.change),
    }
    return {name: _text(value, TEXT_LIMIT) for name, value in found.items() if value}


def _sentence(suspect: Suspect) -> str:
    where = f" at {suspect.path}:{suspect.line}" if suspect.path else ""
    what = f" {suspect.subject}" if suspect.subject else ""
    return _text(f"{suspect.commit[:_SHA_DIGITS]}{what}: {suspect.reason}{where}", TEXT_LIMIT)


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""
    except (OverflowError, ValueError, OSError):  # git takes any number for a date
        return ""


def _text(value: str, limit: int) -> str:
    """Return one line that Sentry keeps: a line end loses a tag, and so does a value that is too long."""
    line = " ".join(_wire.clean(value[: 2 * limit]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def put_tags(event: Event, tags: Mapping[str, str]) -> None:
    known = event.setdefault("tags", {})
    if isinstance(known, dict):
        for name, value in tags.items():
            known.setdefault(name, value)
    elif isinstance(known, list):
        # The other form that Sentry takes: pairs.
        names = {each[0] for each in known if isinstance(each, (list, tuple)) and each}
        known.extend([name, value] for name, value in tags.items() if name not in names)


def _facts(event: Event, hint: Hint) -> tuple[list[FrameFacts], str]:
    """Find the frames of an event, and what the innermost one did."""
    info = hint.get("exc_info")
    exception = info[1] if isinstance(info, tuple) and len(info) > 1 else None
    if isinstance(exception, BaseException):
        frames = frames_of(exception)
        if frames:
            return facts_of(frames), "raised"
    places = list(_places(_values(event.get("exception"))))
    if places:
        return facts_at(places), "raised"
    places = list(_places(_values(event.get("threads"))))
    record = hint.get("log_record")
    if not places and record is not None:
        places = [Place(record.pathname, record.lineno, record.funcName or "")]
    return facts_at(places), "logged"


def _places(values: Iterable[dict[str, Any]]) -> Iterator[Place]:
    """Yield the frames of exceptions, root cause first, each innermost first; byline's own are left out."""
    for value in values:
        for stacktrace in _stacktraces_of(value):
            for frame in reversed(stacktrace["frames"]):
                filename, line = frame.get("abs_path") or frame.get("filename"), frame.get("lineno")
                if isinstance(filename, str) and isinstance(line, int) and not _is_wrapper(frame):
                    yield Place(filename, line, str(frame.get("function") or ""))


def _stacktraces(event: Event) -> Iterator[dict[str, Any]]:
    for name in ("exception", "threads"):
        for value in _values(event.get(name)):
            yield from _stacktraces_of(value)


def _values(interface: object) -> list[dict[str, Any]]:
    """Return the exceptions, or threads, of an event; a program may have put anything there."""
    values = interface.get("values") if isinstance(interface, dict) else interface
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _stacktraces_of(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    stacktrace = value.get("stacktrace")
    frames = stacktrace.get("frames") if isinstance(stacktrace, dict) else None
    if (
        isinstance(stacktrace, dict)
        and isinstance(frames, list)
        and all(isinstance(each, dict) for each in frames)
    ):
        yield stacktrace


def _is_wrapper(frame: Mapping[str, Any]) -> bool:
    # The SDK has made the name an absolute path, and parameters may hold a slash.
    return any(
        _registry.WRAPPER_FILENAME in name and f"/{_registry.WRAPPER_FILENAME}" in f"/{name}"
        for name in (frame.get("abs_path"), frame.get("filename"))
        if isinstance(name, str)
    )
