"""What ``git log`` tells about commits: changed files for each parent, people and messages."""

from __future__ import annotations

import pytest

from byline._attribution.history import Change, Identity, changes, messages
from byline._attribution.repository import Repository
from byline.exceptions import RepositoryError

from ..repositories import START

TEXT = "".join(f"line {number}\n" for number in range(20))
NOTHING = "0" * 40


def changes_of(repo, revision="HEAD", **options):
    return list(changes(Repository.open(repo.path), revision, **options))


def messages_of(repo, revision="HEAD"):
    return messages(Repository.open(repo.path), revision)


def parents_and_paths(commit):
    return commit.parents, [[change.path for change in each] for each in commit.changes]


def test_commits_come_before_their_parents(repo):
    """
    The order is topological, whatever the dates say.
    """
    first = repo.commit({"a.py": "1\n"}, date=START + 1000)
    second = repo.commit({"a.py": "2\n"}, date=START)

    assert [(second, (first,)), (first, ())] == [(each.sha, each.parents) for each in changes_of(repo)]
    assert [(second, (first,)), (first, ())] == [(each.sha, each.parents) for each in messages_of(repo)]


def test_changes_have_modes_blobs_and_paths(repo):
    """
    A change says what became of a file: added, deleted, modified, or of another type; renamed files are two changes.
    """
    repo.commit({"gone.py": "1\n", "edited.py": "2\n", "old name.py": TEXT, "type.py": "3\n"})
    blobs = {
        name: repo.git("rev-parse", f"HEAD:{name}")
        for name in ("gone.py", "edited.py", "old name.py", "type.py")
    }
    (repo.path / "type.py").unlink()
    (repo.path / "type.py").symlink_to("x")
    repo.commit(
        {"gone.py": None, "edited.py": "4\n", "old name.py": None, "new\nname.py": TEXT, "new.py": "5\n"}
    )

    def new(name):
        return repo.git("rev-parse", f"HEAD:{name}")

    file, link, none = "100644", "120000", "000000"
    expected = {
        Change("M", file, file, blobs["edited.py"], new("edited.py"), "edited.py"),
        Change("D", file, none, blobs["gone.py"], NOTHING, "gone.py"),
        Change("D", file, none, blobs["old name.py"], NOTHING, "old name.py"),
        Change("A", none, file, NOTHING, new("new\nname.py"), "new\nname.py"),
        Change("A", none, file, NOTHING, new("new.py"), "new.py"),
        Change("T", file, link, blobs["type.py"], new("type.py"), "type.py"),
    }
    assert expected == set(changes_of(repo)[0].changes[0])


def test_a_merge_differs_from_each_parent(repo):
    """
    A merge has the changes for every parent, in the parents' order; none where the trees are equal.
    """
    repo.commit({"a.py": "1\n", "b.py": "1\n"})
    repo.branch("side")
    side = repo.commit({"b.py": "2\n"})
    repo.branch("other", "main")
    other = repo.commit()
    repo.checkout("main")
    main = repo.commit({"a.py": "2\n"})
    same = repo.merge("other")
    merge = repo.merge("side")

    found = {each.sha: each for each in changes_of(repo)}

    assert ((same, side), [["b.py"], ["a.py"]]) == parents_and_paths(found[merge])
    assert ((main, other), [[], ["a.py"]]) == parents_and_paths(found[same])


def test_an_empty_commit_has_no_changes(repo):
    """
    A commit that changed nothing is there, without changes.
    """
    repo.commit({"a.py": "1\n"})
    repo.commit()

    assert ((),) == changes_of(repo)[0].changes


@pytest.mark.parametrize(
    "subject", [NOTHING, f"(from {NOTHING})", f"commit {NOTHING}", "\n:100644 x", "", "x" * 5000]
)
def test_a_subject_is_not_taken_for_something_else(repo, subject):
    """
    Whatever a message looks like, parents and changes stay right.
    """
    first = repo.commit({"a.py": "1\n"}, message=subject)
    second = repo.commit({"a.py": "2\n"}, message=subject)

    assert [(second, (first,), ["a.py"]), (first, (), [])] == [
        (each.sha, each.parents, [change.path for changes in each.changes for change in changes])
        for each in changes_of(repo)
    ]


def test_what_is_older_is_left_out(repo):
    """
    A commit to stop at is the last one; a root has nothing to leave out.
    """
    shas = [repo.commit({"a.py": f"{number}\n"}) for number in range(4)]

    assert [shas[3], shas[2]] == [each.sha for each in changes_of(repo, stop=[shas[2]])]
    assert [] == changes_of(repo, shas[1], stop=[shas[2]])
    assert shas[::-1] == [each.sha for each in changes_of(repo, stop=[shas[0]])]


