"""What tests of line ownership share: small texts and their edits, and git blame's own answer."""

from __future__ import annotations

import os
import re
import subprocess

from hypothesis import HealthCheck, settings

from byline._attribution.blame import FileOwnership, own_lines
from byline._attribution.repository import Repository

from ..repositories import RepositoryFactory

Line = tuple[str, str, int]
"""Commit, path there, line there."""

TEXT = "".join(f"line {number}\n" for number in range(1, 11))
GENERATED = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def changed(text: str, *numbers: int, by: str) -> str:
    lines = text.splitlines(keepends=True)
    for number in numbers:
        lines[number - 1] = f"line {number}, by {by}\n"
    return "".join(lines)


def without(text: str, *numbers: int) -> str:
    return "".join(
        line for number, line in enumerate(text.splitlines(keepends=True), 1) if number not in numbers
    )


def lines_of(ownership: FileOwnership) -> list[Line]:
    return [
        (run.commit, run.path, run.original_start + offset)
        for run in ownership.runs
        for offset in range(run.length)
    ]


def git_blame(repo: RepositoryFactory, revision: str, path: str, *options: str) -> list[Line]:
    """Ask git blame, independently of byline."""
    output = subprocess.run(
        ["git", "-c", "core.quotePath=false", "blame", "--line-porcelain", *options, revision, "--", path],
        cwd=repo.path, capture_output=True, check=True,
    ).stdout  # fmt: skip
    found: list[Line] = []
    sha, line, name = "", 0, ""
    for text in output.split(b"\n"):
        if text.startswith(b"\t"):
            found.append((sha, name, line))
        elif header := re.match(rb"([0-9a-f]{40,}) (\d+) \d+", text):
            sha, line = header[1].decode(), int(header[2])
        elif text.startswith(b"filename "):
            name = os.fsdecode(text[9:])
            if name.startswith('"'):
                name = name[1:-1].replace(r"\n", "\n").replace(r"\"", '"').replace(r"\377", "\udcff")
    return found


def owned(repo: RepositoryFactory, path: str, revision: str = "HEAD", **options: object) -> FileOwnership:
    found = own_lines(Repository.open(repo.path), revision, paths=[path], **options)  # type: ignore[arg-type]  # each test's own
    return found.files[path]
