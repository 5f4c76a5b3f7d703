"""``byline coverage`` as people and programs use it."""

from __future__ import annotations

import json
from inspect import signature

import pytest
from click.testing import CliRunner
from coverage import CoverageData

from byline import _manifest
from byline._cli.main import main
from byline._manifest import FileRecord, FunctionRecord, Header, LineRun, blob_id
from byline._model import Attribution, Commit, Evidence, ExecutedLines, Function
from byline.store import Store

WROTE, CHANGED, OTHER = "a1" * 20, "b2" * 20, "a1c3" * 10
SOURCE = b"def total(items):\n    return sum(items)\n\n\ndef never(x):\n    if x:\n        return 1\n    return 2\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a store of what ran of two functions."""
    for name in ("BYLINE_STORE", "BYLINE_MANIFEST", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with Store.open(tmp_path / ".byline" / "byline.db", create=True) as store:
        store.add(
            executed=[
                ExecutedLines(
                    "cart.total", "cart.py", 10, WROTE, CHANGED,
                    lines=tuple(range(1, 9)), ai=tuple(range(1, 9)), run=(1, 5), handlers=(3, 6), handlers_run=(6,),
                ),
                ExecutedLines("web.get", "web.py", 1, OTHER, OTHER, (1, 2), (1,), (1, 2), (), ()),
            ],
        )  # fmt: skip
    return tmp_path


@pytest.fixture
def shipped(folder):
    """What was shipped: a manifest with a function that was never called, and its source."""
    mark = Evidence("ai", "trailer", "claude", "medium")
    attribution = Attribution("ai", "medium", "ok", WROTE, WROTE, "Ana", tool="claude", lines=4, ai_lines=4)
    functions = (FunctionRecord(Function("shop", "never", "shop.py", 5, 5, 8), attribution),)
    path = folder / "shipped.manifest"
    record = FileRecord("shop.py", "shop", blob_id(SOURCE).hex(), functions, (LineRun(8, WROTE, mark),))
    _manifest.write(
        path, Header("e5" * 20, "main"), [record], {WROTE: Commit(WROTE, "Add it", 1, "Ana", "Ana")}
    )
    (folder / "src").mkdir()
    (folder / "src" / "shop.py").write_bytes(SOURCE)
    return path


@pytest.fixture
def run(folder):
    """Type ``byline coverage`` with more words; the answer has stdout, stderr and the exit status."""
    # Before click 8.2 the two streams came as one unless asked otherwise.
    apart = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}

    def type_in(*words):
        return CliRunner(**apart).invoke(main, ("coverage", *map(str, words)), prog_name="byline")

    return type_in


def test_what_ran_is_added_up(run):
    """
    AI lines, handlers and functions; below, the lines that never ran, as people write them.
    """
    done = run()

    assert (0, "") == (done.exit_code, done.stderr)
    assert done.stdout.splitlines() == [
        "AI lines shipped: 9, executed: 33.3 %",
        "Error handlers never run: 1 of 2",
        "AI functions never called: 0 of 2",
        "",
        "cart.py:10  cart.total",
        "  2 of 8 AI lines ran, never: 12-14, 16-18; handlers never run: 13",
        "Not sure: functions never called (there is no manifest that names them)",
    ]


def test_coverage_for_programs(run):
    """
    The keys of --json are a promise.
    """
    done = run("--json")
    told = json.loads(done.stdout)

    assert [
        "version", "shipped", "executed", "handlers", "handlers_never_run", "never_called", "functions", "unverified",
        "details",
    ] == [*told]  # fmt: skip
    assert (9, 3, 2, 1, 0, 2) == tuple(told[each] for each in [*told][1:7])
    assert {
        "function": "cart.total", "path": "cart.py", "first_line": 10, "commit": WROTE, "last_commit": CHANGED,
        "called": True, "lines": 8, "run": 2, "missing": [12, 13, 14, 16, 17, 18], "handlers": [13, 16],
        "handlers_never_run": [13],
    } == told["details"][0]  # fmt: skip
    assert 0 == done.exit_code


