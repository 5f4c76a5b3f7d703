"""Line-level records that a squash merge left behind: on the commits of the pull request, whose head is still here.

A forge that squashes makes a new commit, and the notes stay with the old ones. Each line of the
new commit is followed back through the pull request to the commit that wrote it there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from .._model import Confidence, Evidence
from .commits import Commits
from .diffs import Hunk, Pair, hunks_of
from .history import CommitChanges, changes
from .marks import Claim, CommitNote, LineMark, MarkIndex, Records, settle
from .objects import look_up
from .renames import Renames
from .replay import Replay
from .repository import Repository
from .resolve import strongest
from .scratch import scratch_objects
from .walk import Plan, plan_walk

_HEAD = re.compile(r"refs/(?:remotes/[^/]+/)?(?:pull|pr|merge-requests)/(?P<number>\d{1,10})(?:/head)?")
_SOURCE = re.compile(r".*\.py")
_NO_AI = Evidence("unknown", "pull-request", "", "high")
"""A tool watched the commit of the pull request, and saw no AI in it."""

_BY_DIFF: dict[Confidence, Confidence] = {"high": "medium", "medium": "medium", "low": "low", "none": "none"}


@dataclass(frozen=True, slots=True)
class Squash:
    """A commit that a forge made of a pull request."""

    commit: str
    head: str
    """The newest commit of the pull request."""

    parts: frozenset[str]
    """All commits of the pull request."""


@dataclass(slots=True)
class _File:
    """A file of a pull request's head, and of the commit that was made of it."""

    squash: Squash
    path: str
    head_blob: str
    blob: str
    claims: list[Claim] = field(default_factory=list)
    is_watched: bool = False
    """A commit with a record wrote some of its lines."""


def squashes(  # noqa: PLR0913, PLR0917  # two are about an earlier scan
    repository: Repository,
    revision: str,
    commits: Commits,
    noted: Collection[str],
    known: Mapping[str, Squash] = MappingProxyType({}),
    new: Collection[str] = (),
) -> tuple[list[Squash], int]:
    """
    Find the squash-merged commits whose pull requests are here.

    Args:
        repository: Where to look.
        revision: What was scanned; a pull request's commits are those that it does not reach.
        commits: What to look at.
        noted: Every commit with a note, wherever it is; without any, nobody needs to look.
        known: What was found at an earlier revision, by commit.
        new: The commits since that revision: what a pull request has of them is no longer its own.

    Returns:
        The squashes, and how many commits name a pull request that was never fetched.
    """
    if not set(noted) - commits.by_sha.keys():
        return [], 0
    heads = pull_request_heads(repository)
    named = {
        sha: each.change
        for sha, each in commits.by_sha.items()
        if each.change and len(commits.parents[sha]) == 1
    }
    wanted = {sha: heads[change] for sha, change in named.items() if change in heads}
    still = {
        sha: known[sha]
        for sha, head in wanted.items()
        if sha in known and known[sha].head == head and known[sha].parts.isdisjoint(new)
    }
    rest = {head for sha, head in wanted.items() if sha not in still}
    parents = _outside(repository, rest, revision) if rest else {}
    found = [still.get(sha) or Squash(sha, head, _parts(head, parents)) for sha, head in wanted.items()]
    # A number that is missing among those that are here is no pull request of this place.
    newest = max(map(int, heads), default=0)
    absent = sum(int(change) > newest for change in named.values())
    return found, absent


def pull_request_heads(repository: Repository) -> dict[str, str]:
    """Return the newest commit of each pull or merge request that is here, by its number."""
    heads: dict[str, str] = {}
    for ref, sha in repository.refs.items():
        if match := _HEAD.fullmatch(ref):
            heads.setdefault(match["number"], sha)
    return heads


def recover(repository: Repository, revision: str, found: Sequence[Squash], notes: Records) -> Records:
    """
    Carry records over from pull requests to the commits that were made of them.

    Where a file is the same in both, each line's record is the one that ``git blame`` finds in
    the pull request. Where it is not, the lines that both have keep theirs, with less confidence.

    Args:
        repository: Where to look.
        revision: What was scanned.
        found: The squashes to look at.
        notes: The records on the commits of their pull requests.

    Raises:
        RepositoryError: A blob is missing.
    """
    if not found:
        return {}
    heads = list(dict.fromkeys(each.head for each in found))
    history = list(changes(repository, heads[0], also=heads[1:], stop=(revision,)))
    order = {each.sha: position for position, each in enumerate(history)}
    parts = {
        each.commit: [history[at] for at in sorted(order[sha] for sha in each.parts if sha in order)]
        for each in found
    }
    files = _files(repository, found, parts)
    by_squash: dict[str, list[_File]] = {}
    for file in files:
        by_squash.setdefault(file.squash.commit, []).append(file)
    with scratch_objects(repository) as scratch, Renames(repository, scratch) as renames:
        plans = {
            sha: plan_walk(parts[sha], renames, group[0].squash.head, [each.path for each in group], _ignore)
            for sha, group in by_squash.items()
        }
    hunks = hunks_of(repository, _pairs(plans.values(), files))
    lengths = _lengths(repository, [file.head_blob for file in files])
    marks = MarkIndex(notes)
    for sha, group in by_squash.items():
        replay = Replay(
            {each.path: lengths[each.head_blob] for each in group}, hunks, (), repository.read_blobs
        )
        replay.run(plans[sha], group[0].squash.head, frozenset(), _ignore)
        for number, file in enumerate(group):
            _claim(file, replay, number, marks, hunks)
    return {sha: [_note(group)] for sha, group in by_squash.items() if any(each.is_watched for each in group)}


