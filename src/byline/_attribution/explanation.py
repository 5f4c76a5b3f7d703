"""What ``explain`` tells of a file: its lines and functions, with every piece of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .._model import Attribution, Commit, Evidence, Function, Unverified, Verdict
from ..exceptions import NotFoundError
from .testimony import Testimony

State = Literal["committed", "uncommitted", "unknown"]
"""``unknown``: the history that would tell is not here."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is in the work tree."""

    number: int
    code: str
    state: State
    commit: str = ""
    """Full SHA of the owner; empty when the line is not committed, or its owner is not known."""

    path: str = ""
    """The file's path in that commit."""

    original: int = 0
    """The line's number in that commit."""

    evidence: Evidence | None = None
    """What its verdict rests on; None means unknown."""

    testimonies: tuple[Testimony, ...] = ()
    remarks: tuple[str, ...] = ()
    """What was looked at and said nothing."""

    @property
    def verdict(self) -> Verdict:
        """``ai``, ``human`` or ``unknown``."""
        return self.evidence.verdict if self.evidence else "unknown"


@dataclass(frozen=True, slots=True)
class FunctionAnswer:
    """One function, at its place in the work tree."""

    function: Function
    attribution: Attribution
    """``stale`` when the function has uncommitted edits: it is the answer for the committed one."""

    reason: str
    """Why the verdict is what it is."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of a file."""

    path: str
    """Relative to the repository's root."""

    revision: str
    lines: tuple[Line, ...]
    functions: tuple[FunctionAnswer, ...]
    commits: Mapping[str, Commit]
    """The owners of its lines, by SHA."""

    unverified: tuple[Unverified, ...] = ()

    def line(self, number: int) -> Line:
        """
        Return one line.

        Raises:
            NotFoundError: There is no such line.
        """
        if not 1 <= number <= len(self.lines):
            raise NotFoundError(f"{self.path!r} has {len(self.lines)} lines; there is no line {number}.")
        return self.lines[number - 1]

    def function(self, name: str) -> FunctionAnswer:
        """
        Return the function of a name, or of the last parts of its name.

        Raises:
            NotFoundError: There is none, or more than one; the message lists them.
        """
        exact = [each for each in self.functions if name in {each.function.qualname, each.function.name}]
        found = exact or [each for each in self.functions if each.function.qualname.endswith(f".{name}")]
        if len(found) == 1:
            return found[0]
        if found:
            said = _listed(found)
            raise NotFoundError(
                f"{name!r} names {len(found)} functions of {self.path!r}: {said}. Write more of the name, or FILE:LINE."
            )
        if not self.functions:
            raise NotFoundError(f"{self.path!r} has no functions that could be read.")
        raise NotFoundError(f"{self.path!r} has no function {name!r}. It has: {_listed(self.functions)}.")

    def function_at(self, number: int) -> FunctionAnswer | None:
        """Return the innermost function around a line."""
        around = [
            each for each in self.functions if each.function.first_line <= number <= each.function.end_line
        ]
        return max(around, key=lambda each: each.function.first_line, default=None)


_MOST_LISTED = 12


def _listed(found: Sequence[FunctionAnswer]) -> str:
    shown = [f"{each.function.qualname} (line {each.function.line})" for each in found[:_MOST_LISTED]]
    if len(found) > _MOST_LISTED:
        shown.append(f"and {len(found) - _MOST_LISTED} more")
    return ", ".join(shown)
