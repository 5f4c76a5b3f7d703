"""What ``explain`` answers for a function: who wrote it, why, and whether it was edited since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .._manifest import ManifestFile
from .._model import Attribution, Contribution, Function, Status
from .explanation import FunctionAnswer, Line
from .functions import SourceFunction
from .resolve import MIN_AI_LINES


def uncommitted(path: str, each: SourceFunction) -> FunctionAnswer:
    """Answer for a function of a file that is not committed."""
    return FunctionAnswer(
        _place(path, "", each), Attribution(status="stale", lines=len(each.behaviour)), "it is not committed"
    )


def _place(path: str, module: str, each: SourceFunction) -> Function:
    return Function(module, each.qualname, path, each.first_line, each.line, each.end_line)


def answer(  # noqa: PLR0913, PLR0917  # what is known of a file
    path: str,
    known: ManifestFile | None,
    committed: Sequence[int],
    each: SourceFunction,
    lines: Sequence[Line],
    min_ai_share: float,
) -> FunctionAnswer:
    """
    Answer for a function at its place in the work tree.

    Args:
        path: Its file.
        known: The committed file's attribution; None for a file that no scan attributes.
        committed: For each line of the work tree its number in the committed file; 0 for one that is not there.
        each: The function.
        lines: The file's lines, explained.
        min_ai_share: Share of lines from which on a function counts as AI.
    """
    place = _place(path, known.module if known else "", each)
    inside = committed[each.first_line - 1 : each.end_line]
    first = inside[0]
    is_same = bool(first) and inside == list(range(first, first + len(inside)))
    found = _attribution(known, each.qualname, first, is_same=is_same)
    if found is None:
        owners = Counter(lines[number - 1].commit for number in each.behaviour)
        shares = tuple(Contribution(sha, count) for sha, count in owners.most_common())
        found = Attribution(lines=len(each.behaviour), contributions=shares)
    status: Status = "ok" if is_same else "stale"
    reason = reason_of(found, min_ai_share)
    if not is_same:
        new = inside.count(0)
        edits = f"{new} uncommitted line{'s' * (new != 1)}" if new else "uncommitted edits"
        reason = f"{reason}; it has {edits}, and this is the answer for the committed function"
        if not any(inside):
            reason = "it is not committed"
    return FunctionAnswer(place, replace(found, status=status), reason)


def _attribution(
    known: ManifestFile | None, qualname: str, first: int, *, is_same: bool
) -> Attribution | None:
    """Find the committed function: at its place, or, once edited, by its name."""
    if known is None:
        return None
    if is_same:
        exact = known.function(first, qualname)
        return exact[1] if exact else None
    return next((who for where, who in known.functions() if where.qualname == qualname), None)


def reason_of(who: Attribution, min_ai_share: float) -> str:
    """Say why a function's verdict is what it is."""
    if who.evidence in {"decorator", "comment"} and who.verdict == "ai" and not who.ai_lines:
        return f"marked by a {who.evidence}; git says nothing of its lines"
    if not who.ai_lines:
        return (
            "tools record every line as a person's"
            if who.verdict == "human"
            else "no line of it carries a sign of AI"
        )
    told = f"{who.ai_lines} of {who.lines} behaviour lines are by AI"
    if who.evidence == "decorator":
        return f"{told}, and it is marked by a decorator"
    share = f"{min_ai_share:.0%}"
    if who.ai_lines / max(who.lines, 1) >= min_ai_share:
        return f"{told}; from {share} on a function counts as AI"
    if who.verdict == "ai":
        return f"{told}, and AI changed it last; then {MIN_AI_LINES} lines are enough"
    return f"{told}, less than {share}"
