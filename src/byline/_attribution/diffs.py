"""The hunks between many pairs of blobs, by one git process for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import IO

from ..exceptions import RepositoryError
from .processes import side_by_side
from .repository import Repository
from .scratch import Entry, Scratch, scratch_objects

Pair = tuple[str, str]
"""Blob SHA before and after."""

Hunk = tuple[int, int, int, int]
"""Old start, old count, new start, new count, as in a unified diff without context."""

_CHUNK = 1 << 18
_MIN_PER_JOB = 500
_NEIGHBOURS = 50
_FILE = b"\ndiff --git a/"
_HUNK = b"\n@@ -"
_DIGITS = 8
_DIFF = (
    "diff-tree", "-r", "-p", "-U0", "--inter-hunk-context=0", "--text", "--no-renames", "--diff-algorithm=default",
    "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip


# Blobs come and go by the thousands: without these, glibc gives the memory of each back to the
# system and asks for it again, which is up to a quarter of git's work. Other libraries ignore them.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 26), "MALLOC_TRIM_THRESHOLD_": str(1 << 27)}


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
    parts = _parts(pairs, max(1, min(jobs, len(pairs) // _MIN_PER_JOB)))
    with scratch_objects(repository) as scratch:

        def compare(part: Sequence[Pair]) -> dict[Pair, tuple[Hunk, ...]]:
            trees = (_write_tree(scratch, part, side) for side in (0, 1))
            env = {**scratch.env, **_KEEP_MEMORY}
            with repository.stream(*_DIFF, *trees, env=env) as output:
                return _read_diff(output, part, progress)

        found: dict[Pair, tuple[Hunk, ...]] = {}
        for result in side_by_side(compare, [(part,) for part in parts], len(parts)):
            found.update(result)
    missing = next((pair for pair in pairs if pair not in found), None)
    if missing is not None:
        raise RepositoryError(
            f"git did not compare blob {missing[0]} with {missing[1]} in {str(repository.root)!r}. {repository.cure()}"
        )
    return found


def _parts(pairs: Sequence[Pair], count: int) -> list[Sequence[Pair]]:
    """Deal pairs out, some neighbours at a time: the files that changed most are the largest, and come first."""
    if count == 1:
        return [pairs]
    runs = [pairs[start : start + _NEIGHBOURS] for start in range(0, len(pairs), _NEIGHBOURS)]
    return [list(chain.from_iterable(runs[number::count])) for number in range(count)]


def _write_tree(scratch: Scratch, part: Sequence[Pair], side: int) -> str:
    # Names without an extension, so that no rule in .gitattributes applies.
    return scratch.write_tree(
        [Entry(b"%0*d" % (_DIGITS, number), pair[side]) for number, pair in enumerate(part)]
    )


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
