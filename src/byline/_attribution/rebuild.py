"""A scan that goes on from the last one: what is taken over, and what is looked at again."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from .._config import AuthorForm
from .._manifest import FileRecord
from ..exceptions import RepositoryError
from .blame import FileOwnership, own_lines
from .cache import UnusableCacheError
from .commits import Commits, read_commits
from .continuation import Earlier, go_on
from .identities import Identities
from .known_facts import KnownFacts
from .marks import CommitNote, content_of
from .recollection import Recollection, Remembered, Seen, leave
from .repository import Repository
from .settings import ScanSettings
from .surroundings import digest, world_of
from .survey import Survey, survey

Progress = Callable[[str, int, int], None]

FOLDER = "byline"
"""Where caches are, in the repository's git folder."""

JOBS = 2
"""How many git processes compare blobs at the same time. More save little: most of the rest is ours."""

State = Literal["new", "used", "off"]


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What became of the cache in a scan."""

    state: State
    """``used``: the scan went on from it. ``new``: it was made. ``off``: there is none."""

    reason: str = ""
    """Why it was made anew, or could not be."""

    path: str = ""
    taken_over: int = 0
    """Files that were taken over from the last scan as they were."""


@dataclass
class Rebuild:
    """One scan's dealings with the cache."""

    repository: Repository
    revision: str
    path: Path | None
    """None when there is to be no cache."""

    world: Mapping[str, str]
    last: Recollection | None
    reason: str
    new: list[str] = field(default_factory=list)
    """The commits since the last scan, newest first."""

    is_in_order: bool = True
    """The commits of the last scan come one after the other as they did then."""

    unchanged: frozenset[str] = frozenset()
    """Files whose lines have the same owners as in the last scan."""

    _digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(  # noqa: PLR0913  # options
        cls,
        repository: Repository,
        revision: str,
        settings: ScanSettings,
        *,
        everything: bool,
        moves: bool,
        author: AuthorForm,
        wanted: bool,
    ) -> Rebuild:
        """Look for what the last scan with these options left."""
        if not wanted:
            return cls(repository, revision, None, {}, None, "it is switched off")
        words = ("all" if everything else "scan", "moves" * moves, author if author != "name" else "")
        name = "-".join(filter(None, words))
        path = repository.git_dir / FOLDER / f"{name}.cache"
        world = world_of(repository, revision, settings, name)
        try:
            last = Recollection.read(path, world)
            _check_ancestor(repository, last.revision, revision)
        except UnusableCacheError as error:
            return cls(repository, revision, path, world, None, str(error))
        return cls(repository, revision, path, world, last, "")

    # --- commits -------------------------------------------------------------

    def commits(self, settings: ScanSettings, author: AuthorForm) -> Commits:
        """Return the revision's commits; only those since the last scan are read."""
        last = self.last
        if last is None:
            return read_commits(self.repository, self.revision, settings=settings, author=author)
        found = read_commits(
            self.repository, self.revision, settings=settings, author=author, known=(last.revision,)
        )
        self.new = list(found.by_sha)
        by_sha, parents = last.commits()
        before = list(by_sha)
        by_sha, parents = found.by_sha | by_sha, found.parents | parents
        if not _grows_from(found.parents, last.revision):
            listed = self.repository.run("rev-list", "--topo-order", self.revision).decode("ascii").split()
            by_sha = {sha: by_sha[sha] for sha in listed}
            fresh = set(self.new)
            self.is_in_order = before == [sha for sha in listed if sha not in fresh]
        return Commits(by_sha, parents, found.identities)

    @cached_property
    def known(self) -> KnownFacts:
        """What the last scan found out about single commits."""
        if self.last is None:
            return KnownFacts()
        return KnownFacts.from_rows(*map(self.last.aside, ("recovered", "neutral", "squashes")))

    # --- files ---------------------------------------------------------------

    def survey(self, blobs: Mapping[str, str], identities: Identities, progress: Progress) -> Survey:
        """Return what the files say by themselves; only those that changed are read."""
        seen = self.last.seen if self.last else {}
        same = {path: seen[path] for path, blob in blobs.items() if path in seen and seen[path].blob == blob}
        rest = {path: blob for path, blob in blobs.items() if path not in same}
        found = survey(self.repository, rest, identities=identities, progress=progress)
        marked = {path for path, each in same.items() if each.is_marked}
        comments = {path: self.last.comments(path) for path in marked} if self.last else {}
        return Survey(
            found.definitions | {path: each.definitions for path, each in same.items()},
            found.comments | {path: each for path, each in comments.items() if each},
            found.marked | marked,
        )

    def own_lines(
        self,
        blobs: Mapping[str, str],
        whole: Collection[str],
        commits: Commits,
        oldest: str,
        progress: Progress,
    ) -> dict[str, FileOwnership]:
        """
        Find the owners of lines; of the files that are ``unchanged``, those of the last scan.

        Args:
            blobs: Blob by path.
            whole: The files to follow to their beginning, whatever the age of their lines.
            commits: All commits, in order.
            oldest: Where to stop with the others; "" to follow all of them to their beginning.
            progress: Told how far it is.
        """
        whole = set(whole) if oldest else set(blobs)
        order = {sha: position for position, sha in enumerate(commits.by_sha)}
        found: dict[str, FileOwnership] = {}
        rest = set(blobs)
        if self.last and self.last.oldest == oldest:
            for is_whole in (True, False):
                wanted = {path: blob for path, blob in blobs.items() if (path in whole) is is_whole}
                if wanted:
                    found |= self._go_on(wanted, order, progress, is_whole=is_whole)
            rest -= found.keys() | self.unchanged
        stop = (oldest,) if oldest else ()
        for paths, end in ((rest - whole, stop), (rest & whole, ())):
            if paths:
                walked = own_lines(
                    self.repository, self.revision, paths=paths, stop=end, progress=progress,
                    jobs=min(JOBS, os.cpu_count() or 1), to_go_on=self.path is not None,
                )  # fmt: skip
                found |= walked.files
        return found

    def _go_on(
        self, blobs: Mapping[str, str], order: Mapping[str, int], progress: Progress, *, is_whole: bool
    ) -> dict[str, FileOwnership]:
        last = self.last
        if last is None:  # pragma: no cover  # nobody asks then
            return {}
        known = {path: each.blob for path, each in last.seen.items() if each.is_whole is is_whole}
        earlier = Earlier(last.revision, known, lambda path: last.ownership(path, order))
        found = go_on(self.repository, self.revision, blobs, earlier, order, progress)
        self.unchanged |= found.unchanged
        return dict(found.files)

    def recall(self, path: str, commits: Commits) -> FileOwnership:
        """Return the owners of an unchanged file."""
        if self.last is None:  # pragma: no cover  # then no file is unchanged
            raise KeyError(path)
        return self.last.ownership(path, {sha: position for position, sha in enumerate(commits.by_sha)})

    def taken_over(self, records: Mapping[str, Sequence[CommitNote]]) -> dict[str, Seen]:
        """Return the unchanged files whose attribution is as it was, too: no record of their commits changed."""
        last = self.last
        if last is None or not self.is_in_order:
            return {}
        now = self.digests(records)
        changed = {sha for sha in now.keys() | last.records.keys() if now.get(sha) != last.records.get(sha)}
        return {
            path: each
            for path, each in last.seen.items()
            if path in self.unchanged and not (changed and changed & last.owners(path))
        }

    def record(self, path: str, module: str, commits: Commits) -> FileRecord | None:
        """Return the attribution of a file that was taken over, when it has one."""
        last = self.last
        if last is None or not last.seen[path].is_recorded:
            return None
        return last.record(path, module, commits.by_sha)

    def digests(self, records: Mapping[str, Sequence[CommitNote]]) -> dict[str, str]:
        """Return a digest of each commit's records, which are the same throughout a scan."""
        if not self._digests:
            self._digests = {sha: digest(repr(content_of(found))) for sha, found in records.items()}
        return self._digests

    # --- the next scan -------------------------------------------------------

    def leave(
        self,
        oldest: str,
        commits: Commits,
        records: Mapping[str, Sequence[CommitNote]],
        files: Mapping[str, Remembered | Seen],
        facts: KnownFacts,
    ) -> CacheUse:
        """Leave what was found to the next scan, and say what the last one was good for."""
        if self.path is None:
            return CacheUse("off", self.reason)
        taken = sum(isinstance(each, Seen) for each in files.values())
        is_same = self.last is not None and self.last.revision == self.revision and taken == len(files)
        is_same = is_same and facts.recovered == self.known.recovered
        if not (is_same and self.last and len(files) == len(self.last.seen)):
            try:
                leave(
                    self.path, self.world, self.revision, oldest, commits, self.digests(records), files, self.last,
                    facts.to_rows(),
                )  # fmt: skip
            except OSError as error:
                return CacheUse(
                    "off", f"it cannot be written: {error.strerror or error}", str(self.path), taken
                )
        return CacheUse("used" if self.last else "new", self.reason, str(self.path), taken)


def _grows_from(parents: Mapping[str, tuple[str, ...]], root: str) -> bool:
    """Tell whether all of some commits descend from one commit, and reach what is older only through it."""
    return all(found and all(each == root or each in parents for each in found) for found in parents.values())


def _check_ancestor(repository: Repository, old: str, new: str) -> None:
    try:
        beyond = repository.run("rev-list", "--max-count=1", old, f"^{new}", "--")
    except RepositoryError:
        raise UnusableCacheError("the revision it is about is gone") from None
    if beyond:
        raise UnusableCacheError("the revision it is about is not part of this one's history")