def _outside(repository: Repository, heads: Collection[str], revision: str) -> dict[str, tuple[str, ...]]:
    """Return the commits that only the heads reach, with their parents."""
    text = "".join(f"{sha}\n" for sha in (*sorted(heads), f"^{revision}"))
    listed = repository.run("rev-list", "--parents", "--ignore-missing", "--stdin", input=text.encode())
    lines = (line.split() for line in listed.decode("ascii").splitlines())
    return {sha: tuple(parents) for sha, *parents in lines}


def _parts(head: str, parents: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = [head]
    while waiting:
        sha = waiting.pop()
        if sha in parents and sha not in seen:
            seen.add(sha)
            waiting += parents[sha]
    return frozenset(seen)


def _files(
    repository: Repository, found: Sequence[Squash], parts: Mapping[str, Sequence[CommitChanges]]
) -> list[_File]:
    """List the source files that a pull request wrote and that both its head and its squash have."""
    places = [
        (each, path)
        for each in found
        for path in sorted(
            {
                change.path
                for commit in parts[each.commit]
                # A merge brings in what others wrote.
                if len(commit.parents) < 2  # noqa: PLR2004  # more than one
                for changed in commit.changes
                for change in changed
                if change.status != "D" and _SOURCE.fullmatch(change.path)
            }
        )
    ]
    names = [f"{sha}:{path}" for each, path in places for sha in (each.head, each.commit)]
    entries = look_up(repository, names)
    return [
        _File(each, path, head.sha, squashed.sha)
        for (each, path), head, squashed in zip(places, entries[::2], entries[1::2], strict=True)
        if head and squashed and head.kind == squashed.kind == "blob"
    ]


def _pairs(plans: Collection[Plan], files: Collection[_File]) -> list[Pair]:
    """Return every pair of blobs to compare: inside the pull requests, and of their heads with the squashes."""
    moves = (move for plan in plans for step in plan.steps for move in step.moves)
    found = {(origin.old_blob, origin.new_blob): None for move in moves for origin in move.origins}
    found.update({(file.head_blob, file.blob): None for file in files})
    return [pair for pair in found if pair[0] != pair[1]]


def _lengths(repository: Repository, blobs: Sequence[str]) -> dict[str, int]:
    wanted = list(dict.fromkeys(blobs))
    return {
        sha: data.count(b"\n") + bool(data and not data.endswith(b"\n"))
        for sha, (_, data) in zip(wanted, repository.read_blobs(wanted), strict=True)
    }


def _claim(
    file: _File, replay: Replay, number: int, marks: MarkIndex, hunks: Mapping[Pair, Sequence[Hunk]]
) -> None:
    """Collect what the records say of the file's lines, each at its place in the squash."""
    is_exact = file.head_blob == file.blob
    first, end = replay.first[number], replay.first[number + 1]
    kept = range(1, end - first + 1) if is_exact else _kept(end - first, hunks[file.head_blob, file.blob])
    for line, final in enumerate(kept, first):
        owner, path = replay.places[replay.place[line]]
        if not final or owner not in marks.records:
            continue
        file.is_watched = True
        evidence = strongest(marks.marks_at(owner, path, replay.line[line]))
        if evidence:
            confidence = evidence.confidence if is_exact else _BY_DIFF[evidence.confidence]
            told = replace(evidence, source="pull-request", confidence=confidence)
            file.claims.append((final, final, told))
        elif any(record.covers_all for record in marks.records[owner]):
            file.claims.append((final, final, _NO_AI))


def _kept(length: int, hunks: Sequence[Hunk]) -> list[int]:
    """Return the new number of each old line; 0 for a line that did not stay."""
    numbers = list(range(1, length + 1))
    shift = 0
    position = 0
    for old_start, old_count, _, new_count in hunks:
        # Without old lines, the hunk stands behind its first line.
        start = old_start - 1 if old_count else old_start
        numbers[position:start] = [each + shift for each in numbers[position:start]]
        numbers[start : start + old_count] = [0] * old_count
        position = start + old_count
        shift += new_count - old_count
    numbers[position:] = [each + shift for each in numbers[position:]]
    return numbers


def _note(files: Sequence[_File]) -> CommitNote:
    watched = sorted((file for file in files if file.is_watched), key=lambda file: file.path)
    marks: list[LineMark] = []
    for file in watched:
        marks += settle(file.path, file.claims)
    return CommitNote(tuple(marks), paths=frozenset(file.path for file in watched))


def _ignore(_count: int) -> None:
    """Count nothing."""
