"""Evidence from all sources becomes one answer per line and per function: the precedence table.

Pure: who owns which line, what evidence there is and which commits are neutral come in as values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .._model import Attribution, Commit, Contribution, Evidence, Source, Verdict

PRECEDENCE: tuple[Source, ...] = (
    "note", "trace", "pull-request", "comment", "author", "trailer", "session", "marker", "decorator",
)  # fmt: skip
"""Strongest first. The decorator is last here: it names a function, and git names lines."""

_RANK = {source: rank for rank, source in enumerate(PRECEDENCE)}

MIN_AI_LINES = 3
"""A function that AI changed last counts as AI from this many AI lines on, whatever its share."""


@dataclass(frozen=True, slots=True)
class OwnedLine:
    """One line with its owner and the verdict on it."""

    commit: str
    """Full SHA; empty when the owner is not known."""

    evidence: Evidence | None = None
    conflicting: bool = False
    """True when two sources disagree on the verdict."""


def strongest(evidence: Iterable[Evidence]) -> Evidence | None:
    """Return the evidence of the highest precedence; equal ranks keep their order."""
    return min(evidence, key=lambda each: _RANK[each.source], default=None)


def disagree(evidence: Sequence[Evidence]) -> bool:
    """Tell whether some evidence says AI and some says human."""
    return len({each.verdict for each in evidence} - {"unknown"}) > 1


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """What is known of one function before it is attributed."""

    lines: Sequence[OwnedLine]
    """Its behaviour lines."""

    deletions: Sequence[str] = ()
    """Commits that removed lines from it and own none."""

    mark: Evidence | None = None
    """A person's own word: the decorator, or a comment that covers the whole function."""

    @property
    def has_sign(self) -> bool:
        """Whether anything says who wrote it."""
        return self.mark is not None or any(line.evidence for line in self.lines)


def attribute(
    facts: FunctionFacts,
    *,
    order: Mapping[str, int],
    commits: Mapping[str, Commit],
    is_neutral: Callable[[str], bool],
    min_ai_share: float = 0.5,
) -> Attribution:
    """
    Answer who wrote a function.

    Args:
        order: Position of each commit in topological order, 0 is the newest.
        commits: The commits that the lines name.
        is_neutral: Whether a commit left this function's behaviour unchanged. Asked for as few
            commits as will do: for each AI owner, and from the newest change back to a real one.
    """
    oldest = len(order)
    owners = Counter(line.commit for line in facts.lines if line.commit)
    ai_owners = Counter(line.commit for line in facts.lines if line.commit and _is_ai(line))
    neutral = {sha for sha in ai_owners if is_neutral(sha)}
    for sha in neutral:
        del ai_owners[sha]
    touched = sorted({*owners, *facts.deletions} - {""}, key=lambda sha: order.get(sha, oldest))
    last = next((sha for sha in touched if sha not in neutral and not is_neutral(sha)), "")
    if ai_owners:
        origin = min(ai_owners, key=lambda sha: (-ai_owners[sha], order.get(sha, oldest)))
    else:
        real = {sha: count for sha, count in owners.items() if facts.mark and not is_neutral(sha)}
        origin = min(real, key=lambda sha: (-real[sha], order.get(sha, oldest)), default="")
    evidence = _evidence_of(origin, facts) if ai_owners else None
    ai_lines = sum(ai_owners.values())
    verdict = _verdict(facts, ai_lines=ai_lines, last_is_ai=last in ai_owners, min_ai_share=min_ai_share)
    if verdict == "ai" and facts.mark is not None:
        evidence = _with_mark(evidence, facts.mark)
    commit = commits.get(origin)
    return Attribution(
        verdict=verdict,
        confidence=evidence.confidence if evidence else "none",
        status="ok",
        commit=origin,
        last_commit=last,
        author=(commit.accountable or commit.author) if commit else "",
        tool=evidence.tool if evidence else "",
        model=evidence.model if evidence else "",
        evidence=evidence.source if evidence else "",
        session=evidence.session if evidence else "",
        change=commit.change if commit else "",
        ai_lines=ai_lines,
        lines=len(facts.lines),
        committed_at=commit.committed_at if commit else 0,
        contributions=tuple(
            Contribution(sha, count)
            for sha, count in sorted(owners.items(), key=lambda item: (-item[1], order.get(item[0], oldest)))
        ),
    )


def spread(mark: Evidence, lines: Sequence[OwnedLine]) -> list[OwnedLine]:
    """Let a mark on a function speak for its lines, where git says nothing about any of them."""
    is_known = any(_is_ai(line) for line in lines)
    return [_under(mark, line, is_known=is_known) for line in lines]


def _under(mark: Evidence, line: OwnedLine, *, is_known: bool) -> OwnedLine:
    if line.evidence is None:
        return line if is_known else replace(line, evidence=mark)
    return replace(line, conflicting=True) if disagree((mark, line.evidence)) else line


def _is_ai(line: OwnedLine) -> bool:
    return line.evidence is not None and line.evidence.verdict == "ai"


def _evidence_of(origin: str, facts: FunctionFacts) -> Evidence | None:
    found = Counter(line.evidence for line in facts.lines if line.commit == origin and _is_ai(line))
    return max(found, key=lambda each: (found[each], -_RANK[each.source]) if each else (0, 0), default=None)


def _with_mark(evidence: Evidence | None, mark: Evidence) -> Evidence:
    """The mark makes it certain; git still says which tool, where the mark does not."""
    if evidence is None:
        return mark
    return replace(
        mark,
        tool=mark.tool if mark.tool not in ("", "unknown") else evidence.tool,
        model=mark.model or evidence.model,
        session=mark.session or evidence.session,
    )


def _verdict(facts: FunctionFacts, *, ai_lines: int, last_is_ai: bool, min_ai_share: float) -> Verdict:
    if facts.mark is not None:
        return facts.mark.verdict
    if ai_lines and (
        ai_lines / len(facts.lines) >= min_ai_share or (last_is_ai and ai_lines >= MIN_AI_LINES)
    ):
        return "ai"
    if all(line.evidence is not None and line.evidence.verdict == "human" for line in facts.lines):
        return "human"
    return "unknown"
