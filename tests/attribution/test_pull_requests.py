"""Records that a squash merge left on the commits of its pull request."""

from __future__ import annotations

import pytest

from byline._attribution.commits import read_commits
from byline._attribution.incremental import blame_lines
from byline._attribution.marks import MarkIndex
from byline._attribution.note_refs import list_notes, read_records
from byline._attribution.pull_requests import pull_request_heads, recover, squashes
from byline._attribution.repository import Repository
from byline._attribution.settings import ScanSettings

from .records import CODE, git_ai_note, said, scanned

EXACT = ("pull-request", "high")
BY_DIFF = ("pull-request", "medium")
NOTE = git_ai_note({"app.py": "2-3"}, people={"app.py": "4"})


def squash(repo, *, message="Add it (#7)", ref="refs/pull/7/head", files=None, note=NOTE):
    """Commit on a branch with a note, then make one commit of it on main, as a forge does."""
    repo.commit({"README": "Start\n"})
    repo.branch("topic")
    part = repo.commit({"app.py": CODE})
    if note:
        repo.note("refs/notes/ai", part, note)
    return part, merge(repo, part, message=message, ref=ref, files=files or {"app.py": CODE})


def merge(repo, head, *, message="Add it (#7)", ref="refs/pull/7/head", files):
    if ref:
        repo.git("update-ref", ref, head)
    repo.checkout("main")
    sha = repo.commit(files, message=message)
    repo.git("branch", "-q", "-D", "topic")
    return sha


def test_an_equal_file_keeps_its_records(repo):
    """
    Where the file is the same in the pull request, every line has the record that it had there.
    """
    squash(repo)

    assert [None, EXACT, EXACT, EXACT, None] == said(scanned(repo))


def test_the_function_goes_to_the_commit_on_the_branch(repo):
    """
    The function belongs to the commit that exists in the history, with its pull request's number.
    """
    _, sha = squash(repo, note=git_ai_note({"app.py": "1-5"}))

    function = scanned(repo).files[0].functions[0].attribution

    assert (sha, "7", "pull-request", "cursor", "ai") == (
        function.commit, function.change, function.evidence, function.tool, function.verdict
    )  # fmt: skip


def test_people_stay_people(repo):
    """
    A line that a person typed in the pull request is human, whatever the squash's trailers say.
    """
    message = "Add it (#7)\n\nCo-authored-by: Claude <noreply@anthropic.com>\n"
    squash(repo, message=message)

    found = scanned(repo)

    run = found.files[0].runs[2]
    assert ("human", 1) == (run.evidence.verdict, found.header.lines_conflicting)


def test_other_lines_have_the_squash_s_evidence_with_doubt(repo):
    """
    A line that the tool left out has what the whole commit has, with low confidence.
    """
    message = "Add it (#7)\n\nCo-authored-by: Claude <noreply@anthropic.com>\n"
    squash(repo, message=message)

    assert ("trailer", "low") == said(scanned(repo))[0]


def test_a_file_that_differs_is_compared(repo):
    """
    Where the file was changed when it was merged, the lines that both have keep their record, with less confidence.
    """
    changed = "import os\n\n" + CODE.replace("second = 2", "second = 22")
    squash(repo, files={"app.py": changed})

    assert [None, None, None, BY_DIFF, None, BY_DIFF, None] == said(scanned(repo))


def test_lines_are_followed_through_the_pull_request(repo):
    """
    Each line has the note of the commit that wrote it, also when later commits moved it or renamed the file.
    """
    repo.commit({"README": "Start\n"})
    repo.branch("topic")
    first = repo.commit({"old.py": CODE})
    repo.note("refs/notes/ai", first, git_ai_note({"old.py": "2"}))
    second = repo.commit({"old.py": "import os\n" + CODE})
    repo.note("refs/notes/ai", second, git_ai_note({"old.py": "1"}, tool="claude"))
    head = repo.commit({"old.py": None, "app.py": "import os\n" + CODE})
    merge(repo, head, files={"app.py": "import os\n" + CODE})

    runs = scanned(repo).files[0].runs

    told = [(run.length, run.evidence.tool if run.evidence else "") for run in runs]
    assert [(1, "claude"), (1, ""), (1, "cursor"), (3, "")] == told


def test_merges_inside_a_pull_request(repo):
    """
    What a pull request merged from the main branch is not its own.
    """
    repo.commit({"README": "Start\n"})
    repo.branch("topic")
    part = repo.commit({"app.py": CODE})
    repo.note("refs/notes/ai", part, NOTE)
    repo.checkout("main")
    repo.commit({"other.py": CODE})
    repo.checkout("topic")
    head = repo.merge("main")
    merge(repo, head, files={"app.py": CODE})

    found = scanned(repo, everything=True)

    assert [None, EXACT, EXACT, EXACT, None] == said(found)
    assert [None] * 5 == said(found, "other.py")


def test_a_note_that_saw_no_ai(repo):
    """
    Lines of a commit in which the tool saw no AI are not given to the squash's co-author.
    """
    message = "Add it (#7)\n\nCo-authored-by: Claude <noreply@anthropic.com>\n"
    note = git_ai_note({}).replace('"humans"', '"more"')
    squash(repo, message=message, note=note)

    found = scanned(repo, everything=True)

    assert ([None] * 5, 5) == (said(found), found.header.lines_conflicting)


