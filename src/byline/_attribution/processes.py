"""Git processes: a cleaned environment, bytes in and bytes out, and errors in git's own words."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar, cast

from ..exceptions import RepositoryError

T = TypeVar("T")

# GIT_DIR and its kin are set inside hooks and make git answer for another repository.
_KEPT = re.compile(r"GIT_CONFIG_COUNT$|GIT_CONFIG_(KEY|VALUE)_\d+$|GIT_SSH")
_FIXED = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# Settings that change what git prints, what it calls a change, or that run a program.
_SETTINGS = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    "log.showSignature=false",
    "log.diffMerges=separate",
    "diff.indentHeuristic=true",
    "diff.algorithm=default",
)
_COMMAND = ("git", "--no-pager", *(word for setting in _SETTINGS for word in ("-c", setting)))
_PIPE = 1 << 20
_IN_A_ROW = {"GIT_FLUSH": "0"}
_SAFE_DIRECTORY = re.compile(r"git config --global --add safe\.directory .+")
_MISSING = re.compile(r"unable to read|missing blob|promisor|could not fetch|bad object|object file")


class Git:
    """
    Runs git in one folder.

    Whoever asks for a diff passes ``--no-ext-diff --no-textconv``: a repository may name
    programs for both, and they are not ours to run.
    """

    root: Path

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *args: str, input: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:  # noqa: A002
        """
        Run one git process in the root and return what it prints.

        Args:
            args: The git command and its arguments.
            input: Bytes for its standard input.
            env: Variables added to git's cleaned environment.

        Raises:
            RepositoryError: Git failed; with its own message.
        """
        try:
            done = subprocess.run(
                [*_COMMAND, *args],
                cwd=self.root,
                env=_environment(env),
                input=input or b"",
                capture_output=True,
                check=False,
            )
        except OSError as exc:
            raise _cannot_start(self.root, exc) from exc
        if done.returncode:
            raise self._failure(args, done.returncode, done.stderr)
        return done.stdout

    @contextmanager
    def stream(
        self,
        *args: str,
        input: Iterable[bytes] = (),  # noqa: A002
        env: Mapping[str, str] | None = None,
    ) -> Iterator[IO[bytes]]:
        """
        Run one git process whose output is read while it runs; leaving early ends the process.

        Raises:
            RepositoryError: The output was read to its end, and git failed.
        """
        # Files, not pipes, for input and errors: no pipe can fill up while we read another.
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as errors:
            source.writelines(input)
            source.seek(0)
            # Log would flush after each commit, for a reader who waits for it.
            with self.start(*args, stdin=source, stderr=errors, env={**(env or {}), **_IN_A_ROW}) as process:
                output = cast("IO[bytes]", process.stdout)
                _widen(output)
                try:
                    yield output
                    complete = not output.read(1)
                except BaseException:
                    process.kill()
                    raise
                if not complete:
                    process.kill()
            if complete and process.returncode:
                errors.seek(0)
                raise self._failure(args, process.returncode, errors.read())

    def start(
        self,
        *args: str,
        stdin: IO[bytes] | int = subprocess.PIPE,
        stderr: IO[bytes] | int = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a git process to talk to; the caller closes it."""
        try:
            return subprocess.Popen(
                [*_COMMAND, *args],
                cwd=self.root,
                env=_environment(env),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except OSError as exc:
            raise _cannot_start(self.root, exc) from exc

    def cure(self) -> str:
        """Say what to do about content that git knows of and does not have."""
        return "The repository is damaged or was copied in part: see git fsck, or clone it again."

    def _failure(self, args: Sequence[str], status: int, errors: bytes) -> RepositoryError:
        text = errors.decode("utf-8", "replace").strip()
        where = str(self.root)
        if "dubious ownership" in text:
            told = _SAFE_DIRECTORY.search(text)
            command = told[0] if told else f"git config --global --add safe.directory {shlex.quote(where)}"
            return RepositoryError(
                f"Git refuses to read {where!r}: it belongs to another user. Run: {command}"
            )
        said = text or f"exit status {status}, no message"
        cure = f" {self.cure()}" if _MISSING.search(text) else ""
        return RepositoryError(f"git {args[0]} failed in {where!r}: {said}{cure}")


def side_by_side(task: Callable[..., T], arguments: Sequence[Sequence[object]], jobs: int) -> list[T]:
    """
    Run a task for each tuple of arguments, several at a time, and return the results in order.

    One after the other where there is nothing to gain, or no thread can be started: a
    program that is ending starts no more.
    """
    jobs = min(jobs, len(arguments))
    if jobs > 1:
        with ThreadPoolExecutor(jobs) as pool:
            try:
                waiting = [pool.submit(task, *each) for each in arguments]
            except RuntimeError:
                pool.shutdown(cancel_futures=True)
            else:
                return [each.result() for each in waiting]
    return [task(*each) for each in arguments]


def _widen(pipe: IO[bytes]) -> None:
    """Let git run ahead of whoever reads what it prints."""
    if sys.platform != "linux":  # pragma: no cover  # others have no call for it
        return
    import fcntl

    # A user may have used up what all pipes together may hold.
    with suppress(OSError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or _KEPT.match(name)
    }
    return {**kept, **_FIXED, **(extra or {})}


def _cannot_start(root: Path, exc: OSError) -> RepositoryError:
    if isinstance(exc, FileNotFoundError) and root.is_dir():
        return RepositoryError("git was not found. Install git, and see that it is on PATH.")
    return RepositoryError(f"git cannot be started in {str(root)!r}: {exc}")
