"""From an event of Sentry's, as its API or as the SDK has it, to the incident that it tells of; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast, get_args

from ... import _semconv
from ..._model import Attribution, Confidence, Incident, Suspect, Unverified, Verdict
from ..._patterns import classify
from .http import field, listed

_DIGITS = 10
_NEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def incident_of(event: object, issue: str) -> Incident | None:
    """
    Read an incident; what is missing or of another form is left out.

    Args:
        issue: The id of the issue that the event belongs to, which stands for the kind of failure.

    Returns:
        None for an event on which byline has said nothing.
    """
    context, id_ = field(event, "contexts", "byline"), _first(event, "event_id", "eventID", "id")
    values = [each for each in _values(event) if isinstance(each, dict)]
    if not isinstance(context, dict) or not id_ or not values:
        return None
    tags, last = _tags(event), values[-1]
    module, kind, message = (_text(last.get(name)) for name in ("module", "type", "value"))
    error_type = f"{module}.{kind}" if module else kind
    frames = list(_frames(last))
    suspects = tuple(_suspects(context, frames))
    path, line = _raising(suspects)
    match = classify((error_type,), message)
    return Incident(
        id=id_.replace("-", ""),
        time_ns=time_ns_of(_first(event, "timestamp", "dateCreated")),
        function=tags.get(_semconv.SENTRY_FUNCTION, "") or (suspects[0].function if suspects else ""),
        error_type=error_type,
        message=message,
        stacktrace=_NEXT.join(_traceback(each) for each in values),
        path=path,
        line=line,
        fingerprint=issue,
        attribution=Attribution(),
        suspects=suspects,
        unverified=tuple(_unverified(context)),
        trace_id=_text(field(event, "contexts", "trace", "trace_id")),
        span_id=_text(field(event, "contexts", "trace", "span_id")),
        sentry_event_id=id_.replace("-", ""),
        service=tags.get("service", ""),
        revision=_text(context.get("deployed_revision")),
        pattern=match.pattern if match else "",
        certainty=match.certainty if match else "",
    )


def _values(event: object) -> Sequence[object]:
    """Return the exceptions, the cause first: the SDK has them at the top, the API among its entries."""
    own = listed(field(event, "exception", "values")) or listed(field(event, "exception"))
    if own:
        return own
    for entry in listed(field(event, "entries")):
        if field(entry, "type") == "exception":
            return listed(field(entry, "data", "values"))
    return ()


def _tags(event: object) -> dict[str, str]:
    """Return tags by name; they come as an object, as pairs, or as objects with key and value."""
    found = field(event, "tags")
    if isinstance(found, dict):
        return {_text(name): _text(value) for name, value in found.items()}
    tags = {}
    for each in listed(found):
        if isinstance(each, dict):
            tags[_text(each.get("key"))] = _text(each.get("value"))
        elif isinstance(each, list) and len(each) == 2:  # noqa: PLR2004  # a pair
            tags[_text(each[0])] = _text(each[1])
    return tags


def _frames(value: Mapping[str, Any]) -> Iterator[tuple[str, int, str, str]]:
    """Yield file, line, function and source line of each frame, the innermost last."""
    for frame in listed(field(value, "stacktrace", "frames")):
        if not isinstance(frame, dict):
            continue
        line = frame.get("lineno", frame.get("lineNo"))
        number = _bounded(line) if isinstance(line, int) else 0
        code = _text(frame.get("context_line"))
        for each in listed(frame.get("context")):
            if isinstance(each, list) and len(each) == 2 and each[0] == number:  # noqa: PLR2004  # number and text
                code = _text(each[1])
        name = _text(frame.get("abs_path") or frame.get("absPath") or frame.get("filename"))
        yield name, number, _text(frame.get("function")), code.strip()


def _traceback(value: Mapping[str, Any]) -> str:
    """Return an exception as Python prints it."""
    lines = ["Traceback (most recent call last):"]
    for name, line, function, code in _frames(value):
        lines.append(f'  File "{name}", line {line}, in {function}')
        lines += [f"    {code}"] if code else []
    kind, message = _text(value.get("type")), _text(value.get("value"))
    return "\n".join([*lines, f"{kind}: {message}" if message else kind, ""])


def _suspects(context: Mapping[str, Any], frames: Sequence[tuple[str, int, str, str]]) -> Iterator[Suspect]:
    for each in listed(context.get("suspects")):
        if not isinstance(each, dict) or not _text(each.get("commit")):
            continue
        texts = {
            name: _text(each.get(name))
            for name in (
                "commit",
                "reason",
                "function",
                "author",
                "tool",
                "model",
                "evidence",
                "subject",
                "change",
            )
        }
        path, _, line = _text(each.get("line")).rpartition(":")
        number = _bounded(int(line)) if line.isdecimal() and len(line) < _DIGITS else 0
        verdict, confidence = _text(each.get("verdict")), _text(each.get("confidence"))
        yield Suspect(
            **texts,
            path=path,
            line=number,
            distance=_distance(frames, path, number),
            verdict=cast(Verdict, verdict) if verdict in get_args(Verdict) else "unknown",
            confidence=cast(Confidence, confidence) if confidence in get_args(Confidence) else "none",
            committed_at=time_ns_of(_text(each.get("committed_at"))) // 10**9,
        )


def _distance(frames: Sequence[tuple[str, int, str, str]], path: str, line: int) -> int:
    """Return how far out a place is; as far as can be when no frame is there."""
    for distance, (name, number, _, _) in enumerate(reversed(frames)):
        if number == line and f"/{name}".endswith(f"/{path}"):
            return distance
    return len(frames)


def _raising(suspects: Sequence[Suspect]) -> tuple[str, int]:
    """Return the innermost place that a suspect is about."""
    if not suspects:
        return "", 0
    innermost = min(suspects, key=lambda each: each.distance)
    return innermost.path, innermost.line


def _unverified(context: Mapping[str, Any]) -> Iterator[Unverified]:
    for each in listed(context.get("unverified")):
        subject, _, reason = _text(each).partition(": ")
        yield Unverified(subject, reason)


def time_ns_of(moment: str) -> int:
    """Read a moment, as seconds since the epoch or by ISO 8601; 0 for what is neither."""
    try:
        return _bounded(round(float(moment) * 1e9))
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(moment)
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return _bounded((aware - datetime(1970, 1, 1, tzinfo=UTC)) // datetime.resolution * 1_000)
    except (ValueError, OverflowError):
        return 0


def _bounded(number: int) -> int:
    """Return a number that a store can hold; 0 for one that no clock or file has."""
    return number if 0 <= number < 1 << 62 else 0


def _first(event: object, *names: str) -> str:
    return next((text for name in names if (text := _text(field(event, name)))), "")


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, (dict, list)) else str(value)
