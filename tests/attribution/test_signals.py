"""Commit messages and people to evidence: real forms, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from byline._attribution.identities import DEFAULT
from byline._attribution.signals import evidence_in
from byline._model import Evidence

JANE = ("Jane Doe", "jane@example.com")
BOB = ("Bob", "bob@example.com")
WEB = ("GitHub", "noreply@github.com")
CLAUDE = ("Claude", "noreply@anthropic.com")
COPILOT = ("Copilot", "198982749+Copilot@users.noreply.github.com")
DEPENDABOT = ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com")

BEFORE_THE_WINDOW = 1_776_211_199
IN_THE_WINDOW = (1_776_211_200, 1_778_457_599)
AFTER_THE_WINDOW = 1_778_457_600


def find(message, author=JANE, committer=WEB, *, committed_at=1_750_000_000, identities=DEFAULT):
    return evidence_in(message, author, committer, committed_at=committed_at, identities=identities)


def short(evidence):
    return [(each.source, each.tool, each.model, each.confidence) for each in evidence]


TRAILERS = [
    ("Co-Authored-By: Claude Opus 4.6 (1M context) <noreply@anthropic.com>", "claude", "Claude Opus 4.6"),
    ("co-authored-by: Claude <noreply@anthropic.com>", "claude", ""),
    ("Co-authored by: Claude <noreply@anthropic.com>", "claude", ""),
    ("CoAuthored-By: Claude <noreply@anthropic.com>", "claude", ""),
    ("* Co-authored-by: Claude <noreply@anthropic.com>", "claude", ""),
    ("- Co-authored-by: Claude <noreply@anthropic.com>", "claude", ""),
    ("> Co-authored-by: Claude <noreply@anthropic.com>", "claude", ""),
    ("🤖 Co-authored-by: Claude <noreply@anthropic.com>", "claude", ""),
    ("    Co-authored-by: Claude <<noreply@anthropic.com>>", "claude", ""),
    ("Co-authored-by: Claude <noreply@anthropic.com>'", "claude", ""),
    ("Co-authored-by: Claude noreply@anthropic.com", "claude", ""),
    ("Co-authored-by: noreply@anthropic.com", "claude", ""),
    ("Co-authored-by: Claude &lt;noreply@anthropic.com&gt;", "claude", ""),
    ("Co-authored-by: Jane <jane@example.com>, Claude <noreply@anthropic.com>", "claude", ""),
    ("Co-developed-by: Cursor <noreply@cursor.com>", "cursor", ""),
    ("Co-authored-by: Windsurf", "windsurf", ""),
    ("Co-authored-by: GPT 5.6 <codex@openai.com>", "codex", "GPT 5.6"),
    ("Co-authored-by: Jane Doe (aider) <jane@example.com>", "aider", ""),
    ("Assisted-by: Claude:claude-3-opus coccinelle sparse", "claude", "claude-3-opus"),
    ("Assisted-by: ClaudeCode:claude-fable-5", "claude", "claude-fable-5"),
    ("Assisted-by: claude-code:claude-sonnet-5 [ruff]", "claude", "claude-sonnet-5"),
    ("Assisted-by: OpenCode:qwen3-coder", "opencode", "qwen3-coder"),
    ("Assisted-by: LLM coccinelle", "unknown", ""),
    ("Assisted-by: LLM [coccinelle]", "unknown", ""),
    ("Assisted-by: AI", "unknown", ""),
    ("Assisted-by: generic LLM chatbot", "unknown", ""),
    ("Assisted-by: ChatGPTv5", "unknown", "ChatGPTv5"),
    ("Assisted-by: ChatGPT 5", "unknown", "ChatGPT 5"),
    ("Assisted-by: GPT 5.6", "unknown", "GPT 5.6"),
    ("Assisted-by: GLM 5.1", "unknown", "GLM 5.1"),
    ("Assisted-by: Gemini 3.1 Pro", "unknown", "Gemini 3.1 Pro"),
    ("Assisted-by: Claude Opus 4.6", "claude", "Claude Opus 4.6"),
    ("Assisted-by: Claude Code (Opus 4.5)", "claude", "Opus 4.5"),
    ("Assisted-by: Claude Code (Anthropic)", "claude", ""),
    ("Assisted-by: Claude (Anthropic). Reviewed and validated by J. Doe.", "claude", ""),
    ("Assisted-by: OpenAI Codex (GPT-5)", "codex", "GPT-5"),
    ("Assisted-by: `Cursor`", "cursor", ""),
    ("Assisted-by: [Claude Code](https://claude.com/claude-code)", "claude", ""),
    ("**Assisted-by:** GitHub Copilot with Claude Sonnet 4", "copilot", "Claude Sonnet 4"),
    ("Assisted-By: Jules", "jules", ""),
    ("Assisted by: Amazon Q Developer", "amazon-q", ""),
    ("AI-assisted-by: Cursor Agent", "cursor", ""),
    ("Generated-by: GitHub Copilot", "copilot", ""),
    ("Coding-Agent: Codex CLI", "codex", ""),
    ("AI-assisted: yes", "unknown", ""),
    ("AI-used-for: code, tests", "unknown", ""),
    ("Claude-Generated-By: Claude Code (cli/claude-opus-4-5=100%)", "claude", "claude-opus-4-5"),
    ("Made-with: Cursor", "cursor", ""),
    ("Replit-Commit-Author: Agent", "replit", ""),
    ("Entire-Attribution: 73% agent (146/200 lines)", "unknown", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "tool", "model"), TRAILERS, ids=[each[0] for each in TRAILERS])
@pytest.mark.parametrize(
    "message",
    ["Add x\n\n{}\n", "Add x (#1)\n\n* part\n\n{}\n\n* more\n\n---------\n\nCo-authored-by: Bob <b@example.com>", "x\\n\\n{}\\nend"],
    ids=["last paragraph", "middle of a squash", "literal newlines"],
)  # fmt: skip
def test_finds_a_trailer_anywhere(message, line, tool, model):
    """
    A trailer that names AI counts on every line of the message.
    """
    assert [("trailer", tool, model, "medium")] == short(find(message.replace("{}", line)))


SESSIONS = [
    ("Claude-Session: https://claude.ai/code/session_019GU9", "claude", "session_019GU9", "medium"),
    ("Copilot-Session: 0f4c2d1e-aaaa-4bbb-8ccc-1234567890ab", "copilot", "0f4c2d1e-aaaa-4bbb-8ccc-1234567890ab", "medium"),
    ("Agent-Logs-Url: https://github.com/o/r/sessions/0f4c2d1e-aaaa", "copilot", "0f4c2d1e-aaaa", "medium"),
    ("Amp-Thread-ID: https://ampcode.com/threads/T-0f4c2d1e", "amp", "T-0f4c2d1e", "medium"),
    ("Entire-Checkpoint: 0123456789ab", "unknown", "0123456789ab", "medium"),
    ("X-Lovable-Edit-ID: edt-0f4c2d1e", "lovable", "edt-0f4c2d1e", "medium"),
    ("Replit-Commit-Session-Id: 0f4c2d1e-aaaa", "replit", "0f4c2d1e-aaaa", "medium"),
    ("https://claude.ai/code/session_01TteLrUjp", "claude", "session_01TteLrUjp", "low"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "tool", "session", "confidence"), SESSIONS, ids=[each[0] for each in SESSIONS]
)
def test_finds_a_session(line, tool, session, confidence):
    """
    A session trailer is evidence, and only the id in it is kept.
    """
    assert (Evidence("ai", "session", tool, confidence, session=session),) == find(f"Add x\n\n{line}\n")


@pytest.mark.parametrize(
    "value", ["file:///home/jane/.claude/x1.jsonl", "http://evil.example/1234", "jane doe 1", "../../x1", "x@example.com1"]
)  # fmt: skip
def test_a_session_without_an_opaque_id_keeps_nothing(value):
    """
    What is no id never leaves the message.
    """
    assert (Evidence("ai", "session", "claude", "medium"),) == find(f"Add x\n\nClaude-Session: {value}")


MARKERS = [
    ("🤖 Generated with [Claude Code](https://claude.com/claude-code)", "claude", ""),
    (
        "🤖 Generated with [Claude Code](https://claude.ai/code) via [Happy](https://happy.engineering)",
        "claude",
        "",
    ),
    ("🤖 Generated with Claude Code", "claude", ""),
    ("Generated with Claude Code (https://claude.com/claude-code)", "claude", ""),
    ("Generated with OpenAI Codex", "codex", ""),
    ("🤖 Generated with GPT-5.2-Codex", "codex", "GPT-5.2-Codex"),
    ("Made with [Cursor](https://cursor.com)", "cursor", ""),
    ("🤖 Assisted by Amazon Q Developer", "amazon-q", ""),
    ("**This pull request was authored by a coding agent.**", "unknown", ""),
    ("Generated with [Devin](https://devin.ai)", "devin", ""),
    ("🤖 Generated with Codebuff", "codebuff", ""),
    ("Written by Claude Code, reviewed by me", "claude", ""),
]


@pytest.mark.parametrize(("line", "tool", "model"), MARKERS, ids=[each[0] for each in MARKERS])
def test_finds_a_marker(line, tool, model):
    """
    A line that begins with "generated with" a known tool is weak evidence, in the subject too.
    """
    assert [[("marker", tool, model, "low")]] * 2 == [short(find(f"Add x\n\n{line}\n")), short(find(line))]


def test_a_marker_is_passed_over_beside_a_trailer():
    """
    Free text counts only where nothing structured was found.
    """
    message = "x\n\n🤖 Generated with [Cursor](https://cursor.com)\n\nCo-Authored-By: Claude <noreply@anthropic.com>"

    assert [("trailer", "claude", "", "medium")] == short(find(message))


NOTHING = [
    "feat: add 'Made with Roo Code' badge",
    'fix: error("The last commit was not made by aider")',
    "x\n\nSpans generated by the openai/langchain integrations are dropped",
    "x\n\ngenerated by the openai/langchain integrations",
    "ci: 🤖 Update test matrix with new releases (12/15) (#5229)",
    "_🤖 This PR was automatically created using [a GitHub action](https://example.com)_",
    "x\n\nApproved-By: gpt-5.4",
    "x\n\nReviewed-by: Claude <noreply@anthropic.com>",
    "x\n\nNo-Verification-Needed: Claude",
    "x\n\nAider) and matching commit message patterns (aider: prefix, Generated\nwith Claude Code footer).",
    "x\n\nTwo trailers: `Co-Authored-By: Claude <noreply@anthropic.com>` is one.",
    "x\n\n`Co-Authored-By: Claude <noreply@anthropic.com>`",
    'x\n\n"Generated with Claude Code" is now recognised',
    "> <sup>Written by [Cursor\n> Bugbot](https://cursor.com/dashboard?tab=bugbot) for commit",
    "> <sup>Written by [Cursor Bugbot](https://cursor.com) for commit abc</sup>",
    "x\n\nWritten by [Cursor Bugbot](https://cursor.com) for commit abc",
    "Implemented using cursor",
    "x\n\nWritten by Jules",
    "x\n\nMade by Devin",
    "Generated by `devenv pin_gha`.",
    "Implemented cursor-based pagination for table view",
    "x\n\nAssisted-by: Daniel Stenberg",
    "x\n\nAssisted-by: Jules Wiriath",
    "x\n\nAssisted-by: Claude Dupont <claude@dupont.example>",
    "x\n\nAssisted-by: Claude <claude@dupont.example>",
    "x\n\nAssisted-by: Claude Dupont",
    "x\n\nAssisted-by: Ai Nguyen",
    "x\n\nAssisted-by: none",
    "x\n\nAssisted-by: None (human written)",
    "x\n\nAssisted-by: N/A",
    "x\n\nAssisted-by: no AI",
    "x\n\nAI-assisted: no",
    "x\n\nAI-used-for: nothing",
    "x\n\nai-assistant: fix the button",
    "x\n\nAssisted-by: Foo:bar-1",
    "x\n\nAssisted-by: **",
    "x\n\nMade-with: love",
    "x\n\nClaude-Session: none",
    "x\n\nGenerated with 🤖",
    "x\n\nAss\u0131sted-by: Claude Code",
    "x\n\nAssisted-by: Gem\u0131n\u0131",
    "x\n\nGenerated-by: protoc",
    "x\n\nClaude-Generated-By: Claude Code (cli/claude-opus-4-5=0%)",
    "x\n\nEntire-Checkpoint: 0123456789ab\nEntire-Attribution: 0% agent (0/200 lines)",
    "x\n\nEntire-Attribution: 0% agent (0/200 lines)",
    "x\n\nEntire-Attribution: 100% human",
    "x\n\nReplit-Commit-Author: Deployment\nReplit-Commit-Session-Id: 0f4c2d1e-aaaa",
    "x\n\nCo-authored-by: Bob <bob@example.com>",
    "x\n\nCo-authored-by: dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
    "Merge pull request #5 from owner/claude/fix-things",
    "",
]  # fmt: skip


@pytest.mark.parametrize("message", NOTHING)
def test_says_nothing_of_what_only_looks_like_ai(message):
    """
    People, reviewers, tools that are no AI, quotations and denials are no evidence.
    """
    assert () == find(message)


@pytest.mark.parametrize(
    ("author", "committer", "expected"),
    [
        (CLAUDE, CLAUDE, [("author", "claude", "", "medium")]),
        (COPILOT, WEB, [("author", "copilot", "", "medium")]),
        (("Jane Doe (aider)", JANE[1]), ("Jane Doe (aider)", JANE[1]), [("author", "aider", "", "medium")]),
        (("Jane Doe (aider)", JANE[1]), JANE, [("author", "aider", "", "medium")]),
        (JANE, ("Jane Doe (aider)", JANE[1]), []),
        (JANE, CLAUDE, []),
        (DEPENDABOT, WEB, []),
        (("coderabbitai[bot]", ""), WEB, [("author", "coderabbit", "", "medium")]),
    ],
    ids=[
        "claude",
        "copilot",
        "aider",
        "aider rebased",
        "aider commits only",
        "claude commits only",
        "bot",
        "reviewer",
    ],
)
def test_the_author_counts_and_the_committer_does_not(author, committer, expected):
    """
    An agent is evidence as author; as committer only, it put away what a human wrote.
    """
    assert expected == short(find("Fix x", author, committer))


@pytest.mark.parametrize(
    ("author", "committer", "expected"),
    [(JANE, JANE, [("marker", "aider", "", "low")]), (JANE, ("Jane Doe (aider)", JANE[1]), [])],
    ids=["subject", "commits only"],
)
def test_aiders_subject_counts_unless_it_only_commits(author, committer, expected):
    """
    The subject ``aider: …`` is a weak mark, but aider writes it on a human's edits too.
    """
    assert expected == short(find("aider: add x", author, committer))


@pytest.mark.parametrize(
    "line",
    [
        "Co-authored-by: Copilot <175728472+Copilot@users.noreply.github.com>",
        "Co-authored-by: Copilot Autofix powered by AI <62310815+github-advanced-security[bot]@users.noreply.github.com>",
        "Co-authored-by: gemini-code-assist[bot] <176961590+gemini-code-assist[bot]@users.noreply.github.com>",
        "Co-authored-by: coderabbitai[bot] <136622811+coderabbitai[bot]@users.noreply.github.com>",
        "Co-authored-by: hyperlint-ai[bot] <154288675+hyperlint-ai[bot]@users.noreply.github.com>",
        "Co-authored-by: Claude <no-reply@example.com>",
        "Replit-Commit-Author: Assistant",
    ],
)  # fmt: skip
def test_an_accepted_suggestion_is_weak_evidence(line):
    """
    A reviewer's co-author line, and an unclear one, has low confidence.
    """
    assert ["low"] == [each.confidence for each in find(f"x\n\n{line}")]


@pytest.mark.parametrize(
    ("committed_at", "expected"),
    [(BEFORE_THE_WINDOW, "medium"), (IN_THE_WINDOW[0], "low"), (IN_THE_WINDOW[1], "low"), (AFTER_THE_WINDOW, "medium")],
)  # fmt: skip
def test_a_lone_copilot_is_weak_while_an_editor_added_it_by_default(committed_at, expected):
    """
    From 2026-04-15 to 2026-05-10 a lone Copilot co-author has low confidence.
    """
    message = "x\n\nCo-authored-by: Copilot <223556219+Copilot@users.noreply.github.com>"

    assert [expected] == [each.confidence for each in find(message, committed_at=committed_at)]


@pytest.mark.parametrize(
    "more", ["Co-authored-by: Claude <noreply@anthropic.com>", "Copilot-Session: 0f4c2d1e-aaaa"]
)
def test_a_copilot_that_is_not_alone_keeps_its_confidence(more):
    """
    Beside other evidence the default of an editor does not matter.
    """
    message = f"x\n\nCo-authored-by: Copilot <223556219+Copilot@users.noreply.github.com>\n{more}"

    assert {"medium"} == {each.confidence for each in find(message, committed_at=IN_THE_WINDOW[0])}


def test_an_ambiguous_co_author_names_both_tools():
    """
    Where name and address name different tools, both are kept with low confidence.
    """
    message = "x\n\nCo-authored-by: Codex Opus 4.6 (1M context) <noreply@anthropic.com>"

    assert [("trailer", "claude", "Opus 4.6", "low"), ("trailer", "codex", "Opus 4.6", "low")] == short(
        find(message)
    )


def test_the_strongest_comes_first_and_none_comes_twice():
    """
    Evidence is ordered by confidence, then source, then how often it is named.
    """
    message = (
        "Squashed (#7)\n\n"
        "* a\n\nCo-authored-by: Copilot <175728472+Copilot@users.noreply.github.com>\n\n"
        "* b\n\nCo-authored-by: Claude Opus 4.6 <noreply@anthropic.com>\n\n"
        "* c\n\nCo-authored-by: Google Antigravity <x@example.com>\n\n"
        "* d\n\nCo-authored-by: Google Antigravity <x@example.com>\n\n"
        "* e\n\nCo-authored-by: Claude Opus 4.6 (1M context) <noreply@anthropic.com>\n"
        "Co-authored-by: Google Antigravity <x@example.com>\n"
    )

    assert [
        ("trailer", "antigravity", "", "medium"),
        ("trailer", "claude", "Claude Opus 4.6", "medium"),
        ("trailer", "copilot", "", "low"),
    ] == short(find(message))


def test_evidence_of_one_tool_shares_its_session_and_model():
    """
    The strongest evidence carries the model and the session that weaker evidence of its tool records.
    """
    message = (
        "x\n\nCo-Authored-By: Claude Fable 5 <noreply@anthropic.com>\n"
        "Claude-Session: https://claude.ai/code/session_01Gr"
    )

    assert tuple(
        Evidence("ai", source, "claude", "medium", "Claude Fable 5", "session_01Gr")
        for source in ("author", "trailer", "session")
    ) == find(message, CLAUDE)


def test_two_sessions_are_not_mixed_up():
    """
    With two sessions of a tool, neither is given to other evidence.
    """
    sessions = "".join(f"Claude-Session: https://claude.ai/code/session_{number}\n" for number in (11, 12))

    assert "" == find(f"x\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n{sessions}")[0].session


def test_agent_logs_belong_to_the_agent_that_is_the_author():
    """
    GitHub logs the agents of other vendors in the same place as Copilot.
    """
    author = ("anthropic-code-agent[bot]", "242468646+Claude@users.noreply.github.com")

    assert {"claude"} == {
        each.tool for each in find("x\n\nAgent-Logs-Url: https://github.com/o/r/sessions/12ab", author)
    }


def test_shares_of_several_models_are_several_marks():
    """
    A value with percentages names each model that has a share.
    """
    line = "Claude-Generated-By: Claude Code (cli/claude-opus-4-5=60%, cli/claude-haiku-4-5=40%, cli/claude-3=0%)"

    assert ["claude-opus-4-5", "claude-haiku-4-5"] == [each.model for each in find(f"x\n\n{line}")]


def test_several_assistants_in_one_trailer_are_several_marks():
    """
    Assistants separated by a comma or "and" are separate.
    """
    assert ["claude", "copilot"] == [
        each.tool for each in find("x\n\nAssisted-by: Claude Code (Opus 4.5, high effort) and GitHub Copilot")
    ]


def test_a_projects_own_agent_counts():
    """
    Identities from the configuration count as author and co-author.
    """
    identities = DEFAULT.with_extra({"house": ["bot@corp.example"]}, [])
    message = "x\n\nCo-authored-by: H <bot@corp.example>"

    assert ["author", "trailer"] == [
        each.source for each in find(message, ("H", "bot@corp.example"), identities=identities)
    ]


@given(st.text(), st.text(), st.text(), st.integers(0, 2**31))
def test_any_message_can_be_read(message, name, email, committed_at):
    """
    No message makes the reader fail.
    """
    assert isinstance(evidence_in(message, (name, email), (name, email), committed_at=committed_at), tuple)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data):
    """
    Neither do messages that are no text.
    """
    message = "Co-authored-by: " + data.decode("utf-8", "surrogateescape")

    assert isinstance(find(message), tuple)


@given(
    prefix=st.sampled_from(["", "* ", "- ", "> ", "🤖 ", "  ", "> * "]),
    key=st.sampled_from(["Co-authored-by", "CO-AUTHORED-BY", "co-developed-by", "Co-Authored-by"]),
    name=st.sampled_from(["Claude", "Claude Code", "Claude Opus 4.6", "Claude Sonnet 4.5 (1M context)"]),
    before=st.lists(st.sampled_from(["Fix", "", "* part", "---------", "see [x](y)"])),
    after=st.lists(st.sampled_from(["", "* more", "Signed-off-by: Bob <b@example.com>"])),
)
def test_a_rendered_co_author_is_found(prefix, key, name, before, after):
    """
    A co-author line is found with any prefix, in any case and place.
    """
    message = "\n".join(["Subject", "", *before, f"{prefix}{key}: {name} <noreply@anthropic.com>", *after])

    assert ["claude"] == [each.tool for each in find(message)]
