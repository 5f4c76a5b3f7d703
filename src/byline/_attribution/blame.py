"""Which commit owns each line, for many files by one walk through history."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import compress, count, islice, pairwise
from operator import ne, or_, sub

from .diffs import Hunk, Pair, hunks_of
from .history import changes
from .incremental import ignored_commits
from .processes import side_by_side
from .progress import Counter, Progress
from .renames import Renames
from .replay import Removal, Replay
from .repository import Repository
from .scratch import scratch_objects
from .walk import Plan, plan_walk

DEPTH = 8
"""How many neighbours of a removed line are kept to go on from: enough that some of them stay."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive lines of the final file with one owner."""

    start: int
    """Counted from 1."""

    length: int
    commit: str
    """Full SHA; empty when the owner is older than where the walk stopped, or beyond a shallow clone's edge."""

    path: str
    """Where the lines were in that commit, or where the walk left them."""

    original_start: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """A change that only removed lines: it owns nothing, but changed what is around it."""

    commit: str
    above: int
    """The final file's nearest line before the removed ones; 0 at the file's start."""

    below: int
    """The nearest line behind them; one more than the number of lines at the file's end."""


@dataclass(frozen=True, slots=True)
class FileOwnership:
    """The owners of one file's lines."""

    path: str
    blob: str
    runs: tuple[Run, ...]
    """In the order of the lines, without gaps."""

    deletions: tuple[Deletion, ...] = ()
    """Newest first."""

    removals: tuple[Removal, ...] | None = None
    """The deletions with more of their neighbours, as lines of this file: what a later revision goes on from.

    None when nobody asked for them, or when they can't be told for this file alone.
    """


@dataclass(frozen=True, slots=True)
class Ownership:
    """The owners of many files' lines."""

    files: dict[str, FileOwnership]
    order: dict[str, int]
    """Position of the commits that the walk saw in topological order; 0 is the newest."""

    def owners(self) -> set[str]:
        """Return the commits that own a line, or removed one."""
        owners = {run.commit for file in self.files.values() for run in file.runs}
        removers = {each.commit for file in self.files.values() for each in file.deletions}
        return (owners | removers) - {""}


def own_lines(  # noqa: PLR0913  # all but two are options
    repository: Repository,
    revision: str,
    *,
    paths: Collection[str] | None = None,
    stop: Collection[str] = (),
    progress: Progress | None = None,
    jobs: int = 1,
    to_go_on: bool = False,
) -> Ownership:
    """
    Find the commit that owns each line, exactly as ``git blame`` does.

    Git's default way to compare counts, whatever someone set for diff.algorithm, so that everyone
    gets the same answer. Commits in .git-blame-ignore-revs are looked through.

    Args:
        repository: Where to look.
        revision: The commit that has the files.
        paths: Relative to the root; all regular files by default. What is not a regular file
            of the revision is left out.
        stop: The oldest commits of interest: what is older than they are is not looked at, and
            its lines have no commit.
        progress: Told how far the work is.
        jobs: How many git processes may compare blobs at the same time.
        to_go_on: Keep what a later revision's owners can be found from.

    Raises:
        RepositoryError: Git cannot answer; for example, a blob is missing.
        UnknownCommitError: There is no such revision.
    """
    tell = progress or _say_nothing
    head = repository.resolve(revision)
    blobs = repository.files(head)
    if paths is not None:
        blobs = {path: blobs[path] for path in paths if path in blobs}
    plan = plan_lines(repository, head, blobs, stop=stop, progress=tell)
    replay = replay_plan(
        repository, plan, head, blobs, progress=tell, jobs=jobs, depth=DEPTH if to_go_on else 1
    )
    found = dict(results(replay, blobs, plan.order))
    for file in sorted(replay.shared):
        # Between the lines of another file, its neighbours could not be told.
        single = replay.alone(file)
        single.run(plan, head, repository.shallow_commits(), _ignore)
        found |= results(single, blobs, plan.order)
    return Ownership(found, dict(plan.order))


