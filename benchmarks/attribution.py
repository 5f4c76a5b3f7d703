"""
What finding the owner of every line costs, and whether each is the one that ``git blame`` names.

Compares one walk through history with a ``git.Repo.blame`` loop and a ``git blame`` loop, round by
round, on the repositories given as arguments; the one around the current folder by default. The loops
run on a sample of the files, scaled up. Nothing is written into the repositories. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import git

from byline._attribution.blame import FileOwnership, Ownership, own_lines
from byline._attribution.commits import Commits, is_ai, read_commits
from byline._attribution.repository import Repository
from byline._attribution.scan import scan
from byline._attribution.settings import read_settings

FULL, BOUNDED = "one walk", "one walk, bounded, with reading all messages"
REPO_BLAME, GIT_BLAME = "`git.Repo.blame` for each file", "`git blame` for each file"
SCAN = "`byline scan` as a whole"
LOOPS = (REPO_BLAME, GIT_BLAME)
IGNORE_FILE = ".git-blame-ignore-revs"
HEADER = re.compile(rb"([0-9a-f]{40,}) (\d+) \d+( \d+)?$")
PAUSE = 0.005

Line = tuple[str, int]
"""Commit, and line number there."""


@dataclass
class Case:
    """One repository, and what was measured there."""

    repository: Repository
    paths: list[str]
    sample: list[str]
    commits: Commits
    stop: tuple[str, ...]
    spent: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Seconds by the clock and of all processors, by way."""

    functions: int = 0

    @classmethod
    def of(cls, root: Path, size: int) -> Case:
        repository = Repository.open(root)
        # An empty file has no lines to blame.
        files = {path: blob for path, blob in repository.files("HEAD").items() if path.endswith(".py")}
        contents = repository.read_blobs(list(files.values()))
        paths = [path for path, (_, data) in zip(files, contents, strict=True) if data]
        sample = random.Random(len(paths)).sample(paths, min(size, len(paths)))
        commits = _read_commits(repository)
        oldest = commits.oldest_ai()
        return cls(repository, paths, sample, commits, (oldest,) if oldest else ())

    def ways(self) -> dict[str, Callable[[], object]]:
        """Return what is measured, in the order of each round."""
        return {
            FULL: self.full,
            REPO_BLAME: self.repo_blame,
            BOUNDED: self.bounded,
            GIT_BLAME: self.git_blame,
            SCAN: self.scan,
        }

    def full(self) -> Ownership:
        return own_lines(self.repository, "HEAD", paths=self.paths)

    def bounded(self) -> Ownership:
        oldest = _read_commits(self.repository).oldest_ai()
        return own_lines(self.repository, "HEAD", paths=self.paths, stop=(oldest,) if oldest else ())

    def repo_blame(self) -> None:
        with git.Repo(self.repository.root) as found:
            for path in self.sample:
                found.blame("HEAD", path)

    def git_blame(self) -> None:
        for path in self.sample:
            self.blame(path)

    def blame(self, path: str, *options: str) -> bytes:
        command = ("git", "blame", "--porcelain", "--no-textconv", *options, "HEAD", "--", path)
        return _output(command, self.repository.root)

    def scan(self) -> None:
        self.functions = scan(self.repository.root).header.functions

    def measure(self, way: str, call: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), _processors()
        call()
        scale = len(self.paths) / len(self.sample) if way in LOOPS else 1.0
        spent = ((time.perf_counter() - wall) * scale, (_processors() - cpu) * scale)
        self.spent.setdefault(way, []).append(spent)

    def times(self, way: str) -> tuple[float, float]:
        """Return the medians of both clocks."""
        walls, cpus = zip(*self.spent[way], strict=True)
        return median(walls), median(cpus)

    def differing(self, found: Ownership, size: int) -> tuple[int, int]:
        """Return how many lines were compared with ``git blame``, and how many have another owner there."""
        paths = self.paths if not size else self.paths[:: max(1, len(self.paths) // size)]
        with self._ignored() as options, ThreadPoolExecutor(os.cpu_count()) as pool:
            answers = pool.map(lambda path: self.blame(path, *options), paths)
            pairs = [
                (list(lines_of(found.files[path])), list(blamed_lines(answer)))
                for path, answer in zip(paths, answers, strict=True)
            ]
        wrong = sum(
            abs(len(ours) - len(theirs)) + sum(one != other for one, other in zip(ours, theirs, strict=False))
            for ours, theirs in pairs
        )
        return sum(len(theirs) for _, theirs in pairs), wrong

    def lost(self, full: Ownership, bounded: Ownership) -> int:
        """Return how many AI lines a bounded walk does not find."""
        ai = {sha for sha, commit in self.commits.by_sha.items() if is_ai(commit)}
        return sum(
            one != other and one[0] in ai
            for path in self.paths
            for one, other in zip(lines_of(full.files[path]), lines_of(bounded.files[path]), strict=True)
        )

    @contextmanager
    def _ignored(self) -> Iterator[tuple[str, ...]]:
        listed = self.repository.read_names([f"HEAD:{IGNORE_FILE}"])[0]
        with tempfile.NamedTemporaryFile() as file:
            file.write(listed[1] if listed else b"")
            file.flush()
            yield ("--ignore-revs-file", file.name) if listed else ()


def lines_of(found: FileOwnership) -> Iterator[Line]:
    for run in found.runs:
        for offset in range(run.length):
            yield run.commit, run.original_start + offset


def blamed_lines(porcelain: bytes) -> Iterator[Line]:
    owner = ("", 0)
    for line in porcelain.split(b"\n"):
        if line.startswith(b"\t"):
            yield owner
        elif header := HEADER.match(line):
            owner = header[1].decode(), int(header[2])


def peak(way: str, root: Path) -> str:
    """Return the most memory that a way takes in a fresh process, of its own and in its largest git."""
    if not Path("/proc/self/status").exists():
        return "only measured on Linux"
    command = (sys.executable, __file__, "--memory", way, str(root))
    own, child = _output(command, Path()).decode().split()
    return f"{own} MB, git {child} MB"


def print_peak(way: str, root: Path) -> None:
    case = Case.of(root, 1)
    done = threading.Event()
    largest = [0]
    watcher = threading.Thread(target=_watch, args=(largest, done))
    watcher.start()
    case.ways()[way]()
    done.set()
    watcher.join()
    print(_high_water("self") // 1024, largest[0] // 1024)


def _watch(largest: list[int], done: threading.Event) -> None:
    # What getrusage tells of a child includes this process at the moment of the fork.
    tasks = Path("/proc/self/task")
    while not done.wait(PAUSE):
        for children in tasks.glob("*/children"):
            try:
                pids = children.read_text().split()
            except OSError:
                continue
            largest[0] = max([largest[0], *(_high_water(pid, only="git") for pid in pids)])


def _high_water(pid: str, only: str = "") -> int:
    """Return the most memory that a process had, in kB; 0 when it is gone or is another program."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+)", text, re.MULTILINE)
    is_other = only and f"Name:\t{only}\n" not in text
    return 0 if is_other or found is None else int(found[1])


def _output(command: Sequence[str], folder: Path) -> bytes:
    return subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout  # our own words


def _processors() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _read_commits(repository: Repository) -> Commits:
    return read_commits(repository, repository.head(), settings=read_settings(repository.root))


def report(root: Path, *, rounds: int, size: int, verify: int) -> bool:
    """Measure one repository; tell whether every line was right."""
    case = Case.of(root, size)
    if not case.paths:
        print(f"## {case.repository.root.name}\n\nNo Python files.\n")
        return True
    for _ in range(rounds):
        for way, call in case.ways().items():
            case.measure(way, call)
    full = case.full()
    lines, wrong = case.differing(full, verify)
    lost = case.lost(full, own_lines(case.repository, "HEAD", paths=case.paths, stop=case.stop))
    print(f"## {case.repository.root.name}\n")
    print(
        f"{len(case.commits.by_sha):,} commits, {len(case.paths):,} files, {case.functions:,} functions; "
        f"the loops ran on {len(case.sample)} files.\n"
        f"**Lines with another owner than in `git blame`: {wrong:,} of {lines:,}. "
        f"AI lines that the bounded walk lost: {lost:,}.**\n"
    )
    print("| way | seconds | ratio | processor seconds | ratio | memory |\n|---|---|---|---|---|---|")
    base = case.times(REPO_BLAME)
    for way in case.ways():
        wall, cpu = case.times(way)
        memory = "" if way in LOOPS else peak(way, root)
        print(f"| {way} | {wall:.2f} | {base[0] / wall:.1f} | {cpu:.2f} | {base[1] / cpu:.1f} | {memory} |")
    print(flush=True)
    return not wrong and not lost


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", nargs="*", type=Path, default=[Path()])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=40, help="files on which the loops run")
    parser.add_argument("--verify", type=int, default=0, help="files to verify; all by default")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.memory:
        print_peak(options.memory, options.repository[0])
        return 0
    print("A ratio says how many times faster than `git.Repo.blame` for each file.\n")
    results = [
        report(root, rounds=options.rounds, size=options.sample, verify=options.verify)
        for root in options.repository
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
