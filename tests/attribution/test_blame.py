"""The owner of each line: compared with ``git blame`` itself, on generated and on hand-made histories."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from byline._attribution.blame import Deletion, FileOwnership, Run, blame_file, own_lines
from byline._attribution.repository import Repository
from byline.exceptions import RepositoryError, UnknownCommitError

from ..repositories import RepositoryFactory
from .histories import histories, write

Line = tuple[str, str, int]
"""Commit, path there, line there."""

TEXT = "".join(f"line {number}\n" for number in range(1, 11))
GENERATED = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def changed(text: str, *numbers: int, by: str) -> str:
    lines = text.splitlines(keepends=True)
    for number in numbers:
        lines[number - 1] = f"line {number}, by {by}\n"
    return "".join(lines)


def without(text: str, *numbers: int) -> str:
    return "".join(
        line for number, line in enumerate(text.splitlines(keepends=True), 1) if number not in numbers
    )


def lines_of(ownership: FileOwnership) -> list[Line]:
    return [
        (run.commit, run.path, run.original_start + offset)
        for run in ownership.runs
        for offset in range(run.length)
    ]


def git_blame(repo: RepositoryFactory, revision: str, path: str, *options: str) -> list[Line]:
    """Ask git blame, independently of byline."""
    output = subprocess.run(
        ["git", "-c", "core.quotePath=false", "blame", "--line-porcelain", *options, revision, "--", path],
        cwd=repo.path, capture_output=True, check=True,
    ).stdout  # fmt: skip
    found: list[Line] = []
    sha, line, name = "", 0, ""
    for text in output.split(b"\n"):
        if text.startswith(b"\t"):
            found.append((sha, name, line))
        elif header := re.match(rb"([0-9a-f]{40,}) (\d+) \d+", text):
            sha, line = header[1].decode(), int(header[2])
        elif text.startswith(b"filename "):
            name = os.fsdecode(text[9:])
            if name.startswith('"'):
                name = name[1:-1].replace(r"\n", "\n").replace(r"\"", '"').replace(r"\377", "\udcff")
    return found


def owned(repo: RepositoryFactory, path: str, revision: str = "HEAD", **options: object) -> FileOwnership:
    found = own_lines(Repository.open(repo.path), revision, paths=[path], **options)  # type: ignore[arg-type]  # each test's own
    return found.files[path]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> RepositoryFactory:
    """Return one repository for all generated histories; each replaces the branch ``made``."""
    return RepositoryFactory(tmp_path_factory.mktemp("made"))


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


def test_an_unknown_revision_is_named():
    """
    A revision that is not there is an error with its name.
    """
    with pytest.raises(UnknownCommitError, match="'nowhere'"):
        own_lines(Repository.open(Path(__file__)), "nowhere")


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
