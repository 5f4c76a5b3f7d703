"""What the decorator's keyword arguments say of a function, and how that merges with what was found."""

from __future__ import annotations

import threading
from dataclasses import replace

from .._dataclass import dataclass
from .._model import Attribution
from .._registry import Entry
from .._telemetry import worker


@dataclass(frozen=True, slots=True)
class Declaration:
    """A person's own word: this function is AI-generated. Empty values say nothing."""

    tool: str = ""
    model: str = ""
    commit: str = ""
    author: str = ""
    session: str = ""
    reviewed_by: str = ""
    reviewed_for: tuple[str, ...] = ()


def declared(attribution: Attribution, declaration: Declaration | None) -> Attribution:
    """
    Return the attribution with the declaration's word put first; pure.

    What was found stays where nothing was declared, except what belongs to another commit
    than the declared one. The status stays: it says whether the code is the blamed code,
    and that no decorator can know.
    """
    if declaration is None:
        return attribution
    if declaration.commit and not attribution.commit.startswith(declaration.commit):
        attribution = replace(
            attribution,
            commit=declaration.commit,
            author="",
            tool="",
            model="",
            session="",
            change="",
            committed_at=0,
        )
    return replace(
        attribution,
        verdict="ai",
        confidence="high",
        evidence="decorator",
        author=declaration.author or attribution.author,
        tool=declaration.tool or attribution.tool or "unknown",
        model=declaration.model or attribution.model,
        session=declaration.session or attribution.session,
    )


_lock = threading.Lock()
_declarations: dict[int, tuple[Entry, Declaration]] = {}


def declare(entry: Entry, declaration: Declaration) -> None:
    """Remember a declaration and put it into the entry's attribution; of two, the later one's words win."""
    with _lock:
        former = of(entry)
        if former is not None:
            declaration = _over(former, declaration)
        # The entry is kept so that its id stays its own.
        _declarations[id(entry)] = (entry, declaration)
        entry.attribution = declared(entry.attribution, declaration)


def of(entry: Entry) -> Declaration | None:
    """Return what was declared of a function; whoever settles an entry asks this, see ``declared``."""
    known = _declarations.get(id(entry))
    return known[1] if known else None


def _over(former: Declaration, later: Declaration) -> Declaration:
    return Declaration(
        tool=later.tool or former.tool,
        model=later.model or former.model,
        commit=later.commit or former.commit,
        author=later.author or former.author,
        session=later.session or former.session,
        reviewed_by=later.reviewed_by or former.reviewed_by,
        reviewed_for=later.reviewed_for or former.reviewed_for,
    )


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  # whoever held it stayed in the parent
    _lock = threading.Lock()


worker.after_fork(_after_fork_in_child)
