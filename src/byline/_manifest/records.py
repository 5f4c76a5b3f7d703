"""What a manifest holds, as values, and how each value becomes a compact JSON row and back.

On disk: a line with the format's version, the header's length and CRC-32, the header as JSON, then the blocks, then the
tables that the header names, with a CRC-32 of their own (each block has zlib's). ``index``: sorted (blob id, file number) records of fixed size. ``files``:
(offset, length) of each file's block. ``names``: (offset, length) of each block of 64 files' paths and modules.
``commits``: the same of 16 commits each. ``shipped``, which may be missing: a block of releases, and for each
function the number of the one it first shipped in. ``basenames`` and ``tails``: sorted (CRC-32, file number) records of the last parts of
paths and modules. Blocks are zlib-compressed JSON.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from .._dataclass import dataclass, field
from .._model import (
    Attribution,
    Commit,
    Confidence,
    Contribution,
    Evidence,
    Function,
    Source,
    Unverified,
    Verdict,
)

VERSION = 1
NAME = b"byline manifest "
MAGIC = NAME + b"%d\n" % VERSION
LENGTH = struct.Struct(">I")
FRONT = struct.Struct(">II")
"""Length of the header in bytes, and its CRC-32."""
SPAN = struct.Struct(">II")
"""Offset from the end of the header, and length, in bytes."""
COMMITS_PER_BLOCK = 16
NAMES_PER_BLOCK = 64

Row = list[Any]


@dataclass(frozen=True, slots=True)
class Header:
    """What the whole manifest says of itself."""

    revision: str
    """The deployed revision: full SHA."""

    branch: str = ""
    repository: str = ""
    """Web address of the repository, without credentials."""

    object_format: str = "sha1"
    shallow: bool = False
    bounded: bool = False
    """True when files and lines older than the first AI commit were left out."""

    moves: bool = False
    """True when lines that were moved or copied belong to whoever wrote them first."""

    min_ai_share: float = 0.5
    functions: int = 0
    """Functions seen in the whole repository, also those that are not in here."""

    ai_functions: int = 0
    lines_known: int = 0
    """Behaviour lines with a verdict of ai or human."""

    lines_unknown: int = 0
    lines_conflicting: int = 0
    """Behaviour lines whose sources disagree on who wrote them."""

    unverified: tuple[Unverified, ...] = ()
    """What the scan could not tell, and why."""

    measure: dict[str, object] = field(default_factory=dict)
    """Which functions to measure, as ``[tool.byline.measure]`` of the repository says."""

    def to_json(self) -> dict[str, Any]:
        """Return the header's fields, JSON-ready."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Header:
        """Read the fields; unknown ones are left out."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        known["unverified"] = tuple(Unverified(**each) for each in known.get("unverified", ()))
        return cls(**known)


@dataclass(frozen=True, slots=True)
class LineRun:
    """Consecutive lines with one owner and one verdict."""

    length: int
    commit: str = ""
    """Full SHA; empty when the owner is not known."""

    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A revision that was built to be shipped."""

    revision: str
    """Full SHA."""

    committed_at: int
    """Seconds since the epoch, UTC: when it was committed, since a manifest has no clock of its own."""


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """A function with its attribution and the hash of its text."""

    function: Function
    attribution: Attribution
    text_hash: str = ""
    first_shipped: Release | None = None
    """The first release with this version of the function; None when nothing keeps track of releases."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A source file: its functions, and the owner of every line."""

    path: str
    module: str
    blob: str
    functions: tuple[FunctionRecord, ...] = ()
    runs: tuple[LineRun, ...] = ()


def basename_of(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]


def tail_of(module: str) -> str:
    """Return the last part of a module's name."""
    return module.rpartition(".")[2]


def evidence_row(evidence: Evidence) -> Row:
    """Return evidence as a row."""
    return [
        evidence.verdict,
        evidence.source,
        evidence.tool,
        evidence.confidence,
        evidence.model,
        evidence.session,
    ]


def evidence_of(row: Row) -> Evidence:
    """Read a row of evidence."""
    verdict, source, tool, confidence, model, session = row
    return Evidence(
        cast(Verdict, verdict), cast(Source, source), tool, cast(Confidence, confidence), model, session
    )


def commit_row(commit: Commit) -> Row:
    """Return a commit as a row; its evidence lives with the lines."""
    return [commit.sha, commit.committed_at, commit.subject, commit.author, commit.accountable, commit.change]


def commit_of(row: Row) -> Commit:
    """Read a row of a commit."""
    sha, committed_at, subject, author, accountable, change = row
    return Commit(sha, subject, committed_at, author, accountable, change)


def function_row(record: FunctionRecord, commit_number: Mapping[str, int], evidence_number: int) -> Row:
    """Return a function as a row; lines are written as differences, commits as numbers."""
    where, who = record.function, record.attribution
    contributions = [
        number for each in who.contributions for number in (commit_number.get(each.commit, -1), each.lines)
    ]
    return [
        where.qualname,
        where.first_line,
        where.line - where.first_line,
        where.end_line - where.line,
        who.verdict,
        who.ai_lines,
        who.lines,
        commit_number.get(who.commit, -1),
        commit_number.get(who.last_commit, -1),
        evidence_number,
        contributions,
        record.text_hash,
    ]


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function's row, its commits still numbers."""

    function: Function
    verdict: Verdict
    ai_lines: int
    lines: int
    commit: int
    last_commit: int
    evidence: int
    contributions: tuple[tuple[int, int], ...]
    text_hash: str


def function_of(row: Row, path: str, module: str) -> FunctionRow:
    """Read a row of a function."""
    qualname, first_line, to_def, to_end, verdict, ai_lines, lines, commit, last, evidence, owners, text = row
    line = first_line + to_def
    return FunctionRow(
        Function(module, qualname, path, first_line, line, line + to_end),
        cast(Verdict, verdict),
        ai_lines,
        lines,
        commit,
        last,
        evidence,
        tuple(zip(owners[::2], owners[1::2], strict=True)),
        text,
    )


def contributions_of(pairs: tuple[tuple[int, int], ...], shas: dict[int, str]) -> tuple[Contribution, ...]:
    """Put SHAs in the place of commit numbers."""
    return tuple(Contribution(shas.get(number, ""), lines) for number, lines in pairs)
