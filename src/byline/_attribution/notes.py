"""Git notes that name the lines AI wrote: git-ai's, whogitit's and Agent Blame's. Pure: the note's text comes in.

Prompts, messages, source lines and addresses in a note are read over and never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .._model import Evidence
from . import untrusted_json
from .identities import DEFAULT, UNKNOWN_TOOL, Identities
from .marks import Claim, CommitNote, LineMark, settle
from .model_names import clean_model
from .trailers import opaque_id
from .untrusted_json import items, line_of, line_range, table, text_of

_HUMAN = Evidence("human", "note", "", "high")
_UNKNOWN_AI = Evidence("ai", "note", UNKNOWN_TOOL, "high")
_TEST_TOOLS = frozenset({"mock_ai", "test-agent"})
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_DIVIDER = "---"
_SCHEMA = re.compile(r"authorship/3\.")


def read_git_ai(text: str, *, identities: Identities = DEFAULT) -> CommitNote:
    """
    Read a note of git-ai (``authorship/3.0.0``).

    A later entry wins over an earlier one on the same line, as in git-ai, but an entry that
    the note explains wins over one that it does not. A line that nothing covers is unknown.
    """
    lines = text.split("\n")
    divider = next((number for number, line in enumerate(lines) if line.rstrip("\r") == _DIVIDER), None)
    if divider is None:
        return CommitNote(problem="the note has no line '---' between lines and metadata")
    metadata = table(untrusted_json.parse("\n".join(lines[divider + 1 :])))
    problem = "" if metadata else "the note's metadata is no JSON object"
    schema = text_of(metadata.get("schema_version"))
    if schema and not _SCHEMA.match(schema):
        return CommitNote(problem=f"the note's format {schema[:40]!r} is not known")
    blocks = list(_blocks(lines[:divider]))
    marks = [mark for path, entries in blocks for mark in _marks_of_file(path, entries, metadata, identities)]
    if not blocks and divider > 0:
        problem = problem or "the note's lines cannot be read"
    return CommitNote(_sorted(marks), covers_all=not blocks and not problem, problem=problem)


def read_whogitit(text: str, *, identities: Identities = DEFAULT) -> CommitNote:
    """Read a note of whogitit: one record per line; lines that AI wrote, also when edited later, count."""
    note = table(untrusted_json.parse(text))
    if not isinstance(note.get("files"), list):
        return CommitNote(problem="the note is no JSON object with files")
    session = table(note, "session")
    model = clean_model(text_of(table(session, "model").get("id")))
    evidence = Evidence(
        "ai",
        "note",
        _tool_of_model(model, identities),
        "high",
        model,
        opaque_id(text_of(session.get("session_id"))),
    )
    marks: list[LineMark] = []
    for file in items(note["files"]):
        claims: list[Claim] = []
        for line in items(table(file).get("lines")):
            number = line_of(table(line).get("line_number"))
            if number and _whogitit_source(line) in ("AI", "AIModified"):
                claims.append((number, number, evidence))
        marks += settle(text_of(table(file).get("path")), claims)
    return CommitNote(_sorted(marks))


def read_agentblame(text: str, *, identities: Identities = DEFAULT) -> CommitNote:
    """Read a note of Agent Blame: version 1 writes its keys with underscores, version 2 in camel case."""
    note = table(untrusted_json.parse(text))
    if not isinstance(note.get("attributions"), list):
        return CommitNote(problem="the note is no JSON object with attributions")
    claims: dict[str, list[Claim]] = {}
    for each in items(note["attributions"]):
        entry = {re.sub(r"[^a-z]", "", key.lower()): value for key, value in table(each).items()}
        lines = line_range(entry.get("startline"), entry.get("endline"))
        category = re.sub(r"[^a-z]", "", text_of(entry.get("category")).lower())
        if lines and category == "aigenerated":
            provider = text_of(entry.get("provider"))
            tool = identities.tool_slug(provider) if provider else UNKNOWN_TOOL
            evidence = Evidence("ai", "note", tool, "high", clean_model(text_of(entry.get("model"))))
            claims.setdefault(text_of(entry.get("path")), []).append((*lines, evidence))
    return CommitNote(_sorted([mark for path, found in claims.items() for mark in settle(path, found)]))


def _blocks(lines: list[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each file's path with its entries, that is pairs of key and ranges."""
    path, entries = "", list[tuple[str, str]]()
    for line in (each.rstrip("\r") for each in lines):
        if line.startswith("  "):
            key, _, ranges = line[2:].partition(" ")
            entries.append((key, ranges))
        elif line:
            if path and entries:
                yield path, entries
            path, entries = _unquoted(line), []
    if path and entries:
        yield path, entries


def _unquoted(path: str) -> str:
    """Strip one pair of quotation marks; nothing inside is escaped."""
    is_quoted = len(path) > 1 and path.startswith('"') and path.endswith('"')
    return path[1:-1] if is_quoted else path


def _marks_of_file(
    path: str, entries: list[tuple[str, str]], metadata: Mapping[str, object], identities: Identities
) -> list[LineMark]:
    explained: list[Claim] = []
    unexplained: list[Claim] = []
    for key, ranges in entries:
        evidence, is_explained = _evidence_of(key, metadata, identities)
        if evidence is None:
            continue
        claims = explained if is_explained else unexplained
        claims += [(*lines, evidence) for lines in _line_ranges(ranges)]
    return settle(path, [*unexplained, *explained])


def _evidence_of(
    key: str, metadata: Mapping[str, object], identities: Identities
) -> tuple[Evidence | None, bool]:
    """Return what a key stands for, and whether the metadata explains it."""
    owner = key.partition("::")[0]
    if owner == "human":
        return _HUMAN, True
    if owner.startswith("h_"):
        return _HUMAN, bool(table(metadata, "humans", owner))
    record = table(metadata, "sessions" if owner.startswith("s_") else "prompts", owner)
    agent = table(record, "agent_id")
    tool = text_of(agent.get("tool"))
    if not tool:
        return _UNKNOWN_AI, False
    if tool in _TEST_TOOLS:
        return None, True
    return Evidence(
        "ai",
        "note",
        identities.tool_slug(tool),
        "high",
        clean_model(text_of(agent.get("model"))),
        opaque_id(text_of(agent.get("id"))) or opaque_id(owner),
    ), True


def _line_ranges(ranges: str) -> Iterator[tuple[int, int]]:
    for part in ranges.split(","):
        match = _RANGE.fullmatch(part.strip())
        lines = line_range(int(match[1]), int(match[2] or match[1])) if match else None
        if lines:
            yield lines


def _whogitit_source(line: object) -> str:
    source = table(line).get("source")
    return text_of(source) or text_of(table(source).get("type"))


def _tool_of_model(model: str, identities: Identities) -> str:
    return identities.describe(model).tool or UNKNOWN_TOOL


def _sorted(marks: list[LineMark]) -> tuple[LineMark, ...]:
    found = (mark for mark in marks if mark.path)
    return tuple(sorted(found, key=lambda mark: (mark.path, mark.start)))
