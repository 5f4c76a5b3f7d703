"""What a scan costs that goes on from the last one, beside a scan of everything, commit after commit."""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from byline._attribution.scan import Scan, scan
from byline._manifest import render

_FILES = (":(glob)**/*.py", ":(glob)**/pyproject.toml")


@dataclass
class Rebuilds:
    """Seconds by the clock and of all processors, and manifests that were not the same."""

    scans: list[tuple[float, float]] = field(default_factory=list)
    rebuilds: list[tuple[float, float]] = field(default_factory=list)
    differing: int = 0
    reasons: list[str] = field(default_factory=list)
    """Why a scan could not go on from the last one."""

    def ratio(self) -> tuple[float, float]:
        """Return how many times faster it is to go on, by both clocks."""
        one, other = (
            (median(wall for wall, _ in spent), median(cpu for _, cpu in spent))
            for spent in (self.scans, self.rebuilds)
        )
        return one[0] / other[0], one[1] / other[1]

    def told(self) -> str:
        """Say it in a sentence."""
        wall, cpu = self.ratio()
        scans, rebuilds = (median(wall for wall, _ in each) for each in (self.scans, self.rebuilds))
        return (
            f"A scan after one more commit, {len(self.rebuilds)} times, loading and saving what is kept included: "
            f"{rebuilds:.3f} s beside {scans:.2f} s for a scan of everything, "
            f"{wall:.1f} times as fast, {cpu:.1f} times by the processor's clock; "
            f"{self.differing} manifests differ{self._excuses()}."
        )

    def _excuses(self) -> str:
        return (
            f", {len(self.reasons)} did not go on ({', '.join(sorted(set(self.reasons)))})"
            if self.reasons
            else ""
        )


def measure(root: Path, commits: int) -> Rebuilds:
    """
    Scan the last commits of a repository one after the other, each twice: going on, and from nothing.

    Args:
        root: The repository; what is written goes to a copy that shares its objects.
        commits: How many steps along first parents.
    """
    found = Rebuilds()
    listed = _git(root, "rev-list", "--first-parent", f"--max-count={commits + 1}", "HEAD").split()
    with _copy(root) as copy:
        _check_out(copy, listed[-1])
        scan(copy)
        for number, sha in enumerate(reversed(listed[:-1])):
            _check_out(copy, sha)
            made: dict[bool, Scan] = {}
            # Whoever comes second finds what git reads in the system's memory: each is second in turn.
            for cache in (True, False) if number % 2 else (False, True):
                wall, cpu = time.perf_counter(), _processors()
                made[cache] = scan(copy, cache=cache)
                spent = time.perf_counter() - wall, _processors() - cpu
                (found.rebuilds if cache else found.scans).append(spent)
            if made[True].cache.state != "used":
                found.reasons.append(made[True].cache.reason)
            found.differing += _bytes(made[True]) != _bytes(made[False])
    return found


def _bytes(made: Scan) -> bytes:
    return render(made.header, made.files, made.commits)


@contextmanager
def _copy(root: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="byline-rebuilds-") as folder:
        copy = Path(folder) / root.resolve().name
        _git(Path(folder), "init", "--quiet", str(copy))
        source = Path(_git(root, "rev-parse", "--path-format=absolute", "--git-common-dir").strip())
        (copy / ".git/objects/info/alternates").write_text(f"{source / 'objects'}\n")
        for name in ("packed-refs", "config"):
            if (source / name).exists():
                shutil.copy(source / name, copy / ".git" / name)
        shutil.copytree(source / "refs", copy / ".git/refs", dirs_exist_ok=True)
        yield copy


def _check_out(copy: Path, sha: str) -> None:
    _git(copy, "update-ref", "--no-deref", "HEAD", sha)
    _git(copy, "read-tree", sha)
    # Only what a scan reads: a partial clone may lack the rest.
    _git(copy, "checkout", "--quiet", sha, "--", *(each for each in _FILES if _git(copy, "ls-files", each)))


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(("git", *arguments), cwd=folder, capture_output=True, check=True, text=True).stdout


def _processors() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
