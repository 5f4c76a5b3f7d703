"""The names of models as people and tools write them, found in free text and normalised."""

from __future__ import annotations

import re

_FAMILY = r"""
    claude(?=[-_\ ]?(?:opus|sonnet|haiku|fable|instant|v?\d))
  | (?:opus|sonnet|haiku|fable)(?=[-\ ]?\d)
  | chatgpt | gpt(?=[-_\ ]?(?:v?\d|oss))
  | o[134](?=-|\b)(?![\w.]) | codex(?=-(?:mini|\d))
  | gemini(?=[-_\ ]?\d) | composer(?=[-\ ]?\d)
  | grok | glm(?=[-\ ]?\d) | kimi | qwen | deepseek | minimax | devstral | codestral
  | mistral(?=-(?:large|medium|small)) | llama(?=[-\ ]?\d)
"""
_WORD = "opus|sonnet|haiku|fable|pro|flash|lite|mini|nano|max|turbo|codex|preview|thinking|fast|coder|high|low|medium|xhigh"
_MODEL = re.compile(
    rf"(?<![a-z0-9])(?:[\w.-]+/)*(?:{_FAMILY})[\w.:@-]*(?:\ (?:{_WORD}|v?\d[\w.-]*)(?![\w-]))*",
    re.IGNORECASE | re.VERBOSE,
)
_CONTEXT_SIZE = re.compile(r"\s*(?:\(\s*\d+\s*[mk]\b[^()]*\)|\[\s*\d+\s*[mk]\s*\])", re.IGNORECASE)
_DATE = re.compile(r"[-@]20\d{6}$")
_NOT_RECORDED = frozenset(
    {"unknown", "default", "auto", "<synthetic>", "synthetic", "none", "null", "n/a", "model"}
)
_LONGEST = 100


def without_context_size(text: str) -> str:
    """Drop ``(1M context)`` and ``[1m]``, which tell nothing about who wrote the code."""
    return _CONTEXT_SIZE.sub("", text)


def find_model(text: str) -> tuple[str, str]:
    """Return the model that a text names, empty if none, and the text without it."""
    match = _MODEL.search(text)
    if match is None:
        return "", text
    return clean_model(match[0]), f"{text[: match.start()]} {text[match.end() :]}"


def clean_model(text: str) -> str:
    """Return a recorded model without quotes, provider and context size; empty when it says nothing."""
    model = without_context_size(" ".join(text.split())).strip("\"'` .,:;-")
    if " " not in model:
        model = model.rpartition("/")[2]
    if model.lower() in _NOT_RECORDED or not model.isprintable():
        return ""
    return model[:_LONGEST]


def model_slug(text: str) -> str:
    """
    Return one spelling for a model, whoever recorded it.

    ``Claude Opus 4.6 (1M context)``, ``Opus 4.6`` and ``claude-opus-4-6`` all become ``claude-opus-4.6``.
    """
    slug = re.sub(r"[\s_]+", "-", clean_model(text).lower())
    slug = re.sub(r"[^a-z0-9.+-]+", "-", _DATE.sub("", slug)).strip("-.")
    if re.match(r"(?:opus|sonnet|haiku|fable)\b", slug):
        slug = f"claude-{slug}"
    if slug.startswith("claude-"):
        # Anthropic's ids separate major and minor version by a dash, its prose by a dot.
        slug = re.sub(r"(?<=-\d)-(?=\d{1,2}(?:-|$))", ".", slug)
    return slug
