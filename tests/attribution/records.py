"""Line-level records as tools write them, and what a scan makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from byline._attribution.scan import Scan, scan

from ..repositories import RepositoryFactory

SESSION = "s_0123456789abcd"
PERSON = "h_0123456789abcd"
CODE = "def one():\n    first = 1\n    second = 2\n    third = 3\n    return first + second + third\n"
"""Five lines, all of them behaviour."""


def git_ai_note(
    files: Mapping[str, str], *, people: Mapping[str, str] | None = None, tool: str = "cursor"
) -> str:
    """Return a note of git-ai: line ranges of AI and of people, by path."""
    blocks = []
    for path in sorted({*files, *(people or {})}):
        blocks.append(path)
        if path in files:
            blocks.append(f"  {SESSION}::t_0123456789abcd {files[path]}")
        if people and path in people:
            blocks.append(f"  {PERSON} {people[path]}")
    metadata = {
        "schema_version": "authorship/3.0.0",
        "base_commit_sha": "x",
        "prompts": {},
        "sessions": {SESSION: {"agent_id": {"tool": tool, "id": "conversation-1", "model": "gpt-5"}}},
        "humans": {PERSON: {"author": "Ana <ana@example.org>"}},
    }
    return "\n".join([*blocks, "---", json.dumps(metadata)])


def trace(revision: str, start: int, end: int, *, path: str = "app.py", **more: object) -> str:
    """Return an Agent Trace record, on one line."""
    return json.dumps(
        {
            "version": "0.1.0",
            "id": "550e8400-e29b-41d4-a716-446655440000",
            "timestamp": "2026-01-25T10:00:00Z",
            "vcs": {"type": "git", "revision": revision},
            "tool": {"name": "cursor"},
            "files": [
                {
                    "path": path,
                    "conversations": [
                        {
                            "contributor": {"type": "ai", "model_id": "openai/gpt-5"},
                            "ranges": [
                                {"start_line": start, "end_line": end, "content_hash": "murmur3:9f2e8a1b"}
                            ],
                        }
                    ],
                }
            ],
            **more,
        }
    )


def said(found: Scan, path: str = "app.py") -> list[tuple[str, str] | None]:
    """Return source and confidence for each line of a file; None for a line that nothing speaks of."""
    record = next((file for file in found.files if file.path == path), None)
    return [
        (run.evidence.source, run.evidence.confidence) if run.evidence else None
        for run in (record.runs if record else ())
        for _ in range(run.length)
    ]


def scanned(repo: RepositoryFactory, **options: bool) -> Scan:
    """Scan a repository."""
    return scan(Path(repo.path), **options)
