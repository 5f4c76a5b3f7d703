"""Which AI lines ran in production, which handlers never did, and which functions were never called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from .._manifest import Manifest, ManifestFile
from .._model import Attribution, ExecutedLines, Function, Unverified
from ..store import Store
from .commits import full_sha


@dataclass(frozen=True, slots=True)
class FunctionCoverage:
    """One version of an AI function; lines are those of the deployed file."""

    function: str
    path: str
    first_line: int
    commit: str
    last_commit: str
    lines: frozenset[int]
    """AI lines that can run; empty when only their number is known."""

    number: int
    """How many AI lines there are."""

    run: frozenset[int]
    handlers: frozenset[int]
    handlers_run: frozenset[int]

    @property
    def is_called(self) -> bool:
        """Whether it ran at all."""
        return bool(self.run)

    @property
    def missing(self) -> list[int]:
        """AI lines that never ran, in order."""
        return sorted(self.lines - self.run)


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """The answer of ``byline coverage``."""

    functions: tuple[FunctionCoverage, ...]
    """By path and line."""

    unverified: tuple[Unverified, ...]

    @property
    def shipped(self) -> int:
        """AI lines in all."""
        return sum(each.number for each in self.functions)

    @property
    def executed(self) -> int:
        """AI lines that ran."""
        return sum(len(each.run) for each in self.functions)

    @property
    def handlers(self) -> int:
        """Error handlers in functions that were called."""
        return sum(len(each.handlers) for each in self.functions)

    @property
    def handlers_never_run(self) -> int:
        """Those of them that never handled anything."""
        return sum(len(each.handlers - each.handlers_run) for each in self.functions)

    @property
    def never_called(self) -> int:
        """Functions that never ran."""
        return sum(not each.is_called for each in self.functions)


def report(
    store: Store, manifest: Manifest | None = None, *, commit: str | None = None, root: Path | None = None
) -> CoverageReport:
    """
    Report which AI lines ran.

    Args:
        manifest: What was shipped. Without it only functions that were called are known.

        commit: Only functions that this commit wrote or changed last. A prefix will do.

        root: Where the sources are, for functions that were never called.

    Raises:
        StoreError: The store cannot be read.
        UnknownCommitError: The prefix names no commit, or several.
    """
    sha = full_sha(commit, store, manifest) if commit else ""
    executed = store.executed()
    notes: list[Unverified] = []
    if manifest is None:
        newest = {each.function: each for each in reversed(executed)}
        found = [_from_run(each) for each in newest.values() if each.ai]
        notes.append(
            Unverified("functions never called", "there is no manifest that names them", "byline scan")
        )
    else:
        found = list(_from_manifest(manifest, executed, root or Path.cwd()))
        guessed = [each for each in found if not each.lines and each.number]
        if guessed:
            notes.append(
                Unverified(
                    f"lines of {len(guessed)} functions never called",
                    "their sources are not here, so comments inside them may count",
                    "run it in the checkout that was deployed",
                )
            )
    called = {each.function for each in store.totals()}
    unwatched = [each.function for each in found if not each.is_called and each.function in called]
    notes += (
        Unverified(
            name,
            "it was called, and nobody watched which of its lines ran",
            "run it with Python 3.12 or later, and BYLINE_PROBES with lines",
        )
        for name in unwatched
    )
    found = [each for each in found if each.function not in unwatched]
    kept = [each for each in found if not sha or sha in {each.commit, each.last_commit}]
    kept.sort(key=lambda each: (each.path, each.first_line))
    return CoverageReport(tuple(kept), tuple(notes))


def _from_run(executed: ExecutedLines, first_line: int | None = None) -> FunctionCoverage:
    first = executed.first_line if first_line is None else first_line

    def absolute(lines: tuple[int, ...]) -> frozenset[int]:
        return frozenset(first + line for line in lines)

    ai = absolute(executed.ai)
    return FunctionCoverage(
        function=executed.function,
        path=executed.path,
        first_line=first,
        commit=executed.commit,
        last_commit=executed.last_commit,
        lines=ai,
        number=len(ai),
        run=absolute(executed.run) & ai,
        handlers=absolute(executed.handlers) & ai,
        handlers_run=absolute(executed.handlers_run) & ai,
    )


def _from_manifest(
    manifest: Manifest, executed: tuple[ExecutedLines, ...], root: Path
) -> Iterator[FunctionCoverage]:
    """Yield every AI function of a manifest, with what ran of this version of it."""
    known: dict[tuple[str, str], ExecutedLines] = {}
    for each in reversed(executed):
        known[_tail(each.function), each.last_commit] = each
    for file in manifest.files():
        codes: Mapping[tuple[int, str], CodeType] | None = None
        for function, attribution in file.functions():
            if attribution.verdict != "ai":
                continue
            ran = known.get((_tail(function.name), attribution.last_commit))
            if ran is not None:
                yield _from_run(ran, function.first_line)
                continue
            codes = _compiled(file, manifest, root) if codes is None else codes
            yield _never_run(file, function, attribution, codes)


def _tail(name: str) -> str:
    """Return a function's name without the packages around its module: it may be installed below another."""
    return name.replace("__main__.", "", 1)


def _never_run(
    file: ManifestFile,
    function: Function,
    attribution: Attribution,
    codes: Mapping[tuple[int, str], CodeType],
) -> FunctionCoverage:
    code = codes.get((function.first_line, function.qualname))
    lines: set[int] = set()
    if code is not None:
        lines = {
            line
            for _, _, line in code.co_lines()
            if line is not None
            and line > function.line
            and (owner := file.line(line))
            and owner.verdict == "ai"
        }
    return FunctionCoverage(
        function=function.name,
        path=file.path,
        first_line=function.first_line,
        commit=attribution.commit,
        last_commit=attribution.last_commit,
        lines=frozenset(lines),
        number=len(lines) or attribution.ai_lines,
        run=frozenset(),
        handlers=frozenset(),
        handlers_run=frozenset(),
    )


def _compiled(file: ManifestFile, manifest: Manifest, root: Path) -> dict[tuple[int, str], CodeType]:
    """Return the code objects of a file as it was scanned, by first line and name; none when it is not here."""
    try:
        data = (root / file.path).read_bytes()
        if manifest.by_source(data, file.path) is None:
            return {}
        waiting = [compile(data, file.path, "exec", dont_inherit=True)]
    except (OSError, ValueError, SyntaxError):
        return {}
    found: dict[tuple[int, str], CodeType] = {}
    while waiting:
        code = waiting.pop()
        found[code.co_firstlineno, code.co_qualname] = code
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
    return found
