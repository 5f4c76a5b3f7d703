"""Which notes are read, and which cannot be."""

from __future__ import annotations

from byline._attribution.identities import DEFAULT
from byline._attribution.note_refs import MAX_NOTE_BYTES, NoteList, list_notes, read_records
from byline._attribution.repository import Repository

from .records import CODE, git_ai_note


def read(repo, *commits, extra=None):
    repository = Repository.open(repo.path)
    return read_records(repository, list_notes(repository, extra), set(commits), identities=DEFAULT)


def put(repo, ref, sha, thing):
    """Attach any object to a commit, which git itself does for blobs only."""
    blob = repo.git("rev-parse", thing)
    kind = "tree" if repo.git("cat-file", "-t", blob) == "tree" else "blob"
    mode = "040000" if kind == "tree" else "100644"
    tree = repo.git("mktree", "--missing", input=f"{mode} {kind} {blob}\t{sha}\n")
    repo.git("update-ref", ref, repo.git("commit-tree", tree, "-m", "Notes"))


def test_lists_what_is_there(repo):
    """
    Only refs that are here are listed, with every commit that has a note.
    """
    sha = repo.commit({"app.py": CODE})
    repo.note("refs/notes/ai", sha, git_ai_note({"app.py": "1"}))
    repo.note("refs/notes/commits", sha, "Something else")

    blob = repo.git("notes", "--ref=ai", "list", sha)
    assert [NoteList("refs/notes/ai", "git-ai", {sha: blob})] == list_notes(Repository.open(repo.path))


def test_another_format_for_a_known_ref(repo):
    """
    The project knows best what its refs hold.
    """
    sha = repo.commit({"app.py": CODE})
    repo.note("refs/notes/ai", sha, "{}")

    found = list_notes(Repository.open(repo.path), {"refs/notes/ai": "whogitit"})

    assert [("refs/notes/ai", "whogitit")] == [(each.ref, each.format) for each in found]


def test_fanned_out_notes(repo):
    """
    With many notes git spreads them over folders; the commits stay the same.
    """
    shas = [repo.commit({"app.py": CODE + f"# {number}\n"}) for number in range(3)]
    text = git_ai_note({"app.py": "1"})
    blob = repo.git("hash-object", "-w", "--stdin", input=text)
    stream = "commit refs/notes/ai\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n"
    stream += "".join(f"M 100644 {blob} {sha[:2]}/{sha[2:4]}/{sha[4:]}\n" for sha in shas)
    repo.git("fast-import", "--quiet", input=stream + "\n")

    found, _ = read(repo, *shas)

    assert set(shas) == found.keys()


def test_notes_on_missing_commits(repo):
    """
    Notes outlive the commits they were written for; those are not read.
    """
    sha = repo.commit({"app.py": CODE})
    put(repo, "refs/notes/ai", "f" * 40, "HEAD:app.py")

    assert ({}, []) == read(repo, sha)


def test_a_note_of_some_megabytes(repo):
    """
    A note full of prompts is read; the lines are in front of them.
    """
    sha = repo.commit({"app.py": CODE})
    note = git_ai_note({"app.py": "1"}).replace(
        '"prompts": {}', '"prompts": {"p": {"messages": ["' + "x" * 4_000_000 + '"]}}'
    )
    repo.note("refs/notes/ai", sha, note)

    found, unverified = read(repo, sha)

    assert (1, []) == (len(found[sha][0].marks), unverified)


def test_a_note_that_is_too_large(repo):
    """
    A note above the limit is left out without being read, and the reason is told.
    """
    sha = repo.commit({"app.py": CODE})
    repo.note("refs/notes/ai", sha, git_ai_note({"app.py": "1"}) + "x" * MAX_NOTE_BYTES)

    found, unverified = read(repo, sha)

    assert {} == found
    assert [sha[:12]] == [each.subject for each in unverified]
    assert "too many to read" in unverified[0].reason


def test_a_note_that_is_no_text(repo):
    """
    A note can be any object, or one that is not here.
    """
    sha = repo.commit({"folder/app.py": CODE})
    put(repo, "refs/notes/ai", sha, "HEAD:folder")
    repo.note("refs/notes/whogitit", sha, "gone")
    blob = repo.git("notes", "--ref=whogitit", "list", sha)
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    found, unverified = read(repo, sha)

    assert {} == found
    assert "its note in refs/notes/whogitit is not in this clone" in {each.reason for each in unverified}


def test_a_ref_that_holds_no_notes(repo):
    """
    A ref of that name that points at something else is no reason to stop.
    """
    sha = repo.commit({"app.py": CODE})
    repo.git("update-ref", "refs/notes/ai", repo.git("rev-parse", "HEAD:app.py"))

    assert ({}, []) == read(repo, sha)


def test_every_record_of_a_commit(repo):
    """
    A commit with notes of two tools has two records, in the order of the refs.
    """
    sha = repo.commit({"app.py": CODE})
    repo.note("refs/notes/ai", sha, git_ai_note({"app.py": "1"}))
    repo.note("refs/notes/exceeds-ink", sha, git_ai_note({"app.py": "2"}))

    both, _ = read(repo, sha)

    assert [[1], [2]] == [[mark.start for mark in note.marks] for note in both[sha]]
