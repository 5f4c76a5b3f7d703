"""One source file on its way into the manifest: its lines with their evidence, and its functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from .._manifest import FileRecord, FunctionRecord, LineRun
from .._model import Commit, Evidence, Function
from .blame import FileOwnership
from .functions import SourceFunction
from .resolve import FunctionFacts, OwnedLine, attribute, spread

_DECORATED = Evidence("ai", "decorator", "unknown", "high")

IsNeutral = Callable[[str, str, str], bool]
"""Told a commit, the file's path there and a function's qualified name."""


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file whose lines have owners."""

    ownership: FileOwnership
    functions: tuple[SourceFunction, ...]
    lines: list[OwnedLine]
    """One for each line of the file; the first line has index 0."""

    paths: Mapping[str, str]
    """The file's path in each commit that owns a line of it."""

    origins: Mapping[tuple[str, int], OwnedLine] = field(default_factory=dict)
    """Lines of functions, by qualified name and number, as they were before neutral commits took them over."""

    def path_in(self, sha: str) -> str:
        """Return the file's path in a commit, as far as blame tells."""
        return self.paths.get(sha, self.ownership.path)

    def facts(self, function: SourceFunction) -> FunctionFacts:
        """Gather what is known of one of the file's functions."""
        mark = _DECORATED if function.is_marked else _comment_on(self._own(function))
        lines = [
            self.origins.get((function.qualname, number), self.lines[number - 1])
            for number in function.behaviour
        ]
        if function.is_marked:
            lines = spread(_DECORATED, lines)
        deletions = [
            each.commit
            for each in self.ownership.deletions
            if function.line <= each.above and each.below <= function.end_line
        ]
        return FunctionFacts(lines, deletions, mark)

    def record(
        self,
        module: str,
        *,
        order: Mapping[str, int],
        commits: Mapping[str, Commit],
        is_neutral: IsNeutral,
        min_ai_share: float,
    ) -> FileRecord:
        """
        Attribute the functions, and let the lines of decorated ones say so where git says nothing.

        Args:
            module: The file's dotted name.
            order: Position of each commit in topological order, 0 is the newest.
            commits: The commits that the lines name.
            is_neutral: Whether a commit left a function's behaviour unchanged.
            min_ai_share: Share of a function's lines from which on it counts as AI.
        """
        path = self.ownership.path
        functions = []
        for function in self.functions:
            facts = self.facts(function)
            if not facts.has_sign:
                continue

            def passes_over(sha: str, qualname: str = function.qualname) -> bool:
                return is_neutral(sha, self.path_in(sha), qualname)

            attribution = attribute(
                facts, order=order, commits=commits, is_neutral=passes_over, min_ai_share=min_ai_share
            )
            place = Function(
                module, function.qualname, path, function.first_line, function.line, function.end_line
            )
            functions.append(FunctionRecord(place, attribution, function.text_hash))
            if function.is_marked:
                for number, line in zip(
                    function.behaviour, spread(_DECORATED, self._own(function)), strict=True
                ):
                    self.lines[number - 1] = line
        return FileRecord(path, module, self.ownership.blob, tuple(functions), tuple(self._runs()))

    def _own(self, function: SourceFunction) -> list[OwnedLine]:
        """Return a function's behaviour lines with the owners that blame names."""
        return [self.lines[number - 1] for number in function.behaviour]

    def _runs(self) -> Iterable[LineRun]:
        for (commit, evidence), group in groupby(self.lines, key=lambda line: (line.commit, line.evidence)):
            yield LineRun(len(list(group)), commit, evidence)


def _comment_on(lines: list[OwnedLine]) -> Evidence | None:
    """Return the comment that covers a whole function, if one does: a person's own word."""
    first = lines[0].evidence if lines else None
    if first is None or any(line.evidence is None or line.evidence.source != "comment" for line in lines):
        return None
    return first
