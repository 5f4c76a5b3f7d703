"""The hunks between many pairs of blobs."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from byline._attribution.diffs import hunks_of
from byline._attribution.repository import Repository
from byline.exceptions import RepositoryError

from ..repositories import RepositoryFactory

CONTENT = st.lists(
    st.sampled_from([b"a\n", b"b\r\n", b"c\rd\n", b"\0\n", b"\n", b"@@ -1 +1 @@\n", b"diff --git a/00000000 b/x\n", b"end"]),
    max_size=12,
).map(b"".join)  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> RepositoryFactory:
    return RepositoryFactory(tmp_path_factory.mktemp("diffs"))


def blob(repo: RepositoryFactory, content: bytes) -> str:
    return repo.git("hash-object", "-w", "--stdin", input=content)


def lines_of(content: bytes) -> list[bytes]:
    """Split at newlines only, and keep them."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def apply(old: list[bytes], new: list[bytes], hunks) -> list[bytes]:
    """Replace what the hunks name, from the last to the first."""
    made = list(old)
    for start, count, new_start, new_count in reversed(hunks):
        begin = start - 1 if count else start
        new_begin = new_start - 1 if new_count else new_start
        made[begin : begin + count] = new[new_begin : new_begin + new_count]
    return made


@settings(deadline=None, max_examples=25)
@given(contents=st.lists(CONTENT, min_size=2, max_size=6, unique=True))
def test_hunks_turn_the_old_version_into_the_new(shared, contents):
    """
    Replacing the lines that hunks name makes the new content, whatever bytes the lines have.
    """
    shas = [blob(shared, content) for content in contents]
    pairs = list(pairwise(shas))

    found = hunks_of(Repository.open(shared.path), pairs)

    # A last line without a newline differs from the same line with one.
    for (old, new), (before, after) in zip(pairs, pairwise(contents), strict=True):
        assert lines_of(after) == apply(lines_of(before), lines_of(after), found[old, new])


def test_nothing_to_compare(repo):
    """
    Without pairs no process is started.
    """
    assert {} == hunks_of(Repository(repo.path / "gone", repo.path), [])


def test_a_large_diff_is_read_in_pieces(repo):
    """
    Diffs that are longer than one read are put together again.
    """
    texts = [
        b"".join(b"%d, version %d\n" % (line, version) for line in range(20_000)) for version in range(3)
    ]
    shas = [blob(repo, text) for text in texts]
    pairs = list(pairwise(shas))

    assert dict.fromkeys(pairs, ((1, 20_000, 1, 20_000),)) == hunks_of(Repository.open(repo.path), pairs)


def test_a_pair_that_git_leaves_out_is_an_error(repo):
    """
    Git says nothing about equal blobs; a pair without an answer is never taken for a pair without hunks.
    """
    sha = blob(repo, b"1\n")

    with pytest.raises(RepositoryError, match=f"git did not compare blob {sha} with {sha}"):
        hunks_of(Repository.open(repo.path), [(sha, sha)])


def test_a_missing_blob_is_an_error(repo):
    """
    A blob that is not there is named, with a cure.
    """
    sha = blob(repo, b"1\n")
    missing = "1234567" + sha[7:]

    with pytest.raises(RepositoryError, match=rf"{missing}.*\n?.*git fsck"):
        hunks_of(Repository.open(repo.path), [(sha, missing)])


@pytest.mark.parametrize("name", ["plain", "co:lon", 'se;mi "quote"', "back\\slash:"])
def test_the_repository_is_not_written(tmp_path, name):
    """
    Trees for the comparison go to a folder that is thrown away, wherever the repository is.
    """
    repo = RepositoryFactory(tmp_path / name)
    pair = (blob(repo, b"1\n"), blob(repo, b"2\n"))
    before = sorted(path for path in (repo.path / ".git").rglob("*"))

    assert {pair: ((1, 1, 1, 1),)} == hunks_of(Repository.open(repo.path), [pair])
    assert before == sorted(path for path in (repo.path / ".git").rglob("*"))


def test_nothing_is_left_in_the_temporary_folder(repo, tmp_path, monkeypatch):
    """
    The folder for the comparison is gone afterwards, after an error too.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", os.fspath(temporary))
    sha = blob(repo, b"1\n")

    hunks_of(Repository.open(repo.path), [(sha, blob(repo, b"2\n"))])
    with pytest.raises(RepositoryError):
        hunks_of(Repository.open(repo.path), [(sha, sha)])

    assert [] == list(Path(temporary).iterdir())
