"""Which identities belong to which AI tool, and which look like AI and are not: data, no logic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tool:
    """The identities one AI tool writes into git."""

    slug: str
    emails: tuple[str, ...] = ()
    """Whole addresses; several vendors' staff share the domain with their agent."""

    logins: tuple[str, ...] = ()
    """``id+login`` of GitHub. The id is compared only where a person could own the login, that is without ``[bot]``."""

    names: tuple[str, ...] = ()
    """Product names that nobody is called."""

    given_names: tuple[str, ...] = ()
    """Product names that people are called too."""


TOOLS: tuple[Tool, ...] = (
    Tool(
        "claude",
        emails=(
            "noreply@anthropic.com",
            "noreply@anthropics.com",
            "claude@anthropic.com",
            "claude-code@anthropic.com",
            "claude@users.noreply.github.com",
        ),
        # claude-code-action commits under the id of github-actions, hence no lookup by id alone.
        logins=("209825114+claude[bot]", "242468646+claude", "242468646+anthropic-code-agent[bot]"),
        names=("claude code", "claudecode", "claude"),
    ),
    Tool(
        "copilot",
        emails=("copilot@github.com",),
        logins=(
            "198982749+copilot",
            "198982749+copilot-swe-agent[bot]",
            "223556219+copilot",
            "175728472+copilot",
        ),
        names=("github copilot", "githubcopilot", "copilot", "copilot autofix", "copilot swe agent"),
    ),
    Tool(
        "cursor",
        emails=(
            "cursoragent@cursor.com",
            "noreply@cursor.com",
            "cursor-agent@cursor.com",
            "cursor-agent@cursor.sh",
            "noreply@cursor.sh",
            "composer@cursor.com",
            "ai@cursor.sh",
            "grok@cursor.com",
        ),
        logins=("199161495+cursoragent", "206951365+cursor[bot]"),
        names=("cursor agent", "cursoragent", "cursor ai", "cursor"),
    ),
    Tool(
        "codex",
        emails=("codex@openai.com", "noreply@openai.com", "codex@example.com"),
        logins=(
            "199175422+chatgpt-codex-connector[bot]",
            "242516109+codex",
            "242516109+openai-code-agent[bot]",
        ),
        names=("openai codex", "codex cli", "codex"),
    ),
    Tool(
        "gemini",
        emails=("gemini-cli@google.com", "gemini-cli-agent@google.com", "gemini@google.com"),
        logins=("176961590+gemini-code-assist[bot]", "218312386+gemini-cli[bot]"),
        names=("gemini cli", "gemini code assist", "gemini"),
    ),
    Tool("antigravity", emails=("antigravity@google.com",), names=("google antigravity", "antigravity")),
    Tool(
        "jules", logins=("161369871+google-labs-jules[bot]",), names=("google jules",), given_names=("jules",)
    ),
    Tool(
        "aider",
        emails=("aider@aider.chat", "noreply@aider.chat", "noreply@aider.dev"),
        names=("aider",),
    ),
    Tool(
        "devin",
        logins=("158243242+devin-ai-integration[bot]",),
        names=("devin ai",),
        given_names=("devin",),
    ),
    Tool(
        "amp",
        emails=("amp@ampcode.com",),
        names=("ampcode", "amp code", "sourcegraph amp"),
        given_names=("amp",),
    ),
    Tool(
        "opencode", emails=("noreply@opencode.ai", "opencode@users.noreply.github.com"), names=("opencode",)
    ),
    Tool(
        "openhands",
        emails=("openhands@all-hands.dev", "opendevin@all-hands.dev", "opendevin@opendevin.ai"),
        names=("openhands", "opendevin"),
    ),
    Tool(
        "roo",
        emails=("roomote@roocode.com",),
        logins=("219738659+roomote[bot]", "roomote-v0[bot]"),
        names=("roo code", "roocode", "roomote"),
        given_names=("roo",),
    ),
    Tool("cline", emails=("noreply@cline.bot",), given_names=("cline",)),
    Tool("kilo", names=("kilo code", "kilocode")),
    Tool("junie", emails=("junie@jetbrains.com",), names=("jetbrains junie",), given_names=("junie",)),
    Tool("droid", logins=("138933559+factory-droid[bot]",), names=("factory droid",), given_names=("droid",)),
    Tool(
        "windsurf",
        emails=("noreply@windsurf.com", "noreply@codeium.com", "windsurf@codeium.com"),
        names=("windsurf", "codeium"),
    ),
    Tool("kiro", emails=("noreply@kiro.dev",), names=("aws kiro",), given_names=("kiro",)),
    Tool("amazon-q", logins=("208079219+amazon-q-developer[bot]",), names=("amazon q developer", "amazon q")),
    Tool("replit", names=("replit agent", "replit assistant")),
    Tool(
        "lovable", logins=("159856949+gpt-engineer-app[bot]", "49699533+lovable-dev[bot]"), names=("lovable",)
    ),
    Tool("v0", logins=("v0[bot]",)),
    Tool(
        "goose",
        emails=("goose@block.xyz", "goose-agent@block.xyz"),
        logins=("271095942+aaif-goose",),
        given_names=("goose",),
    ),
    Tool("warp", emails=("oz-agent@warp.dev",), names=("warp agent",), given_names=("oz",)),
    Tool("mistral-vibe", emails=("vibe@mistral.ai",), names=("mistral vibe",)),
    Tool("grok", emails=("grok@x.ai",)),
    Tool("qwen", names=("qwen code",)),
    Tool("codebuff", names=("codebuff",)),
    Tool("firebender", names=("firebender",)),
    Tool("seer", logins=("157164994+seer-by-sentry[bot]",)),
    Tool("sentry-junior", logins=("264270552+sentry-junior[bot]",)),
    Tool(
        "pydanty",
        emails=("pydanty-bot@pydantic.dev", "pydanty@pydantic.dev", "pydanty@users.noreply.github.com"),
        logins=("251103656+pydanty[bot]",),
    ),
    Tool("codeflash", logins=("148906541+codeflash-ai[bot]",)),
    Tool("sourcery", logins=("58596630+sourcery-ai[bot]",), names=("sourcery ai",)),
    Tool("marvin", logins=("225465937+marvin-context-protocol[bot]",)),
    Tool("strands", logins=("217235299+strands-agent",), names=("strands agent",)),
    Tool("hermes", names=("hermes agent",)),
    Tool("openclaude", emails=("openclaude@gitlawb.com",), names=("openclaude",)),
    Tool("sisyphus", given_names=("sisyphus",)),
    Tool("ellipsis", logins=("65095814+ellipsis-dev[bot]",)),
    Tool("cubic", logins=("191113872+cubic-dev-ai[bot]",)),
    Tool("coderabbit", logins=("136622811+coderabbitai[bot]",), names=("coderabbit",)),
    Tool("greptile", logins=("greptile-apps[bot]",)),
    Tool("hyperlint", logins=("154288675+hyperlint-ai[bot]",)),
)

