"""What the resource says of this process and of the deployed revision."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

# Nothing else of the SDK: resource detectors are loaded while its other modules are being imported.
from opentelemetry.sdk.resources import Resource

from .. import _semconv
from .._manifest import Header


def resource(header: Header | None) -> Resource:
    """
    Describe this process: OpenTelemetry's own settings first, then what the manifest knows of the deployment.
    """
    own = {_semconv.SERVICE_INSTANCE: str(uuid.uuid4()), _semconv.SERVICE_NAME: _program()}
    if header is not None:
        own |= deployment(header)
    theirs = Resource.create()
    named = dict(theirs.attributes)
    if str(named.get(_semconv.SERVICE_NAME)).startswith("unknown_service"):
        del named[_semconv.SERVICE_NAME]
    return Resource({**own, **named}, theirs.schema_url)


def another_process(parent: Resource) -> Resource:
    """Describe a forked child: its parent's description, with an instance id of its own unless the user gave one."""
    given = f"{_semconv.SERVICE_INSTANCE}=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = {} if given else {_semconv.SERVICE_INSTANCE: str(uuid.uuid4())}
    return Resource({**parent.attributes, **own}, parent.schema_url)


def deployment(header: Header) -> dict[str, str]:
    """Return what a manifest says of the deployed revision, as resource attributes."""
    found = {
        _semconv.VCS_REVISION: header.revision,
        _semconv.VCS_BRANCH: header.branch,
        _semconv.VCS_REPOSITORY: header.repository,
        _semconv.SERVICE_VERSION: header.revision[:12],
    }
    return {name: value for name, value in found.items() if value}


def _program() -> str:
    """Name the service where OpenTelemetry's own settings do not: what ``byline run`` was given, or the script."""
    given = os.environ.get("BYLINE_RUN", "")
    return given or (Path(sys.argv[0]).stem if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python")