def test_many_commits_are_read_in_pieces(repo):
    """
    Output that is longer than one read is put together again.
    """
    names = [f"{'long' * 40}/{number}.py" for number in range(2000)]
    repo.commit(dict.fromkeys(names, "1\n"))
    repo.commit(dict.fromkeys(names, "2\n"))

    assert sorted(names) == sorted(change.path for change in changes_of(repo)[0].changes[0])


def test_an_unknown_revision_is_an_error(repo):
    """
    Git's message is passed on when the revision is not there.
    """
    repo.commit()

    for ask in (changes_of, messages_of):
        with pytest.raises(RepositoryError, match="bad revision 'nowhere'"):
            ask(repo, "nowhere")


def test_output_that_is_not_understood_is_an_error(repo, monkeypatch):
    """
    A git that prints something else is not guessed at.
    """
    repo.commit()
    monkeypatch.setattr("byline._attribution.history._CHANGES", ("--pretty=oneline", "-z"))

    with pytest.raises(RepositoryError, match="where a commit was expected"):
        changes_of(repo)


def test_people_are_both_raw_and_mapped(repo):
    """
    The mailmap changes the mapped names only; tools are told apart by the raw ones.
    """
    repo.commit(
        {".mailmap": "Ada King <ada@example.com> <bot@example.com>\n"},
        author="claude[bot] <bot@example.com>",
        committer="GitHub <noreply@github.com>",
        date=START,
    )

    record = messages_of(repo)[0]

    assert Identity("claude[bot]", "bot@example.com") == record.author
    assert Identity("Ada King", "ada@example.com") == record.mapped_author
    assert Identity("GitHub", "noreply@github.com") == record.committer == record.mapped_committer
    assert START == record.committed_at


def test_messages_are_complete(repo):
    """
    Every line of a message is there, blank ones and trailers too.
    """
    message = "Subject\n\n\nBody\x1f\x0c, ü\n\n---------\n\nCo-authored-by: Claude <noreply@anthropic.com>\n"
    repo.commit(message=message)
    repo.commit(message="")

    assert ["", message.rstrip("\n")] == [record.message.rstrip("\n") for record in messages_of(repo)]


@pytest.mark.parametrize(
    ("header", "author", "committed_at"),
    [
        (b"author Ada <ada@b> 5 +0000\ncommitter Ada <ada@b> 6 +0000", Identity("Ada", "ada@b"), 6),
        (b"author <> 5 +0000\ncommitter <> 6 +0000", Identity("", ""), 6),
        (b"author Ada <ada@b> 5 +0000\ncommitter Ada <ada@b> ", Identity("Ada", "ada@b"), 0),
        (b"author Ada <ada@b\ncommitter nobody", Identity("", ""), 0),
        (b"author Ad\xff <a\xfe@b> 5 +0000\ncommitter A <a@b> 6 +0000", Identity("Ad\ufffd", "a\ufffd@b"), 6),
        (b"encoding x", Identity("", ""), 0),
    ],
    ids=["whole", "empty", "no date", "broken", "not UTF-8", "nobody"],
)
def test_malformed_people_are_tolerated(repo, header, author, committed_at):
    """
    A commit that git would not make today still has its message, and what of its author is readable.
    """
    repo.git("commit", "-q", "--allow-empty", "-m", "first")
    repo.raw_commit(header, b"Subject\n\nBody\n")

    record = messages_of(repo)[0]

    assert (author, committed_at, "Subject\n\nBody\n") == (record.author, record.committed_at, record.message)


def test_messages_in_other_encodings_are_read(repo):
    """
    A message in a declared encoding is converted; bytes that are in none are replaced.
    """
    header = b"author Ada <ada@b> 5 +0000\ncommitter Ada <ada@b> 6 +0000"
    repo.commit()
    declared = repo.raw_commit(header + b"\nencoding ISO-8859-1", b"Gr\xfc\xdfe\n")
    repo.raw_commit(header, b"Gr\xfc\xdfe\n", parents=(declared,))

    assert ["Gr\ufffd\ufffde\n", "Grüße\n"] == [record.message for record in messages_of(repo)]


def test_only_named_commits_are_read(repo):
    """
    Without a walk, each commit that is named is read, in that order, and no other.
    """
    shas = [repo.commit() for _ in range(4)]

    records = messages(Repository.open(repo.path), shas[0], shas[2], shas[1], walk=False)

    assert [shas[0], shas[2], shas[1]] == [record.sha for record in records]


def test_equal_people_are_one_object(repo):
    """
    A long history with few people takes little memory.
    """
    repo.commit()
    repo.commit()
    newer, older = messages_of(repo)

    assert newer.author is older.author
