"""The hunks between many pairs of blobs, by one git process for all of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..exceptions import RepositoryError
from .processes import side_by_side
from .repository import Repository

Pair = tuple[str, str]
"""Blob SHA before and after."""

Hunk = tuple[int, int, int, int]
"""Old start, old count, new start, new count, as in a unified diff without context."""

_CHUNK = 1 << 18
_MIN_PER_JOB = 500
_FILE = b"\ndiff --git a/"
_HUNK = b"\n@@ -"
_DIGITS = 8
_DIFF = (
    "diff-tree", "-r", "-p", "-U0", "--inter-hunk-context=0", "--text", "--no-renames", "--diff-algorithm=default",
    "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip


_MEMORY = "/dev/shm"  # noqa: S108  # the folder in it has a name that nobody can guess

# Blobs come and go by the thousands: without these, glibc gives the memory of each back to the
# system and asks for it again, which is up to a quarter of git's work. Other libraries ignore them.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 26), "MALLOC_TRIM_THRESHOLD_": str(1 << 27)}


@contextmanager
def scratch_objects(repository: Repository) -> Iterator[dict[str, str]]:
    """
    Let git write objects into a folder that is thrown away, while it still reads the repository's.

    Yields:
        The variables that a git process needs for that.
    """
    objects = str(repository.objects_dir())
    if any(character in objects for character in ':;"'):
        objects = '"{}"'.format(objects.replace("\\", "\\\\").replace('"', '\\"'))
    folder = _scratch_folder()
    try:
        (Path(folder) / "info").mkdir()
        yield {"GIT_OBJECT_DIRECTORY": folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _scratch_folder() -> str:
    """Make a folder in memory where there is one: git makes a file for every small tree."""
    folder = _MEMORY if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK | os.X_OK) else None
    return tempfile.mkdtemp(prefix="byline-", dir=folder)


def hunks_of(
    repository: Repository,
    pairs: Sequence[Pair],
    *,
    jobs: int = 1,
    progress: Callable[[int], None] = lambda _count: None,
) -> dict[Pair, tuple[Hunk, ...]]:
    """
    Return the hunks of each pair, exactly those that ``git blame`` works with.

    All left blobs become one tree and all right blobs another, and git compares the two. Put
    versions of one file next to each other: git then unpacks each only once.

    Args:
        repository: Where the blobs are.
        pairs: Different blobs, each pair once.
        jobs: How many git processes share the work.
        progress: Told each time how many more pairs are done.

    Raises:
        RepositoryError: A blob is missing.
    """
    if not pairs:
        return {}
    size = -(-len(pairs) // max(1, min(jobs, len(pairs) // _MIN_PER_JOB)))
    parts = [pairs[start : start + size] for start in range(0, len(pairs), size)]
    with scratch_objects(repository) as env:
        trees = _write_trees(repository, parts, env)

        def compare(part: Sequence[Pair], old: str, new: str) -> dict[Pair, tuple[Hunk, ...]]:
            with repository.stream(*_DIFF, old, new, env=env | _KEEP_MEMORY) as output:
                return _read_diff(output, part, progress)

        found: dict[Pair, tuple[Hunk, ...]] = {}
        arguments = list(zip(parts, trees[::2], trees[1::2], strict=True))
        for result in side_by_side(compare, arguments, len(parts)):
            found.update(result)
    missing = next((pair for pair in pairs if pair not in found), None)
    if missing is not None:
        raise RepositoryError(
            f"git did not compare blob {missing[0]} with {missing[1]} in {str(repository.root)!r}. {repository.cure()}"
        )
    return found


def _write_trees(repository: Repository, parts: Sequence[Sequence[Pair]], env: dict[str, str]) -> list[str]:
    """Write two trees for each part: what was before, and what came after."""
    # Names without an extension, so that no rule in .gitattributes applies.
    text = "\n".join(
        "".join(f"100644 blob {pair[side]}\t{number:0{_DIGITS}}\n" for number, pair in enumerate(part))
        for part in parts
        for side in (0, 1)
    )
    return repository.run("mktree", "--batch", "--missing", input=text.encode(), env=env).decode().split()


def _read_diff(
    output: IO[bytes], part: Sequence[Pair], progress: Callable[[int], None]
) -> dict[Pair, tuple[Hunk, ...]]:
    found: dict[Pair, tuple[Hunk, ...]] = {}
    rest = b"\n"
    while chunk := output.read(_CHUNK):
        *files, rest = (rest + chunk).split(_FILE)
        # Cut in front of the last file, whose diff is not complete yet.
        rest = _FILE + rest
        for file in files:
            if file.strip():
                number, hunks = _parse_file(file)
                found[part[number]] = hunks
        progress(len(files))
    if rest.strip():
        number, hunks = _parse_file(rest.removeprefix(_FILE))
        found[part[number]] = hunks
    return found


def _parse_file(diff: bytes) -> tuple[int, tuple[Hunk, ...]]:
    """Read one file's diff, which starts with its name; no line of content can look like a hunk."""
    return int(diff[:_DIGITS]), tuple(_parse_hunk(hunk) for hunk in diff.split(_HUNK)[1:])


def _parse_hunk(text: bytes) -> Hunk:
    old, new = text[: text.index(b" @@")].split(b" +")
    old_start, _, old_count = old.partition(b",")
    new_start, _, new_count = new.partition(b",")
    return int(old_start), int(old_count or 1), int(new_start), int(new_count or 1)
