"""Makes real git repositories for tests: every commit with the author, date and message that a test needs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ADA = "Ada Lovelace <ada@example.com>"
START = 1_700_000_000
"""When the first commit is made, in seconds; each commit comes a minute after the one before."""

Files = Mapping[str, str | bytes | None]
"""Content by path; None removes the file."""


class RepositoryFactory:
    """
    One repository, made step by step.

    Nothing outside of it counts: no configuration of the user, no hooks, no clock.
    """

    path: Path

    def __init__(self, path: Path, *, object_format: str = "sha1", branch: str = "main") -> None:
        self.path = path
        self._time = START
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", branch, f"--object-format={object_format}")

    def git(self, *args: str, input: str | bytes = b"", **env: str) -> str:  # noqa: A002  # as in subprocess
        """Run git in the repository and return what it prints, without the last newline."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            input=input.encode() if isinstance(input, str) else input,
            env={**_ENVIRONMENT, **env},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}")
        return os.fsdecode(done.stdout).removesuffix("\n")

    def commit(
        self,
        files: Files | None = None,
        *,
        message: str = "Change",
        author: str = ADA,
        committer: str = "",
        date: int | None = None,
    ) -> str:
        """
        Commit files and return the full SHA.

        Args:
            files: What changes; everything else stays. Without any, the commit is empty.
            message: Kept as it is, with its trailers.
            author: As "Name <mail>".
            committer: The author by default.
            date: Seconds since the epoch, of author and committer; a minute after the last commit by default.
        """
        self._write(files or {})
        return self._commit(message, author, committer or author, date)

    def merge(
        self, *branches: str, files: Files | None = None, message: str = "Merge", author: str = ADA
    ) -> str:
        """
        Merge branches into the checked-out one, always with a merge commit, and return its full SHA.

        Args:
            branches: More than one makes an octopus.
            files: What the merge itself changes, which solves conflicts, too.
            message: The merge commit's.
            author: Author and committer.
        """
        done = subprocess.run(
            ["git", "merge", "-q", "--no-ff", "--no-commit", *branches],
            cwd=self.path, env=_ENVIRONMENT, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode and not (self.path / ".git" / "MERGE_HEAD").exists():
            raise AssertionError(f"git merge: {(done.stdout + done.stderr).decode(errors='replace')}")
        self._write(files or {})
        return self._commit(message, author, author, None)

    def branch(self, name: str, start: str = "HEAD") -> None:
        """Make a branch and check it out."""
        self.git("checkout", "-q", "-b", name, start)

    def checkout(self, name: str) -> None:
        """Check out a branch, or a commit on its own."""
        self.git("checkout", "-q", name)

    def note(self, ref: str, sha: str, text: str) -> None:
        """Attach a note to a commit, under a ref such as ``refs/notes/ai``."""
        self.git("notes", f"--ref={ref}", "add", "-f", "-F", "-", sha, input=text)

    def raw_commit(self, header: bytes, message: bytes, *, parents: tuple[str, ...] = ()) -> str:
        """
        Write a commit object as it is, on the tree that is checked out, and check it out.

        Args:
            header: The lines after the parents: author, committer, encoding.
            message: Any bytes.
            parents: Full SHAs.
        """
        tree = self.git("write-tree")
        lines = [
            f"tree {tree}".encode(),
            *(f"parent {parent}".encode() for parent in parents),
            header,
            b"",
            message,
        ]
        sha = self.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", input=b"\n".join(lines))
        self.git("update-ref", "HEAD", sha)
        return sha

    def _write(self, files: Files) -> None:
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def _commit(self, message: str, author: str, committer: str, date: int | None) -> str:
        self.git("add", "--all", "--force")
        seconds = self._time if date is None else date
        self._time = max(self._time, seconds) + 60
        self.git(
            "commit", "-q", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-F", "-",
            input=message,
            **_person("AUTHOR", author, seconds),
            **_person("COMMITTER", committer, seconds),
        )  # fmt: skip
        return self.git("rev-parse", "HEAD")


def _person(role: str, who: str, seconds: int) -> dict[str, str]:
    name, _, mail = who.removesuffix(">").partition(" <")
    return {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": mail, f"GIT_{role}_DATE": f"{seconds} +0000"}


_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada Lovelace",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada Lovelace",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "LC_ALL": "C",
}