@pytest.mark.parametrize(
    ("commit", "expected"),
    [(WROTE, ["cart.total"]), (CHANGED[:7], ["cart.total"]), (OTHER[:4].upper(), ["web.get"])],
    ids=["wrote it", "changed it last", "a prefix"],
)
def test_of_one_commit(run, commit, expected):
    """
    Only the functions that it wrote or changed last.
    """
    assert expected == [each["function"] for each in json.loads(run(commit, "--json").stdout)["details"]]


def test_a_function_never_called(run, shipped, folder):
    """
    The manifest names it, and its source says which lines can run.
    """
    told = json.loads(run("--manifest", shipped, "--root", folder / "src", "--json").stdout)
    text = run("--manifest", shipped, "--root", "src").stdout
    without = run("--manifest", shipped).stdout

    assert (1, 1, 0) == (told["functions"], told["never_called"], told["executed"])
    assert [("shop.never", False, 3)] == [
        (each["function"], each["called"], each["lines"]) for each in told["details"]
    ]
    assert "shop.py:5  shop.never\n  never called, 3 AI lines" in text
    assert "Not sure: lines of 1 functions never called (their sources are not here" in without


def test_the_manifest_may_come_from_the_environment(run, shipped, monkeypatch):
    """
    BYLINE_MANIFEST names it, as it does for a program.
    """
    monkeypatch.setenv("BYLINE_MANIFEST", str(shipped))

    assert ["shop.never"] == [each["function"] for each in json.loads(run("--json").stdout)["details"]]


def test_the_files_for_viewers(run, folder):
    """
    Both are written, beside the answer.
    """
    done = run("--lcov", "byline.info", "--data", "ran.data", "--root", folder)
    data = CoverageData(basename=str(folder / "ran.data"))
    data.read()

    assert (0, "") == (done.exit_code, done.stderr)
    assert done.stdout.startswith("AI lines shipped: 9")
    assert ["SF:cart.py", "SF:web.py"] == [
        each for each in (folder / "byline.info").read_text().splitlines() if each.startswith("SF:")
    ]
    assert [11, 15] == sorted(data.lines(str(folder / "cart.py")))


def test_an_empty_store(run, folder):
    """
    No function is known: said in a sentence, and with status 1.
    """
    Store.open(folder / "empty.db", create=True).close()
    done = run("--store", "empty.db")
    told = run("--store", "empty.db", "--json")

    assert (1, "") == (done.exit_code, done.stderr)
    assert done.stdout.startswith("No AI function is known here.\n")
    assert (1, 0, []) == (
        told.exit_code,
        *(json.loads(told.stdout)[each] for each in ("functions", "details")),
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("zzzz",), "'zzzz' is not a commit"),
        (("a1",), "'a1' is not a commit. Give at least 4"),
        (("dead",), "'dead' names no commit"),
        (("--store", "nowhere.db"), "nowhere.db"),
        (("--store", "text"), "text"),
        (("--manifest", "nowhere"), "nowhere"),
        (("--manifest", "text"), "text"),
        (("--root", "nowhere"), "nowhere"),
        (("--root", "text"), "text"),
        (("--lcov", "."), "'.'"),
        (("--data", "."), "'.'"),
        (("--lcov", "nowhere/byline.info"), "'nowhere/byline.info' cannot be written"),
        (("--data", "nowhere/.coverage"), "'nowhere/.coverage' cannot be written"),
        (("--all",), "--all"),
        (("a1a1", "b2b2"), "b2b2"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_bad_input_is_one_sentence(run, folder, words, says):
    """
    What is wrong, on stderr and with status 2; nothing on stdout, and no traceback.
    """
    (folder / "text").write_text("neither a database nor a manifest, but long enough for either\n" * 20)
    done = run(*words)

    assert (2, "") == (done.exit_code, done.stdout)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_no_store_at_all(run, folder):
    """
    Says how to record one.
    """
    (folder / ".byline" / "byline.db").unlink()
    done = run()

    assert 2 == done.exit_code
    assert "byline run your_program.py" in done.stderr
