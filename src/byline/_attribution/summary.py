"""What a scan found, counted: the table at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .._manifest import FileRecord
from .scan import Scan


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over one scan."""

    revision: str
    functions: int
    """Every ``def`` of the repository."""

    ai_functions: int
    ai_touched_functions: int
    """Functions with at least one AI line, the AI functions among them."""

    ai_commits: int
    commits: int
    files: int
    """Files in the manifest: those that AI touched or marked."""

    by_tool: dict[str, int]
    """AI functions."""

    by_confidence: dict[str, int]
    by_evidence: dict[str, int]
    lines_known: int
    lines_unknown: int
    lines_conflicting: int
    unverified: tuple[tuple[str, str, str], ...]
    """Subject, reason, cure."""

    @property
    def ai_share(self) -> float:
        """AI functions over all functions, between 0 and 1."""
        return self.ai_functions / self.functions if self.functions else 0.0

    @property
    def known_share(self) -> float:
        """Lines with a verdict over all lines of the files in the manifest, between 0 and 1."""
        total = self.lines_known + self.lines_unknown
        return self.lines_known / total if total else 0.0


def summarize(scan: Scan) -> Summary:
    """Count what a scan found."""
    header = scan.header
    ai = [
        each.attribution for file in scan.files for each in file.functions if each.attribution.verdict == "ai"
    ]
    return Summary(
        revision=header.revision,
        functions=header.functions,
        ai_functions=len(ai),
        ai_touched_functions=sum(_touched(file) for file in scan.files),
        ai_commits=sum(
            any(each.verdict == "ai" for each in commit.evidence) for commit in scan.commits.values()
        ),
        commits=len(scan.commits),
        files=len(scan.files),
        by_tool=_ordered(Counter(each.tool or "unknown" for each in ai)),
        by_confidence=_ordered(Counter(each.confidence for each in ai)),
        by_evidence=_ordered(Counter(each.evidence for each in ai)),
        lines_known=header.lines_known,
        lines_unknown=header.lines_unknown,
        lines_conflicting=header.lines_conflicting,
        unverified=tuple((each.subject, each.reason, each.cure) for each in header.unverified),
    )


def _touched(file: FileRecord) -> int:
    return sum(each.attribution.ai_lines > 0 or each.attribution.verdict == "ai" for each in file.functions)


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