REVIEWERS = frozenset(
    {
        "175728472+copilot",
        "gemini-code-assist[bot]",
        "amazon-q-developer[bot]",
        "ellipsis-dev[bot]",
        "cubic-dev-ai[bot]",
        "coderabbitai[bot]",
        "greptile-apps[bot]",
        "hyperlint-ai[bot]",
        "sourcery-ai[bot]",
        "marvin-context-protocol[bot]",
    }
)
"""Logins whose co-author line usually means an accepted suggestion: a few lines of the commit."""

AUTOFIX_LOGINS = frozenset({"github-advanced-security[bot]", "github-code-quality[bot]"})
"""Scanners of GitHub; AI only under the name that begins with ``AUTOFIX_NAME``."""

AUTOFIX_NAME = "copilot autofix"

MODEL_VENDOR_EMAILS = frozenset({"grok@x.ai", "gemini@google.com"})
"""Addresses that stand for a model; another tool in the name is the one that ran it."""

VENDOR_MODELS = {"claude": ("claude",), "codex": ("gpt", "chatgpt", "codex", "o1", "o3", "o4")}
"""Tools that run their vendor's models only. Another model at their address was written by an agent
that copied the address from an example."""

NOT_AI: tuple[str, ...] = (
    # Release and housekeeping bots, and test identities.
    "dependabot*",
    "renovate*",
    "*-renovate*",
    "github-actions*",
    "pre-commit-ci*",
    "mergify*",
    "allcontributors*",
    "stainless-app*",
    "stainless-bot",
    "patchback*",
    "otelbot*",
    "opentelemetrybot",
    "dd-octo-sts*",
    "sentry-release-bot*",
    "sentry-bot",
    "sentry bot",
    "getsentry-bot",
    "elastic-*[[]bot]",
    "datadog-*[[]bot]",
    "graphite-app*",
    "gemini-cli-robot",
    "git-ai",
    "git-ai@local",
    "test runner",
    "debug agent",
    "debug@example.com",
    "openhands bot",
    "contact@all-hands.dev",
    # People who committed under an agent's address.
    "engel nyst",
    "graham neubig",
)
"""Names, addresses and logins (``*`` stands for anything) that are no AI whatever else matches."""

WEB_FLOW = frozenset({"noreply@github.com", "noreply@gitlab.com", "web-flow@users.noreply.github.com"})
"""Committers that stand for the forge's web page."""

FILLER = frozenset({
    "a", "agent", "ai", "an", "and", "anthropic", "app", "assistant", "aws", "beta", "bot", "by",
    "chat", "chatbot", "cli", "code", "coding", "desktop", "developer", "extension", "generic",
    "google", "high", "ide", "language", "large", "llm", "low", "max", "medium", "microsoft", "mode",
    "model", "openai", "plus", "powered", "preview", "pro", "review", "suggestions", "the", "thinking",
    "tool", "ultra", "using", "version", "via", "vs", "vscode", "web", "with", "xai", "xhigh",
})  # fmt: skip
"""Words beside a tool's name that do not make it the name of something else."""
