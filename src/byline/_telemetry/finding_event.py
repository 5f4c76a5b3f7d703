"""A finding as the attributes of a log record, and back: the one place that knows which name holds what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast, get_args

from .. import _semconv, _wire
from .._config import AuthorForm
from .._model import Attribution, Finding, Handling, Suspect
from .attributes import author as written


def attributes_of(finding: Finding, author: AuthorForm = "name") -> dict[str, str | int]:
    """
    Return a finding's attributes; what is empty is left out.

    ``byline.commit`` and its kin describe the line of the handler, ``byline.last_commit`` the function.

    Args:
        author: How people appear.
    """
    own = replace(finding.attribution, author=written(finding.attribution.author, author), contributions=())
    owner = finding.owner and replace(finding.owner, author=written(finding.owner.author, author))
    found: dict[str, str | int] = {
        _semconv.FINDING_KIND: _semconv.SWALLOWED,
        _semconv.FINDING_ID: finding.id,
        _semconv.FINDING_HANDLING: finding.handling,
        _semconv.FINDING_HANDLER: finding.handler,
        _semconv.FINDING_RETURNED: finding.returned,
        _semconv.FINDING_COUNT: finding.count,
        _semconv.FINDING_NEW: finding.is_new,
        _semconv.FINDING_FINGERPRINT: finding.fingerprint,
        _semconv.FUNCTION: finding.function,
        _semconv.FILE: finding.path,
        _semconv.LINE: finding.line,
        _semconv.ERROR_TYPE: finding.error_type,
        _semconv.EXCEPTION_TYPE: finding.error_type,
        _semconv.EXCEPTION_MESSAGE: finding.message,
        _semconv.EXCEPTION_STACKTRACE: finding.stacktrace,
        _semconv.PATTERN: finding.pattern,
        _semconv.CERTAINTY: finding.certainty,
        _semconv.COMMIT: owner.commit if owner else "",
        _semconv.AUTHOR: owner.author if owner else "",
        _semconv.TOOL: owner.tool if owner else "",
        _semconv.MODEL: owner.model if owner else "",
        _semconv.EVIDENCE: owner.evidence if owner else "",
        _semconv.CONFIDENCE: owner.confidence if owner else "",
        _semconv.CHANGE: owner.change if owner else "",
        _semconv.LAST_COMMIT: own.last_commit,
        _semconv.STATUS: own.status,
        _semconv.FINDING_ATTRIBUTION: _wire.dumps(own),
        _semconv.FINDING_OWNER: _wire.dumps([owner]) if owner else "",
    }
    return {
        name: _wire.clean(value) if isinstance(value, str) else value
        for name, value in found.items()
        if value or name == _semconv.FINDING_NEW
    }


def finding_of(
    attributes: Mapping[str, object],
    *,
    time_ns: int,
    trace_id: int = 0,
    span_id: int = 0,
    resource: Mapping[str, object] | None = None,
) -> Finding:
    """
    Read a finding back. Never raises: what was cut or is damaged is left out.

    Args:
        resource: The attributes of the log record's resource.
    """

    def text(name: str, where: Mapping[str, object] = attributes) -> str:
        return str(where.get(name, ""))

    def whole(name: str) -> int:
        value = attributes.get(name, 0)
        return value if isinstance(value, int) else 0

    resource = resource or {}
    handling = text(_semconv.FINDING_HANDLING)
    return Finding(
        id=text(_semconv.FINDING_ID),
        time_ns=time_ns,
        handling=cast(Handling, handling if handling in get_args(Handling) else "silent"),
        function=text(_semconv.FUNCTION),
        error_type=text(_semconv.ERROR_TYPE),
        path=text(_semconv.FILE),
        line=whole(_semconv.LINE),
        handler=text(_semconv.FINDING_HANDLER),
        returned=text(_semconv.FINDING_RETURNED),
        count=whole(_semconv.FINDING_COUNT),
        fingerprint=text(_semconv.FINDING_FINGERPRINT),
        attribution=_attribution(attributes),
        owner=_owner(attributes),
        is_new=bool(attributes.get(_semconv.FINDING_NEW, True)),
        message=text(_semconv.EXCEPTION_MESSAGE),
        stacktrace=text(_semconv.EXCEPTION_STACKTRACE),
        pattern=text(_semconv.PATTERN),
        certainty=text(_semconv.CERTAINTY),
        trace_id=f"{trace_id:032x}" if trace_id else "",
        span_id=f"{span_id:016x}" if span_id else "",
        service=text(_semconv.SERVICE_NAME, resource),
        revision=text(_semconv.VCS_REVISION, resource),
    )


def _attribution(attributes: Mapping[str, object]) -> Attribution:
    try:
        return _wire.loads(Attribution, attributes.get(_semconv.FINDING_ATTRIBUTION))
    except ValueError:
        return Attribution(last_commit=str(attributes.get(_semconv.LAST_COMMIT, "")))


def _owner(attributes: Mapping[str, object]) -> Suspect | None:
    try:
        return next(iter(_wire.loads_all(Suspect, attributes.get(_semconv.FINDING_OWNER))), None)
    except ValueError:
        return None
