"""The owner of each line in unusual repositories: odd names, cut histories, and settings that set traps."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from byline._attribution.blame import Run, own_lines
from byline._attribution.few_files import blame_file
from byline._attribution.repository import Repository
from byline.exceptions import RepositoryError

from .ownership import TEXT, changed, owned


def test_a_change_of_mode_owns_nothing(repo):
    """
    A commit that only made a file executable is passed by.
    """
    first = repo.commit({"a.py": TEXT})
    (repo.path / "a.py").chmod(0o755)
    repo.commit()

    assert [first] == [run.commit for run in owned(repo, "a.py").runs]


def test_the_edge_of_a_shallow_clone_owns_nothing(repo, tmp_path):
    """
    Lines that may be older than a shallow clone have no commit; newer ones keep theirs.
    """
    repo.commit({"a.py": TEXT})
    edge = repo.commit({"a.py": changed(TEXT, 1, by="edge")})
    newest = repo.commit({"a.py": changed(changed(TEXT, 1, by="edge"), 5, by="newest")})
    repo.git("clone", "-q", "--depth=2", repo.path.as_uri(), str(tmp_path / "clone"))
    clone = Repository.open(tmp_path / "clone")

    found = own_lines(clone, "HEAD").files["a.py"]

    assert edge in clone.shallow_commits()
    assert ["", newest, ""] == [run.commit for run in found.runs]
    assert found.runs == blame_file(clone, "HEAD", "a.py").runs


def test_names_of_any_bytes_are_followed(repo):
    """
    Quotes, newlines and bytes that are not UTF-8 in a path change nothing.
    """
    names = ['a"b.py', "a\nb.py", "ü ö.py", "x\udcff.py", ":(glob)*.py", "-a.py", "\x01\t\\.py"]
    first = repo.commit({name: TEXT + name.encode("ascii", "replace").decode() for name in names})
    repo.commit(dict.fromkeys(names, "new\n" + TEXT))

    repository = Repository.open(repo.path)
    found = own_lines(repository, "HEAD").files

    assert found == {
        name: replace(blame_file(repository, "HEAD", name), deletions=found[name].deletions) for name in names
    }
    assert {name: Run(2, 10, first, name, 1) for name in names} == {
        name: ownership.runs[1] for name, ownership in found.items()
    }


def test_a_sha256_repository_is_read(new_repo):
    """
    Longer object names are fine.
    """
    repo = new_repo("long", object_format="sha256")
    first = repo.commit({"a.py": TEXT, "b.py": "1\n"})
    second = repo.commit({"a.py": changed(TEXT, 2, by="Bob")})
    repo.commit({"a.py": None, "b.py": None, "c.py": changed(TEXT, 2, by="Bob"), "d.py": TEXT})

    assert [first, second, first] == [run.commit for run in owned(repo, "c.py").runs]


def test_programs_named_in_the_repository_are_never_run(repo, tmp_path):
    """
    Neither a text conversion nor an external diff program is started.
    """
    trap = tmp_path / "trap"
    program = f"{sys.executable} -c \"open({str(trap)!r}, 'w')\""
    repo.commit({".gitattributes": "* diff=trap\n", "a.py": TEXT, "c.py": TEXT * 2})
    repo.commit({"a.py": changed(TEXT, 1, by="Bob"), "b.py": TEXT * 2, "c.py": None, "d.py": TEXT * 2})
    for name in ("diff.trap.textconv", "diff.trap.command", "diff.external", "core.fsmonitor"):
        repo.git("config", name, program)
    repository = Repository.open(repo.path)

    own_lines(repository, "HEAD")
    blame_file(repository, "HEAD", "a.py")
    repository.dirty()

    assert not trap.exists()


def test_personal_diff_settings_change_nothing(repo):
    """
    What someone set for diffs and logs does not change who owns a line.
    """
    repo.commit({"a.py": TEXT})
    repo.commit({"a.py": None, "b.py": changed(TEXT, 3, by="Bob"), "c.py": "1\n"})
    expected = own_lines(Repository.open(repo.path), "HEAD")
    for name, value in {
        "diff.algorithm": "patience", "diff.indentHeuristic": "false", "diff.renames": "false",
        "diff.renameLimit": "1", "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.context": "5",
        "log.showSignature": "true", "log.decorate": "full", "log.follow": "true", "log.date": "relative",
        "log.diffMerges": "first-parent", "format.pretty": "oneline", "core.quotePath": "true",
        "color.ui": "always", "log.showRoot": "false",
    }.items():  # fmt: skip
        repo.git("config", name, value)

    assert expected == own_lines(Repository.open(repo.path), "HEAD")


def test_some_lines_of_one_file(repo):
    """
    A look-up can be limited to parts of a file.
    """
    first = repo.commit({"a.py": TEXT})
    second = repo.commit({"a.py": changed(TEXT, 5, by="Bob")})

    found = blame_file(Repository.open(repo.path), "HEAD", "a.py", [(1, 2), (5, 6)])

    assert (
        Run(1, 2, first, "a.py", 1),
        Run(5, 1, second, "a.py", 5),
        Run(6, 1, first, "a.py", 6),
    ) == found.runs


def test_a_file_that_is_not_there_is_named(repo):
    """
    Looking up a file that the revision does not have is an error with its name.
    """
    repo.commit({"a.py": TEXT})

    with pytest.raises(RepositoryError, match=r"no file 'b\.py' in commit"):
        blame_file(Repository.open(repo.path), "HEAD", "b.py")


def test_a_missing_version_is_an_error_with_its_cure(repo):
    """
    A blob that was lost ends the walk; no owner is guessed.
    """
    repo.commit({"a.py": TEXT})
    lost = repo.git("rev-parse", "HEAD:a.py")
    repo.commit({"a.py": changed(TEXT, 1, by="Bob")})
    (repo.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()

    with pytest.raises(RepositoryError, match="git fsck"):
        own_lines(Repository.open(repo.path), "HEAD")
