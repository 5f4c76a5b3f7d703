"""Notes of git-ai, whogitit and Agent Blame to marks on lines."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from byline._attribution.marks import CommitNote, LineMark, settle
from byline._attribution.notes import read_agentblame, read_git_ai, read_whogitit
from byline._model import Evidence

HUMAN = Evidence("human", "note", "", "high")
UNKNOWN = Evidence("ai", "note", "unknown", "high")
CODEX = Evidence("ai", "note", "codex", "high", "gpt-5.5", "019e3c60-161c-75d1-a526-dec43e666613")
CLAUDE = Evidence("ai", "note", "claude", "high", "claude-opus-4-6", "4ea70ef1-2c5c-40ef-aa41-022a6e9e541d")

METADATA = {
    "schema_version": "authorship/3.0.0",
    "git_ai_version": "1.6.16",
    "base_commit_sha": "0" * 40,
    "prompts": {
        "4ba2ad79974ff636": {
            "agent_id": {"tool": "claude", "id": CLAUDE.session, "model": "claude-opus-4-6"},
            "human_author": "Jane Doe <jane@example.com>",
            "messages": [{"role": "user", "text": "SECRET"}],
            "messages_url": "https://example.com/SECRET",
            "total_additions": 49,
        },
        "noise00000000000": {"agent_id": {"tool": "mock_ai", "id": "x1x1", "model": "m"}},
    },
    "sessions": {
        "s_ae45058a0235a7": {"agent_id": {"tool": "codex", "id": CODEX.session, "model": "gpt-5.5"}}
    },
    "humans": {"h_d9dd17644dded9": {"author": "Jane Doe <jane@example.com>"}},
    "logical_commit_id": "x",
}


def note(*lines, metadata=None):
    return "\n".join([*lines, "---", json.dumps(METADATA if metadata is None else metadata)])


def spans(read):
    return [(mark.path, mark.start, mark.end, mark.evidence) for mark in read.marks]


KEYS = [
    ("s_ae45058a0235a7::t_677487da1f327c", CODEX),
    ("s_ae45058a0235a7", CODEX),
    ("4ba2ad79974ff636", CLAUDE),
    ("h_d9dd17644dded9", HUMAN),
    ("h_d9dd17644dded9::t_677487da1f327c", HUMAN),
    ("h_ffffffffffffff", HUMAN),
    ("human", HUMAN),
    ("ai_agent", UNKNOWN),
    ("s_ffffffffffffff::t_677487da1f327c", UNKNOWN),
    ("ffffffffffffffff", UNKNOWN),
    ("1234567", UNKNOWN),
    ("0f4c2d1e-aaaa-4bbb-8ccc-1234567890ab", UNKNOWN),
]


@pytest.mark.parametrize(("key", "evidence"), KEYS, ids=[each[0] for each in KEYS])
def test_reads_every_kind_of_key(key, evidence):
    """
    Sessions, prompts and humans are known by their prefix; what nothing explains is AI by an unknown tool.
    """
    assert [("a.py", 3, 5, evidence)] == spans(read_git_ai(note("a.py", f"  {key} 3-5")))


RANGES = [
    ("1", [(1, 1)]),
    ("1-3", [(1, 3)]),
    ("1,3-4", [(1, 1), (3, 4)]),
    ("1,2,3-4", [(1, 4)]),
    ("226-246,204,212", [(204, 204), (212, 212), (226, 246)]),
    ("1-5,3-9", [(1, 9)]),
    (",1,,2,", [(1, 2)]),
    ("5-3,0,x,-1,1-", []),
    ("99999999999999999999", []),
    ("", []),
]


@pytest.mark.parametrize(("ranges", "expected"), RANGES, ids=[each[0] for each in RANGES])
def test_reads_ranges_as_they_are_written(ranges, expected):
    """
    Ranges may be unsorted, overlapping or partly nonsense.
    """
    read = read_git_ai(note("a.py", f"  s_ae45058a0235a7::t_1 {ranges}"))

    assert expected == [(mark.start, mark.end) for mark in read.marks]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("src/a.py", "src/a.py"),
        ('"src/a b.py"', "src/a b.py"),
        ('"a"b.py"', 'a"b.py'),
        ('"', '"'),
        ("src/ä.py", "src/ä.py"),
    ],
)
def test_strips_one_pair_of_quotation_marks(written, path):
    """
    A path is quoted when it holds a space; nothing in it is escaped.
    """
    assert [path] == [mark.path for mark in read_git_ai(note(written, "  human 1")).marks]


def test_the_last_entry_wins():
    """
    Of several entries on a line the last one counts.
    """
    read = read_git_ai(
        note("a.py", "  s_ae45058a0235a7::t_1 1-10", "  h_d9dd17644dded9 4-5", "  4ba2ad79974ff636 5-6")
    )

    assert [
        ("a.py", 1, 3, CODEX),
        ("a.py", 4, 4, HUMAN),
        ("a.py", 5, 6, CLAUDE),
        ("a.py", 7, 10, CODEX),
    ] == spans(read)


def test_an_entry_that_nothing_explains_gives_way():
    """
    An entry whose key leads nowhere counts only where no other entry does.
    """
    read = read_git_ai(note("a.py", "  s_ae45058a0235a7::t_1 1-2", "  ffffffffffffffff 2-3"))

    assert [("a.py", 1, 2, CODEX), ("a.py", 3, 3, UNKNOWN)] == spans(read)


def test_the_tools_own_test_agents_are_no_ai():
    """
    What git-ai's tests pretend to be is left out.
    """
    assert CommitNote() == read_git_ai(note("a.py", "  noise00000000000 1-9"))


def test_an_empty_section_covers_the_commit():
    """
    A note without entries says that the tool watched and saw no AI.
    """
    assert CommitNote(covers_all=True) == read_git_ai(note())


def test_a_note_with_entries_does_not_cover_the_rest():
    """
    Lines that no entry names are unknown, not human.
    """
    assert not read_git_ai(note("a.py", "  human 1")).covers_all


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "---"),
        ("# A plan in Markdown\n\ntext", "---"),
        ("---\n{", "no JSON"),
        ("---\n[]", "no JSON"),
        ("---\n" + "[" * 100_000, "no JSON"),
        ('---\n{"schema_version": "authorship/4.0.0"}', "authorship/4.0.0"),
        ("a.py\n---\n{" + '"schema_version": "authorship/3.0.0"}', "cannot be read"),
    ],
)  # fmt: skip
def test_says_why_a_note_says_nothing(text, word):
    """
    A note that cannot be read has a reason, marks nothing and covers nothing.
    """
    read = read_git_ai(text)

    assert (True, (), False) == (word in read.problem, read.marks, read.covers_all)


def test_lines_survive_broken_metadata():
    """
    Where the metadata is cut off, the lines are still AI, by an unknown tool.
    """
    read = read_git_ai('a.py\n  s_ae45058a0235a7::t_1 1-2\n---\n{"schema_ver')

    assert ([("a.py", 1, 2, UNKNOWN)], True) == (spans(read), bool(read.problem))


@pytest.mark.parametrize("model", ["unknown", "default", "<synthetic>", "", None, 7])
def test_a_model_that_says_nothing_is_empty(model):
    """
    Placeholders for a model are no model.
    """
    metadata = {
        **METADATA,
        "sessions": {"s_1": {"agent_id": {"tool": "claude", "id": "abc1", "model": model}}},
    }
    read = read_git_ai(note("a.py", "  s_1::t_1 1", metadata=metadata))

    assert [("a.py", 1, 1, Evidence("ai", "note", "claude", "high", "", "abc1"))] == spans(read)


@pytest.mark.parametrize(
    "session", ["file:///home/jane/x1.jsonl", "https://example.com/?q=x1", "a b1", "", None]
)
def test_a_session_that_is_no_id_becomes_the_notes_own_key(session):
    """
    An address or a text in place of an id is not kept.
    """
    agent = {"tool": "claude", "id": session, "model": "m1"}
    metadata = {**METADATA, "sessions": {"s_0123456789abcd": {"agent_id": agent}}}
    read = read_git_ai(note("a.py", "  s_0123456789abcd::t_1 1", metadata=metadata))

    assert ["s_0123456789abcd"] == [mark.evidence.session for mark in read.marks]


def test_keeps_no_prompt_and_no_address():
    """
    Nothing of the conversation and nobody's address leaves the note.
    """
    read = repr(read_git_ai(note("a.py", "  4ba2ad79974ff636 1", "  h_d9dd17644dded9 2")))

    assert [] == [word for word in ("SECRET", "jane", "Jane", "http") if word in read]


def test_blank_lines_do_not_matter():
    """
    A blank line ends no file's entries.
    """
    assert read_git_ai(note("a.py", "  human 1")) == read_git_ai(note("", "a.py", "", "  human 1", ""))


def test_a_note_of_endless_metadata_is_not_read():
    """
    Metadata beyond eight megabytes is left alone.
    """
    assert "no JSON" in read_git_ai("---\n{" + " " * 8 * 1024 * 1024 + "}").problem


def test_windows_line_ends_do_not_matter():
    """
    A note that a tool rewrote with carriage returns reads the same.
    """
    text = note("a.py", "  human 1-2")

    assert read_git_ai(text) == read_git_ai(text.replace("\n", "\r\n"))


PATHS = st.from_regex(r"[a-z]{1,4}(/[a-z ]{1,4})?\.py", fullmatch=True).filter(lambda path: " /" not in path)
ENTRIES = st.lists(
    st.tuples(st.sampled_from([CODEX, CLAUDE, HUMAN]), st.integers(1, 40), st.integers(0, 9)),
    min_size=1,
    max_size=6,
)
KEY_OF = {CODEX: "s_ae45058a0235a7::t_12", CLAUDE: "4ba2ad79974ff636", HUMAN: "h_d9dd17644dded9"}


@given(st.dictionaries(PATHS, ENTRIES, max_size=4))
def test_reading_is_the_inverse_of_writing(files):
    """
    Each line has the evidence of the last entry written for it, and no line has two.
    """
    lines = []
    expected = {}
    for path, entries in files.items():
        lines.append(f'"{path}"' if " " in path else path)
        for evidence, start, length in entries:
            lines.append(f"  {KEY_OF[evidence]} {start}-{start + length}")
            expected.update({(path, line): evidence for line in range(start, start + length + 1)})
    read = read_git_ai(note(*lines))
    found = [
        (mark.path, line, mark.evidence) for mark in read.marks for line in range(mark.start, mark.end + 1)
    ]

    assert sorted(((*key, evidence) for key, evidence in expected.items()), key=repr) == sorted(
        found, key=repr
    )


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9), st.sampled_from([CODEX, HUMAN])), max_size=8)
)
def test_settled_marks_are_few_and_disjoint(claims):
    """
    Marks are sorted, do not overlap, and neighbours that say the same are one.
    """
    marks = settle("a.py", [(start, start + length, evidence) for start, length, evidence in claims])

    assert [] == [
        (first, second)
        for first, second in pairwise(marks)
        if second.start <= first.end or (second.start == first.end + 1 and second.evidence == first.evidence)
    ]


@pytest.mark.parametrize("read", [read_git_ai, read_whogitit, read_agentblame])
@given(data=st.binary() | st.text().map(lambda text: f"---\n{text}".encode("utf-8", "surrogatepass")))
def test_any_bytes_can_be_read(read, data):
    """
    No bytes make a reader fail.
    """
    assert isinstance(read(data.decode("utf-8", "surrogateescape")), CommitNote)


NUMBERED = st.dictionaries(PATHS, st.sets(st.integers(1, 60), max_size=12), max_size=4)


@given(NUMBERED)
def test_reading_whogitit_is_the_inverse_of_writing(files):
    """
    The lines that were written as AI's are read, whoever has those in between.
    """
    note = {
        "version": 3,
        "session": {"session_id": "1f2e", "model": {"id": "claude-opus-4-6", "provider": "anthropic"}},
        "files": [
            {
                "path": path,
                "lines": [
                    {
                        "line_number": number,
                        "content": "secret",
                        "source": {"type": ("AI", "AIModified")[number % 2] if number in lines else "Human"},
                    }
                    for number in range(1, 62)
                ],
            }
            for path, lines in files.items()
        ],
    }

    assert files_with_lines(files) == lines_read(read_whogitit(json.dumps(note)))


@pytest.mark.parametrize(
    ("start", "end", "provider"),
    [("start_line", "end_line", "claude_code"), ("startLine", "endLine", "claudeCode")],
    ids=["version 1", "version 2"],
)
@given(files=NUMBERED)
def test_reading_agentblame_is_the_inverse_of_writing(files, start, end, provider):
    """
    In both spellings.
    """
    note = {
        "attributions": [
            {"path": path, start: number, end: number, "category": "ai_generated", "provider": provider}
            for path, lines in files.items()
            for number in lines
        ]
    }

    read = read_agentblame(json.dumps(note))

    assert files_with_lines(files) == lines_read(read)
    assert {"claude"} >= {mark.evidence.tool for mark in read.marks}


def files_with_lines(files: dict[str, set[int]]) -> dict[str, set[int]]:
    return {path: lines for path, lines in files.items() if lines}


def lines_read(note: CommitNote) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for mark in note.marks:
        found.setdefault(mark.path, set()).update(range(mark.start, mark.end + 1))
    return found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["files", "attributions", "path", "lines", "session", "sessions", "s_1", "agent_id", "tool", "id", "model",
             "line_number", "source", "type", "prompts", "humans", "startLine", "end_line", "category", "provider"]
        ),
        inner,
        max_size=4,
    ),
)  # fmt: skip


@pytest.mark.parametrize("read", [read_git_ai, read_whogitit, read_agentblame])
@given(value=JSON)
def test_any_json_can_be_read(read, value):
    """
    No JSON of the right keys and wrong types makes a reader fail.
    """
    text = json.dumps(value)

    texts = (text, f"a.py\n  s_1::t 1\n---\n{text}")

    assert [True, True] == [isinstance(read(each), CommitNote) for each in texts]


def test_reads_whogitit():
    """
    Lines that AI wrote, edited later or not, are AI; the rest is unknown, and no content is kept.
    """
    kinds = ["AI", "AIModified", "Human", "Original", "Unknown"]
    text = json.dumps(
        {
            "version": 3,
            "session": {"session_id": "abcd-1234", "model": {"id": "claude-opus-4-5-20251101", "provider": "anthropic"}},
            "prompts": [{"text": "SECRET"}],
            "files": [
                {
                    "path": "src/a.rs",
                    "lines": [
                        {"line_number": number, "content": "SECRET", "source": {"type": kind}, "prompt_index": 0}
                        for number, kind in enumerate(kinds, 1)
                    ],
                }
            ],
        }
    )  # fmt: skip
    evidence = Evidence("ai", "note", "claude", "high", "claude-opus-4-5-20251101", "abcd-1234")

    assert CommitNote((LineMark("src/a.rs", 1, 2, evidence),)) == read_whogitit(text)


@pytest.mark.parametrize(
    "entry",
    [
        {
            "path": "a.ts",
            "start_line": 2,
            "end_line": 4,
            "category": "ai_generated",
            "provider": "claude_code",
        },
        {"path": "a.ts", "startLine": 2, "endLine": 4, "category": "ai_generated", "provider": "claudeCode"},
    ],
    ids=["version 1", "version 2"],
)
def test_reads_agent_blame(entry):
    """
    Both versions of Agent Blame's notes name path, lines, provider and model.
    """
    entry |= {"model": "claude-opus-4-5", "confidence": 1, "content_hash": "x"}
    human = {**entry, "category": "human"}
    evidence = Evidence("ai", "note", "claude", "high", "claude-opus-4-5")

    assert CommitNote((LineMark("a.ts", 2, 4, evidence),)) == read_agentblame(
        json.dumps({"version": 1, "attributions": [entry, human]})
    )


@pytest.mark.parametrize("read", [read_whogitit, read_agentblame])
@pytest.mark.parametrize("text", ["", "Stainless-Generated-Commit: abc", "[]", "{}", '{"files": 1}'])
def test_says_why_another_note_says_nothing(read, text):
    """
    A note of another kind has a reason.
    """
    assert (True, ()) == (bool(read(text).problem), read(text).marks)
