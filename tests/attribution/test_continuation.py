"""Owners found from those of an earlier revision: the same as a walk through all of history finds."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from byline._attribution.blame import FileOwnership, own_lines
from byline._attribution.continuation import Continued, Earlier, go_on
from byline._attribution.repository import Repository

from ..repositories import RepositoryFactory
from .histories import Made, histories, write
from .ownership import GENERATED, TEXT, changed, git_blame, lines_of, without

Owners = dict[str, FileOwnership]


def earlier_of(repository: Repository, sha: str, owners: Owners | None = None) -> Earlier:
    known = own_lines(repository, sha, to_go_on=True).files if owners is None else owners
    return Earlier(sha, {path: each.blob for path, each in known.items()}, known.__getitem__)


def continued(repository: Repository, sha: str, earlier: Earlier) -> tuple[Owners, Continued]:
    order = {
        each: at for at, each in enumerate(repository.run("rev-list", "--topo-order", sha).decode().split())
    }
    blobs = repository.files(sha)
    found = go_on(repository, sha, blobs, earlier, order, lambda *_: None)
    walked = own_lines(repository, sha, paths=found.rest, to_go_on=True).files
    unchanged = {path: earlier.recall(path) for path in found.unchanged}
    owners = unchanged | dict(found.files) | walked
    return {path: owners[path] for path in blobs}, found


def facts(owners: Owners) -> dict[str, object]:
    return {path: (each.blob, lines_of(each), set(each.deletions)) for path, each in owners.items()}


@GENERATED
@given(history=histories(), data=st.data())
def test_owners_are_those_of_a_whole_walk(shared, history, data):
    """
    Whatever the history, and also when a rebuild goes on from a rebuild.
    """
    shas = write(shared, history)
    repository = Repository.open(shared.path)
    at = data.draw(st.integers(0, len(shas) - 1))
    earlier = earlier_of(repository, shas[at])

    while at < len(shas) - 1:
        later = [
            number
            for number in range(at + 1, len(shas))
            if not repository.run("rev-list", "--max-count=1", shas[at], f"^{shas[number]}")
        ]
        at = data.draw(st.sampled_from(later))
        owners, _ = continued(repository, shas[at], earlier)

        assert facts(own_lines(repository, shas[at]).files) == facts(owners)

        earlier = earlier_of(repository, shas[at], owners)


def test_only_what_changed_is_looked_at(repo):
    """
    After one commit, one file is found anew, and no file is followed to its beginning.
    """
    repo.commit({"a.py": TEXT, "b.py": TEXT})
    first = repo.commit({"a.py": changed(TEXT, 2, by="Bob")})
    second = repo.commit({"b.py": changed(TEXT, 7, by="Eve")})
    repository = Repository.open(repo.path)

    owners, found = continued(repository, second, earlier_of(repository, first))

    assert (frozenset({"a.py"}), {"b.py"}, frozenset()) == (found.unchanged, found.files.keys(), found.rest)
    assert git_blame(repo, "HEAD", "b.py") == lines_of(owners["b.py"])


def test_a_branch_from_before_is_merged_without_a_long_way(repo):
    """
    What a pull request brings was made on an older commit: the owners there are known all the same.
    """
    repo.commit({"a.py": TEXT, "b.py": TEXT, "c.py": TEXT})
    repo.branch("topic")
    repo.commit({"a.py": changed(TEXT, 3, by="Bob")})
    repo.checkout("main")
    first = repo.commit({"b.py": changed(TEXT, 2, by="Eve")})
    second = repo.merge("topic")
    repository = Repository.open(repo.path)

    owners, found = continued(repository, second, earlier_of(repository, first))

    assert (frozenset({"b.py", "c.py"}), {"a.py"}, frozenset()) == (
        found.unchanged,
        found.files.keys(),
        found.rest,
    )
    assert git_blame(repo, "HEAD", "a.py") == lines_of(owners["a.py"])


def test_a_file_that_changed_on_both_sides_of_a_fork_is_followed_whole(repo):
    """
    Where the branch left, the file was another one: then only its whole history tells.
    """
    repo.commit({"a.py": TEXT})
    repo.branch("topic")
    repo.commit({"a.py": changed(TEXT, 9, by="Bob")})
    repo.checkout("main")
    first = repo.commit({"a.py": changed(TEXT, 2, by="Eve")})
    second = repo.merge("topic")
    repository = Repository.open(repo.path)

    owners, found = continued(repository, second, earlier_of(repository, first))

    assert frozenset({"a.py"}) == found.rest
    assert git_blame(repo, "HEAD", "a.py") == lines_of(owners["a.py"])


@pytest.mark.parametrize("gone", [(4,), (4, 5), (3, 4, 6, 7)])
def test_a_removal_is_told_by_the_lines_that_are_left(repo, gone):
    """
    When the lines around an old removal go, the next ones tell where it was.
    """
    repo.commit({"a.py": TEXT})
    first = repo.commit({"a.py": without(TEXT, 5)})
    lines = without(TEXT, 5).splitlines(keepends=True)
    second = repo.commit(
        {"a.py": "".join(line for number, line in enumerate(lines, 1) if number not in gone)}
    )
    repository = Repository.open(repo.path)

    owners, found = continued(repository, second, earlier_of(repository, first))

    assert not found.rest
    assert own_lines(repository, second).files["a.py"].deletions == owners["a.py"].deletions


def test_the_same_revision_needs_nothing(repo):
    """
    Nothing is done when nothing was committed.
    """
    sha = repo.commit({"a.py": TEXT})
    repository = Repository.open(repo.path)

    owners, found = continued(repository, sha, earlier_of(repository, sha))

    assert (frozenset({"a.py"}), {}, frozenset()) == (found.unchanged, found.files, found.rest)
    assert git_blame(repo, "HEAD", "a.py") == lines_of(owners["a.py"])


def test_a_file_without_known_removals_is_followed_whole(repo: RepositoryFactory):
    """
    Owners that were not kept to go on from are not gone on from.
    """
    first = repo.commit({"a.py": TEXT})
    second = repo.commit({"a.py": changed(TEXT, 1, by="Bob")})
    repository = Repository.open(repo.path)
    earlier = earlier_of(repository, first, own_lines(repository, first).files)

    _, found = continued(repository, second, earlier)

    assert frozenset({"a.py"}) == found.rest


def test_lines_that_come_to_two_commits_with_the_same_file(repo):
    """
    A merge sends lines to both its parents, and both come to the same old version: a removal is told once.
    """
    same = "value = 0 # text\n"
    tail = same.rstrip("\n")
    made = [
        Made((), {"a.py": [same, same, "gone = 1\n", same, same, same, same, tail]}, 0),
        Made((0,), {"a.py": [same] * 5 + [tail]}, 0),
        Made((1,), {"a.py": [same, same, tail]}, 0),
        Made((1,), {"a.py": [same] * 5 + [tail], "b.py": []}, 0),
        Made((2, 3), {"a.py": [same] * 3, "b.py": []}, 0),
    ]
    shas = write(repo, made)
    repository = Repository.open(repo.path)

    owners, found = continued(repository, shas[4], earlier_of(repository, shas[3]))

    assert not found.rest
    assert facts(own_lines(repository, shas[4]).files) == facts(owners)
