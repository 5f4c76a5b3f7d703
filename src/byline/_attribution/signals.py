"""From a commit's message and people to the marks that cover the whole commit. Pure: no git."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .._model import Confidence, Evidence, Source
from .accountability import accountable, change_number
from .identities import DEFAULT, UNKNOWN_TOOL, Description, Identities, Identity
from .model_names import clean_model, model_slug
from .trailers import (
    Trailer,
    agent_share,
    is_negative,
    markers_in,
    model_shares,
    opaque_id,
    people_in,
    trailers_in,
)

__all__ = ["Person", "accountable", "change_number", "evidence_in", "model_slug"]

Person = tuple[str, str]
"""A name and an e-mail address."""

_SESSION_TOOLS = {
    "claude-session": "claude",
    "copilot-session": "copilot",
    "agent-logs-url": "copilot",
    "amp-thread-id": "amp",
    "entire-checkpoint": UNKNOWN_TOOL,
    "x-lovable-edit-id": "lovable",
    "replit-commit-session-id": "replit",
}
_SAYS_AI_BY_ITSELF = frozenset(
    {"ai-assisted", "ai-generated", "ai-used-for", "ai-assisted-by", "ai-generated-by"}
)
_AFFIRMATIVE = re.compile(r"(?:yes|true|full(?:y)?|partial(?:ly)?|code|tests?|docs?)\b", re.IGNORECASE)
_REPLIT_AUTHORS: dict[str, Confidence] = {"agent": "medium", "assistant": "low"}
_PARTS = re.compile(r"\s*(?:,|;|&|\+|\s/\s|\band\b)\s*(?![^()]*\))", re.IGNORECASE)
_SENTENCE = re.compile(r"\.\s")
_AGENT_AND_MODEL = re.compile(r"(?P<agent>[^:()<>@]{2,40}):\s?(?P<model>[^\s:()]+)")

# 2026-04-15 and 2026-05-11, UTC: meanwhile VS Code added itself as co-author unasked.
# https://github.com/microsoft/vscode/pull/309951
_COPILOT_BY_DEFAULT = range(1_776_211_200, 1_778_457_600)

_CONFIDENCE_RANK: dict[Confidence, int] = {"high": 0, "medium": 1, "low": 2, "none": 3}
_SOURCE_RANK: dict[Source, int] = {"author": 0, "trailer": 1, "session": 2, "marker": 3}


def evidence_in(
    message: str,
    author: Person,
    committer: Person,
    *,
    committed_at: int,
    identities: Identities = DEFAULT,
) -> tuple[Evidence, ...]:
    """
    Find the marks that say that AI wrote a commit, strongest first.

    A commit without a mark is of unknown origin, not human.

    Args:
        message: The whole message; trailers count on every line of it.
        author: Name and address as recorded, without mailmap: people map agents to themselves.
        committer: As recorded. An agent that only commits has put a human's edits away.
        committed_at: Seconds since the epoch.
        identities: Who is AI.
    """
    agent = identities.identify(*author)
    found = list(_of_identity(agent, "author")) if agent else []
    found += _of_trailers(trailers_in(message), agent, identities)
    if not found and (found := list(_of_markers(message, identities))):
        commits_only = agent is None and (identities.identify(*committer) or Identity("")).tool == "aider"
        found = [each for each in found if not (commits_only and each.tool == "aider")]
    if not found:
        return ()
    if committed_at in _COPILOT_BY_DEFAULT and {(each.source, each.tool) for each in found} == {
        ("trailer", "copilot")
    }:
        found = [replace(each, confidence="low") for each in found]
    return _ordered(_shared(found))


def _of_identity(identity: Identity, source: Source) -> Iterator[Evidence]:
    weak = identity.ambiguous or (identity.reviewer and source != "author")
    confidence: Confidence = "low" if weak else "medium"
    yield Evidence("ai", source, identity.tool, confidence, identity.model)
    if identity.other:
        yield Evidence("ai", source, identity.other, "low", identity.model)


def _of_trailers(
    trailers: Sequence[Trailer], agent: Identity | None, identities: Identities
) -> Iterator[Evidence]:
    if not trailers:
        return
    is_deployment = any(each.kind == "replit" and each.value.lower() == "deployment" for each in trailers)
    has_no_share = any(each.kind == "share" and is_negative(each.value) for each in trailers)
    has_checkpoint = any(each.key == "entire-checkpoint" for each in trailers)
    for trailer in trailers:
        if trailer.kind == "co-author":
            yield from _of_people(trailer.value, identities)
        elif trailer.kind == "assistance":
            yield from _of_assistance(trailer, identities)
        elif trailer.kind == "made-with":
            described = identities.describe(trailer.value)
            if described.is_certain and not described.rest:
                yield Evidence("ai", "trailer", described.tool, "medium", described.model)
        elif trailer.kind == "replit" and (confidence := _REPLIT_AUTHORS.get(trailer.value.lower())):
            yield Evidence("ai", "trailer", "replit", confidence)
        elif trailer.kind == "share" and not has_checkpoint and agent_share(trailer.value):
            yield Evidence("ai", "trailer", UNKNOWN_TOOL, "medium")
        # Entire records a checkpoint for commits too that hold no line of an agent.
        elif trailer.kind == "session" and not (
            is_deployment or (has_no_share and trailer.key == "entire-checkpoint")
        ):
            yield from _of_session(trailer, agent)


def _of_people(value: str, identities: Identities) -> Iterator[Evidence]:
    for person in people_in(value):
        if identity := identities.identify(*person):
            yield from _of_identity(identity, "trailer")


def _of_session(trailer: Trailer, agent: Identity | None) -> Iterator[Evidence]:
    if is_negative(trailer.value):
        return
    session = opaque_id(trailer.value)
    if trailer.key == "session-url":
        yield Evidence(
            "ai", "session", "claude" if "claude" in trailer.value else "amp", "low", session=session
        )
        return
    tool = _SESSION_TOOLS[trailer.key]
    if trailer.key == "agent-logs-url" and agent:
        # GitHub runs the agents of other vendors too, and logs them in the same place.
        tool = agent.tool
    yield Evidence("ai", "session", tool, "medium", session=session)


def _of_assistance(trailer: Trailer, identities: Identities) -> Iterator[Evidence]:
    if is_negative(trailer.value):
        return
    if shares := model_shares(trailer.value):
        tool = identities.describe(trailer.value.partition("(")[0]).tool or UNKNOWN_TOOL
        for model in (model for model, share in shares if share):
            yield Evidence("ai", "trailer", tool, "medium", clean_model(model))
        return
    named = False
    for part in _PARTS.split(trailer.value):
        for evidence in _of_assistant(part, identities):
            named = True
            yield evidence
    if not named and trailer.key in _SAYS_AI_BY_ITSELF and _AFFIRMATIVE.match(trailer.value):
        yield Evidence("ai", "trailer", UNKNOWN_TOOL, "medium")


def _of_assistant(value: str, identities: Identities) -> Iterator[Evidence]:
    """Read one assistant: a person with an address, ``AGENT:MODEL [TOOL]``, or ``TOOL (MODEL)``."""
    if "@" in value:
        yield from _of_people(value, identities)
        return
    text = value.strip(" \"'`*_[]").partition("](")[0]
    split = _AGENT_AND_MODEL.match(text)
    if split and (evidence := _of_agent_and_model(split["agent"], split["model"], identities)):
        yield evidence
        return
    described = identities.describe(_SENTENCE.split(text, maxsplit=1)[0])
    if described.is_certain:
        yield Evidence("ai", "trailer", described.tool, "medium", described.model)


def _of_agent_and_model(agent: str, model: str, identities: Identities) -> Evidence | None:
    named = identities.describe(agent)
    model_named = identities.describe(model)
    if not _is_tool(named) and not model_named.model:
        return None
    tool = named.tool if _is_tool(named) else UNKNOWN_TOOL
    return Evidence("ai", "trailer", tool, "medium", clean_model(model))


def _is_tool(described: Description) -> bool:
    return described.is_certain and described.tool != ""


def _of_markers(message: str, identities: Identities) -> Iterator[Evidence]:
    for marker in markers_in(message):
        described = identities.describe(marker.text)
        if not described.is_certain or described.rest:
            continue
        # A lower-case cursor is one of a database, and people called Jules write and make things too.
        if (
            marker.is_mechanical
            or described.is_distinct
            or not (described.is_given_name or (described.tool != UNKNOWN_TOOL and marker.text[0].islower()))
        ):
            yield Evidence("ai", "marker", described.tool, "low", described.model)


def _shared(found: Sequence[Evidence]) -> list[Evidence]:
    """Give a tool's only session and only model to all its evidence, so that whichever wins carries them."""
    sessions: dict[str, dict[str, str]] = {}
    models: dict[str, dict[str, str]] = {}
    for each in found:
        sessions.setdefault(each.tool, {}).update({each.session: each.session} if each.session else {})
        models.setdefault(each.tool, {}).update({model_slug(each.model): each.model} if each.model else {})
    return [
        replace(
            each,
            session=each.session or _only(sessions[each.tool]),
            model=each.model or _only(models[each.tool]),
        )
        for each in found
    ]


def _only(values: dict[str, str]) -> str:
    return next(iter(values.values())) if len(values) == 1 else ""


def _ordered(found: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Keep the strongest of each source, tool and model; of equals, the one named most often comes first."""

    def kind(each: Evidence) -> tuple[Source, str, str]:
        return each.source, each.tool, model_slug(each.model)

    def rank(each: Evidence) -> tuple[int, int, bool, int]:
        weight = _CONFIDENCE_RANK[each.confidence], _SOURCE_RANK[each.source]
        return *weight, each.tool == UNKNOWN_TOOL, -times[kind(each)]

    times = Counter(map(kind, found))
    kept: dict[tuple[Source, str, str], Evidence] = {}
    for each in sorted(found, key=rank):
        kept.setdefault(kind(each), each)
    return tuple(kept.values())
