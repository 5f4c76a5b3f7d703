"""Changes that only removed lines: compared with ``git log -L`` on every side of a merge."""

from __future__ import annotations

import pytest
from hypothesis import given

from byline._attribution.blame import Deletion, own_lines
from byline._attribution.repository import Repository

from ..repositories import RepositoryFactory
from .histories import histories, write
from .ownership import GENERATED, TEXT, changed, lines_of, owned, without


def touched(repo: RepositoryFactory, path: str, first: int, last: int) -> str:
    """Return the newest commit that changed these lines or removed some between them."""
    found = own_lines(Repository.open(repo.path), "HEAD", paths=[path])
    ownership = found.files[path]
    owners = {sha for sha, _, _ in lines_of(ownership)[first - 1 : last]}
    removers = {
        deletion.commit
        for deletion in ownership.deletions
        if first <= deletion.above and deletion.below <= last
    }
    return min(owners | removers, key=found.order.__getitem__)


def git_log(repo: RepositoryFactory, path: str, first: int, last: int) -> str:
    return repo.git("log", "-1", "-s", "--format=%H", f"-L{first},{last}:{path}")


def test_a_removed_line_is_between_its_neighbours(repo):
    """
    A commit that only removed lines is kept with the final lines around the gap.
    """
    repo.commit({"a.py": TEXT})
    remover = repo.commit({"a.py": without(TEXT, 4, 5)})
    repo.commit({"a.py": "import os\n" + without(TEXT, 4, 5)})

    assert (Deletion(remover, 4, 5),) == owned(repo, "a.py").deletions


def test_lines_removed_at_the_ends_have_one_neighbour(repo):
    """
    At a file's start and end, the missing neighbour is line 0 or the line after the last.
    """
    repo.commit({"a.py": TEXT})
    remover = repo.commit({"a.py": without(TEXT, 1, 10)})

    assert (Deletion(remover, 0, 1), Deletion(remover, 8, 9)) == owned(repo, "a.py").deletions


def test_deletions_are_newest_first(repo):
    """
    Several removals at one place are all kept.
    """
    repo.commit({"a.py": TEXT})
    older = repo.commit({"a.py": without(TEXT, 5)})
    newer = repo.commit({"a.py": without(TEXT, 5, 6)})

    assert (Deletion(newer, 4, 5), Deletion(older, 4, 5)) == owned(repo, "a.py").deletions


@pytest.mark.parametrize("side", ["main", "side", "both", "merge"])
def test_a_removal_is_found_on_every_side_of_a_merge(repo, side):
    """
    The newest change of some lines is what ``git log -L`` says, wherever lines were removed.
    """
    repo.commit({"a.py": TEXT})
    repo.branch("side")
    repo.commit({"a.py": changed(TEXT, 1, by="side")})
    if side in {"side", "both"}:
        repo.commit({"a.py": without(changed(TEXT, 1, by="side"), 5)})
    repo.checkout("main")
    repo.commit({"a.py": changed(TEXT, 10, by="main")})
    if side in {"main", "both"}:
        repo.commit({"a.py": without(changed(TEXT, 10, by="main"), 5)})
    merged = without(changed(changed(TEXT, 1, by="side"), 10, by="main"), 5)
    repo.merge("side", files={"a.py": merged})

    assert git_log(repo, "a.py", 3, 7) == touched(repo, "a.py", 3, 7)


def test_a_removal_before_a_rename_is_found(repo):
    """
    Removed lines are followed through a rename.
    """
    repo.commit({"old.py": TEXT})
    remover = repo.commit({"old.py": without(TEXT, 5)})
    repo.commit({"old.py": None, "new.py": without(TEXT, 5)})

    assert remover == touched(repo, "new.py", 3, 7) == git_log(repo, "new.py", 3, 7)


@GENERATED
@given(history=histories())
def test_neighbours_of_a_removal_are_next_to_each_other_in_the_file(shared, history):
    """
    A removal is always between two lines of the final file, in their order.
    """
    write(shared, history)
    found = own_lines(Repository.open(shared.path), "made")

    for ownership in found.files.values():
        length = len(lines_of(ownership))
        assert all(0 <= each.above < each.below <= length + 1 for each in ownership.deletions)
