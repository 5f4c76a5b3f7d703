"""Names and addresses to AI tools: the real forms, and those that only look like AI."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from byline._attribution.identities import DEFAULT, Identities, Identity
from byline._attribution.identity_table import TOOLS
from byline._attribution.model_names import model_slug

AI = [
    ("Claude", "noreply@anthropic.com", Identity("claude")),
    ("Claude Opus 4.6 (1M context)", "noreply@anthropic.com", Identity("claude", "Claude Opus 4.6")),
    ("Claude Fable 5", "noreply@anthropic.com", Identity("claude", "Claude Fable 5")),
    ("Claude Code", "NoReply@Anthropic.com", Identity("claude")),
    ("Claude", "noreply@anthropics.com", Identity("claude")),
    ("claude[bot]", "209825114+claude[bot]@users.noreply.github.com", Identity("claude")),
    ("claude[bot]", "41898282+claude[bot]@users.noreply.github.com", Identity("claude")),
    ("anthropic-code-agent[bot]", "242468646+Claude@users.noreply.github.com", Identity("claude")),
    ("Copilot", "198982749+Copilot@users.noreply.github.com", Identity("copilot")),
    ("copilot-swe-agent[bot]", "198982749+Copilot@users.noreply.github.com", Identity("copilot")),
    ("Copilot App", "223556219+Copilot@users.noreply.github.com", Identity("copilot")),
    ("Copilot", "175728472+Copilot@users.noreply.github.com", Identity("copilot", reviewer=True)),
    (
        "Copilot Autofix powered by AI",
        "62310815+github-advanced-security[bot]@users.noreply.github.com",
        Identity("copilot", reviewer=True),
    ),
    ("Cursor Agent", "cursoragent@cursor.com", Identity("cursor")),
    ("Cursor", "199161495+cursoragent@users.noreply.github.com", Identity("cursor")),
    ("Cursor Grok 4.5", "grok@x.ai", Identity("cursor", "Grok 4.5")),
    ("GPT 5.6", "codex@openai.com", Identity("codex", "GPT 5.6")),
    ("Codex", "noreply@openai.com", Identity("codex")),
    ("gemini-code-assist[bot]", "176961590+gemini-code-assist[bot]@users.noreply.github.com", Identity("gemini", reviewer=True)),
    ("Google Antigravity", "whoever@example.com", Identity("antigravity")),
    ("google-labs-jules[bot]", "161369871+google-labs-jules[bot]@users.noreply.github.com", Identity("jules")),
    ("Jane Doe (aider)", "jane@example.com", Identity("aider")),
    ("aider (openrouter/anthropic/claude-3.5-sonnet)", "aider@aider.chat", Identity("aider", "claude-3.5-sonnet")),
    ("Devin AI", "158243242+devin-ai-integration[bot]@users.noreply.github.com", Identity("devin")),
    ("devin", "devin-ai-integration[bot]@users.noreply.github.com", Identity("devin")),
    ("x-ai/grok-4.5", "noreply@opencode.ai", Identity("opencode", "grok-4.5")),
    ("Claude Opus 4.6", "noreply@opencode.ai", Identity("opencode", "Claude Opus 4.6")),
    ("OpenHands-claude-sonnet-4", "openhands@all-hands.dev", Identity("openhands", "claude-sonnet-4")),
    ("Windsurf", "", Identity("windsurf")),
    ("OpenClaude (mimo-v2.5-pro)", "openclaude@gitlawb.com", Identity("openclaude", "mimo-v2.5-pro")),
    ("Kiro (AI)", "noreply@kiro.dev", Identity("kiro")),
    ("Oz", "oz-agent@warp.dev", Identity("warp")),
    ("Mistral Vibe", "vibe@mistral.ai", Identity("mistral-vibe")),
    ("Sourcery AI", "", Identity("sourcery")),
    ("lovable-dev[bot]", "41898282+lovable-dev[bot]@users.noreply.github.com", Identity("lovable")),
    ("chatgpt-codex-connector[bot]", "199175422+chatgpt-codex-connector[bot]@users.noreply.github.com", Identity("codex")),
    ("goose", "271095942+aaif-goose@users.noreply.github.com", Identity("goose")),
    ("coderabbitai[bot]", "", Identity("coderabbit", reviewer=True)),
]  # fmt: skip

AMBIGUOUS = [
    ("gpt-5.3-codex-high", "noreply@anthropic.com", Identity("claude", "gpt-5.3-codex-high", ambiguous=True, other="codex")),
    ("Qwen Code", "noreply@anthropic.com", Identity("claude", ambiguous=True, other="qwen")),
    ("Codex Opus 4.6 (1M context)", "noreply@anthropic.com", Identity("claude", "Opus 4.6", ambiguous=True, other="codex")),
    ("GLM 5.1", "noreply@anthropic.com", Identity("claude", "GLM 5.1", ambiguous=True)),
    ("Cursor", "noreply@anthropic.com", Identity("claude", ambiguous=True, other="cursor")),
    ("Claude", "no-reply@example.com", Identity("claude", ambiguous=True)),
]  # fmt: skip

NOT_AI = [
    ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
    ("dependabot-preview[bot]", "27856297+dependabot-preview[bot]@users.noreply.github.com"),
    ("renovate[bot]", "29139614+renovate[bot]@users.noreply.github.com"),
    ("acme-renovate-bot[bot]", "1+acme-renovate-bot[bot]@users.noreply.github.com"),
    ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com"),
    ("pre-commit-ci[bot]", "66853113+pre-commit-ci[bot]@users.noreply.github.com"),
    ("mergify[bot]", "37929162+mergify[bot]@users.noreply.github.com"),
    ("allcontributors[bot]", "46447321+allcontributors[bot]@users.noreply.github.com"),
    ("stainless-app[bot]", "142633134+stainless-app[bot]@users.noreply.github.com"),
    ("patchback[bot]", "45432694+patchback[bot]@users.noreply.github.com"),
    ("otelbot[bot]", "197425009+otelbot[bot]@users.noreply.github.com"),
    ("dd-octo-sts[bot]", "200755185+dd-octo-sts[bot]@users.noreply.github.com"),
    ("sentry-release-bot[bot]", "180476844+sentry-release-bot[bot]@users.noreply.github.com"),
    ("elastic-renovate-prod[bot]", ""),
    ("datadog-official[bot]", ""),
    ("graphite-app[bot]", "96075541+graphite-app[bot]@users.noreply.github.com"),
    ("gemini-cli-robot", "gemini-cli-robot@google.com"),
    ("git-ai", "git-ai@local"),
    ("Test Runner", "test@example.com"),
    ("Debug Agent", "debug@example.com"),
    ("Paul Gauthier", "aider@paulg.org"),
    ("Paul Gauthier", "paul@aider.chat"),
    ("Claude Dupont", "claude@dupont.example"),
    ("Claude", "claude@dupont.example"),
    ("Jane Doe", "jane@anthropic.com"),
    ("John Doe", "john@openai.com"),
    ("Max Pro", "max@x.ai"),
    ("Person", "person@mistral.ai"),
    ("Jules Wiriath", "jules@example.com"),
    ("Jules", "jules@example.com"),
    ("Devin Smith", "devin@example.com"),
    ("Devin", ""),
    ("Kimi", "kimi@example.fi"),
    ("henrykironde", "henry@example.com"),
    ("somebody", "dev@TimeWarp.example"),
    ("Eric Wheeler", "roo-code@z.ewheeler.org"),
    ("Graham Neubig", "openhands@all-hands.dev"),
    ("Engel Nyst", "openhands@all-hands.dev"),
    ("OpenHands Bot", "contact@all-hands.dev"),
    ("Robert", "robert@openhands.dev"),
    ("Matt", "matt@roocode.com"),
    ("Saoud", "saoud@cline.bot"),
    ("pedro", "pedro@noxus.ai"),
    ("Mergify Copilot Fan", "1234+copilot-fan@users.noreply.github.com"),
    ("Copilot", "1234+Copilot@users.noreply.github.com"),
    ("github-advanced-security[bot]", "62310815+github-advanced-security[bot]@users.noreply.github.com"),
    ("GitHub", "noreply@github.com"),
    ("", ""),
]


@pytest.mark.parametrize(("name", "email", "expected"), AI, ids=[f"{each[0]}-{each[1]}" for each in AI])
def test_recognises_an_agent(name, email, expected):
    """
    An agent is recognised in each form in which it signs, with its model where the name tells it.
    """
    assert expected == DEFAULT.identify(name, email)


@pytest.mark.parametrize(("name", "email", "expected"), AMBIGUOUS, ids=[each[0] for each in AMBIGUOUS])
def test_is_in_doubt_where_name_and_address_disagree(name, email, expected):
    """
    An agent that copied another vendor's address is ambiguous, and both tools are kept.
    """
    assert expected == DEFAULT.identify(name, email)


@pytest.mark.parametrize(("name", "email"), NOT_AI, ids=[f"{each[0]}-{each[1]}" for each in NOT_AI])
def test_leaves_people_and_other_bots_alone(name, email):
    """
    Bots without AI, vendors' staff and people with an agent's name are not AI.
    """
    assert DEFAULT.identify(name, email) is None


def test_is_extended_by_address_login_and_name():
    """
    A project adds its own agents by e-mail address, GitHub login or whole name.
    """
    identities = DEFAULT.with_extra(
        {
            "house": [
                "Bot@Corp.example",
                "77+house-bot[bot]",
                "12+housekeeper",
                "House Agent",
                "5+hb@users.noreply.github.com",
            ]
        },
        [],
    )
    found = [
        identities.identify("x", "bot@corp.example"),
        identities.identify("x", "99+house-bot[bot]@users.noreply.github.com"),
        identities.identify("x", "12+Housekeeper@users.noreply.github.com"),
        identities.identify("x", "13+housekeeper@users.noreply.github.com"),
        identities.identify("House Agent", "anything@corp.example"),
        identities.identify("x", "5+hb@users.noreply.github.com"),
    ]

    assert [Identity("house")] * 3 + [None] + [Identity("house")] * 2 == found


def test_a_name_of_an_extension_may_have_hyphens():
    """
    A name is found as it was given, and with other signs between its words.
    """
    identities = DEFAULT.with_extra({"house": ["House-Agent Pro", "Home Agent", ""]}, [])

    assert ["house", "house"] == [
        identities.describe(text).tool for text in ("house-agent pro", "home_agent")
    ]


def test_an_empty_table_knows_no_tool():
    """
    Without a table, a text can only name a model.
    """
    described = Identities({}, {}, {}, {}).describe("Cursor GPT-5")

    assert ("unknown", "GPT-5", "cursor") == (described.tool, described.model, described.rest)


def test_an_extension_leaves_the_default_as_it_is():
    """
    Extending a table returns a new one.
    """
    DEFAULT.with_extra({"house": ["bot@corp.example"]}, ["noreply@anthropic.com"])

    assert [None, Identity("claude")] == [
        DEFAULT.identify("x", "bot@corp.example"),
        DEFAULT.identify("Claude", "noreply@anthropic.com"),
    ]


@pytest.mark.parametrize("ignored", ["noreply@anthropic.com", "*@anthropic.com", "Claude"])
def test_a_project_can_ignore_an_identity(ignored):
    """
    What a project ignores is no AI, whatever the table says.
    """
    assert DEFAULT.with_extra({}, [ignored]).identify("Claude", "noreply@anthropic.com") is None


def test_a_project_can_call_a_listed_bot_ai():
    """
    A project's own entry wins over the built-in list of bots that are no AI.
    """
    identities = DEFAULT.with_extra({"stainless": ["142633134+stainless-app[bot]"]}, [])

    assert Identity("stainless") == identities.identify(
        "stainless-app[bot]", "142633134+stainless-app[bot]@users.noreply.github.com"
    )


@pytest.mark.parametrize(
    ("name", "email", "expected"),
    [
        ("Jane Doe", "jane@example.com", True),
        ("Claude Dupont", "claude@dupont.example", True),
        ("Claude", "noreply@anthropic.com", False),
        ("dependabot[bot]", "support@github.com", False),
        ("house[bot]", "1+house[bot]@users.noreply.github.com", False),
        ("GitHub", "noreply@github.com", False),
        ("", "jane@example.com", False),
    ],
)
def test_tells_people_from_machines(name, email, expected):
    """
    Only what is neither AI nor another bot nor the forge may be a person.
    """
    assert expected == DEFAULT.is_person(name, email)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("claude", "claude"),
        ("claude_code", "claude"),
        ("claudeCode", "claude"),
        ("github-copilot", "copilot"),
        ("github-copilot-jetbrains", "copilot"),
        ("cursor", "cursor"),
        ("amp", "amp"),
        ("pi", "pi"),
        ("v0", "v0"),
        ("New Tool!", "new-tool"),
        ("", "unknown"),
    ],
)
def test_normalises_a_tools_name_of_itself(name, expected):
    """
    A record's own spelling of its tool becomes the slug that all sources share.
    """
    assert expected == DEFAULT.tool_slug(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Claude Opus 4.6 (1M context)", "claude-opus-4.6"),
        ("Opus 4.6", "claude-opus-4.6"),
        ("claude-opus-4-6", "claude-opus-4.6"),
        ("claude-opus-4-6[1m]", "claude-opus-4.6"),
        ("anthropic/claude-opus-4-5-20251101", "claude-opus-4.5"),
        ("claude-3-5-sonnet-20241022", "claude-3.5-sonnet"),
        ("openai/gpt-5.4", "gpt-5.4"),
        ('"gpt-5"', "gpt-5"),
        ("GPT 5.6", "gpt-5.6"),
        ("Gemini 3.1 Pro", "gemini-3.1-pro"),
        ("<synthetic>", ""),
        ("default", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_models_have_one_spelling(text, expected):
    """
    A model has one slug, however the tool or a person wrote it.
    """
    assert expected == model_slug(text)


def test_no_identity_belongs_to_two_tools():
    """
    Each address, login and name in the table belongs to one tool.
    """
    every = [
        value for tool in TOOLS for value in (*tool.emails, *tool.logins, *tool.names, *tool.given_names)
    ]

    assert len(set(every)) == len(every)


def test_the_table_is_lower_case():
    """
    Comparison ignores case, so the table has none.
    """
    every = {
        value for tool in TOOLS for value in (*tool.emails, *tool.logins, *tool.names, *tool.given_names)
    }

    assert set() == {value for value in every if value != value.lower()}


@given(st.text(), st.text())
def test_any_name_and_address_can_be_asked_for(name, email):
    """
    No name or address makes the look-up fail, and its case does not matter.
    """
    assert DEFAULT.identify(name, email.upper().lower()) == DEFAULT.identify(name, email.upper())


@given(st.sampled_from([(tool.slug, email) for tool in TOOLS for email in tool.emails]))
def test_every_address_in_the_table_finds_its_tool(entry):
    """
    Each address of the table leads to its tool.
    """
    slug, email = entry
    found = DEFAULT.identify("", email)

    assert slug == (found.tool if found else None)


@given(st.text() | st.from_regex(r"[\w/ ]{0,4}(claude|gpt|opus)[-_ 0-9./@\[\]()mk]{0,12}"))
def test_a_slug_is_stable(text):
    """
    Normalising a model twice changes nothing.
    """
    assert model_slug(text) == model_slug(model_slug(text))
