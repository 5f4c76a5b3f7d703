"""Fetching notes and the heads of pull requests, from real remotes."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from byline._attribution.fetch import REFSPECS, command, fetch_records
from byline._attribution.repository import Repository
from byline.exceptions import RepositoryError

from .records import CODE, git_ai_note, said, scanned


@pytest.fixture
def forge(new_repo):
    """Return a repository with a squash-merged pull request, its notes, and a merge request."""
    forge = new_repo("forge")
    forge.commit({"README": "Start\n"})
    forge.branch("topic")
    part = forge.commit({"app.py": CODE})
    forge.note("refs/notes/ai", part, git_ai_note({"app.py": "2"}))
    forge.git("update-ref", "refs/pull/7/head", part)
    forge.git("update-ref", "refs/merge-requests/8/head", part)
    forge.git("update-ref", "refs/agentdiff/meta", part)
    forge.checkout("main")
    forge.commit({"app.py": CODE}, message="Add it (#7)")
    forge.git("branch", "-q", "-D", "topic")
    return forge


@pytest.fixture
def clone(forge, new_repo):
    """Return a plain clone of it."""
    clone = new_repo("clone")
    clone.git("remote", "add", "origin", str(forge.path))
    clone.git("fetch", "-q", "origin")
    clone.git("reset", "-q", "--hard", "origin/main")
    return clone


def fetch(repo, **options):
    fetch_records(Repository.open(repo.path), **options)


def test_brings_what_a_clone_leaves_behind(clone):
    """
    Notes, heads and other records arrive under their own names, and the scan finds the lines.
    """
    before = scanned(clone)
    fetch(clone)

    refs = clone.git("for-each-ref", "--format=%(refname)", "refs/notes", "refs/pull", "refs/merge-requests", "refs/agentdiff")  # fmt: skip
    assert [
        "refs/agentdiff/meta",
        "refs/merge-requests/8/head",
        "refs/notes/ai",
        "refs/pull/7/head",
    ] == refs.split()
    assert () == before.files
    assert [None, ("pull-request", "high"), None, None, None] == said(scanned(clone))


def test_tells_how_far_it_is(clone):
    """
    Whoever waits is told, up to the end.
    """
    told = []

    fetch(clone, progress=lambda *each: told.append(each))

    assert (("fetch", 0, 0), ("fetch", 100, 100)) == (told[0], told[-1])


def test_nothing_to_fetch_is_fine(clone):
    """
    A remote that has nothing new, or nothing at all of this kind, is no error.
    """
    fetch(clone)
    fetch(clone)


def test_heads_are_replaced(forge, clone):
    """
    A pull request that was rewritten is fetched again.
    """
    fetch(clone)
    forge.git("update-ref", "refs/pull/7/head", forge.git("rev-parse", "main"))
    fetch(clone)

    assert forge.git("rev-parse", "main") == clone.git("rev-parse", "refs/pull/7/head")


def test_notes_made_here_are_not_overwritten(forge, clone):
    """
    Notes that were never pushed stay, and the message says how to join them.
    """
    fetch(clone)
    head = clone.git("rev-parse", "HEAD")
    clone.note("refs/notes/ai", head, git_ai_note({"app.py": "3"}))
    forge.note("refs/notes/ai", head, git_ai_note({"app.py": "4"}))

    with pytest.raises(
        RepositoryError, match=re.escape("git notes --ref=refs/notes/ai merge -s ours")
    ) as caught:
        fetch(clone)
    join = re.search(r"git fetch origin .*", str(caught.value))[0]
    clone.git("config", "user.name", "Ana")
    clone.git("config", "user.email", "ana@example.com")
    subprocess.run(["sh", "-c", join], cwd=clone.path, check=True, capture_output=True)

    assert "  s_0123456789abcd::t_0123456789abcd 3" in clone.git("notes", "--ref=ai", "show", head)
    assert "ai-origin" not in clone.git("notes", "--ref=ai", "list")


def test_offline(clone):
    """
    A remote that cannot be reached is one sentence with git's reason, and without passwords.
    """
    clone.git("remote", "set-url", "origin", "http://ana:s3cr3t@127.0.0.1:9/shop.git")

    with pytest.raises(
        RepositoryError, match=r"Cannot fetch from 'origin': .*scan without --fetch"
    ) as caught:
        fetch(clone)

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("remotes", "message"),
    [((), "no remote to fetch from"), (("one", "two"), "remotes one, two and none called origin")],
    ids=["none", "several"],
)
def test_no_remote(repo, remotes, message):
    """
    Without a remote, or with several and no origin, the error says so.
    """
    repo.commit({"app.py": CODE})
    for name in remotes:
        repo.git("remote", "add", name, "/nowhere")

    with pytest.raises(RepositoryError, match=message):
        fetch(repo)


def test_the_only_remote(forge, new_repo):
    """
    The only remote is asked, whatever its name.
    """
    clone = new_repo("clone")
    clone.git("remote", "add", "upstream", str(forge.path))

    fetch(clone)

    assert forge.git("rev-parse", "refs/notes/ai") == clone.git("rev-parse", "refs/notes/ai")


def test_by_hand(clone):
    """
    The command for people fetches the same.
    """
    subprocess.run(["sh", "-c", command()], cwd=clone.path, check=True, capture_output=True)

    assert len(REFSPECS) == len(
        clone.git(
            "for-each-ref", "refs/notes", "refs/pull", "refs/merge-requests", "refs/agentdiff"
        ).splitlines()
    )


def test_scan_fetches_first(clone):
    """
    ``byline scan --fetch`` is fetching and scanning in one.
    """
    done = subprocess.run(
        [sys.executable, "-m", "byline", "scan", "--fetch", "--json"],
        cwd=clone.path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)
    assert '"ai_touched_functions": 1' in done.stdout


def test_scan_offline(clone):
    """
    ``byline scan --fetch`` without a connection ends with status 2 and one sentence.
    """
    clone.git("remote", "set-url", "origin", str(clone.path / "nowhere"))

    done = subprocess.run(
        [sys.executable, "-m", "byline", "scan", "--fetch"],
        cwd=clone.path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (2, "") == (done.returncode, done.stdout)
    assert "Cannot fetch from 'origin'" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_names_what_is_missing(clone):
    """
    ``byline doctor`` says which refs are missing and how to get them, until they are there.
    """

    def doctor() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "byline", "doctor"],
            cwd=clone.path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout

    before = doctor()
    fetch(clone)
    after = doctor()

    assert all(part in before for part in ("refs/notes", "refs/pull", "byline scan --fetch"))
    assert "byline scan --fetch" not in after
