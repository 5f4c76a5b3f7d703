"""The git repository that holds a path: where it is, and what it contains; read in batches."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..exceptions import RepositoryError, UnknownCommitError
from .processes import Git

if TYPE_CHECKING:
    from types import ModuleType

_REGULAR = (b"100644", b"100755", b"100664")
# Anything else that cat-file --batch prints says why there is nothing to read.
_ENTRY = re.compile(rb"(?P<sha>[0-9a-f]{40,}) (?P<type>[a-z]+) (?P<size>\d+)\n")
# A linked work tree shares most of what is inside git's folder with others.
_INSIDE = ("--git-path shallow", "--git-path objects")
_SCP = re.compile(r"(?:[^@/\s]+@)?(?P<host>[^:/\s]{2,}):(?!/)(?P<path>\S+)")


class Repository(Git):
    """
    A git repository with a work tree.

    ``root`` is the top of the work tree, without symbolic links. Nothing is ever written, but
    into a partial clone git itself fetches the blobs that it needs.
    """

    git_dir: Path

    def __init__(self, root: Path, git_dir: Path) -> None:
        super().__init__(root)
        self.git_dir = git_dir
        self._shallow = git_dir / "shallow"
        self._objects = git_dir / "objects"

    @classmethod
    def open(cls, path: Path) -> Repository:
        """
        Find the repository that holds a file or folder.

        Raises:
            RepositoryError: There is none, it has no work tree, git is not installed, or git
                refuses to read it.
        """
        if not path.exists():
            raise RepositoryError(f"{str(path)!r} does not exist. Pass a path inside a git repository.")
        start = (path if path.is_dir() else path.parent).absolute()
        worktree = _worktree(start)
        probe = cls(worktree, worktree)
        try:
            root, git_dir, *inside = probe._paths("--show-toplevel", "--absolute-git-dir", *_INSIDE)
        except RepositoryError as exc:
            if "not a git repository" not in str(exc) and "work tree" not in str(exc):
                raise
            raise _bare(start) from exc
        found = cls(Path(os.path.realpath(root)), git_dir)
        found._shallow, found._objects = inside
        return found

    def head(self) -> str:
        """
        Return the full SHA of the checked-out commit.

        Raises:
            RepositoryError: There is no commit yet.
        """
        try:
            return self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
        except RepositoryError as exc:
            raise RepositoryError(f"{str(self.root)!r} has no commits yet. Commit something first.") from exc

    def branch(self) -> str:
        """Return the checked-out branch, or "" when HEAD is detached."""
        # Not GitPython's head: it reads the HEAD file, which says nothing in a reftable repository.
        try:
            return os.fsdecode(self.run("symbolic-ref", "--quiet", "--short", "HEAD")).removesuffix("\n")
        except RepositoryError:
            return ""

    def url(self) -> str:
        """Return the web address of ``origin`` without credentials, or "" when there is none."""
        git = _gitpython()
        with git.Repo(self.root, expand_vars=False) as found:
            return next((web_url(remote.url) for remote in found.remotes if remote.name == "origin"), "")

    def config(self, name: str, *, kind: str = "") -> tuple[str, ...]:
        """Return every value of a git setting; ``kind`` is git's ``--type``, such as ``path``."""
        # Not GitPython's reader: it does not know the settings in GIT_CONFIG_COUNT.
        options = (f"--type={kind}",) if kind else ()
        try:
            if not any(each.partition(b"\n")[0].lower() == name.lower().encode() for each in self.settings):
                return ()
            values = self.run("config", "--null", *options, "--get-all", name)
        except RepositoryError:
            return ()
        return tuple(os.fsdecode(value) for value in values.split(b"\0")[:-1])

    @cached_property
    def settings(self) -> tuple[bytes, ...]:
        """Every git setting as git lists it: name, newline and value; read once."""
        return tuple(self.run("config", "--null", "--list").split(b"\0"))

    @cached_property
    def refs(self) -> Mapping[str, str]:
        """What each ref points at, by its full name; read once."""
        listed = self.run("for-each-ref", "--format=%(objectname) %(refname)").decode("utf-8", "replace")
        return {name: sha for sha, _, name in (line.partition(" ") for line in listed.splitlines())}

    def is_shallow(self) -> bool:
        """Tell whether history was cut when the repository was cloned."""
        return bool(self.shallow_commits())

    def shallow_commits(self) -> frozenset[str]:
        """Return the commits at the edge of a shallow clone: git shows them without parents."""
        try:
            return frozenset(self._shallow.read_text("ascii").split())
        except FileNotFoundError:
            return frozenset()

    def is_partial(self) -> bool:
        """Tell whether the repository was cloned without some of its blobs."""
        try:
            return (
                b"true"
                in self.run("config", "--type=bool", "--get-regexp", r"^remote\..*\.promisor$").split()
            )
        except RepositoryError:
            return False

    def objects_dir(self) -> Path:
        """Return the folder that holds the repository's objects."""
        return self._objects

    def files(self, revision: str) -> dict[str, str]:
        """Return path and blob SHA of each regular file; no symbolic links, no submodules."""
        found: dict[str, str] = {}
        for entry in self.run("ls-tree", "-r", "-z", "--full-tree", revision).split(b"\0")[:-1]:
            mode, path = entry.split(b"\t", 1)
            kind, _, sha = mode.split(b" ")
            if kind in _REGULAR:
                found[os.fsdecode(path)] = sha.decode()
        return found

    def read_blobs(self, shas: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """
        Read blobs, one at a time, in one git process.

        Raises:
            RepositoryError: A blob is missing.
        """
        for sha, found in zip(shas, self._read(shas), strict=True):
            if found is None:
                raise RepositoryError(f"{str(self.root)!r} has no blob {sha}. {self.cure()}")
            yield found

    def read_names(self, names: Sequence[str]) -> list[tuple[str, bytes] | None]:
        """Read what ``revision:path`` names stand for, as (blob SHA, content); None for what is not there."""
        # The batch protocol is one name a line, so a path with a newline is looked up before.
        return list(self._read([self._plain(name) for name in names]))

    def dirty(self) -> frozenset[str]:
        """Return the paths whose content in the work tree is not committed, new files included."""
        status = self.run(
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--ignore-submodules=all",
        )
        return frozenset(os.fsdecode(entry[3:]) for entry in status.split(b"\0")[:-1])

    def resolve(self, prefix: str) -> str:
        """
        Return the full SHA of a commit, given its beginning or any other name git has for it.

        Raises:
            UnknownCommitError: No commit, or more than one, has that name.
        """
        if not prefix or prefix.startswith("-") or "\0" in prefix:
            raise UnknownCommitError(f"{prefix!r} names no commit. Pass the beginning of a commit's SHA.")
        try:
            return self.run("rev-parse", "--verify", prefix + "^{commit}").decode().strip()
        except RepositoryError as exc:
            if "ambiguous" in str(exc):
                raise UnknownCommitError(
                    f"{prefix!r} is the beginning of more than one commit in {str(self.root)!r}. Pass more of it."
                ) from exc
            raise UnknownCommitError(
                f"No commit {prefix!r} in {str(self.root)!r}. Pass at least four characters of its SHA; was its branch fetched?"
            ) from exc

    def has_ref(self, name: str) -> bool:
        """Tell whether a ref is here, by its full name such as ``refs/notes/ai``."""
        try:
            self.run("show-ref", "--verify", "--quiet", name)
        except RepositoryError:
            return False
        return True

    def _read(self, names: Collection[str]) -> Iterator[tuple[str, bytes] | None]:
        if not names:
            return
        lines = (os.fsencode(name) + b"\n" for name in names)
        with self.stream("cat-file", "--batch", "--buffer", input=lines) as output:
            while header := output.readline():
                entry = _ENTRY.fullmatch(header)
                if entry is None:
                    yield None
                    continue
                data = output.read(int(entry["size"]))
                output.read(1)
                yield (entry["sha"].decode(), data) if entry["type"] == b"blob" else None

    def _plain(self, name: str) -> str:
        if "\n" not in name:
            return name
        try:
            return self.run("rev-parse", "--verify", "--quiet", name).decode().strip()
        except RepositoryError:
            return "missing"

    def _paths(self, *questions: str) -> list[Path]:
        """Return what ``git rev-parse`` says to each question, by one process unless a path has two lines."""
        answers = self.run("rev-parse", *" ".join(questions).split(" ")).split(b"\n")[:-1]
        if len(answers) != len(questions):
            each_alone = (self.run("rev-parse", *each.split(" ")) for each in questions)
            answers = [each.removesuffix(b"\n") for each in each_alone]
        return [self.root / os.fsdecode(each) for each in answers]

    def cure(self) -> str:
        """Say what to do about content that git knows of and does not have."""
        if self.is_partial():
            return (
                "The clone is partial: fetch everything with git fetch --refetch --no-filter, while online."
            )
        return super().cure()


def web_url(remote: str) -> str:
    """Turn a remote's address into its web form without credentials; "" when it has none."""
    if "://" not in remote:
        scp = _SCP.fullmatch(remote)
        return f"https://{scp['host']}/{scp['path'].removesuffix('.git')}" if scp else ""
    try:
        parts = urlsplit(remote)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https", "ssh", "git", "git+ssh"} or not parts.hostname:
        return ""
    web = parts.scheme in {"http", "https"}
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{host}:{port}" if web and port else host
    return f"{parts.scheme if web else 'https'}://{place}{parts.path.rstrip('/').removesuffix('.git')}"


def _gitpython() -> ModuleType:
    try:
        import git
    except ImportError as exc:
        raise RepositoryError("git was not found. Install git, and see that it is on PATH.") from exc
    return git


def _worktree(start: Path) -> Path:
    git = _gitpython()
    try:
        with git.Repo(start, search_parent_directories=True, expand_vars=False) as found:
            worktree = found.working_tree_dir
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as exc:
        raise RepositoryError(
            f"{str(start)!r} is not in a git repository. Run byline inside one, or make one with git init."
        ) from exc
    if worktree is None:
        raise _bare(start)
    return Path(worktree)


def _bare(start: Path) -> RepositoryError:
    return RepositoryError(
        f"{str(start)!r} is in a bare repository. Run byline in a clone that has a work tree."
    )
