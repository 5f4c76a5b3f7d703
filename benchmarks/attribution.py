"""
What finding the owner of every line costs, and whether each is the one that ``git blame`` names.

Compares one walk through history with a ``git.Repo.blame`` loop and a ``git blame`` loop, round by
round, on the repositories given as arguments; the one around the current folder by default. The loops
run on a sample of the files, scaled up, another one each time. Nothing is written into the
repositories; what goes on from an earlier scan is measured in copies that share their objects. Prints
Markdown, at the end one table with what the goals ask for.

The whole walk is measured with one process that compares versions, the bounded one with as many as a
scan uses: they save time by the clock where more than one core is free, and none by the processor's clock.
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
import rebuilds
from touches import Range, compare, functions_of

from byline._attribution.blame import FileOwnership, Ownership, own_lines
from byline._attribution.commits import Commits, is_ai, read_commits
from byline._attribution.few_files import blame_files
from byline._attribution.incremental import ignored_commits
from byline._attribution.rebuild import JOBS
from byline._attribution.repository import Repository
from byline._attribution.scan import scan
from byline._attribution.settings import read_settings

FULL, BOUNDED = "one walk, one process", "one walk, bounded, with reading all messages, as in a scan"
REPO_BLAME, GIT_BLAME = "`git.Repo.blame` for each file", "`git blame` for each file"
LOOKING_THROUGH = "`git.Repo.blame` for each file, looking through the same commits"
SCAN = "`byline scan` as a whole"
DEVELOPMENT, REPO_BLAME_EACH = (
    "20 functions, one `git blame -L` a file",
    "20 functions, `git.Repo.blame` for each",
)
LOOPS = (REPO_BLAME, GIT_BLAME, LOOKING_THROUGH)
SMALL = (DEVELOPMENT, REPO_BLAME_EACH)
FUNCTIONS, FILES = 20, 10
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
    size: int
    commits: Commits
    stop: tuple[str, ...]
    spent: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Seconds by the clock and of all processors, by way."""

    functions: int = 0
    few: list[Range] = field(default_factory=list)
    """Functions that a program in development asks about."""

    turn: int = 0

    @classmethod
    def of(cls, root: Path, size: int) -> Case:
        repository = Repository.open(root)
        # An empty file has no lines to blame.
        files = {path: blob for path, blob in repository.files("HEAD").items() if path.endswith(".py")}
        contents = repository.read_blobs(list(files.values()))
        paths = [path for path, (_, data) in zip(files, contents, strict=True) if data]
        commits = _read_commits(repository)
        oldest = commits.oldest_ai()
        files_asked = random.Random(len(paths)).sample(paths, min(FILES, len(paths)))
        return cls(
            repository,
            paths,
            min(size, len(paths)),
            commits,
            (oldest,) if oldest else (),
            few=functions_of(repository, files_asked, FUNCTIONS),
        )

    def ways(self) -> dict[str, Callable[[], object]]:
        """Return what is measured, in the order of each round."""
        with self._ignored() as options:
            looking_through = {LOOKING_THROUGH: self.looking_through} if options else {}
        return {
            FULL: self.full,
            REPO_BLAME: self.repo_blame,
            **looking_through,
            BOUNDED: self.bounded,
            GIT_BLAME: self.git_blame,
            SCAN: self.scan,
            DEVELOPMENT: self.development,
            REPO_BLAME_EACH: self.repo_blame_each,
        }

    def full(self) -> Ownership:
        return own_lines(self.repository, "HEAD", paths=self.paths)

    def bounded(self) -> Ownership:
        oldest = _read_commits(self.repository).oldest_ai()
        stop = (oldest,) if oldest else ()
        return own_lines(self.repository, "HEAD", paths=self.paths, stop=stop, jobs=JOBS)

    def repo_blame(self) -> None:
        with git.Repo(self.repository.root) as found:
            for path in self.sample():
                found.blame("HEAD", path)

    def looking_through(self) -> None:
        with git.Repo(self.repository.root) as found, self._ignored() as (_, name):
            for path in self.sample():
                found.blame("HEAD", path, ignore_revs_file=name, allow_unsafe_options=True)

    def git_blame(self) -> None:
        for path in self.sample():
            self.blame(path)

    def sample(self) -> list[str]:
        """Return other files each time, so that no round depends on a few large ones."""
        self.turn += 1
        return random.Random(self.turn).sample(self.paths, self.size)

    def development(self) -> None:
        lines: dict[str, list[tuple[int, int]]] = {}
        for each in self.few:
            lines.setdefault(each.path, []).append((each.first, each.last))
        blame_files(self.repository, "HEAD", lines)

    def repo_blame_each(self) -> None:
        with git.Repo(self.repository.root) as found:
            for each in self.few:
                found.blame("HEAD", each.path)

    def blame(self, path: str, *options: str) -> bytes:
        command = ("git", "blame", "--porcelain", "--no-textconv", *options, "HEAD", "--", path)
        return _output(command, self.repository.root)

    def scan(self) -> None:
        self.functions = scan(self.repository.root, cache=False).header.functions

    def measure(self, way: str, call: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), _processors()
        call()
        scale = len(self.paths) / self.size if way in LOOPS else 1.0
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


