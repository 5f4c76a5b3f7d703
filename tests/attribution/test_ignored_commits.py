"""Commits that blame is to look through, as ``git blame`` looks through them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from byline._attribution.blame import own_lines
from byline._attribution.few_files import blame_file
from byline._attribution.incremental import ignored_commits
from byline._attribution.repository import Repository
from byline.exceptions import RepositoryError

from .histories import histories, write
from .ownership import GENERATED, TEXT, git_blame, lines_of, owned


@GENERATED
@given(history=histories(), data=st.data())
def test_ignored_commits_are_looked_through_as_git_blame_does(shared, history, data):
    """
    Lines of an ignored commit go to the line that git guesses, and on from there.
    """
    shas = write(shared, history)
    ignored = data.draw(st.lists(st.sampled_from(shas), min_size=1, unique=True))
    names = shared.path / "ignored"
    names.write_text("# formatting\n" + "".join(f"{sha}  # why\n\n" for sha in ignored))
    shared.git("config", "blame.ignoreRevsFile", "ignored")
    expected = {path: git_blame(shared, "made", path) for path in history[-1].tree}

    found = own_lines(Repository.open(shared.path), "made")

    shared.git("config", "--unset", "blame.ignoreRevsFile")
    assert expected == {path: lines_of(ownership) for path, ownership in found.files.items()}


def test_the_list_in_the_revision_is_honoured(repo):
    """
    The ``.git-blame-ignore-revs`` of the revision counts, even with lines that git would refuse.
    """
    first = repo.commit({"a.py": TEXT})
    style = repo.commit({"a.py": TEXT.replace("line", "LINE")})
    repo.commit({".git-blame-ignore-revs": f"# style\n{style.upper()}  # black\nnot a commit\n"})

    assert {first} == {run.commit for run in owned(repo, "a.py").runs}
    assert {first} == {run.commit for run in blame_file(Repository.open(repo.path), "HEAD", "a.py").runs}
    assert {style} == {run.commit for run in owned(repo, "a.py", style).runs}


def test_lines_that_an_ignored_commit_added_stay_its_own(repo):
    """
    Where there was nothing before, looking through a commit finds nobody else.
    """
    first = repo.commit({"a.py": TEXT})
    added = repo.commit({"a.py": TEXT + "\n\n" + "something_else = entirely()\n"})
    repo.commit({".git-blame-ignore-revs": added})

    assert [(first, 10), (added, 3)] == [(run.commit, run.length) for run in owned(repo, "a.py").runs]


def test_a_missing_ignore_file_is_no_obstacle(repo):
    """
    A setting that names a file which is not there stops git blame, but not the walk.
    """
    first = repo.commit({"a.py": TEXT})
    repo.git("config", "blame.ignoreRevsFile", "missing")

    assert [first] == [run.commit for run in owned(repo, "a.py").runs]
    with pytest.raises(RepositoryError, match="could not open object name list: missing"):
        blame_file(Repository.open(repo.path), "HEAD", "a.py")


@settings(GENERATED, max_examples=15)
@given(
    before=st.binary(max_size=60),
    shas=st.lists(st.text("0123456789abcdefABCDEF", min_size=40, max_size=40), max_size=3),
    end=st.sampled_from(["\n", "\r\n", " # why\n", "\t\n# why\n"]),
)
def test_reading_the_list_is_the_inverse_of_writing_it(shared, before, shas, end):
    """
    Whatever else stands in the file, each commit on a line of its own is found.
    """
    listed = shared.path / ".git" / "ignored"
    listed.write_bytes(before + b"\n" + "".join(sha + end for sha in shas).encode())
    shared.git("config", "blame.ignoreRevsFile", ".git/ignored")
    if not shared.git("rev-list", "--all", "--max-count=1"):
        shared.commit({"a.py": "x = 1\n"})

    found = ignored_commits(Repository.open(shared.path), "HEAD")
    shared.git("config", "--unset", "blame.ignoreRevsFile")

    assert {sha.lower() for sha in shas} <= found
