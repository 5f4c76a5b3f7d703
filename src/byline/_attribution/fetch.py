"""Fetches what a clone leaves behind: notes, the heads of pull requests, and the records under other refs."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from typing import IO, cast

from ..exceptions import RepositoryError
from .repository import Repository

REFSPECS = (
    # Without a plus: notes that were never pushed are not overwritten.
    "refs/notes/*:refs/notes/*",
    "+refs/agentdiff/*:refs/agentdiff/*",
    "+refs/pull/*/head:refs/pull/*/head",
    "+refs/merge-requests/*/head:refs/merge-requests/*/head",
)
"""From the remote into the same names here."""

_OPTIONS = (
    "fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
    "--no-recurse-submodules", "--no-prune",
)  # fmt: skip
_PERCENT = re.compile(rb"(?:Counting|Compressing|Receiving|Resolving|Unpacking)[\w ]*:\s+(\d{1,3})%")
_REJECTED = re.compile(rb"! \[rejected\]\s+(\S+)")
_CREDENTIALS = re.compile(r"//[^/@\s]+@")
_CHUNK = 4096
_LONGEST = 1000


def fetch_records(repository: Repository, *, progress: Callable[[str, int, int], None] | None = None) -> None:
    """
    Fetch the records that speak of lines, from ``origin`` or the only other remote.

    Args:
        repository: Where to.
        progress: Told how far it is, in percent of git's current step.

    Raises:
        RepositoryError: There is no remote, it cannot be reached, or notes here and there went different ways.
    """
    remote = _remote(repository)
    tell = progress or (lambda _stage, _done, _total: None)
    tell("fetch", 0, 0)
    process = repository.start(*_OPTIONS, remote, *REFSPECS, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = bytearray()
    with process:
        for part in _parts(cast("IO[bytes]", process.stderr)):
            if found := _PERCENT.search(part):
                tell("fetch", int(found[1]), 100)
            else:
                errors += part + b"\n"
    if process.returncode:
        raise _failure(remote, bytes(errors))
    tell("fetch", 100, 100)


def _remote(repository: Repository) -> str:
    names = repository.run("remote").decode("utf-8", "replace").split()
    if "origin" in names:
        return "origin"
    if len(names) == 1:
        return names[0]
    where = str(repository.root)
    if names:
        raise RepositoryError(
            f"{where!r} has remotes {', '.join(names)} and none called origin. Fetch by hand: {command('REMOTE')}"
        )
    raise RepositoryError(f"{where!r} has no remote to fetch from. Add one, or scan without --fetch.")


def command(remote: str = "origin") -> str:
    """Return what a person types to fetch the same."""
    return f"git fetch {remote} {' '.join(repr(each) for each in REFSPECS)}"


def _parts(stream: IO[bytes]) -> Iterator[bytes]:
    """Split what git says at the ends of lines; progress ends with a carriage return."""
    rest = b""
    while chunk := stream.read1(_CHUNK):  # type: ignore[attr-defined]  # a pipe is a BufferedReader
        *complete, rest = re.split(rb"[\r\n]", rest + chunk)
        yield from complete
    yield rest


def _failure(remote: str, errors: bytes) -> RepositoryError:
    rejected = [each.decode("utf-8", "replace") for each in _REJECTED.findall(errors)]
    if rejected:
        ref = rejected[0]
        here, there = shlex.quote(ref), shlex.quote(f"{ref}-{remote}")
        return RepositoryError(
            f"{ref!r} is not the same here and at {remote!r}, and neither continues the other. Join them: "
            f"git fetch {remote} {here}:{there} && git notes --ref={here} merge -s ours {there}"
        )
    text = " ".join(errors.decode("utf-8", "replace").split())[:_LONGEST]
    said = _CREDENTIALS.sub("//", text).removeprefix("fatal: ") or "git said nothing"
    return RepositoryError(
        f"Cannot fetch from {remote!r}: {said} Check the connection and your access, or scan without --fetch."
    )
