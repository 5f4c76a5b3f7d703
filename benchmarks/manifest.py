"""
What the manifest costs: its size, a look-up against ``json.load`` of the same data, memory, the staleness check.

No network and no git: it makes up functions with six runs of lines each, ten to a file.
Sizes are given as arguments; 1,000, 10,000 and 100,000 functions by default.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

from byline._manifest import FileRecord, FunctionRecord, Header, LineRun, Manifest, blob_id, text_hash, write
from byline._manifest.records import commit_row, evidence_row, function_row
from byline._model import Attribution, Commit, Contribution, Evidence, Function

PER_FILE = 10
RUNS = 6
LINES = 12
MODULES = 10
ROUNDS = 7
GOALS = {"bytes": 80, "look-up": {10_000: 4, 100_000: 40}, "stale": 5.0}
WORDS = (
    "price",
    "cart",
    "order",
    "user",
    "load",
    "send",
    "total",
    "parse",
    "check",
    "item",
    "stock",
    "apply",
)
CLAUDE = Evidence("ai", "trailer", "claude", "medium", "Claude Opus 4.6")
COPILOT = Evidence("ai", "trailer", "copilot", "low")
NOTE = Evidence("ai", "note", "cursor", "high", "gpt-5", "s_0123456789abcd")

Made = tuple[list[FileRecord], dict[str, Commit], dict[str, bytes]]
"""Files, commits, and the source of some files by path."""


def make(functions: int) -> Made:
    """Make up a repository: names repeat as they do in code, hashes do not."""
    dice = random.Random(functions)
    shas = [f"{dice.getrandbits(160):040x}" for _ in range(max(20, functions // 20))]
    commits = {
        sha: Commit(sha, f"Change the {dice.choice(WORDS)} of {dice.choice(WORDS)} (#{number})", 1_700_000_000 + 600 * number, f"Person {number % 30}", f"Person {number % 30}", str(number))
        for number, sha in enumerate(shas)
    }  # fmt: skip
    files = []
    sources = {}
    for number in range(functions // PER_FILE):
        path = f"src/shop/part{number % 97}/{dice.choice(WORDS)}_{number}.py"
        source = _source(number, dice)
        record = _file(path, source, dice.sample(shas, 8), dice)
        files.append(record)
        if number % max(1, functions // PER_FILE // MODULES) == 0:
            sources[path] = source
    return files, commits, sources


def _source(number: int, dice: random.Random) -> bytes:
    body = [
        f"    {dice.choice(WORDS)}_{line} = {dice.choice(WORDS)}({dice.randrange(10_000)}, {number})\n"
        for line in range(PER_FILE * LINES)
    ]
    for at in range(0, len(body), LINES):
        body[at] = f"def {dice.choice(WORDS)}_{dice.choice(WORDS)}_{at}(value):\n"
    return "".join(body).encode()


def _file(path: str, source: bytes, shas: list[str], dice: random.Random) -> FileRecord:
    module = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
    lines = source.split(b"\n")
    functions = []
    runs: list[LineRun] = []
    for start in range(0, PER_FILE * LINES, LINES):
        owners = [dice.choice(shas) for _ in range(RUNS)]
        lengths = [LINES // RUNS] * RUNS
        runs += [
            LineRun(length, sha, dice.choice((CLAUDE, COPILOT, NOTE, None)))
            for length, sha in zip(lengths, owners, strict=True)
        ]
        shares = {sha: owners.count(sha) * (LINES // RUNS) for sha in owners}
        origin = max(shares, key=lambda sha: shares[sha])
        name = lines[start].split(b" ")[1].partition(b"(")[0].decode()
        place = Function(module, name, path, start + 1, start + 1, start + LINES)
        who = Attribution(
            "ai", "medium", "ok", origin, owners[-1], "Person", "claude", "Claude Opus 4.6", "trailer", "", "",
            shares[origin], LINES, 1_700_000_000,
            tuple(Contribution(sha, count) for sha, count in sorted(shares.items(), key=lambda each: -each[1])),
        )  # fmt: skip
        functions.append(FunctionRecord(place, who, text_hash(lines[start : start + LINES])))
    return FileRecord(path, module, blob_id(source).hex(), tuple(functions), tuple(runs))


def as_json(made: Made) -> str:
    """Return the same rows as one JSON text, by blob id, with the same numbers for commits."""
    files, commits, _ = made
    numbers = {sha: number for number, sha in enumerate(sorted(commits))}
    kinds = {each: number for number, each in enumerate((CLAUDE, COPILOT, NOTE))}
    table = {
        each.blob: [
            each.path,
            each.module,
            [function_row(one, numbers, 0) for one in each.functions],
            [
                part
                for run in each.runs
                for part in (run.length, numbers[run.commit], kinds[run.evidence] if run.evidence else -1)
            ],
        ]
        for each in files
    }
    rows = [commit_row(commits[sha]) for sha in sorted(commits)]
    return json.dumps({"evidence": [evidence_row(each) for each in kinds], "commits": rows, "files": table}, separators=(",", ":"))  # fmt: skip


def ask_manifest(path: Path, sources: dict[str, bytes]) -> int:
    """Open the manifest and look up every function of some files by what their source is."""
    manifest = Manifest.open(path)
    found = 0
    for name, source in sources.items():
        file = manifest.by_source(source, name)
        assert file is not None  # noqa: S101  # the benchmark verifies what it measures
        found += sum(bool(who.commit) for _, who in file.functions())
    return found


def ask_json(path: Path, sources: dict[str, bytes]) -> int:
    """Do the same with JSON, and leave the rows as they are."""
    with path.open(encoding="utf-8") as file:
        data = json.load(file)
    found = 0
    for source in sources.values():
        rows = data["files"][blob_id(source).hex()][2]
        found += sum(bool(data["commits"][row[7]][0]) for row in rows)
    return found


def clock(task: Callable[[], object]) -> float:
    """Return the seconds that a task takes."""
    gc.collect()
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def side_by_side(*tasks: Callable[[], object]) -> list[float]:
    """Run tasks in turns, and return the median of each."""
    rounds = [[clock(task) for task in tasks] for _ in range(ROUNDS)]
    return [median(column) for column in zip(*rounds, strict=True)]


def peak(task: Callable[[], object]) -> int:
    """Return how many bytes of Python's memory a task needs at most."""
    task()
    tracemalloc.start()
    task()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def staleness(path: Path, sources: dict[str, bytes]) -> float:
    """Return the microseconds per function that it takes to tell whether a file is the scanned one."""
    manifest = Manifest.open(path)
    edited = {name: source + b"#" for name, source in sources.items()}
    ask_manifest(path, sources)

    def check() -> None:
        for name, source in sources.items():
            manifest.by_source(source, name)
            manifest.by_source(edited[name], name)

    check()
    times = [clock(check) for _ in range(5 * ROUNDS)]
    return median(times) / (2 * len(sources) * PER_FILE) * 1e6