@dataclass
class Result:
    """What the goals ask of one repository."""

    name: str
    commits: int
    files: int
    lines: int
    wrong: int
    lost: int
    ratios: dict[str, tuple[float, float]]
    """How many times faster, by the clock and by the processor's clock."""

    memory: str
    functions: int
    disagreeing: int
    rebuilds: rebuilds.Rebuilds

    def row(self) -> str:
        def ratio(way: str) -> str:
            return " / ".join(f"{each:.1f}" for each in self.ratios[way]) if way in self.ratios else "-"

        share = 100 * (1 - self.disagreeing / self.functions) if self.functions else 100.0
        return (
            f"| {self.name} | {self.commits:,} | {self.files:,} | {self.lines:,} | {self.wrong:,} | {self.lost:,} "
            f"| {ratio(FULL)} | {ratio(BOUNDED)} | {self._rebuilds()} | {ratio(DEVELOPMENT)} "
            f"| {share:.1f} % of {self.functions} | {self.memory} |"
        )

    def _rebuilds(self) -> str:
        return " / ".join(f"{each:.1f}" for each in self.rebuilds.ratio()) if self.rebuilds.scans else "-"


ROWS = (
    "| repository | commits | files | lines | other owner | AI lines lost | whole | bounded | one more commit "
    "| 20 functions | last commit | memory of a scan |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def report(  # noqa: PLR0913  # options
    root: Path, *, rounds: int, size: int, verify: int, functions: int, commits: int
) -> Result | None:
    """Measure one repository."""
    case = Case.of(root, size)
    name = case.repository.root.name
    if not case.paths:
        print(f"## {name}\n\nNo Python files.\n")
        return None
    for _ in range(rounds):
        for way, call in case.ways().items():
            case.measure(way, call)
    full = case.full()
    lines, wrong = case.differing(full, verify)
    lost = case.lost(full, own_lines(case.repository, "HEAD", paths=case.paths, stop=case.stop))
    asked = functions_of(case.repository, case.paths, functions)
    ignored = ignored_commits(case.repository, case.repository.head())
    told = compare(case.repository, asked, full.files, full.order, ignored)
    print(f"## {name}\n")
    print(
        f"{len(case.commits.by_sha):,} commits, {len(case.paths):,} files, {case.functions:,} functions; "
        f"the loops ran on {case.size} files a round.\n"
        f"**Lines with another owner than in `git blame`: {wrong:,} of {lines:,}. "
        f"AI lines that the bounded walk lost: {lost:,}. "
        f"Functions with another last commit than `git log -L` tells: {len(told.differing)} of {told.compared}.**\n\n"
        f"Of these {told.compared}, {told.same} have the commit that `git log -1 -L` names. "
        f"For {told.passed_over} it names one that is ignored, or left the syntax tree as it was, and byline the next. "
        f"For {told.twice} two branches made the same change; for {told.not_seen} git misses a change.\n"
    )
    for each in told.differing:
        print(f"- {each}")
    print("| way | seconds | ratio | processor seconds | ratio | memory |\n|---|---|---|---|---|---|")
    ratios, memory = {}, {}
    for way in case.ways():
        wall, cpu = case.times(way)
        base = case.times(REPO_BLAME_EACH if way in SMALL else REPO_BLAME)
        ratios[way] = base[0] / wall, base[1] / cpu
        memory[way] = "" if way in (*LOOPS, *SMALL) else peak(way, root)
        print(
            f"| {way} | {wall:.2f} | {ratios[way][0]:.1f} | {cpu:.2f} | {ratios[way][1]:.1f} | {memory[way]} |"
        )
    going_on = rebuilds.measure(root, commits) if commits else rebuilds.Rebuilds()
    print(f"\n{going_on.told()}\n" if commits else "", flush=True)
    if not case.stop:
        del ratios[BOUNDED]  # without an AI commit there is nothing to stop at
    return Result(
        name, len(case.commits.by_sha), len(case.paths), lines, wrong, lost, ratios, memory[SCAN],
        told.compared, len(told.differing), going_on,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", nargs="*", type=Path, default=[Path()])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=40, help="files on which the loops run")
    parser.add_argument("--verify", type=int, default=0, help="files to verify; all by default")
    parser.add_argument("--functions", type=int, default=100, help="functions to compare with git log -L")
    parser.add_argument("--commits", type=int, default=4, help="scans that go on from the one before")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.memory:
        print_peak(options.memory, options.repository[0])
        return 0
    print("A ratio says how many times faster than `git.Repo.blame` for each file.\n")
    results = [
        report(
            root,
            rounds=options.rounds,
            size=options.sample,
            verify=options.verify,
            functions=options.functions,
            commits=options.commits,
        )
        for root in options.repository
    ]
    found = [each for each in results if each]
    print("## Goals\n\nHow many times faster, by the clock / by the processor's clock.\n")
    print(ROWS, *(each.row() for each in found), sep="\n")
    return 1 if any(each.wrong or each.lost or each.rebuilds.differing for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
