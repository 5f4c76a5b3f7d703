"""Agent Trace records to marks on lines, and what is written in their name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from byline._attribution.agent_trace import (
    TraceMark,
    TraceRecord,
    Traces,
    read_trace_note,
    read_traces,
    repository_path,
)
from byline._attribution.marks import CommitNote, LineMark
from byline._model import Evidence

SHA = "a" * 40
MODEL = "claude-opus-4-5-20251101"
AI = Evidence("ai", "trace", "cursor", "high", MODEL)
HUMAN = Evidence("human", "trace", "", "high")


def record(
    *ranges,
    path="src/a.py",
    contributor=None,
    version="0.1.0",
    tool="cursor",
    url="https://api.cursor.com/v1/conversations/1",
    **more,
):
    conversation = {"url": url, "ranges": list(ranges)}
    conversation["contributor"] = contributor or {"type": "ai", "model_id": f"anthropic/{MODEL}"}
    return {
        "version": version,
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "timestamp": "2026-01-25T10:00:00Z",
        "vcs": {"type": "git", "revision": SHA},
        "tool": {"name": tool, "version": "2.4.0"},
        "files": [{"path": path, "conversations": [conversation]}],
        **more,
    }


def lines(start, end, **more):
    return {"start_line": start, "end_line": end, **more}


def marks_of(value):
    return [each.mark for found in read_traces(json.dumps(value)).records for each in found.marks]


def test_reads_a_record():
    """
    A record gives its revision and its ranges, with the hash as recorded.
    """
    text = json.dumps(record(lines(42, 67, content_hash="murmur3:9f2e8a1b"), lines(70, 71)))

    assert Traces(
        (
            TraceRecord(
                SHA,
                (
                    TraceMark(LineMark("src/a.py", 42, 67, AI), "murmur3:9f2e8a1b"),
                    TraceMark(LineMark("src/a.py", 70, 71, AI)),
                ),
            ),
        )
    ) == read_traces(text)


FORMS = [
    ("lines", lambda one, two: f"{one}\n{two}\n"),
    ("windows line ends", lambda one, two: f"{one}\r\n{two}\r\n"),
    ("array", lambda one, two: f"[{one},{two}]"),
    (
        "indented",
        lambda one, two: (
            json.dumps(json.loads(one), indent=2) + "\n\n" + json.dumps(json.loads(two), indent=2)
        ),
    ),
    ("broken line between", lambda one, two: f"{one}\n{{broken\n\n{two}"),
]


@pytest.mark.parametrize("form", [each[1] for each in FORMS], ids=[each[0] for each in FORMS])
def test_reads_records_however_they_are_strung_together(form):
    """
    Records come one per line, in an array, or indented one after the other; a broken one costs only itself.
    """
    text = form(json.dumps(record(lines(2, 3))), json.dumps(record(lines(4, 5))))

    assert [(2, 3), (4, 5)] == [
        (each.mark.start, each.mark.end) for found in read_traces(text).records for each in found.marks
    ]


@pytest.mark.parametrize(
    ("version", "is_read"),
    [
        ("0.1.0", True),
        ("1.0", True),
        ("1.0.0", True),
        ("v0.1", True),
        ("", True),
        ("2.0.0", False),
        ("10.0", False),
    ],
)
def test_reads_versions_up_to_one(version, is_read):
    """
    The reference writer records ``1.0``, against its own schema; a later version is refused with a reason.
    """
    read = read_traces(json.dumps(record(lines(2, 3), version=version)))

    assert (is_read, not is_read) == (bool(read.records), bool(read.problems))


CONTRIBUTORS = [
    ({"type": "ai", "model_id": f"anthropic/{MODEL}"}, AI),
    ({"type": "ai"}, Evidence("ai", "trace", "cursor", "high")),
    ({"type": "ai", "model_id": "default"}, Evidence("ai", "trace", "cursor", "high")),
    ({"type": "mixed", "model_id": "composer-2"}, Evidence("ai", "trace", "cursor", "medium", "composer-2")),
    ({"type": "human"}, HUMAN),
    ("ai", Evidence("ai", "trace", "cursor", "high")),
    ({"type": "unknown"}, None),
    ({"type": 7}, None),
    ({"x": 1}, None),
]


@pytest.mark.parametrize(
    ("contributor", "evidence"), CONTRIBUTORS, ids=[str(each[0]) for each in CONTRIBUTORS]
)
def test_reads_contributors(contributor, evidence):
    """
    AI and mixed are AI, human is human, anything else says nothing.
    """
    assert [evidence] * bool(evidence) == [
        mark.evidence for mark in marks_of(record(lines(2, 3), contributor=contributor))
    ]


def test_a_range_knows_better_than_its_conversation():
    """
    The contributor of a range overrides that of its conversation.
    """
    found = marks_of(record(lines(2, 3), lines(4, 5, contributor={"type": "human"})))

    assert [AI, HUMAN] == [mark.evidence for mark in found]


@pytest.mark.parametrize(
    ("found", "confidence"),
    [
        (lines(1, 1), "low"),
        (lines(1, 20), "medium"),
        (lines(1, 20, content_hash="sha256:0123456789abcdef"), "high"),
        (lines(2, 20), "high"),
    ],
)
def test_a_range_that_may_be_a_placeholder_is_in_doubt(found, confidence):
    """
    The reference writer records lines 1 to n for an edit that it cannot find in the file.
    """
    assert [confidence] == [mark.evidence.confidence for mark in marks_of(record(found))]


@pytest.mark.parametrize(
    ("tool", "model", "expected"),
    [
        ("claude-code", "", "claude"),
        ("github-copilot", "", "copilot"),
        ("Jane Doe", "claude-sonnet-4-6", "claude"),
        ("jane", "", "unknown"),
        ("", "gpt-5.4", "unknown"),
        ("", "gpt-5.3-codex", "codex"),
    ],
)
def test_a_person_is_no_tool(tool, model, expected):
    """
    Some writers put a person's name where the tool belongs: only a known tool is kept.
    """
    found = marks_of(record(lines(2, 3), tool=tool, contributor={"type": "ai", "model_id": model}))

    assert [expected] == [mark.evidence.tool for mark in found]


@pytest.mark.parametrize(
    ("metadata", "session"),
    [
        ({"session_id": "sess-abc1"}, "sess-abc1"),
        ({"conversation_id": "4df60536-caed"}, "4df60536-caed"),
        ({"dev.cursor": {"session_id": "xyz789"}}, "xyz789"),
        ({"session_id": "file:///home/jane/x1.jsonl"}, ""),
        ({"session_id": 7}, ""),
        ([], ""),
    ],
)
def test_keeps_only_an_opaque_session(metadata, session):
    """
    A session is an id, wherever the writer put it.
    """
    found = marks_of(record(lines(2, 3), metadata=metadata))

    assert [session] == [mark.evidence.session for mark in found]


@pytest.mark.parametrize(
    "bad", [(0, 3), (5, 3), (-1, 3), (1.5, 3), ("1", "3"), (True, True), (None, None), (1, 10**12)]
)
def test_leaves_out_what_is_no_range(bad):
    """
    Lines count from 1, and the last is not before the first.
    """
    assert [] == marks_of(record(lines(*bad)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/a.py", "src/a.py"),
        ("./src//a.py", "src/a.py"),
        ("src\\components\\x.tsx", "src/components/x.tsx"),
        ("/repo/src/a.py", "src/a.py"),
        ("/repository/src/a.py", ""),
        ("/etc/passwd", ""),
        ("C:\\Users\\jane\\a.py", ""),
        ("../a.py", ""),
        ("src/../../a.py", ""),
        (".shell-history", ""),
        (".sessions", ""),
        (".unknown", ""),
        ("a\x00.py", ""),
        ("", ""),
        ("/repo/", ""),
    ],
)
def test_normalises_paths_and_refuses_those_outside(path, expected):
    """
    Backslashes and absolute paths become repository paths; pseudo-paths and paths outside are none.
    """
    assert expected == repository_path(path, root="/repo")


def test_a_windows_root_makes_paths_relative():
    """
    Both kinds of slash count on Windows.
    """
    assert "src/a.py" == repository_path("C:\\code\\src\\a.py", root="C:/code/")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (
            {"schema": "agent-trace/v0.1.0", "file_path": "/x/a.py", "start_line": 1, "tool": "Edit"},
            "without files",
        ),
        (record(lines(2, 3), path="/home/jane/a.py"), "outside"),
        (record(lines(2, 3), version="3.0"), "'3.0'"),
        ("text", "without files"),
    ],
    ids=["flat", "outside", "version", "text"],
)
def test_says_what_it_cannot_use(value, word):
    """
    A record of another shape is passed over with a reason that repeats no path.
    """
    problems = read_traces(json.dumps(value)).problems

    assert [True] == [word in each and "jane" not in each for each in problems]


@pytest.mark.parametrize("path", [".shell-history", ".sessions", ".unknown"])
def test_pseudo_paths_are_no_problem(path):
    """
    What the reference writer records for no file is dropped in silence.
    """
    read = read_traces(json.dumps(record(lines(1, 1), path=path)))

    assert ((TraceRecord(SHA, ()),), ()) == (read.records, read.problems)


def test_a_text_without_a_record_has_a_reason():
    """
    Text that holds no JSON at all is said to hold no record.
    """
    assert (("no Agent Trace record in it",), ()) == (
        read_traces("# plan").problems,
        read_traces(" \n").problems,
    )


def test_reads_the_variant_of_agentdiff():
    """
    agentdiff names a person as tool of human lines and signs its records.
    """
    value = record(
        lines(2, 3),
        tool="Jane Doe",
        contributor={"type": "human"},
        sig={"alg": "ed25519", "key_id": "k", "value": "v"},
    )

    assert [LineMark("src/a.py", 2, 3, HUMAN)] == marks_of(value)


def test_a_note_belongs_to_its_own_commit():
    """
    In a note the later record wins, whatever revision the records name.
    """
    text = json.dumps([record(lines(2, 9)), record(lines(4, 5), contributor={"type": "human"})])

    assert CommitNote(
        (
            LineMark("src/a.py", 2, 3, AI),
            LineMark("src/a.py", 4, 5, HUMAN),
            LineMark("src/a.py", 6, 9, AI),
        )
    ) == read_trace_note(text)


def test_reads_a_ledger():
    """
    The Python agent-trace keeps a ledger of lines in the same place.
    """
    entry = {
        "start_line": 3,
        "end_line": 4,
        "type": "ai",
        "trace_id": "t",
        "model_id": "anthropic/claude-opus-4-5",
    }
    text = json.dumps(
        {
            "version": "1.0.0",
            "trace_ids": ["t"],
            "ledger_hash": "x",
            "stats": {"ai_lines": 2},
            "ledger": {
                "files": {
                    "src/a.py": {"line_attributions": [entry, {**entry, "type": "human", "end_line": 3}]}
                }
            },
        }
    )
    evidence = Evidence("ai", "trace", "claude", "high", "claude-opus-4-5")

    assert CommitNote(
        (LineMark("src/a.py", 3, 3, HUMAN), LineMark("src/a.py", 4, 4, evidence))
    ) == read_trace_note(text)


def test_a_ledger_without_lines_says_nothing():
    """
    A note with counts only marks no line and covers nothing.
    """
    text = json.dumps({"version": "1.0.0", "trace_ids": ["t"], "stats": {"ai_lines": 2}})

    assert ((), False) == (read_trace_note(text).marks, read_trace_note(text).covers_all)


def test_keeps_no_address_and_no_conversation():
    """
    Addresses of conversations never leave the record.
    """
    value = record(
        lines(2, 3), url="file:///home/jane/.claude/SECRET.jsonl", related=[{"type": "x", "url": "SECRET"}]
    )

    assert "SECRET" not in repr(read_traces(json.dumps(value)))


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z]{1,4}/[a-z ]{1,4}\.py", fullmatch=True),
            st.integers(2, 500),
            st.integers(0, 50),
            st.sampled_from(["ai", "human"]),
        ),
        max_size=5,
    )
)
def test_reading_is_the_inverse_of_writing(ranges):
    """
    Every range that was written is read again, in order.
    """
    text = "\n".join(
        json.dumps(record(lines(start, start + length), path=path, contributor={"type": kind}))
        for path, start, length, kind in ranges
    )
    found = [each.mark for one in read_traces(text).records for each in one.marks]

    assert [(path, start, start + length, kind) for path, start, length, kind in ranges] == [
        (mark.path, mark.start, mark.end, mark.evidence.verdict) for mark in found
    ]


@given(st.binary() | st.text().map(lambda text: f'{{"files": [{text}'.encode("utf-8", "surrogatepass")))
def test_any_bytes_can_be_read(data):
    """
    No bytes make the readers fail.
    """
    text = data.decode("utf-8", "surrogateescape")

    assert [True, True] == [
        isinstance(read_traces(text), Traces),
        isinstance(read_trace_note(text), CommitNote),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["files", "path", "conversations", "ranges", "start_line", "end_line", "contributor", "type", "model_id",
             "vcs", "revision", "tool", "name", "version", "metadata", "session_id", "ledger", "line_attributions"]
        ),
        inner,
        max_size=4,
    ),
)  # fmt: skip


@given(JSON)
def test_any_json_can_be_read(value):
    """
    No JSON of the right keys and wrong types makes the reader fail.
    """
    assert isinstance(read_traces(json.dumps(value)), Traces)


def test_many_broken_lines_come_to_an_end():
    """
    A text of nothing but openings is given up in time.
    """
    assert () == read_traces("[\n" * 20_000).records
