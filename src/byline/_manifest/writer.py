"""Writes a manifest: atomically, and the same bytes for the same content."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from .._model import Commit, Evidence
from ..exceptions import ManifestError
from .records import (
    COMMITS_PER_BLOCK,
    FRONT,
    LENGTH,
    MAGIC,
    NAMES_PER_BLOCK,
    SPAN,
    VERSION,
    FileRecord,
    FunctionRecord,
    Header,
    Row,
    basename_of,
    commit_row,
    evidence_row,
    function_row,
    tail_of,
)
from .tables import hash_table


def write(path: Path, header: Header, files: Sequence[FileRecord], commits: Mapping[str, Commit]) -> int:
    """
    Write a manifest and return its size in bytes.

    Args:
        commits: Every commit that a line or a function names, by SHA.

    Raises:
        ManifestError: The file cannot be written; an older one is left as it was.
    """
    data = render(header, files, commits)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    except OSError as error:
        raise ManifestError(
            f"The manifest cannot be written to {str(path)!r}: {error.strerror or error}. Choose another place with -o."
        ) from error
    return len(data)


def render(header: Header, files: Sequence[FileRecord], commits: Mapping[str, Commit]) -> bytes:
    """Return a manifest's bytes."""
    files = sorted(files, key=lambda each: each.path)
    shas = sorted(_named(files) & commits.keys())
    numbers = {sha: number for number, sha in enumerate(shas)}
    blocks = [_block(file_row(each, numbers)) for each in files]
    index = sorted((bytes.fromhex(each.blob), number) for number, each in enumerate(files))
    commit_blocks = [
        _block([commit_row(commits[sha]) for sha in shas[start : start + COMMITS_PER_BLOCK]])
        for start in range(0, len(shas), COMMITS_PER_BLOCK)
    ]
    sections = {
        "index": b"".join(blob + LENGTH.pack(number) for blob, number in index),
        "basenames": hash_table(basename_of(each.path) for each in files),
        "tails": hash_table(tail_of(each.module) for each in files),
    }
    name_blocks = [
        _block([[each.path, each.module] for each in files[start : start + NAMES_PER_BLOCK]])
        for start in range(0, len(files), NAMES_PER_BLOCK)
    ]
    if any(record.first_shipped for each in files for record in each.functions):
        sections["shipped"] = _block(_shipped_json(files))
    body = bytearray()
    places: dict[str, list[int]] = {}
    for name, table in (("files", blocks), ("commits", commit_blocks), ("names", name_blocks)):
        spans = bytearray()
        for block in table:
            spans += SPAN.pack(len(body), len(block))
            body += block
        sections[name] = bytes(spans)
    tables = len(body)
    for name in sorted(sections):
        places[name] = [len(body), len(sections[name])]
        body += sections[name]
    front = {
        "version": VERSION,
        **header.to_json(),
        "sections": places,
        "commits": len(shas),
        "body": len(body),
        "tables": [tables, zlib.crc32(body[tables:])],
    }
    head = _json(front)
    return MAGIC + FRONT.pack(len(head), zlib.crc32(head)) + head + bytes(body)


def _named(files: Sequence[FileRecord]) -> set[str]:
    found = {run.commit for each in files for run in each.runs}
    for each in files:
        for record in each.functions:
            who = record.attribution
            found |= {who.commit, who.last_commit, *(owner.commit for owner in who.contributions)}
    return found - {""}


def file_row(record: FileRecord, numbers: Mapping[str, int]) -> Row:
    """Return a file as a row; commits are written as numbers."""
    evidence: dict[Evidence, int] = {}
    runs: Row = []
    for run in record.runs:
        mark = evidence.setdefault(run.evidence, len(evidence)) if run.evidence else -1
        runs += (run.length, numbers.get(run.commit, -1), mark)
    functions = []
    for each in _in_order(record):
        who = each.attribution
        mark = -1
        if who.evidence:
            found = Evidence(who.verdict, who.evidence, who.tool, who.confidence, who.model, who.session)  # type: ignore[arg-type]  # an attribution's evidence is its source's name
            mark = evidence.setdefault(found, len(evidence))
        functions.append(function_row(each, numbers, mark))
    return [[evidence_row(each) for each in evidence], functions, runs]


def _shipped_json(files: Sequence[FileRecord]) -> Row:
    found = [[each.first_shipped for each in _in_order(record)] for record in files]
    releases = sorted(
        {each for row in found for each in row if each}, key=lambda each: (each.committed_at, each.revision)
    )
    numbers = {each: number for number, each in enumerate(releases)}
    rows = [[numbers[each] if each else -1 for each in row] for row in found]
    return [[[each.revision, each.committed_at] for each in releases], rows]


def _in_order(record: FileRecord) -> list[FunctionRecord]:
    return sorted(record.functions, key=lambda each: (each.function.first_line, each.function.qualname))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


def _block(value: object) -> bytes:
    return zlib.compress(_json(value), 9)


def _replace(path: Path, data: bytes) -> None:
    """Write beside the target and rename, so that a reader sees the old file or the new one."""
    import tempfile  # a program that only reads a manifest needs none of it

    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
