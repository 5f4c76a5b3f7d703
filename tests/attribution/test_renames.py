"""Where a new file came from, when a commit removed and added several: what git blame would say."""

from __future__ import annotations

import pytest

from byline._attribution.history import changes
from byline._attribution.renames import Renames
from byline._attribution.repository import Repository
from byline._attribution.scratch import scratch_objects
from byline.exceptions import RepositoryError

TEXT = "".join(f"line {number}\n" for number in range(20))


def origins(repo) -> dict[str, str | None]:
    """Return path and origin's path of each new file in the newest commit."""
    repository = Repository.open(repo.path)
    ours = next(iter(changes(repository, "HEAD"))).changes[0]
    with scratch_objects(repository) as scratch, Renames(repository, scratch) as renames:
        found = {change.path: renames.origin(ours, change) for change in ours if change.status == "A"}
    return {path: origin and origin[0] for path, origin in found.items()}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"new": TEXT}, {"new": None}),
        ({"old": TEXT}, {"new": TEXT}, {"new": "old"}),
        ({"old": TEXT}, {"new": TEXT + "more\n"}, {"new": "old"}),
        ({"old": TEXT}, {"new": "else\n"}, {"new": None}),
        ({"old": TEXT}, {"one": TEXT, "two": TEXT}, {"one": "old", "two": "old"}),
        ({"old": TEXT}, {"one": TEXT + "1\n", "two": "else\n"}, {"one": "old", "two": None}),
        ({"old": TEXT}, {"one": TEXT, "two": TEXT + "2\n"}, {"one": "old", "two": "old"}),
        # Log gives each removed file away once; blame lets both have the better source.
        (
            {"good": TEXT, "poor": TEXT[: len(TEXT) * 3 // 4] + "x\n" * 9},
            {"one": TEXT + "1\n", "two": TEXT + "2\n2\n"},
            {"one": "good", "two": "good"},
        ),
        # Between equal sources, the name decides.
        ({"a/x": TEXT, "b/y": TEXT}, {"c/x": TEXT, "c/y": TEXT}, {"c/x": "a/x", "c/y": "b/y"}),
        ({'a/"q\n.py': TEXT, "b/y": TEXT}, {"c/\udcff": TEXT, 'c/"q\n.py': TEXT}, {'c/"q\n.py': 'a/"q\n.py', "c/\udcff": 'a/"q\n.py'}),
        ({"empty": ""}, {"one": "", "two": ""}, {"one": "empty", "two": "empty"}),
        # Of equal content in one folder the name decides, and what comes first.
        ({"a/x": TEXT, "a/y": TEXT, "a/z": "z\n"}, {"b/y": TEXT, "c/n": TEXT}, {"b/y": "a/y", "c/n": "a/x"}),
        ({"a.py": TEXT, "a/b.py": TEXT[1:], "a/c/b.py": TEXT[2:]}, {"n/b.py": TEXT[2:] + "1\n"}, {"n/b.py": "a/c/b.py"}),
    ],
)  # fmt: skip
def test_each_new_file_may_choose_among_all_removed_ones(repo, before, after, expected):
    """
    Every new file gets the most similar removed file, also when another new file has it already.
    """
    repo.commit({"kept": "kept\n", **before})
    repo.commit({**dict.fromkeys(before), **after})

    assert expected == origins(repo)


def test_a_removed_link_is_no_source(repo):
    """
    A symbolic link whose target reads like a file's content is not its origin.
    """
    (repo.path / "link").symlink_to("target")
    repo.commit({"old": TEXT})
    (repo.path / "link").unlink()
    repo.commit({"old": None, "one": "target", "two": TEXT})

    assert {"one": None, "two": "old"} == origins(repo)


def test_a_git_that_dies_is_an_error(repo):
    """
    When git is killed in between, nothing is guessed.
    """
    repo.commit({"old": TEXT})
    repo.commit({"old": None, "one": TEXT + "1\n", "two": TEXT + "2\n"})
    repository = Repository.open(repo.path)
    ours = next(iter(changes(repository, "HEAD"))).changes[0]

    with scratch_objects(repository) as scratch, Renames(repository, scratch) as renames:
        renames._diff.kill()
        renames._diff.wait()
        new = next(change for change in ours if change.status == "A")
        with pytest.raises(RepositoryError, match="git cannot compare renamed files"):
            renames.origin(ours, new)
