"""Agent Trace records (0.1.0 and what is written in its name): JSON lines, notes, and agentdiff's variant.

Pure: text comes in. Addresses, hashes' contents and conversations are read over and never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._model import Confidence, Evidence
from .identities import DEFAULT, UNKNOWN_TOOL, Identities
from .marks import Claim, CommitNote, LineMark, settle
from .model_names import clean_model
from .trailers import opaque_id
from .untrusted_json import items, line_range, parse_many, table, text_of

_REVISION = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_READABLE_VERSION = re.compile(r"v?[01](?:\.|$)")
_PSEUDO_PATHS = frozenset({".shell-history", ".sessions", ".unknown"})
_DRIVE = re.compile(r"^[A-Za-z]:/")
_HUMAN = Evidence("human", "trace", "", "high")


@dataclass(frozen=True, slots=True)
class TraceMark:
    """One range of a trace record."""

    mark: LineMark
    content_hash: str = ""
    """As recorded, such as ``murmur3:9f2e8a1b``. No writer says which bytes it hashes."""


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """What one record says of one revision."""

    revision: str
    """
    The commit that the lines refer to, empty when not recorded.

    Some writers record the commit that was checked out during the edit, which is the parent
    of the one that holds the lines: where no line of this revision matches, compare the text
    before believing a child.
    """

    marks: tuple[TraceMark, ...]


@dataclass(frozen=True, slots=True)
class Traces:
    """The records in one file, and what could not be read."""

    records: tuple[TraceRecord, ...] = ()
    problems: tuple[str, ...] = ()


def read_traces(text: str, *, root: str = "", identities: Identities = DEFAULT) -> Traces:
    """
    Read records, one per line or one after the other, also in arrays.

    Args:
        text: The content of ``traces.jsonl`` or of a note.
        root: The repository's root, to make absolute paths relative. Without it they are refused.
        identities: Who is AI.
    """
    records: list[TraceRecord] = []
    problems: list[str] = []
    for value in parse_many(text):
        for each in items(value) if isinstance(value, list) else (value,):
            record = _record(table(each), root, identities, problems)
            if record is not None:
                records.append(record)
    if text.strip() and not records and not problems:
        problems.append("no Agent Trace record in it")
    return Traces(tuple(records), tuple(dict.fromkeys(problems)))


def read_trace_note(text: str, *, identities: Identities = DEFAULT) -> CommitNote:
    """
    Read the note of a commit: records, or the ledger that the Python agent-trace writes.

    The lines are those of the note's own commit, whatever revision the records name. A later
    record wins over an earlier one.
    """
    claims: dict[str, list[Claim]] = {}
    traces = read_traces(text, identities=identities)
    for mark in (each.mark for record in traces.records for each in record.marks):
        claims.setdefault(mark.path, []).append((mark.start, mark.end, mark.evidence))
    marks = [mark for path in sorted(claims) for mark in settle(path, claims[path])]
    return CommitNote(tuple(marks), problem="; ".join(traces.problems))


def repository_path(path: str, *, root: str = "") -> str:
    """Return a recorded path as git writes it; empty when it lies outside the repository or is none."""
    found = path.strip().replace("\\", "/")
    top = root.replace("\\", "/").rstrip("/")
    if top and found.startswith(f"{top}/"):
        found = found[len(top) + 1 :]
    parts = [part for part in found.split("/") if part not in ("", ".")]
    if found.startswith("/") or _DRIVE.match(found) or ".." in parts or "\x00" in found:
        return ""
    return "" if not parts or parts[0] in _PSEUDO_PATHS else "/".join(parts)


def _record(
    record: Mapping[str, object], root: str, identities: Identities, problems: list[str]
) -> TraceRecord | None:
    version = text_of(record.get("version"))
    ledger = table(record, "ledger", "files")
    if not isinstance(record.get("files"), list) and not ledger:
        if "trace_ids" not in record:
            problems.append("a record without files, not of the Agent Trace format")
        return None
    if version and not _READABLE_VERSION.match(version):
        problems.append(f"a record of version {version[:20]!r}, which is not known")
        return None
    tool = text_of(table(record, "tool").get("name"))
    session = _session(table(record, "metadata"))
    found: list[TraceMark] = []
    for raw, entry in _entries(record, ledger):
        path = repository_path(raw, root=root)
        if not path and raw not in _PSEUDO_PATHS:
            problems.append("a record with a path outside the repository")
        lines = line_range(entry.get("start_line"), entry.get("end_line"))
        content_hash = text_of(entry.get("content_hash"))[:100]
        evidence = _evidence(entry, tool, session, identities) if path and lines else None
        if lines and evidence:
            found.append(TraceMark(LineMark(path, *lines, evidence), content_hash))
    revision = text_of(table(record, "vcs").get("revision"))
    return TraceRecord(revision.lower() if _REVISION.fullmatch(revision) else "", tuple(found))


def _entries(
    record: Mapping[str, object], ledger: Mapping[str, object]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield each path with each of its ranges; a range knows its own contributor."""
    for file in map(table, items(record.get("files"))):
        for conversation in map(table, items(file.get("conversations"))):
            shared = {"contributor": conversation.get("contributor")}
            for entry in map(table, items(conversation.get("ranges"))):
                own = entry if entry.get("contributor") else {**entry, **shared}
                yield text_of(file.get("path")), own
    for path, attributed in ledger.items():
        for entry in map(table, items(table(attributed).get("line_attributions"))):
            yield (
                path,
                {**entry, "contributor": {"type": entry.get("type"), "model_id": entry.get("model_id")}},
            )


def _evidence(
    entry: Mapping[str, object], tool: str, session: str, identities: Identities
) -> Evidence | None:
    contributor = entry.get("contributor")
    kind = text_of(contributor) or text_of(table(contributor).get("type"))
    if kind == "human":
        return _HUMAN
    if kind not in ("ai", "mixed"):
        return None
    model = clean_model(text_of(table(contributor).get("model_id")))
    confidence: Confidence = "medium" if kind == "mixed" else "high"
    if entry.get("start_line") == 1 and not entry.get("content_hash"):
        # Lines 1 to 1 or 1 to n is also what the reference writer records for an edit it cannot find.
        confidence = "low" if entry.get("end_line") == 1 else "medium"
    return Evidence("ai", "trace", _tool(tool, model, identities), confidence, model, session)


def _tool(name: str, model: str, identities: Identities) -> str:
    """Return the tool if it is a known one; some writers put a person's name there."""
    slug = identities.tool_slug(name)
    return slug if slug in identities.tools else identities.describe(model).tool or UNKNOWN_TOOL


def _session(metadata: Mapping[str, object]) -> str:
    """Return the session's id, which vendors also keep in a table of their own."""
    for values in (metadata, *map(table, metadata.values())):
        for key in ("session_id", "conversation_id"):
            if found := opaque_id(text_of(values.get(key))):
                return found
    return ""