def edited_are_verified(path: Path, sources: dict[str, bytes]) -> int:
    """Return how many functions of edited files the manifest takes for scanned ones: must be none."""
    manifest = Manifest.open(path)
    edited = [source.replace(b"(value)", b"(value, more)") for source in sources.values()]
    return sum(manifest.by_source(source) is not None for source in edited)


def measure(functions: int, folder: Path) -> bool:
    """Print one row; tell whether every goal was met."""
    made = make(functions)
    files, commits, sources = made
    path, other = folder / "byline.manifest", folder / "same.json"
    size = write(path, Header("c" * 40, functions=functions), files, commits)
    other.write_text(as_json(made), "utf-8")
    assert ask_manifest(path, sources) == ask_json(other, sources)  # noqa: S101  # the benchmark verifies what it measures
    del made, files, commits
    mine, theirs = side_by_side(lambda: ask_manifest(path, sources), lambda: ask_json(other, sources))
    ratio = theirs / mine
    memory, json_memory = peak(lambda: ask_manifest(path, sources)), peak(lambda: ask_json(other, sources))
    stale = staleness(path, sources)
    wrong = edited_are_verified(path, sources)
    print(
        f"{functions:>9,}  {size / functions:>10.1f}  {ratio:>9.1f} x  {memory / 1024:>9,.0f} kB  "
        f"{json_memory / 1024:>10,.0f} kB  {stale:>8.2f} µs  {wrong:>6}"
    )
    least = GOALS["look-up"].get(functions, 0)
    return size / functions <= GOALS["bytes"] and ratio >= least and stale <= GOALS["stale"] and not wrong


def main() -> int:
    """Measure every size."""
    sizes = [int(each) for each in sys.argv[1:] if each.isdecimal()] or [1_000, 10_000, 100_000]
    print("functions  bytes each  look-up by    its memory  JSON's memory  staleness  edited")
    with tempfile.TemporaryDirectory() as folder:
        met = [measure(size, Path(folder)) for size in sizes]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
