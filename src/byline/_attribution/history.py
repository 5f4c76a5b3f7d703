"""What one ``git log`` tells: which files each commit changed, and what it says about itself."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from typing import IO, NamedTuple

from ..exceptions import RepositoryError
from .repository import Repository

_CHUNK = 1 << 18
_NO_PATH_FIRST = b"\n:"
# What log adds on its own, and programs that a repository may name, are kept out.
_PLAIN = (
    "--topo-order",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-decorate",
    "--no-notes",
)
# A short header has the parents on a line of their own; a oneline header runs them into the subject.
# Log would compare all removed files with all new ones; renames.py asks for those that matter, as blame does.
_CHANGES = (
    "--parents", "--pretty=short", "--no-abbrev-commit", "--raw", "-r", "-z", "--no-abbrev", "-m", "--no-renames",
)  # fmt: skip
_HEADER = re.compile(r"commit (?P<shas>[0-9a-f]+(?: [0-9a-f]+)*)(?: \(from (?P<parent>[0-9a-f]+)\))?")
_FIELDS = ("%H", "%P", "%an", "%ae", "%aN", "%aE", "%cn", "%ce", "%cN", "%cE", "%ct", "%B")


class Change(NamedTuple):
    """One file that differs between a commit and one of its parents."""

    status: str
    """Git's letter: A added, D deleted, M modified, T type changed."""

    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    path: str


@dataclass(frozen=True, slots=True)
class CommitChanges:
    """A commit and how it differs from each of its parents."""

    sha: str
    parents: tuple[str, ...]
    changes: tuple[tuple[Change, ...], ...]
    """One entry for each parent, in the same order; empty when the trees are equal."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A name and an e-mail address, either of which may be empty."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """What a commit says about itself."""

    sha: str
    parents: tuple[str, ...]
    author: Identity
    """As recorded: this is what tells tools apart."""

    mapped_author: Identity
    """After the repository's mailmap: this is what people are called."""

    committer: Identity
    mapped_committer: Identity
    committed_at: int
    """Seconds since the epoch, UTC; 0 when the commit has no readable date."""

    message: str


def changes(
    repository: Repository,
    revision: str,
    *,
    also: Collection[str] = (),
    stop: Collection[str] = (),
    known: Collection[str] = (),
) -> Generator[CommitChanges]:
    """
    Yield commits, children before parents, with the files each one changed.

    Args:
        repository: Where to look.
        revision: The newest commit.
        also: Further commits to start from.
        stop: Commits whose ancestors are left out.
        known: Commits that are left out with their ancestors.
    """
    sha, parents, found = "", (), {}  # type: str, tuple[str, ...], dict[str, list[Change]]
    current: list[Change] = []
    names = _Names()
    left_out = (*_ancestors_of(stop), *(f"^{sha}" for sha in known))
    log = ("log", *_PLAIN, *_CHANGES, revision, *also, *left_out, "--")
    with repository.stream(*log) as output:
        tokens = _tokens(output)
        for token in tokens:
            if token.startswith(b":"):
                current.append(_change(token, tokens, names))
            elif token:
                header, _, first = (
                    token.rpartition(_NO_PATH_FIRST) if _NO_PATH_FIRST in token else (token, b"", b"")
                )
                commit, its_parents, parent = _read_header(header)
                if commit != sha:
                    if sha:
                        yield _commit(sha, parents, found)
                    sha, parents, found = commit, its_parents, {}
                current = found.setdefault(parent, [])
                if first:
                    current.append(_change(b":" + first, tokens, names))
    if sha:
        yield _commit(sha, parents, found)


def messages(repository: Repository, *revisions: str, walk: bool = True) -> list[CommitRecord]:
    """Return every commit that can be reached, children before parents; without ``walk`` only those named."""
    identities: dict[tuple[str, str], Identity] = {}

    def identity(name: str, email: str) -> Identity:
        key = (name, email)
        if key not in identities:
            identities[key] = Identity(*key)
        return identities[key]

    records = []
    log = ("log", *_PLAIN, "-z", "--encoding=UTF-8", f"--format=tformat:{'%n'.join(_FIELDS)}")
    named = (*(() if walk else ("--no-walk=unsorted",)), *revisions)
    with repository.stream(*log, *named, "--") as output:
        for token in _tokens(output):
            if not token:
                continue
            fields = token.decode("utf-8", "replace").split("\n", len(_FIELDS) - 1)
            sha, parents, *people, committed_at, message = fields
            name, email, mapped_name, mapped_email, c_name, c_email, c_mapped_name, c_mapped_email = people
            records.append(
                CommitRecord(
                    sha=sha,
                    parents=tuple(parents.split()),
                    author=identity(name, email),
                    mapped_author=identity(mapped_name, mapped_email),
                    committer=identity(c_name, c_email),
                    mapped_committer=identity(c_mapped_name, c_mapped_email),
                    committed_at=int(committed_at) if committed_at.isdecimal() else 0,
                    message=message,
                )
            )
    return records


def _ancestors_of(stop: Collection[str]) -> tuple[str, ...]:
    return tuple(f"^{sha}^@" for sha in stop)


def _tokens(output: IO[bytes]) -> Iterator[bytes]:
    """Split what git prints at NUL bytes; whatever follows the last one comes last."""
    rest = b""
    while chunk := output.read(_CHUNK):
        *complete, rest = (rest + chunk).split(b"\0")
        yield from complete
    yield rest


def _read_header(token: bytes) -> tuple[str, tuple[str, ...], str]:
    """Return the commit, its parents, and the parent that the changes below are relative to."""
    line = token.split(b"\n", 1)[0].decode("ascii", "replace")
    header = _HEADER.fullmatch(line)
    if header is None:
        raise RepositoryError(f"git log printed {line!r} where a commit was expected. Please report it.")
    sha, *parents = header["shas"].split()
    return sha, tuple(parents), header["parent"] or (parents[0] if parents else "")


class _Names(dict[bytes, str]):
    """Paths by what git prints; a history repeats them."""

    def __missing__(self, name: bytes) -> str:
        path = self[name] = os.fsdecode(name)
        return path


def _change(token: bytes, following: Iterator[bytes], names: _Names) -> Change:
    old_mode, new_mode, old_blob, new_blob, status = token[1:].decode("ascii").split(" ")
    return Change(status[0], old_mode, new_mode, old_blob, new_blob, names[next(following, b"")])


def _commit(sha: str, parents: tuple[str, ...], found: dict[str, list[Change]]) -> CommitChanges:
    return CommitChanges(sha, parents, tuple(tuple(found.get(parent, ())) for parent in parents))