def test_a_note_of_the_squash_itself_wins(repo):
    """
    Where somebody already carried the records over, the pull request is not asked.
    """
    _, sha = squash(repo)
    repo.note("refs/notes/ai", sha, git_ai_note({"app.py": "5"}))

    assert [None, None, None, None, ("note", "high")] == said(scanned(repo))


def test_a_real_merge_needs_nothing(repo):
    """
    The commits of a pull request that was merged as it is are in the history, with their notes.
    """
    repo.commit({"README": "Start\n"})
    repo.branch("topic")
    part = repo.commit({"app.py": CODE})
    repo.note("refs/notes/ai", part, NOTE)
    repo.git("update-ref", "refs/pull/7/head", part)
    repo.checkout("main")
    repo.merge("topic", message="Merge pull request #7 from ana/topic")

    assert ("note", "high") == said(scanned(repo))[1]


def test_a_foreign_number_transfers_nothing(repo):
    """
    When the number is that of another pull request, no line of it is in the commit.
    """
    squash(repo, files={"app.py": "def other():\n    return None\n"})

    assert () == scanned(repo).files


def test_a_file_that_is_gone_is_left_out(repo):
    """
    A file that did not make it into the squash is not asked for.
    """
    squash(repo, files={"other.py": CODE})

    assert () == scanned(repo).files


@pytest.mark.parametrize(
    "ref",
    [
        "refs/pull/7/head",
        "refs/merge-requests/7/head",
        "refs/remotes/origin/pull/7/head",
        "refs/remotes/origin/pull/7",
        "refs/remotes/upstream/pr/7",
        "refs/remotes/origin/merge-requests/7",
    ],
)
def test_heads_as_people_fetch_them(repo, ref):
    """
    The head is found under the forge's name and under those that people give it.
    """
    part, _ = squash(repo, ref=ref)

    assert {"7": part} == pull_request_heads(Repository.open(repo.path))


def test_gitlab(repo):
    """
    GitLab names the merge request in the body.
    """
    message = "Add it\n\nSee merge request team/shop!7\n"
    squash(repo, message=message, ref="refs/merge-requests/7/head")

    assert [None, EXACT, EXACT, EXACT, None] == said(scanned(repo))


def test_missing_heads_are_named_with_the_cure(repo):
    """
    Notes on commits that are not in the history, and no head that leads to them: the scan says what to fetch.
    """
    squash(repo, ref="")

    unverified = scanned(repo).header.unverified

    assert [("pull requests", "byline scan --fetch")] == [(each.subject, each.cure) for each in unverified]


def test_without_notes_nothing_is_missing(repo):
    """
    Without any note, absent pull requests are no loss.
    """
    squash(repo, ref="", note="")

    assert () == scanned(repo).header.unverified


def test_a_missing_object_costs_the_records_only(repo):
    """
    When git cannot read a pull request, the scan goes on and says so.
    """
    repo.commit({"README": "Start\n"})
    repo.branch("topic")
    part = repo.commit({"app.py": CODE})
    repo.note("refs/notes/ai", part, NOTE)
    blob = repo.git("rev-parse", f"{part}:app.py")
    head = repo.commit({"app.py": CODE + "x = 1\n"})
    merge(repo, head, files={"app.py": CODE + "x = 1\n"})
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    found = scanned(repo, everything=True)

    reasons = [each.reason for each in found.header.unverified]
    assert (0, 1) == (found.header.ai_functions, len(reasons))
    assert "cannot be carried over" in reasons[0]


def test_equal_to_git_blame_of_the_head(repo):
    """
    The commit behind each carried line is the one that git blame names in the pull request.
    """
    repo.commit({"README": "Start\n"})
    repo.branch("topic")
    text = CODE
    for number in range(8):
        lines = text.split("\n")
        lines.insert(number % 4 + 1, f"    step_{number} = {number}")
        text = "\n".join(lines).replace(f"step_{number - 3} =", f"step_{number - 3} = 0 +")
        sha = repo.commit({"app.py": text})
        repo.note("refs/notes/ai", sha, git_ai_note({"app.py": "1-99"}, tool=f"tool-{number}"))
    head = repo.git("rev-parse", "HEAD")
    squashed = merge(repo, head, files={"app.py": text})
    repository = Repository.open(repo.path)
    commits = read_commits(repository, squashed, settings=ScanSettings())
    lists = list_notes(repository)
    found, _ = squashes(repository, squashed, commits, {sha for each in lists for sha in each.blobs})
    notes, _ = read_records(repository, lists, found[0].parts, identities=commits.identities)

    carried = MarkIndex(recover(repository, squashed, found, notes))
    original = MarkIndex(notes)

    blamed = blame_lines(repository, "app.py", head, f"^{squashed}~")
    lines = [(part, offset) for part in blamed for offset in range(part.length)]
    expected = [
        original.marks_at(part.commit, part.path, part.original_start + offset)[0].tool
        for part, offset in lines
    ]
    actual = [carried.marks_at(squashed, "app.py", part.start + offset)[0].tool for part, offset in lines]
    assert text.count("\n") == len(lines)
    assert expected == actual
