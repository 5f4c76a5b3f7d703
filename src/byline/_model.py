"""The values that byline's rooms share: frozen, slotted, without behaviour or I/O."""

from __future__ import annotations

from typing import Literal

from ._dataclass import dataclass

Verdict = Literal["ai", "human", "unknown"]
"""Who wrote something. A missing sign means ``unknown``, never ``human``."""

Confidence = Literal["high", "medium", "low", "none"]
"""How far a verdict can be trusted; ``none`` goes with ``unknown``."""

Source = Literal[
    "note", "trace", "pull-request", "comment", "author", "trailer", "session", "marker", "decorator"
]
"""Where a mark was found, strongest first; the decorator stands apart, it is a person's own word."""

Status = Literal["ok", "moved", "stale", "pending", "unverified", "unknown"]
"""How the running code relates to the code that was blamed.

``ok``: the same bytes. ``moved``: the file changed, the function's text did not.
``stale``: the function changed after the scan. ``pending``: git has not answered yet.
``unverified``: it could not be compared. ``unknown``: nothing is known of the file.
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One mark, found in one source."""

    verdict: Verdict
    source: Source
    tool: str
    """Slug of the tool (``claude``, ``copilot``, …) or ``unknown``; empty for a human."""

    confidence: Confidence
    model: str = ""
    """The model as recorded, as free text; empty when not recorded."""

    session: str = ""
    """An opaque id of the tool's session, never a URL with content."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as far as byline needs it."""

    sha: str
    subject: str
    committed_at: int
    """Seconds since the epoch, UTC."""

    author: str
    """The raw author, mailmapped; an agent's name when an agent is the author."""

    accountable: str
    """The human who answers for the commit; empty when none is recorded."""

    change: str = ""
    """Number of the pull or merge request, when the message records it."""

    evidence: tuple[Evidence, ...] = ()
    """Marks that cover the whole commit, strongest first."""


@dataclass(frozen=True, slots=True)
class Function:
    """Where a function is."""

    module: str
    qualname: str
    path: str
    """Relative to the repository's root, with forward slashes."""

    first_line: int
    """The code object's ``co_firstlineno``: the first decorator's line, if any."""

    line: int
    """The line of ``def``, ``async def`` or ``lambda``."""

    end_line: int

    @property
    def name(self) -> str:
        """Fully qualified, as OpenTelemetry's ``code.function.name`` wants it."""
        return f"{self.module}.{self.qualname}" if self.module else self.qualname


@dataclass(frozen=True, slots=True)
class Contribution:
    """How many of a function's behaviour lines one commit owns."""

    commit: str
    lines: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who wrote a function: the answer, with its doubt."""

    verdict: Verdict = "unknown"
    confidence: Confidence = "none"
    status: Status = "unknown"
    commit: str = ""
    """Full SHA of the originating commit: the AI commit that owns most behaviour lines."""

    last_commit: str = ""
    """Full SHA of the newest commit that changed the behaviour: the function's version."""

    author: str = ""
    """The human accountable for ``commit``; empty when none is recorded."""

    tool: str = ""
    model: str = ""
    evidence: str = ""
    """The source of the strongest evidence (see ``Source``)."""

    session: str = ""
    change: str = ""
    ai_lines: int = 0
    lines: int = 0
    """Behaviour lines: no decorators, docstring, comments or blank lines."""

    committed_at: int = 0
    """When ``commit`` was committed: seconds since the epoch, UTC."""

    contributions: tuple[Contribution, ...] = ()
    """Every owner of a behaviour line, largest share first."""


