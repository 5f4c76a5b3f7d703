"""The owner of each line: compared with ``git blame`` itself, on generated and on hand-made histories."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from byline._attribution.blame import Run, own_lines
from byline._attribution.few_files import blame_file
from byline._attribution.repository import Repository
from byline.exceptions import UnknownCommitError

from .histories import histories, write
from .ownership import GENERATED, TEXT, changed, git_blame, lines_of, owned


@GENERATED
@given(history=histories())
def test_owners_are_those_of_git_blame(shared, history):
    """
    Whatever the history, each line has the commit, path and line number that git blame gives.
    """
    write(shared, history)
    repository = Repository.open(shared.path)
    expected = {path: git_blame(shared, "made", path) for path in history[-1].tree}

    found = own_lines(repository, "made")

    assert expected == {path: lines_of(ownership) for path, ownership in found.files.items()}


@GENERATED
@given(history=histories(), data=st.data())
def test_a_bounded_walk_finds_the_same_owners(shared, history, data):
    """
    Lines of commits that are not older than ``stop`` keep their owner; all others have none.
    """
    shas = write(shared, history)
    stop = data.draw(st.sampled_from(shas))
    repository = Repository.open(shared.path)
    older = set(shared.git("rev-list", f"{stop}^@").split())
    expected = {
        path: ["" if sha in older else sha for sha, _, _ in lines_of(ownership)]
        for path, ownership in own_lines(repository, "made").files.items()
    }

    found = own_lines(repository, "made", stop=[stop])

    assert expected == {
        path: [sha for sha, _, _ in lines_of(ownership)] for path, ownership in found.files.items()
    }


@GENERATED
@given(history=histories())
def test_one_file_alone_has_the_same_owners(shared, history):
    """
    The look-up of a single file agrees with the walk.
    """
    write(shared, history)
    repository = Repository.open(shared.path)
    expected = own_lines(repository, "made").files

    found = {path: blame_file(repository, "made", path) for path in expected}

    assert {path: lines_of(each) for path, each in expected.items()} == {
        path: lines_of(each) for path, each in found.items()
    }


def test_runs_cover_the_file_without_gaps(repo):
    """
    Runs are in the order of the lines, each starting where the one before ends.
    """
    first = repo.commit({"a.py": TEXT})
    second = repo.commit({"a.py": changed(TEXT, 4, 5, by="Bob")})

    found = owned(repo, "a.py")

    assert (
        Run(1, 3, first, "a.py", 1),
        Run(4, 2, second, "a.py", 4),
        Run(6, 5, first, "a.py", 6),
    ) == found.runs
    assert repo.git("rev-parse", "HEAD:a.py") == found.blob


def test_lines_keep_their_place_in_the_commit_that_wrote_them(repo):
    """
    A run names the old path and line, because notes are kept by both.
    """
    first = repo.commit({"old.py": TEXT})
    repo.commit({"old.py": None, "new.py": "import os\n" + TEXT})

    assert Run(2, 10, first, "old.py", 1) == owned(repo, "new.py").runs[1]


def test_an_empty_file_has_no_runs(repo):
    """
    A file without lines is listed without owners.
    """
    repo.commit({"a.py": ""})

    assert () == owned(repo, "a.py").runs


def test_order_is_topological(repo):
    """
    The order of commits puts each before its parents, whatever their dates say.
    """
    first = repo.commit({"a.py": TEXT}, date=1_800_000_000)
    second = repo.commit({"a.py": changed(TEXT, 1, by="Bob")}, date=1_600_000_000)

    assert {second: 0, first: 1} == own_lines(Repository.open(repo.path), "HEAD").order


def test_only_the_paths_asked_for_are_owned(repo):
    """
    Paths that the revision does not have as regular files are left out.
    """
    repo.commit({"a.py": "1\n", "b.py": "2\n"})

    found = own_lines(Repository.open(repo.path), "HEAD", paths=["a.py", "nowhere.py"])

    assert ["a.py"] == list(found.files)


def test_an_older_revision_can_be_owned(repo):
    """
    The checked-out revision is not the only one.
    """
    first = repo.commit({"a.py": TEXT})
    repo.commit({"a.py": changed(TEXT, 1, by="Bob")})

    assert [Run(1, 10, first, "a.py", 1)] == list(owned(repo, "a.py", first).runs)


def test_an_unknown_revision_is_named(repo):
    """
    A revision that is not there is an error with its name.
    """
    repo.commit()

    with pytest.raises(UnknownCommitError, match="'nowhere'"):
        own_lines(Repository.open(repo.path), "nowhere")


def test_one_removed_file_may_be_the_source_of_two(repo):
    """
    A file split in two is followed from both parts, as git blame does and git log does not.
    """
    first = repo.commit({"old.py": TEXT})
    repo.commit({"old.py": None, "one.py": TEXT + "one\n", "two.py": TEXT + "two\n"})

    assert [Run(1, 10, first, "old.py", 1)] * 2 == [
        owned(repo, path).runs[0] for path in ("one.py", "two.py")
    ]


def test_two_files_may_come_from_one(repo):
    """
    A file renamed differently on two branches is followed from both names to the same lines.
    """
    first = repo.commit({"old.py": TEXT})
    repo.branch("side")
    repo.commit({"old.py": None, "side.py": TEXT})
    repo.checkout("main")
    repo.commit({"old.py": None, "main.py": TEXT})
    repo.merge("side", files={"main.py": TEXT, "side.py": TEXT})

    assert [(Run(1, 10, first, "old.py", 1),)] * 2 == [
        owned(repo, path).runs for path in ("main.py", "side.py")
    ]


def test_a_merge_owns_only_what_it_changed_itself(repo):
    """
    An edit made inside a merge belongs to the merge, both sides' edits to their commits.
    """
    first = repo.commit({"a.py": TEXT})
    repo.branch("side")
    side = repo.commit({"a.py": changed(TEXT, 9, by="side")})
    repo.checkout("main")
    main = repo.commit({"a.py": changed(TEXT, 1, by="main")})
    both = changed(changed(TEXT, 9, by="side"), 1, by="main")
    merge = repo.merge("side", files={"a.py": changed(both, 5, by="merge")})

    owners = [sha for sha, _, _ in lines_of(owned(repo, "a.py"))]

    assert [main, *[first] * 3, merge, *[first] * 3, side, first] == owners


@pytest.mark.parametrize("text", [TEXT, TEXT + "more\n"], ids=["as it was", "edited"])
def test_a_merge_may_rename_a_file(repo, text):
    """
    A file that has its name from the merge is followed into the parents.
    """
    first = repo.commit({"old.py": TEXT})
    repo.branch("side")
    side = repo.commit({"old.py": changed(TEXT, 9, by="side")})
    repo.checkout("main")
    repo.commit({"b.py": "1\n"})
    repo.merge("side", files={"old.py": None, "new.py": changed(text, 9, by="side")})

    owners = [sha for sha, _, _ in lines_of(owned(repo, "new.py"))]

    assert [*[first] * 8, side, first] == owners[:10]
    assert git_blame(repo, "HEAD", "new.py") == lines_of(owned(repo, "new.py"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_versions_can_be_compared_in_several_processes(repo, jobs):
    """
    Sharing the work among git processes changes nothing, and progress is told.
    """
    lines = [f"{number}\n" for number in range(600)]
    stream = []
    for number in range(1100):
        lines[number * 7 % 600] = f"{number}, changed\n"
        text = "".join(lines)
        stream.append(
            f"commit refs/heads/main\ncommitter A <a@b> {number} +0000\ndata 1\nx\n"
            f"M 100644 inline a.py\ndata {len(text)}\n{text}\n"
        )
    repo.git("fast-import", "--quiet", input="".join(stream))
    told: dict[str, tuple[int, int]] = {}

    found = owned(
        repo, "a.py", "main", jobs=jobs, progress=lambda stage, *numbers: told.update({stage: numbers})
    )

    assert git_blame(repo, "main", "a.py") == lines_of(found)
    assert {"history": (1100, 0), "diffs": (1099, 1099), "blame": (1100, 1100)} == told
