"""The repository that holds a path: real clones, worktrees, submodules, and everything that can be wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from byline._attribution import processes
from byline._attribution.repository import Repository, web_url
from byline.exceptions import RepositoryError, UnknownCommitError


def sha_of(repo, name):
    return repo.git("rev-parse", name)


@pytest.mark.parametrize("inside", [".", "pkg", "pkg/a.py"])
def test_any_path_inside_opens_the_repository(repo, inside):
    """
    A file or folder is enough to find the repository above it.
    """
    repo.commit({"pkg/a.py": "1\n"})

    found = Repository.open(repo.path / inside)

    assert (repo.path.resolve(), repo.path.resolve() / ".git") == (found.root, found.git_dir)


def test_the_root_has_no_symbolic_links(repo, tmp_path):
    """
    A repository reached by a link has the same root as without.
    """
    (tmp_path / "link").symlink_to(repo.path)

    assert repo.path.resolve() == Repository.open(tmp_path / "link").root


def test_a_linked_worktree_has_its_own_root_and_branch(repo, tmp_path):
    """
    In a linked worktree ``.git`` is a file; root and branch are the worktree's.
    """
    sha = repo.commit({"a.py": "1\n"})
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))

    found = Repository.open(tmp_path / "tree")

    assert ((tmp_path / "tree").resolve(), "other", sha) == (found.root, found.branch(), found.head())


def test_a_submodule_is_a_repository_of_its_own(repo, new_repo):
    """
    Inside a submodule, the submodule is opened; its files are not the outer repository's.
    """
    inner = new_repo("inner")
    inner.commit({"a.py": "1\n"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.path), "sub")
    repo.commit({"b.py": "2\n"})

    assert (repo.path / "sub").resolve() == Repository.open(repo.path / "sub" / "a.py").root
    assert [".gitmodules", "b.py"] == sorted(Repository.open(repo.path).files("HEAD"))


def test_outside_of_any_repository(tmp_path):
    """
    The message names the folder and how to make a repository.
    """
    with pytest.raises(RepositoryError, match=r"is not in a git repository.*git init"):
        Repository.open(tmp_path)


def test_a_path_that_does_not_exist(tmp_path):
    """
    The message names the path as it was given.
    """
    with pytest.raises(RepositoryError, match="nowhere' does not exist"):
        Repository.open(tmp_path / "nowhere")


@pytest.mark.parametrize("marked", [True, False], ids=["configured", "guessed"])
def test_a_bare_repository(repo, tmp_path, marked):
    """
    A bare repository has no work tree, and the message asks for one.
    """
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    if not marked:
        (tmp_path / "bare" / "config").unlink()

    with pytest.raises(RepositoryError, match=r"bare repository.*work tree"):
        Repository.open(tmp_path / "bare")


def test_a_repository_of_another_user(repo, monkeypatch):
    """
    When git refuses to read it, the message has the command that allows it.
    """
    # Git's own way to test this; it is a variable that is normally kept away from git.
    monkeypatch.setitem(processes._FIXED, "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(RepositoryError) as caught:
        Repository.open(repo.path)

    assert f"git config --global --add safe.directory {repo.path.resolve()}" in str(caught.value)


def test_a_damaged_repository_is_told_in_gits_words(repo):
    """
    What git says about a repository that it cannot read is passed on.
    """
    (repo.path / ".git" / "config").write_text("[core\n")

    with pytest.raises(RepositoryError, match="bad config line 1"):
        Repository.open(repo.path)


@pytest.mark.parametrize(
    "opened",
    [
        "Repository.open(path)",
        "Repository(path, path).run('status')",
        "Repository(path, path).start('status')",
    ],
)
def test_git_is_not_installed(tmp_path, opened):
    """
    Without git on PATH the message says that it is missing.
    """
    program = (
        "import sys; from pathlib import Path; path = Path(sys.argv[1])\n"
        "from byline._attribution.repository import Repository\n"
        "from byline.exceptions import RepositoryError\n"
        f"try: {opened}\n"
        "except RepositoryError as error: print(error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "git was not found. Install git, and see that it is on PATH.\n" == done.stdout


def test_the_root_was_removed(repo):
    """
    A repository that vanished after it was opened is told from a missing git.
    """
    found = Repository(repo.path / "gone", repo.path)

    with pytest.raises(RepositoryError, match=r"git cannot be started in '.*gone'"):
        found.run("status")


def test_variables_of_a_hook_do_not_redirect_git(repo, new_repo, monkeypatch):
    """
    Inside a hook GIT_DIR names another repository; the one that was opened answers.
    """
    other = new_repo("other")
    other.commit({"b.py": "2\n"})
    sha = repo.commit({"a.py": "1\n"})
    for name, value in {
        "GIT_DIR": other.path / ".git", "GIT_WORK_TREE": other.path, "GIT_INDEX_FILE": other.path / "index",
        "GIT_OBJECT_DIRECTORY": other.path / ".git" / "objects",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))

    found = Repository.open(repo.path)

    assert (sha, ["a.py"], frozenset()) == (found.head(), list(found.files("HEAD")), found.dirty())


def test_settings_in_the_environment_are_kept(repo, monkeypatch):
    """
    Settings passed by GIT_CONFIG_COUNT, as CI does, still count.
    """
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "byline.test")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "here")

    assert ("here",) == Repository.open(repo.path).config("byline.test")


def test_settings_may_have_many_values_or_none(repo):
    """
    Every value of a setting is returned, paths in full.
    """
    repo.git("config", "byline.where", "~/x\ny")
    repo.git("config", "--add", "byline.where", "z")
    found = Repository.open(repo.path)

    assert (str(Path("~/x\ny").expanduser()), "z") == found.config("byline.where", kind="path")
    assert () == found.config("byline.nothing")


def test_replaced_commits_do_not_hide_history(repo):
    """
    Replace references are not followed.
    """
    first = repo.commit({"a.py": "1\n"})
    second = repo.commit({"a.py": "2\n"})
    repo.git("replace", second, first)

    assert first == Repository.open(repo.path).run("rev-parse", f"{second}^").decode().strip()


def test_failures_have_gits_own_message(repo):
    """
    When a git process fails, the error has its message, the command and the place.
    """
    with pytest.raises(
        RepositoryError, match=r"git log failed in '.*repo': fatal: .*does not have any commits"
    ):
        Repository.open(repo.path).run("log")


def test_a_failure_without_words_has_its_status(repo):
    """
    When git says nothing, the exit status is told.
    """
    with pytest.raises(RepositoryError, match=r"git show-ref failed in .*: exit status 1, no message"):
        Repository.open(repo.path).run("show-ref", "--quiet", "nothing")


def test_input_is_passed_to_git(repo):
    """
    Bytes go in and come out unchanged.
    """
    data = bytes(range(256))
    found = Repository.open(repo.path)
    sha = found.run("hash-object", "-w", "--stdin", input=data).decode().strip()

    assert [(sha, data)] == list(found.read_blobs([sha]))


def test_a_stream_that_fails_is_an_error_at_its_end(repo):
    """
    Output that was read before git failed is not taken for all.
    """
    with (
        pytest.raises(RepositoryError, match="git log failed"),
        Repository.open(repo.path).stream("log") as output,
    ):
        assert b"" == output.read()


@pytest.mark.parametrize("error", [True, False], ids=["by an error", "early"])
def test_leaving_a_stream_ends_its_process(repo, monkeypatch, error):
    """
    Whoever does not read to the end leaves no process behind, and hears no complaint of git.
    """
    repo.commit({"a.py": "1\n" * 1_000_000})
    found = Repository.open(repo.path)
    start, started = found.start, []
    monkeypatch.setattr(
        found, "start", lambda *args, **kwargs: started.append(start(*args, **kwargs)) or started[0]
    )

    with suppress(KeyError), found.stream("cat-file", "blob", "HEAD:a.py") as output:
        assert b"1\n" == output.read(2)
        if error:
            raise KeyError

    assert [-signal.SIGKILL] == [process.returncode for process in started]


def test_head_of_an_empty_repository(repo):
    """
    A repository without a commit says so.
    """
    with pytest.raises(RepositoryError, match=r"has no commits yet. Commit something first\."):
        Repository.open(repo.path).head()


def test_head_and_branch(repo):
    """
    The full SHA and the short name of the branch are known; detached, there is no branch.
    """
    sha = repo.commit({"a.py": "1\n"})
    repo.branch("feature/ü")
    found = Repository.open(repo.path)

    assert (sha, "feature/ü") == (found.head(), found.branch())
    repo.checkout(sha)
    assert (sha, "") == (found.head(), found.branch())


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("git@github.com:o/r.git", "https://github.com/o/r"),
        ("github.com:o/r", "https://github.com/o/r"),
        ("ssh://git@example.com:2222/o/r.git", "https://example.com/o/r"),
        ("git+ssh://git@example.com/o/r", "https://example.com/o/r"),
        ("git://example.com/o/r.git/", "https://example.com/o/r"),
        ("https://user:secret@example.com:8443/o/r.git?token=x#y", "https://example.com:8443/o/r"),
        ("http://example.com/o/r", "http://example.com/o/r"),
        ("https://token@[::1]:8443/o/r", "https://[::1]:8443/o/r"),
        ("https://example.com:port/o/r", ""),
        ("https:///o/r", ""),
        ("file:///srv/secret/r.git", ""),
        ("/srv/secret/r.git", ""),
        ("../r", ""),
        (r"C:\secret\r", ""),
    ],
)
def test_the_web_address_has_no_credentials(remote, expected):
    """
    Any form of a remote becomes the address for a browser; a local path is nobody's business.
    """
    assert expected == web_url(remote)


def test_url_is_that_of_origin(repo):
    """
    Only the remote called origin counts.
    """
    found = Repository.open(repo.path)

    assert "" == found.url()
    repo.git("remote", "add", "fork", "git@example.com:me/r.git")
    assert "" == found.url()
    repo.git("remote", "add", "origin", "https://me:secret@example.com/o/r.git")
    assert "https://example.com/o/r" == found.url()


def test_a_complete_clone(repo):
    """
    A complete repository is neither shallow nor partial.
    """
    repo.commit({"a.py": "1\n"})
    found = Repository.open(repo.path)

    assert (False, frozenset(), False) == (found.is_shallow(), found.shallow_commits(), found.is_partial())


def test_a_shallow_clone(repo, tmp_path):
    """
    The commits at the edge of a shallow clone are known, also in a worktree of it.
    """
    repo.commit({"a.py": "1\n"})
    edge = repo.commit({"a.py": "2\n"})
    repo.git("clone", "-q", "--depth=1", repo.path.as_uri(), str(tmp_path / "clone"))
    repo.git("-C", str(tmp_path / "clone"), "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "x")

    found = Repository.open(tmp_path / "tree")

    assert (True, frozenset({edge})) == (found.is_shallow(), found.shallow_commits())


def test_a_partial_clone_without_its_server(repo, tmp_path):
    """
    A blob that a partial clone lacks is an error that says how to fetch all of them.
    """
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.commit({"a.py": "1\n"})
    blob = sha_of(repo, "HEAD:a.py")
    repo.git(
        "clone", "-q", "--no-checkout", "--filter=blob:none", repo.path.as_uri(), str(tmp_path / "clone")
    )
    found = Repository.open(tmp_path / "clone")
    (repo.path / ".git").rename(repo.path / "gone")

    assert found.is_partial()
    with pytest.raises(RepositoryError, match="git fetch --refetch --no-filter"):
        list(found.read_blobs([blob]))


def test_a_missing_blob(repo):
    """
    A blob that is not there is an error with its name and a cure.
    """
    repo.commit({"a.py": "1\n"})
    blob = sha_of(repo, "HEAD:a.py")

    with pytest.raises(RepositoryError, match=r"has no blob 1234567.*git fsck"):
        list(Repository.open(repo.path).read_blobs([blob, "1234567" + blob[7:]]))


def test_files_are_regular_files(repo):
    """
    Symbolic links are no files to attribute; any name is kept, executables too.
    """
    names = ['a"b', "a\nb", "ü b", "x\udcff", "dir/c"]
    repo.commit(dict.fromkeys(names, "1\n"))
    (repo.path / "link").symlink_to("dir/c")
    (repo.path / "dir" / "c").chmod(0o755)
    repo.commit()

    found = Repository.open(repo.path).files("HEAD")

    assert {name: sha_of(repo, "HEAD:dir/c") for name in sorted(names)} == dict(sorted(found.items()))


def test_blobs_are_read_in_order(repo):
    """
    Blobs come in the order in which they were asked for, twice if asked twice.
    """
    repo.commit({"a": "1\n", "b": b"\0\xff missing\n", "c": ""})
    shas = [sha_of(repo, f"HEAD:{name}") for name in "abca"]

    found = list(Repository.open(repo.path).read_blobs(shas))

    assert list(zip(shas, [b"1\n", b"\0\xff missing\n", b"", b"1\n"], strict=True)) == found


def test_no_blobs_need_no_answer(repo):
    """
    Asking for nothing is fine.
    """
    assert [] == list(Repository.open(repo.path).read_blobs([]))


def test_names_are_read_with_none_for_what_is_not_there(repo):
    """
    A folder, a missing path and a missing revision are None; any path that is there is read.
    """
    repo.commit({"a b": "1\n", "c\nd": "2\n", "dir/e": "3\n"})
    names = [
        "HEAD:a b",
        "HEAD:c\nd",
        "HEAD:no\nthing",
        "HEAD:no thing",
        "nowhere:a b",
        "HEAD:dir",
        "HEAD:dir/e",
    ]

    found = Repository.open(repo.path).read_names(names)

    assert [b"1\n", b"2\n", None, None, None, None, b"3\n"] == [each and each[1] for each in found]
    assert (sha_of(repo, "HEAD:a b"), b"1\n") == found[0]


def test_dirty_files_are_all_that_is_not_committed(repo):
    """
    Changed, staged, removed and new files are dirty, ignored ones are not.
    """
    repo.commit(
        dict.fromkeys(["same", "changed", "staged", "removed", "old"], "1\n") | {".gitignore": "*.log\n"}
    )
    for name in ("changed", "staged", "dir/new", "dir/ü\n", "x.log"):
        (repo.path / name).parent.mkdir(exist_ok=True)
        (repo.path / name).write_text("2\n")
    (repo.path / "removed").unlink()
    repo.git("add", "staged")
    repo.git("mv", "old", "moved")

    found = Repository.open(repo.path).dirty()

    assert {"changed", "staged", "removed", "dir/new", "dir/ü\n", "old", "moved"} == found


def test_a_name_resolves_to_its_commit(repo):
    """
    The beginning of a SHA, a branch, a tag and an expression all name a commit.
    """
    first = repo.commit({"a.py": "1\n"})
    second = repo.commit({"a.py": "2\n"})
    repo.git("tag", "-m", "annotated", "v1", first)
    found = Repository.open(repo.path)

    assert [second, second, first, first] == [
        found.resolve(name) for name in (second[:10], "main", "v1", "HEAD~1")
    ]


@pytest.mark.parametrize("name", ["", "1234567", "nowhere", "--all", "HEAD\0", "HEAD:a.py", "HEAD~9"])
def test_a_name_without_a_commit(repo, name):
    """
    What names no commit is an error with the name in it.
    """
    repo.commit({"a.py": "1\n"})

    with pytest.raises(UnknownCommitError) as caught:
        Repository.open(repo.path).resolve(name)

    assert repr(name) in str(caught.value)


def test_a_name_of_several_commits(repo):
    """
    The beginning of several SHAs is too short, and the message says so.
    """
    commits = (
        f"commit refs/heads/main\ncommitter A <a@b> {number} +0000\ndata 1\nx\n" for number in range(1000)
    )
    repo.git("fast-import", "--quiet", input="".join(commits))
    shas = sorted(repo.git("rev-list", "main").split())
    prefix = next(sha[:4] for sha, other in pairwise(shas) if sha[:4] == other[:4])

    with pytest.raises(UnknownCommitError, match="more than one commit"):
        Repository.open(repo.path).resolve(prefix)


def test_refs_are_found_by_full_name(repo):
    """
    A ref is here or not; its short name is no name.
    """
    repo.note("refs/notes/ai", repo.commit({"a.py": "1\n"}), "{}")
    found = Repository.open(repo.path)

    assert [True, False, False] == [found.has_ref(name) for name in ("refs/notes/ai", "refs/notes/x", "ai")]


def test_a_git_that_is_refused_as_a_program(repo, tmp_path, monkeypatch):
    """
    A git that cannot be executed is told with the system's reason.
    """
    found = Repository.open(repo.path)
    (tmp_path / "git").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RepositoryError, match="git cannot be started in"):
        found.run("status")


def test_opening_loads_git_only_when_asked():
    """
    Importing the module does not import GitPython.
    """
    program = (
        "import sys, byline._attribution.blame, byline._attribution.history; print('git' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "False\n" == done.stdout


def test_a_relative_path_may_begin_with_a_tilde(repo, monkeypatch):
    """
    A folder called ``~`` is not somebody's home.
    """
    (repo.path / "~").mkdir()
    monkeypatch.chdir(repo.path)

    assert repo.path.resolve() == Repository.open(Path("~")).root
