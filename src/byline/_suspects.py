"""From the frames of a failure to the commits that may have caused it, most likely first.

Pure: the run room feeds it live frames, the desk feeds it a traceback's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ._dataclass import dataclass
from ._model import Attribution, Evidence, Function, LineAttribution, Suspect, Unverified

LIMIT = 5
"""Suspects kept per incident."""


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What is known of one frame."""

    distance: int
    """Frames between this one and the one that raised; 0 raised."""

    filename: str
    line: int
    qualname: str
    path: str = ""
    """Relative to the repository; empty when the frame is not in the manifest."""

    function: Function | None = None
    attribution: Attribution | None = None
    """The function's, when it is known."""

    line_attribution: LineAttribution | None = None
    reason: str = ""
    """Why nothing is known, if nothing is."""

    subject: str = ""
    """Of the commit of the function's attribution, when it is known."""


def rank(
    frames: Sequence[FrameFacts], *, happened: str = "raised"
) -> tuple[tuple[Suspect, ...], tuple[Unverified, ...]]:
    """
    Order the commits behind a failure.

    An AI line that raised comes before an AI function that raised, before an AI line
    further out, before an AI function further out, before a raising line that no
    evidence calls AI. Within a class the nearer frame wins, then the newer commit.
    "Raised" is the innermost frame of the repository: library frames below it
    were called by it.

    Args:
        frames: Innermost first, of one exception or of a chain with the root cause first.

        happened: What the innermost frame did, for the reasons.

    Returns:
        At most five suspects, one per commit, and what could not be checked.
    """
    known = [frame for frame in frames if frame.line_attribution or frame.attribution]
    raising = known[0] if known else None
    candidates = [each for frame in known for each in _candidates(frame, happened, raised=frame is raising)]
    candidates.sort(key=lambda each: (each[0], each[1].distance, -each[1].committed_at))
    best: dict[str, Suspect] = {}
    for _, suspect in candidates:
        best.setdefault(suspect.commit, suspect)
    return tuple(best.values())[:LIMIT], tuple(_unchecked(frames))


def owner(frame: FrameFacts) -> Suspect | None:
    """Return who wrote a line, or else the function around it; None when neither is known."""
    line, function = frame.line_attribution, frame.attribution
    if line is not None and line.commit.sha:
        who = {"ai": "AI line", "human": "written by a person", "unknown": "no sign of AI"}[line.verdict]
        return _from_line(frame, line, who)
    if function is not None and function.commit:
        return _from_function(frame, function, f"{function.ai_lines} of {function.lines} lines by AI")
    return None


def _candidates(frame: FrameFacts, happened: str, *, raised: bool) -> Iterable[tuple[int, Suspect]]:
    line = frame.line_attribution
    if raised and frame.distance:
        happened = f"called what {happened}"  # a library, or code that nobody scanned
    where = happened if raised else "was on the way"
    if line is not None and line.commit.sha:
        if line.verdict == "ai":
            yield (0 if raised else 2), _from_line(frame, line, f"AI line that {where}")
        elif raised:
            who = "written by a person" if line.verdict == "human" else "no sign of AI"
            yield 4, _from_line(frame, line, f"line that {happened}, {who}")
    function = frame.attribution
    if function is not None and function.verdict == "ai" and function.commit:
        share = f"{function.ai_lines} of {function.lines} lines by AI"
        if not (line is not None and line.verdict == "ai" and line.commit.sha == function.commit):
            reason = f"AI function that {where} ({share}), though not this line"
            yield (1 if raised else 3), _from_function(frame, function, reason)


def _from_line(frame: FrameFacts, line: LineAttribution, reason: str) -> Suspect:
    evidence, commit = line.evidence, line.commit
    # A line that only its function's mark calls AI has that function's tool.
    tools: Evidence | Attribution | None = evidence
    if evidence is not None and evidence.source == "decorator" and frame.attribution is not None:
        tools = frame.attribution
    return Suspect(
        commit=commit.sha,
        reason=reason,
        function=frame.function.name if frame.function else frame.qualname,
        path=frame.path,
        line=frame.line,
        distance=frame.distance,
        verdict=line.verdict,
        confidence=evidence.confidence if evidence else "none",
        author=commit.accountable or commit.author,
        tool=tools.tool if tools else "",
        model=tools.model if tools else "",
        evidence=evidence.source if evidence else "",
        subject=commit.subject,
        change=commit.change,
        committed_at=commit.committed_at,
    )


def _from_function(frame: FrameFacts, function: Attribution, reason: str) -> Suspect:
    return Suspect(
        commit=function.commit,
        reason=reason,
        function=frame.function.name if frame.function else frame.qualname,
        path=frame.path,
        line=frame.line,
        distance=frame.distance,
        verdict=function.verdict,
        confidence=function.confidence,
        author=function.author,
        tool=function.tool,
        model=function.model,
        evidence=function.evidence,
        subject=frame.subject,
        change=function.change,
        committed_at=function.committed_at,
    )


def _unchecked(frames: Sequence[FrameFacts]) -> Iterable[Unverified]:
    """List each reason once, with the frames it concerns."""
    by_reason: dict[str, list[str]] = {}
    for frame in frames:
        if frame.reason:
            by_reason.setdefault(frame.reason, []).append(f"{frame.qualname} ({frame.filename}:{frame.line})")
    for reason, places in by_reason.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        yield Unverified(subject=places[0] + more, reason=reason)