def plan_lines(  # noqa: PLR0913  # half are options
    repository: Repository,
    head: str,
    paths: Collection[str],
    *,
    stop: Collection[str] = (),
    known: Collection[str] = (),
    progress: Progress,
) -> Plan:
    """
    Find the way back of some files.

    Args:
        repository: Where to look.
        head: The commit that has the files.
        paths: The files.
        stop: As in ``own_lines``.
        known: Commits at which the way ends.
        progress: Told how far the work is.
    """
    with (
        scratch_objects(repository) as scratch,
        Renames(repository, scratch) as renames,
        closing(changes(repository, head, stop=stop, known=known)) as history,
    ):
        return plan_walk(history, renames, head, paths, lambda count: progress("history", count, 0))


def replay_plan(  # noqa: PLR0913  # most are options
    repository: Repository,
    plan: Plan,
    head: str,
    blobs: Mapping[str, str],
    *,
    progress: Progress,
    jobs: int = 1,
    depth: int = 1,
) -> Replay:
    """
    Send the lines of files back along a plan.

    Args:
        repository: Where to look.
        plan: The way back of these files, and of others perhaps.
        head: Where it starts.
        blobs: The files' blobs by path.
        progress: Told how far the work is.
        jobs: How many git processes may compare blobs at the same time.
        depth: How many neighbours of removed lines are kept.
    """
    pairs = _pairs(plan)
    hunks: dict[Pair, tuple[Hunk, ...]] = {}
    lengths: dict[str, int] = {}
    ignored: set[str] = set()

    def compare() -> None:
        hunks.update(
            hunks_of(repository, pairs, jobs=jobs, progress=Counter(progress, "diffs", len(pairs)).add)
        )

    def read() -> None:
        ignored.update(ignored_commits(repository, head))
        contents = repository.read_blobs(list(blobs.values()))
        lengths.update((path, _count_lines(data)) for path, (_, data) in zip(blobs, contents, strict=True))

    side_by_side(lambda task: task(), [(compare,), (read,)], jobs)
    count = Counter(progress, "blame", len(plan.steps)).add
    replay = Replay(lengths, hunks, ignored, repository.read_blobs, depth=depth)
    replay.run(plan, head, repository.shallow_commits(), count)
    return replay


def _say_nothing(stage: str, done: int, total: int) -> None:
    pass


def _ignore(_count: int) -> None:
    pass


def _pairs(plan: Plan) -> list[Pair]:
    """Return every pair of blobs to compare, the versions of one file next to each other."""
    by_path: dict[str, dict[Pair, None]] = {}
    for step in plan.steps:
        for move in step.moves:
            for origin in move.origins:
                if origin.old_blob != origin.new_blob:
                    by_path.setdefault(move.path, {})[origin.old_blob, origin.new_blob] = None
    return list(dict.fromkeys(pair for pairs in by_path.values() for pair in pairs))


def _count_lines(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") if data else 0)


def results(
    replay: Replay, blobs: Mapping[str, str], order: Mapping[str, int]
) -> Iterator[tuple[str, FileOwnership]]:
    """
    Yield what a replay found, file by file.

    Args:
        replay: When it has run.
        blobs: The files' blobs by path.
        order: Position of the commits in topological order.
    """
    deletions: list[list[tuple[int, int, int, str]]] = [[] for _ in replay.paths]
    for commit, file, above, below in replay.deletions():
        deletions[file].append((order[commit], above, below, commit))
    removals = replay.removals_of_files()
    for file, path in enumerate(replay.paths):
        removed = tuple(
            Deletion(commit, above, below) for _, above, below, commit in sorted(set(deletions[file]))
        )
        yield path, FileOwnership(path, blobs[path], tuple(_runs(replay, file)), removed, removals[file])


def _runs(replay: Replay, file: int) -> Iterator[Run]:
    """Put consecutive lines together that were consecutive where they come from, too."""
    span = slice(replay.first[file], replay.first[file + 1])
    places, lines = replay.place[span].tolist(), replay.line[span].tolist()
    offsets = list(map(sub, lines, count()))
    # Spelt with the functions of C: there may be hundreds of thousands of lines.
    other_place = map(ne, places, islice(places, 1, None))
    other_offset = map(ne, offsets, islice(offsets, 1, None))
    breaks = compress(count(1), map(or_, other_place, other_offset))
    for start, end in pairwise((0, *breaks, len(lines)) if lines else ()):
        commit, path = replay.places[places[start]]
        yield Run(start + 1, end - start, commit, path, lines[start])
