"""Writes the story as a real git repository, in one ``git fast-import``."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ..exceptions import RepositoryError
from .story import STORY, Chapter

_DAY_S = 86_400


def write_history(folder: Path, *, now: float | None = None) -> dict[str, str]:
    """
    Make a git repository that tells the story, and check its files out.

    Returns:
        The SHA of each chapter, by its key.

    Raises:
        RepositoryError: Git is missing, or refuses.
    """
    today = int(time.time() if now is None else now)
    marks = folder / ".marks"
    _git(folder, "init", "--quiet", "--initial-branch=main", ".")
    _git(folder, "config", "user.name", "byline demo")
    _git(folder, "config", "user.email", "demo@shop.example")
    _git(folder, "fast-import", "--quiet", f"--export-marks={marks}", stdin=b"".join(_stream(today)))
    _git(folder, "reset", "--quiet", "--hard", "main")
    shas = dict(line.split(" ") for line in marks.read_text().splitlines())
    marks.unlink()
    return {chapter.key: shas[f":{number}"] for number, chapter in enumerate(STORY, start=1)}


def _stream(today: int) -> Iterator[bytes]:
    files: dict[str, str] = {}
    for number, chapter in enumerate(STORY, start=1):
        changed = _apply(chapter, files)
        when = f"{today - chapter.days_ago * _DAY_S} +0000"
        yield f"commit refs/heads/main\nmark :{number}\n".encode()
        yield f"author {chapter.author} {when}\n".encode()
        yield f"committer {chapter.committer or chapter.author} {when}\n".encode()
        yield _data(chapter.message)
        for path in changed:
            yield f"M 100644 inline {path}\n".encode() + _data(files[path])
        yield b"\n"


def _apply(chapter: Chapter, files: dict[str, str]) -> list[str]:
    """Change the files as a chapter does, and return the paths that changed."""
    files.update(chapter.new)
    for path, old, new in chapter.edits:
        if files[path].count(old) != 1:
            raise AssertionError(f"chapter {chapter.key!r}: {old!r} is not exactly once in {path!r}")
        files[path] = files[path].replace(old, new)
    return sorted({path for path, *_ in (*chapter.new, *chapter.edits)})


def _data(text: str) -> bytes:
    data = text.encode()
    return b"data %d\n%s\n" % (len(data), data)


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603  # git, with words of our own
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # git from PATH is the git the user has
            input=stdin, capture_output=True, check=False, env=environment,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise RepositoryError(
            "The demo needs git, and there is none on PATH. Install git and try again."
        ) from error
    if done.returncode:
        raise RepositoryError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