@dataclass(frozen=True, slots=True)
class LineAttribution:
    """Who wrote one line."""

    commit: Commit
    evidence: Evidence | None = None
    """The strongest evidence for this line; None means unknown."""

    @property
    def verdict(self) -> Verdict:
        """``ai``, ``human`` or ``unknown``."""
        return self.evidence.verdict if self.evidence else "unknown"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What runs here, as its manifest says; empty where it says nothing."""

    revision: str = ""
    """Full SHA of the deployed revision, never the originating one."""

    branch: str = ""
    repository: str = ""
    """Web address, without credentials."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """Something byline could not tell, the reason, and what would cure it."""

    subject: str
    """A function, file, frame or commit."""

    reason: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit that may have caused an incident, and why it is listed."""

    commit: str
    reason: str
    function: str
    path: str
    line: int
    distance: int
    """Frames between this one and the frame that raised; 0 is the raising frame."""

    verdict: Verdict
    confidence: Confidence
    author: str = ""
    tool: str = ""
    model: str = ""
    evidence: str = ""
    subject: str = ""
    change: str = ""
    committed_at: int = 0


@dataclass(frozen=True, slots=True)
class Incident:
    """A failure attributed to a commit."""

    id: str
    time_ns: int
    """Wall clock, nanoseconds since the epoch."""

    function: str
    """Fully qualified name of the innermost marked function."""

    error_type: str
    message: str
    stacktrace: str
    path: str
    line: int
    """The raising line in the innermost frame that belongs to the repository."""

    fingerprint: str
    """Equal for failures of one kind: function, exception type and line of code."""

    attribution: Attribution
    """The marked function's own attribution."""

    suspects: tuple[Suspect, ...] = ()
    """At most five, most likely first."""

    unverified: tuple[Unverified, ...] = ()
    suppressed: int = 0
    """Incidents of this fingerprint that the rate limit held back since the last one."""

    trace_id: str = ""
    span_id: str = ""
    service: str = ""
    revision: str = ""
    """The deployed revision, not the originating one."""

    duration_s: float = 0.0
    pattern: str = ""
    """The failure pattern it is a sign of, see ``_patterns``; empty when no rule knows it."""

    certainty: str = ""
    sentry_event_id: str = ""
    """Of the event that Sentry got of the same exception, as far as it was known in time."""


Handling = Literal["silent", "weak", "logged", "reported", "retried", "expected"]
"""What became of an exception that a function swallowed.

``silent``: nobody was told. ``weak``: a print, or a log below error without a traceback.
``logged``: at error, or with a traceback. ``reported``: to an error tracker or on a span.
``retried``: tried again, and that worked. ``expected``: control flow, such as a lookup that finds nothing.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """Exceptions of one kind that one handler swallowed."""

    id: str
    time_ns: int
    """Wall clock of the last one, nanoseconds since the epoch."""

    handling: Handling
    function: str
    """Fully qualified name of the marked function."""

    error_type: str
    path: str
    line: int
    """Of the ``except``, the ``with`` or the ``finally``."""

    handler: str
    """``except``, ``except*``, ``with`` or ``finally``."""

    returned: str
    """Type of what the function returned instead; empty when it went on."""

    count: int
    """How many since the finding of this kind before."""

    fingerprint: str
    """Equal for findings of one kind: function, exception type, handling and line of code."""

    attribution: Attribution
    """The marked function's own attribution."""

    owner: Suspect | None = None
    """Who wrote the line; None when that is unknown."""

    is_new: bool = True
    """False when the line is older than the baseline."""

    message: str = ""
    stacktrace: str = ""
    """Of one of them."""

    pattern: str = ""
    """The failure pattern it is a sign of, see ``_patterns``; empty when no rule knows it."""

    certainty: str = ""
    trace_id: str = ""
    span_id: str = ""
    service: str = ""
    revision: str = ""
    """The deployed revision, not the originating one."""


@dataclass(frozen=True, slots=True)
class ExecutedLines:
    """Which lines and handlers of a function's version ran somewhere. Lines count from ``first_line``, which is 0."""

    function: str
    path: str
    first_line: int
    commit: str
    last_commit: str
    lines: tuple[int, ...]
    """Lines that can run, in ascending order."""

    ai: tuple[int, ...]
    """Those of them that AI wrote."""

    run: tuple[int, ...]
    """Those of them that ran."""

    handlers: tuple[int, ...]
    """Lines of ``except`` clauses."""

    handlers_run: tuple[int, ...]
    """Those of them that handled an exception."""
