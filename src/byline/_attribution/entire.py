"""The agents behind Entire's checkpoints: a commit's trailer has an id only, a branch has the name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from .._model import Commit, Evidence
from .commits import Commits
from .identities import UNKNOWN_TOOL, Identities
from .model_names import clean_model
from .repository import Repository
from .untrusted_json import parse, table, text_of

BRANCH = "entire/checkpoints/v1"
_ID = re.compile(r"[0-9a-f]{12}")
_CHECKPOINTS = re.compile(rf"refs/(?:heads|remotes/[^/]+)/{BRANCH}")
_NO_NAME = frozenset({"", "agent", "unknown"})


def with_agents(repository: Repository, commits: Commits) -> Commits:
    """Name the agents of the commits that Entire recorded, as far as its branch is here."""
    waiting = {
        each.session: ""
        for commit in commits.by_sha.values()
        for each in commit.evidence
        if _is_nameless(each)
    }
    branch = checkpoints(repository) if waiting else ""
    if not branch:
        return commits
    names = [
        f"{branch}:{session[:2]}/{session[2:]}/{file}"
        for session in waiting
        for file in ("0/metadata.json", "metadata.json")
    ]
    found = repository.read_names(names)
    agents: dict[str, tuple[str, str]] = {}
    for number, session in enumerate(waiting):
        for entry in found[2 * number : 2 * number + 2]:
            agent = _agent(entry[1] if entry else b"", commits.identities)
            if agent[0]:
                agents.setdefault(session, agent)
    return replace(commits, by_sha={sha: _named(each, agents) for sha, each in commits.by_sha.items()})


def checkpoints(repository: Repository) -> str:
    """Return the commit of the branch with checkpoints; "" when it is not here."""
    return next((sha for ref, sha in repository.refs.items() if _CHECKPOINTS.fullmatch(ref)), "")


def _is_nameless(each: Evidence) -> bool:
    return each.source == "session" and each.tool == UNKNOWN_TOOL and bool(_ID.fullmatch(each.session))


def _agent(data: bytes, identities: Identities) -> tuple[str, str]:
    record = table(parse(data.decode("utf-8", "replace")))
    agent = text_of(record.get("agent"))
    if agent.lower() in _NO_NAME:
        return "", ""
    return identities.tool_slug(agent), clean_model(text_of(record.get("model")))


def _named(commit: Commit, agents: Mapping[str, tuple[str, str]]) -> Commit:
    if not any(each.session in agents for each in commit.evidence):
        return commit
    evidence = tuple(
        replace(each, tool=agents[each.session][0], model=each.model or agents[each.session][1])
        if _is_nameless(each) and each.session in agents
        else each
        for each in commit.evidence
    )
    return replace(commit, evidence=evidence)
