"""Every attribute, event and metric name that byline emits; nothing else.

Names without the ``byline.`` prefix are OpenTelemetry's own. Those still in incubation are
spelled out here, so that no private module of the conventions package is imported.
"""

from __future__ import annotations

from typing import Final

SCOPE: Final = "byline"
"""Name of the instrumentation scope of every signal."""

# Resource: the deployed revision, never the originating commit.
VCS_REVISION: Final = "vcs.ref.head.revision"
VCS_BRANCH: Final = "vcs.ref.head.name"
VCS_REPOSITORY: Final = "vcs.repository.url.full"
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE: Final = "service.instance.id"

# Where the code is.
FUNCTION: Final = "code.function.name"
FILE: Final = "code.file.path"
LINE: Final = "code.line.number"

# Who wrote it.
COMMIT: Final = "byline.commit"
LAST_COMMIT: Final = "byline.last_commit"
AUTHOR: Final = "byline.author"
TOOL: Final = "byline.tool"
MODEL: Final = "byline.model"
EVIDENCE: Final = "byline.evidence"
CONFIDENCE: Final = "byline.confidence"
STATUS: Final = "byline.status"
AI_LINES: Final = "byline.ai_lines"
LINES: Final = "byline.lines"
SESSION: Final = "byline.session"
COMMITTED_AT: Final = "byline.committed_at"
CHANGE: Final = "vcs.change.id"

# What failed.
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
EXPORTER: Final = "byline.exporter"
PATTERN: Final = "byline.pattern"
CERTAINTY: Final = "byline.pattern.certainty"
INCIDENT_ID: Final = "byline.incident.id"
SENTRY_EVENT_ID: Final = "byline.sentry.event_id"
INCIDENT_FUNCTION: Final = "byline.incident.function"
INCIDENT_COMMIT: Final = "byline.incident.commit"
INCIDENT_ATTRIBUTION: Final = "byline.incident.attribution"
"""JSON object: the marked function's own attribution, without its list of contributions."""
FINGERPRINT: Final = "byline.incident.fingerprint"
SUPPRESSED: Final = "byline.incident.suppressed"
DURATION: Final = "byline.incident.duration"
SUSPECTS: Final = "byline.suspects"
"""JSON list of suspects, most likely first; the fields are those of ``byline._model.Suspect``."""
UNVERIFIED: Final = "byline.unverified"
"""JSON list of what could not be checked."""
FINDING_KIND: Final = "byline.finding.kind"
FINDING_ID: Final = "byline.finding.id"
FINDING_HANDLING: Final = "byline.finding.handling"
FINDING_HANDLER: Final = "byline.finding.handler"
FINDING_RETURNED: Final = "byline.finding.returned"
FINDING_COUNT: Final = "byline.finding.count"
FINDING_NEW: Final = "byline.finding.new"
FINDING_FINGERPRINT: Final = "byline.finding.fingerprint"
FINDING_OWNER: Final = "byline.finding.owner"
"""JSON list of one: who wrote the line, with the fields of ``byline._model.Suspect``."""
FINDING_ATTRIBUTION: Final = "byline.finding.attribution"
"""JSON object: the marked function's own attribution, without its list of contributions."""
SWALLOWED: Final = "swallowed"
"""The kind of a finding: an exception that a function handled and did not pass on."""

EXECUTED: Final = "byline.executed.lines"
"""JSON object of lists of lines, counted from the function's first: lines, ai, run, handlers, handlers_run."""

# Events (log records).
EVENT_INCIDENT: Final = "byline.incident"
EVENT_FINDING: Final = "byline.finding"
EVENT_EXECUTED: Final = "byline.executed"

# Metrics.
METRIC_DURATION: Final = "byline.call.duration"
METRIC_INCIDENTS: Final = "byline.incidents"
METRIC_FINDINGS: Final = "byline.findings"
METRIC_FUNCTION: Final = "byline.function.info"
METRIC_DROPPED: Final = "byline.metrics.dropped"
METRIC_FAILED_EXPORTS: Final = "byline.export.failures"
METRIC_SELF: Final = "byline.self.duration"

DURATION_BOUNDS: Final = (
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Advised explicit bucket bounds of ``byline.call.duration``, in seconds."""

# The outcome of a call that was cancelled, in ``error.type``.
CANCELLED: Final = "cancelled"

# Sentry tags that repeat an attribute under the name people search for.
SENTRY_GIT_COMMIT: Final = "git_commit"
SENTRY_FUNCTION: Final = "byline.function"
