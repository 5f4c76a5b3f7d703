"""An incident as the attributes of a log record, and back: the one place that knows which name holds what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar, cast, get_args

from .. import _semconv, _wire
from .._config import AuthorForm
from .._model import Attribution, Confidence, Incident, Suspect, Unverified
from .attributes import author as written

Value = TypeVar("Value", Suspect, Unverified)

_CUT = "increase OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT and OTEL_ATTRIBUTE_COUNT_LIMIT, or leave them unset"


def attributes_of(incident: Incident, author: AuthorForm = "name") -> dict[str, str | int | float]:
    """
    Return an incident's attributes; what is empty is left out.

    ``byline.*`` describes the commit of the first suspect, and ``code.*`` the line that
    raised. The marked function, which need not be the one that raised, and its own commit
    are under ``byline.incident.*``.

    Args:
        author: How people appear.
    """
    own = replace(incident.attribution, author=written(incident.attribution.author, author), contributions=())
    suspects = [replace(each, author=written(each.author, author)) for each in incident.suspects]
    top = suspects[0] if suspects else None
    found: dict[str, str | int | float] = {
        _semconv.INCIDENT_ID: incident.id,
        _semconv.FUNCTION: _raising_function(incident),
        _semconv.FILE: incident.path,
        _semconv.LINE: incident.line,
        _semconv.ERROR_TYPE: incident.error_type,
        _semconv.EXCEPTION_TYPE: incident.error_type,
        _semconv.EXCEPTION_MESSAGE: incident.message,
        _semconv.EXCEPTION_STACKTRACE: incident.stacktrace,
        _semconv.PATTERN: incident.pattern,
        _semconv.CERTAINTY: incident.certainty,
        _semconv.COMMIT: top.commit if top else "",
        _semconv.AUTHOR: top.author if top else "",
        _semconv.TOOL: top.tool if top else "",
        _semconv.MODEL: top.model if top else "",
        _semconv.EVIDENCE: top.evidence if top else "",
        _semconv.CONFIDENCE: top.confidence if top else "",
        _semconv.CHANGE: top.change if top else "",
        _semconv.COMMITTED_AT: top.committed_at if top else 0,
        _semconv.LAST_COMMIT: own.last_commit,
        _semconv.STATUS: own.status,
        _semconv.SESSION: own.session,
        _semconv.AI_LINES: own.ai_lines,
        _semconv.LINES: own.lines,
        _semconv.INCIDENT_FUNCTION: incident.function,
        _semconv.INCIDENT_COMMIT: own.commit,
        _semconv.FINGERPRINT: incident.fingerprint,
        _semconv.SENTRY_EVENT_ID: incident.sentry_event_id,
        _semconv.SUPPRESSED: incident.suppressed,
        _semconv.DURATION: incident.duration_s,
        _semconv.INCIDENT_ATTRIBUTION: _wire.dumps(own),
        _semconv.SUSPECTS: _wire.dumps(suspects) if suspects else "",
        _semconv.UNVERIFIED: _wire.dumps(incident.unverified) if incident.unverified else "",
    }
    return {
        name: _wire.clean(value) if isinstance(value, str) else value
        for name, value in found.items()
        if value
    }


def incident_of(
    attributes: Mapping[str, object],
    *,
    time_ns: int,
    trace_id: int = 0,
    span_id: int = 0,
    resource: Mapping[str, object] | None = None,
) -> Incident:
    """
    Read an incident back. Never raises: what was cut or is damaged becomes ``unverified``.

    Args:
        resource: The attributes of the log record's resource.
    """
    resource = resource or {}
    damaged: list[Unverified] = []
    suspects = _list(attributes, _semconv.SUSPECTS, Suspect, damaged) or _only_suspect(attributes)
    return Incident(
        id=_text(attributes, _semconv.INCIDENT_ID),
        time_ns=time_ns,
        function=_text(attributes, _semconv.INCIDENT_FUNCTION) or _text(attributes, _semconv.FUNCTION),
        error_type=_text(attributes, _semconv.ERROR_TYPE) or _text(attributes, _semconv.EXCEPTION_TYPE),
        message=_text(attributes, _semconv.EXCEPTION_MESSAGE),
        stacktrace=_text(attributes, _semconv.EXCEPTION_STACKTRACE),
        path=_text(attributes, _semconv.FILE),
        line=_whole(attributes, _semconv.LINE),
        fingerprint=_text(attributes, _semconv.FINGERPRINT),
        attribution=_attribution(attributes, damaged),
        suspects=suspects,
        # Evaluated last, when the list of damages is complete.
        unverified=_list(attributes, _semconv.UNVERIFIED, Unverified, damaged) + tuple(damaged),
        suppressed=_whole(attributes, _semconv.SUPPRESSED),
        trace_id=f"{trace_id:032x}" if trace_id else "",
        span_id=f"{span_id:016x}" if span_id else "",
        service=_text(resource, _semconv.SERVICE_NAME),
        revision=_text(resource, _semconv.VCS_REVISION),
        duration_s=_number(attributes, _semconv.DURATION),
        pattern=_text(attributes, _semconv.PATTERN),
        sentry_event_id=_text(attributes, _semconv.SENTRY_EVENT_ID),
        certainty=_text(attributes, _semconv.CERTAINTY),
    )


def _raising_function(incident: Incident) -> str:
    """Name the function around the raising line; a suspect at that place knows it."""
    here = [
        each.function
        for each in incident.suspects
        if (each.path, each.line) == (incident.path, incident.line)
    ]
    return here[0] if here else incident.function


def _attribution(attributes: Mapping[str, object], damaged: list[Unverified]) -> Attribution:
    text = attributes.get(_semconv.INCIDENT_ATTRIBUTION)
    if text is not None:
        try:
            return _wire.loads(Attribution, text)
        except ValueError:
            damaged.append(
                Unverified(
                    _semconv.INCIDENT_ATTRIBUTION,
                    "the attribution of the marked function was cut on its way",
                    _CUT,
                )
            )
    return Attribution(
        commit=_text(attributes, _semconv.INCIDENT_COMMIT),
        last_commit=_text(attributes, _semconv.LAST_COMMIT),
        session=_text(attributes, _semconv.SESSION),
        ai_lines=_whole(attributes, _semconv.AI_LINES),
        lines=_whole(attributes, _semconv.LINES),
    )


def _only_suspect(attributes: Mapping[str, object]) -> tuple[Suspect, ...]:
    """Rebuild the first suspect from its own attributes, for when the list was cut."""
    commit = _text(attributes, _semconv.COMMIT)
    if not commit:
        return ()
    tool = _text(attributes, _semconv.TOOL)
    confidence = _text(attributes, _semconv.CONFIDENCE)
    return (
        Suspect(
            commit=commit,
            reason="first suspect; the reason was cut on its way",
            function=_text(attributes, _semconv.FUNCTION),
            path=_text(attributes, _semconv.FILE),
            line=_whole(attributes, _semconv.LINE),
            distance=0,
            verdict="ai" if tool else "unknown",
            confidence=cast(Confidence, confidence) if confidence in get_args(Confidence) else "none",
            author=_text(attributes, _semconv.AUTHOR),
            tool=tool,
            model=_text(attributes, _semconv.MODEL),
            evidence=_text(attributes, _semconv.EVIDENCE),
            change=_text(attributes, _semconv.CHANGE),
            committed_at=_whole(attributes, _semconv.COMMITTED_AT),
        ),
    )


def _list(
    attributes: Mapping[str, object], name: str, kind: type[Value], damaged: list[Unverified]
) -> tuple[Value, ...]:
    text = attributes.get(name)
    if text is None:
        return ()
    try:
        return _wire.loads_all(kind, text)
    except ValueError:
        damaged.append(Unverified(name, "the list was cut on its way", _CUT))
        return ()


def _text(attributes: Mapping[str, object], name: str) -> str:
    value = attributes.get(name, "")
    return value if isinstance(value, str) else str(value)


def _whole(attributes: Mapping[str, object], name: str) -> int:
    value = attributes.get(name, 0)
    return value if isinstance(value, int) else 0


def _number(attributes: Mapping[str, object], name: str) -> float:
    value = attributes.get(name, 0.0)
    return float(value) if isinstance(value, (int, float)) else 0.0
