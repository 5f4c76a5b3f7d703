"""``byline run``: the program runs as it would, and everything it leaves is in the store."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from byline._instrumentation.command import command_line, environment, program_name
from byline.exceptions import RunError
from byline.store import Store

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"

PROGRAM = textwrap.dedent(
    """\
    import sys


    def work(number):
        return 1 / number


    if __name__ == "__main__":
        print(__name__, sys.argv[1:], sys.path[0])
        for number in (1, 0):
            try:
                work(number)
            except ZeroDivisionError:
                print("failed", file=sys.stderr)
        raise SystemExit(7)
    """
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "job.py").write_text(PROGRAM)
    git = ["git", "-c", "user.name=Ana", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", CLAUDE]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    assert 0 == byline(folder, "scan").returncode
    return folder


def byline(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "byline", *words],
        cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def failures(folder: Path) -> list[str]:
    done = byline(folder, "incidents", "--json")
    told = json.loads(done.stdout) if done.returncode == 0 else {"commits": []}
    return [each["error_type"] for commit in told["commits"] for each in commit["incidents"]]


@pytest.mark.parametrize(
    "words",
    [["job.py"], ["-m", "job"], [sys.executable, "job.py"], [sys.executable, "-m", "job"]],
    ids=["script", "module", "python-script", "python-module"],
)
def test_main_module(checkout, words):
    """
    A script and a module run as ``__main__`` with their arguments, exit with their status, and are measured.
    """
    done = byline(checkout, "run", *words, "--option", "value")

    assert (7, f"__main__ ['--option', 'value'] {checkout}\n") == (done.returncode, done.stdout)
    assert ["ZeroDivisionError"] == failures(checkout)


def test_other_program(checkout):
    """
    Any program that runs Python is measured where it imports the code.
    """
    done = byline(checkout, "run", "sh", "-c", f"exec {sys.executable} -c 'import job; job.work(0)'")

    assert 1 == done.returncode
    assert "ZeroDivisionError" in done.stderr
    assert ["ZeroDivisionError"] == failures(checkout)


def test_traceback_is_the_users(checkout):
    """
    An exception nobody catches ends the program as always; the traceback shows the user's lines.
    """
    done = byline(checkout, "run", sys.executable, "-c", "import job; job.work(0)")

    assert 'job.py", line 5, in work' in done.stderr


def test_no_manifest_is_said(tmp_path):
    """
    Without a manifest the program runs, and the user is told what is missing.
    """
    (tmp_path / "plain.py").write_text("print('fine')\n")

    done = byline(tmp_path, "run", "plain.py")

    assert (0, "fine\n", True) == (done.returncode, done.stdout, "byline scan" in done.stderr)


def test_no_store(checkout):
    """
    With --no-store no file is written.
    """
    byline(checkout, "run", "--no-store", "job.py")

    assert not (checkout / ".byline" / "byline.db").exists()


def test_disabled(checkout):
    """
    With BYLINE_DISABLED the program runs bare, and nothing is written.
    """
    done = byline(checkout, "run", "--no-store", "job.py", BYLINE_DISABLED="1")

    assert (7, "byline: off (BYLINE_DISABLED)\nfailed\n") == (done.returncode, done.stderr)


def test_users_sitecustomize_still_runs(checkout):
    """
    A sitecustomize of the user's own is not hidden.
    """
    (checkout / "site").mkdir()
    (checkout / "site" / "sitecustomize.py").write_text("print('mine')\n")

    done = byline(checkout, "run", "job.py", PYTHONPATH=str(checkout / "site"))

    assert "mine\n__main__" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs a program"),
        (["-m"], "needs a program"),
        (["nowhere.py"], "There is no file 'nowhere.py'"),
        (["no-such-program"], "There is no program 'no-such-program'"),
        (["."], "is a folder"),
        (["--manifest", "nowhere", "job.py"], "There is no manifest at 'nowhere'"),
        (["--store", "/proc/x/y.db", "job.py"], "'/proc/x/y.db'"),
    ],
    ids=["nothing", "only-m", "no-file", "no-program", "folder", "no-manifest", "no-store"],
)
def test_wrong_usage(checkout, words, message):
    """
    What cannot be started is one sentence and status 2.
    """
    done = byline(checkout, "run", *words)

    assert (2, True) == (done.returncode, message in done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_truncated_manifest(checkout):
    """
    A damaged manifest that is named stops the start, not a call.
    """
    path = checkout / ".byline" / "byline.manifest"
    path.write_bytes(path.read_bytes()[:100])

    done = byline(checkout, "run", "--manifest", str(path), "job.py")

    assert (2, True) == (done.returncode, "is damaged" in done.stderr)


def test_script_that_does_not_compile(tmp_path):
    """
    A syntax error in the program is the program's own.
    """
    (tmp_path / "bad.py").write_text("def f(:\n")

    done = byline(tmp_path, "run", "bad.py")

    assert (1, True) == (done.returncode, "SyntaxError" in done.stderr)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-m", "shop.web"], "shop"),
        (["app.py"], "app"),
        (["python3.12", "-m", "shop"], "shop"),
        (["gunicorn", "shop:app"], "gunicorn"),
    ],
    ids=str,
)
def test_program_name(words, expected):
    """
    The service is called what people would call the program.
    """
    assert expected == program_name(words)


def test_environment_is_inherited():
    """
    Child processes get byline too; what was on PYTHONPATH stays on it.
    """
    found = environment({"PYTHONPATH": "/a:/b"}, program="x", manifest=None, store=Path("/s"))

    assert found["PYTHONPATH"].endswith(":/a:/b")
    assert ("x", "/s") == (found["BYLINE_RUN"], found["BYLINE_STORE"])


def test_python_without_a_script_is_started_as_it_is():
    """
    ``python -c`` needs no runner.
    """
    assert [sys.executable, "-c", "x"] == command_line([sys.executable, "-c", "x"])


def test_empty():
    """
    No words are no program.
    """
    with pytest.raises(RunError, match="needs a program"):
        command_line([])


def test_a_python_without_byline_says_nothing(checkout, tmp_path):
    """
    A child process of another Python, which has no byline, runs as if nothing were there.
    """
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)

    done = byline(checkout, "run", str(bare / "bin" / "python"), "-c", "print('fine')")

    assert "fine\n" == done.stdout
    assert "off in this process" not in done.stderr


def test_a_script_knows_its_file(tmp_path):
    """
    A script that changes its folder still finds itself, as with Python alone.
    """
    script = "import os\nos.chdir('/')\nprint(open(__file__).readline(), __loader__.get_filename('__main__') == __file__)\n"
    (tmp_path / "app.py").write_text(script)

    for words in (["app.py"], ["-m", "byline", "run", "--no-store", "app.py"]):
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert "import os\n True\n" == done.stdout, done.stderr


def test_a_damaged_manifest_that_was_merely_found(tmp_path):
    """
    The program runs on without it, and that is said; one that is named must be right.
    """
    (tmp_path / ".byline").mkdir()
    (tmp_path / ".byline/byline.manifest").write_bytes(b"damaged")
    (tmp_path / "app.py").write_text("print('ran')\n")
    words = [sys.executable, "-m", "byline", "run", "--no-store"]

    found, named = (
        subprocess.run([*words, *more, "app.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        for more in ([], ["--manifest", ".byline/byline.manifest"])
    )  # fmt: skip

    assert (0, "ran\n") == (found.returncode, found.stdout), found.stderr
    assert "byline.manifest" in found.stderr
    assert (2, "") == (named.returncode, named.stdout)


@pytest.mark.parametrize("wrong", ["damaged", "of another schema", "a folder", "in no folder"])
def test_a_default_store_that_cannot_be_written(tmp_path, wrong):
    """
    The program starts without it, and that is said once; a store that is named must be right.
    """
    (tmp_path / "app.py").write_text("import byline\n@byline.ai_generated\ndef f(): print('ran')\nf()\n")
    place = tmp_path / ".byline" / "byline.db"
    if wrong == "in no folder":
        place.parent.write_text("a file")
    elif wrong == "a folder":
        place.mkdir(parents=True)
    else:
        Store.open(place, create=True).close()
        if wrong == "damaged":
            place.write_bytes(b"no database" * 1_000)
        else:
            with closing(sqlite3.connect(place)) as other:
                other.execute("PRAGMA user_version = 2")

    found = byline(tmp_path, "run", "app.py")
    named = byline(tmp_path, "run", "--store", ".byline/byline.db", "app.py")

    assert (0, "ran\n") == (found.returncode, found.stdout), found.stderr
    assert 1 == found.stderr.count("byline.db"), found.stderr
    assert "byline: nothing is recorded\n" in found.stderr
    assert "Traceback" not in found.stderr
    assert (2, "") == (named.returncode, named.stdout)
    assert "byline.db" in named.stderr
