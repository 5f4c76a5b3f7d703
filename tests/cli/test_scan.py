"""``byline scan`` and ``byline manifest show`` on real repositories, good and bad."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
SOURCE = "def one():\n    return 1\n\n\ndef two():\n    return 2\n"


def git(folder: Path, *words: str, **environment: str) -> str:
    people = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in (("NAME", "Ana"), ("EMAIL", "ana@example.org"))}  # fmt: skip
    return subprocess.run(
        ["git", *words], cwd=folder, env={**os.environ, **people, **environment}, check=True, capture_output=True, text=True
    ).stdout.strip()  # fmt: skip


def byline(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "byline", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "app.py").write_text(SOURCE)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Start")
    (folder / "app.py").write_text(SOURCE + "\n\ndef three():\n    x = 1\n    return x + 2\n")
    git(folder, "commit", "-qam", CLAUDE)
    return folder


def summary(folder: Path, *words: str) -> dict:
    done = byline(folder, "scan", "--json", *words)
    assert (0, "") == (done.returncode, done.stderr)
    return json.loads(done.stdout)


def test_json(repository):
    """
    The summary counts functions, AI functions, tools and confidence.
    """
    told = summary(repository)

    assert (3, 1, {"claude": 1}, {"medium": 1}) == (
        told["functions"], told["ai_functions"], told["by_tool"], told["by_confidence"]
    )  # fmt: skip


def test_default_place_is_ignored_by_git(repository):
    """
    The manifest goes to .byline in the repository, which git does not see.
    """
    told = summary(repository)

    assert str(repository / ".byline" / "byline.manifest") == told["manifest"]
    assert "" == git(repository, "status", "--porcelain")


def test_same_bytes_again(repository):
    """
    The same revision gives the same manifest.
    """
    summary(repository, "-o", "one")
    summary(repository, "-o", "two")

    assert (repository / "one").read_bytes() == (repository / "two").read_bytes()


def test_table(repository):
    """
    People get a table and the next step.
    """
    done = byline(repository, "scan")

    assert all(part in done.stdout for part in ("functions", "claude", "medium", "byline run"))


def test_progress_on_a_terminal(repository):
    """
    A terminal shows how far the scan is; the table comes after.
    """
    main, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "byline", "scan"],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=other,
        text=True,
    ) as process:
        os.close(other)
        shown = b""
        while True:
            try:
                shown += os.read(main, 1024)
            except OSError:
                break
        process.communicate()
    os.close(main)

    assert b"Reading" in shown or b"Finding" in shown


def test_subfolder_scans_the_repository(repository):
    """
    Any folder inside names the repository.
    """
    (repository / "sub").mkdir()

    assert 3 == summary(repository, "sub")["functions"]


def test_detached_head(repository):
    """
    A detached HEAD is a revision like any other.
    """
    git(repository, "checkout", "-q", "--detach")

    assert 1 == summary(repository)["ai_functions"]


def test_bad_files_are_listed(repository):
    """
    A file that does not parse, or is not text, is listed with its reason, and nothing else is lost.
    """
    (repository / "broken.py").write_text("def f(:\n")
    (repository / "latin.py").write_bytes(b"x = '\xe9'\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", CLAUDE)

    told = summary(repository)

    reasons = {each["subject"]: each["reason"] for each in told["unverified"]}
    assert 1 == told["ai_functions"]
    assert "syntax error in line 1" in reasons["broken.py"]
    assert "utf-8" in reasons["latin.py"].lower()


def test_uncommitted_edits_are_listed(repository):
    """
    A file with uncommitted edits is named: the manifest describes what is committed.
    """
    (repository / "app.py").write_text("x = 1\n")

    assert ["app.py"] == [each["subject"] for each in summary(repository)["unverified"]]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "not in a git repository"),
        (lambda folder: git(folder, "init", "-q"), "no commits yet"),
        (lambda folder: git(folder, "init", "-q", "--bare", "."), "bare repository"),
    ],
    ids=["no-repository", "no-commits", "bare"],
)
def test_nothing_to_scan(tmp_path, prepare, message):
    """
    What cannot be scanned is one clear sentence and status 2.
    """
    prepare(tmp_path)

    done = byline(tmp_path, "scan")

    assert (2, "", True) == (done.returncode, done.stdout, message in done.stderr)
    assert "Traceback" not in done.stderr


def test_missing_folder(tmp_path):
    """
    A folder that is not there is named.
    """
    done = byline(tmp_path, "scan", "nowhere")

    assert (2, True) == (done.returncode, "nowhere" in done.stderr)


def test_shallow_clone(repository, tmp_path):
    """
    A shallow clone is refused with the cure, and allowed with a flag, its edge unknown.
    """
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", str(clone))

    refused = byline(clone, "scan")
    allowed = summary(clone, "--allow-shallow")

    assert (2, True) == (refused.returncode, "fetch-depth: 0" in refused.stderr)
    assert 0 == allowed["ai_functions"]


def test_unwritable_output(repository):
    """
    A manifest that cannot be written says where and why.
    """
    (repository / "file").write_text("")

    done = byline(repository, "scan", "-o", "file/byline.manifest")

    assert (2, True) == (done.returncode, "'file/byline.manifest'" in done.stderr)


@pytest.mark.parametrize(
    "setting",
    ["min_ai_share = 2", "min_ai_shar = 0.5", 'exclude = "x"', "identities = 3", "= broken"],
    ids=str,
)
def test_wrong_settings(repository, setting):
    """
    A wrong [tool.byline] is refused, and named.
    """
    (repository / "pyproject.toml").write_text(f"[tool.byline]\n{setting}\n")

    done = byline(repository, "scan")

    assert (2, True) == (done.returncode, "pyproject.toml" in done.stderr)


def test_excluded_files(repository):
    """
    Excluded paths are left out.
    """
    (repository / "pyproject.toml").write_text('[tool.byline]\nexclude = ["app*"]\n')

    assert 0 == summary(repository)["functions"]


def test_house_bot(repository):
    """
    A company's own bot is recognised when the project says so.
    """
    (repository / "pyproject.toml").write_text('[tool.byline.identities]\nhousebot = ["bot@corp.example"]\n')
    (repository / "bot.py").write_text(SOURCE)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Add\n\nCo-authored-by: Robby <bot@corp.example>\n")

    assert {"housebot": 2, "claude": 1} == summary(repository)["by_tool"]


def test_notes_win_over_trailers(repository):
    """
    A line-level note decides for its lines: what it leaves to people is theirs.
    """
    head = git(repository, "rev-parse", "HEAD")
    session = "s_0123456789abcd"
    note = (
        f"app.py\n  {session}::t_0123456789abcd 9-9\n  h_0123456789abcd 10-11\n---\n"
        '{"schema_version": "authorship/3.0.0", "base_commit_sha": "x", "prompts": {}, '
        f'"sessions": {{"{session}": {{"agent_id": {{"tool": "cursor", "id": "1", "model": "gpt-5"}}}}}}, '
        '"humans": {"h_0123456789abcd": {"author": "Ana <ana@example.org>"}}}'
    )
    git(repository, "notes", "--ref=ai", "add", "-m", note, head)

    told = summary(repository)
    done = byline(repository, "manifest", "show", "--json")
    functions = {each["qualname"]: each for each in json.loads(done.stdout)["functions"]}

    assert (0, 2) == (told["ai_functions"], told["lines_conflicting"])
    assert (1, 3, "cursor") == (
        functions["three"]["ai_lines"],
        functions["three"]["lines"],
        functions["three"]["tool"],
    )


def test_show(repository):
    """
    The manifest can be read by people and by programs.
    """
    summary(repository)

    shown = byline(repository, "manifest", "show")
    told = json.loads(byline(repository, "manifest", "show", "--json").stdout)

    assert "app.three" in shown.stdout
    assert ["app.three"] == [each["name"] for each in told["functions"]]
    assert "return x" not in json.dumps(told)


def test_show_without_a_manifest(tmp_path):
    """
    Without a manifest the error says how to make one.
    """
    done = byline(tmp_path, "manifest", "show")

    assert (2, True) == (done.returncode, "byline scan" in done.stderr)
