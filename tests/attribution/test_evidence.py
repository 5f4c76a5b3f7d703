"""What is said of a line, when several sources speak of it."""

from __future__ import annotations

import pytest

from byline._attribution.blame import FileOwnership, Run
from byline._attribution.comments import CommentMark
from byline._attribution.evidence import EvidenceBook
from byline._attribution.marks import CommitNote, LineMark, MarkIndex
from byline._attribution.resolve import OwnedLine
from byline._model import Commit, Evidence

SHA = "a" * 40
NOTE = Evidence("ai", "note", "cursor", "high")
PERSON = Evidence("human", "note", "", "high")
TRACE = Evidence("ai", "trace", "cursor", "high")
TRAILER = Evidence("ai", "trailer", "claude", "medium", "Opus 4.6", "session-1")
COMMENT = Evidence("ai", "comment", "unknown", "medium")
NO_AI = Evidence("unknown", "pull-request", "", "high")


def book(*records, evidence=(), comments=()):
    commit = Commit(SHA, "Add", 0, "Ana", "Ana", evidence=evidence)
    return EvidenceBook({SHA: commit}, {SHA: list(records)} if records else {}, {"a.py": comments})


def record(*marks, **more):
    return CommitNote(tuple(LineMark("a.py", start, end, evidence) for start, end, evidence in marks), **more)


def lines(found, *, length=3, start=1):
    return found.lines_of_file(FileOwnership("a.py", "", (Run(1, length, SHA, "a.py", start),)))


def comment(scope, start, end, evidence=COMMENT):
    return CommentMark(scope, LineMark("a.py", start, end, evidence))


def test_lines_of_the_commit_not_of_the_file():
    """
    A record numbers lines as they are in its commit, wherever they are now.
    """
    found = lines(book(record((11, 11, NOTE))), start=10)

    assert [None, NOTE, None] == [line.evidence for line in found]


def test_an_unknown_owner_has_no_evidence():
    """
    A line whose commit is not known has none.
    """
    run = Run(1, 1, "", "a.py", 1)

    assert [OwnedLine("")] == list(book(evidence=(TRAILER,)).lines_of(run))


@pytest.mark.parametrize(
    ("records", "expected", "conflicting"),
    [
        ([record((1, 3, NOTE))], NOTE, False),
        ([record((1, 3, PERSON))], PERSON, True),
        ([record((1, 3, TRACE)), record((1, 3, NOTE))], NOTE, False),
        ([record((1, 3, TRACE)), record((1, 3, PERSON))], PERSON, True),
        ([record((1, 3, NO_AI))], None, True),
        ([record(covers_all=True)], None, True),
        ([record(covers_all=True), record((1, 3, TRACE))], TRACE, False),
        ([record((9, 9, NOTE))], Evidence("ai", "trailer", "claude", "low", "Opus 4.6", "session-1"), False),
        ([record((9, 9, NOTE), paths=frozenset({"b.py"}))], TRAILER, False),
        ([], TRAILER, False),
    ],
    ids=[
        "note",
        "person",
        "two",
        "opposed",
        "no-ai-there",
        "no-ai",
        "both",
        "left-out",
        "other-file",
        "none",
    ],
)
def test_records_against_a_trailer(records, expected, conflicting):
    """
    The strongest decides; where one says AI and another does not, the line is conflicting.
    """
    found = lines(book(*records, evidence=(TRAILER,)))

    assert [(expected, conflicting)] * 3 == [(line.evidence, line.conflicting) for line in found]


def test_no_ai_and_nothing_else():
    """
    A tool that saw no AI agrees with a commit that says nothing.
    """
    assert [OwnedLine(SHA)] * 3 == lines(book(record(covers_all=True)))


def test_a_comment_is_confirmed_by_a_trailer():
    """
    A comment that names no tool takes it from weaker evidence that says the same.
    """
    found = lines(book(evidence=(TRAILER,), comments=(comment("next", 2, 2),)))

    expected = Evidence("ai", "comment", "claude", "medium", "Opus 4.6", "session-1")
    assert [TRAILER, expected, TRAILER] == [line.evidence for line in found]


def test_a_comment_keeps_its_own_tool():
    """
    A comment that names another tool than the trailer stands, with the better confidence of the two.
    """
    weak = Evidence("ai", "comment", "copilot", "low", "gpt-5")

    found = lines(book(evidence=(TRAILER,), comments=(comment("file", 1, 3, weak),)))

    assert Evidence("ai", "comment", "copilot", "medium", "gpt-5") == found[0].evidence


def test_a_narrow_comment_wins():
    """
    Inside a marked file, a block says more exactly what it is.
    """
    block = Evidence("ai", "comment", "cursor", "medium")
    marks = (comment("block", 2, 2, block), comment("file", 1, 9))

    assert [COMMENT, block, COMMENT] == [line.evidence for line in lines(book(comments=marks))]


@pytest.mark.parametrize(("mark", "conflicting"), [(NOTE, False), (PERSON, True)], ids=["ai", "human"])
def test_a_record_outranks_a_comment(mark, conflicting):
    """
    A tool's own record stands against a comment.
    """
    found = lines(book(record((1, 3, mark)), comments=(comment("file", 1, 3),)))

    assert [(mark, conflicting)] * 3 == [(line.evidence, line.conflicting) for line in found]


def test_the_index_knows_commit_path_and_line():
    """
    A look-up names all three, and returns the marks of every record.
    """
    index = MarkIndex({SHA: [record((2, 3, NOTE)), record((3, 4, TRACE))]})

    assert [[], [NOTE], [NOTE, TRACE], [TRACE], []] == [
        index.marks_at(SHA, "a.py", each) for each in range(1, 6)
    ]
    assert [] == index.marks_at(SHA, "b.py", 2) + index.marks_at("b" * 40, "a.py", 2)
