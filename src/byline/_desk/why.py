"""One failure explained: from the store by its id, or from a traceback's text by the manifest."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from .. import _suspects
from .._manifest import Manifest
from .._model import Attribution, Incident, Suspect, Unverified
from .._suspects import FrameFacts
from ..exceptions import NotFoundError, UnknownCommitError
from ..store import Kind
from .frames import code_at, facts_of
from .numbers import FunctionNumbers, numbers_of
from .source import Source
from .traceback_text import Chain, TracebackFrame, frames_of, parse

_LONG_ID = re.compile(r"[0-9a-f]{32}")
"""Of a trace, or of an event in Sentry."""

_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Place:
    """One frame of the failure."""

    path: str
    """Relative to the repository when the frame is in it, else as printed."""

    line: int
    function: str
    code: str
    """The line's text, when the traceback has it or the scanned file is on this machine."""

    commit: str
    """Of a suspect at this place; empty elsewhere."""

    is_ours: bool
    """Whether the frame is known to be in the repository."""


@dataclass(frozen=True, slots=True)
class Why:
    """The answer of ``byline why``."""

    source: str
    """The name of the source that has the incident, or ``traceback``."""

    incident: Incident
    """For a traceback one that was never recorded: without id and time."""

    places: tuple[Place, ...]
    """Innermost first; those of causes before those of their consequences."""

    numbers: FunctionNumbers | None
    """Of the function's running version; None when no calls are recorded."""

    kind: Kind | None
    """Incidents like this one in the store."""

    unverified: tuple[Unverified, ...]
    """What could not be checked, in the incident and in this answer."""

    @property
    def raising(self) -> Place | None:
        """The frame that the first suspect is about, else the innermost of the repository; None without one."""
        ours = [each for each in self.places if each.is_ours]
        named = [each for each in ours if (each.path, each.line) == (self.incident.path, self.incident.line)]
        return next(iter(named or ours), None)


def explain_incident(store: Source, id_prefix: str = "", *, manifest: Manifest | None = None) -> Why:
    """
    Explain a recorded incident.

    Args:
        id_prefix: Of its id, or the id of its trace or of its event in Sentry; empty means the last one.

        manifest: Adds the subjects of commits that the incident names without one.

    Raises:
        NotFoundError: There is no such incident, or none at all.
    """
    if id_prefix:
        incident = _found(store, id_prefix)
    else:
        last = store.incidents(limit=1)
        if not last:
            raise NotFoundError(f"No incident is recorded in {store.name}. Nothing failed since it was made.")
        incident = last[0]
    incident = replace(incident, suspects=_with_subjects(incident.suspects, manifest))
    kinds = store.kinds(fingerprint=incident.fingerprint)
    # Exceptions of one incident, root cause first; a stored stack does not say what links them.
    frames = [frame for chain in parse(incident.stacktrace) for frame in frames_of(chain)]
    return Why(
        store.backend,
        incident,
        _places_of_incident(incident, frames, manifest),
        _numbers(store, incident.function, incident.attribution.last_commit),
        _together(kinds),
        incident.unverified + store.gaps(),
    )


def _found(store: Source, id_prefix: str) -> Incident:
    """Find an incident by its id's first digits, by Sentry's event of the same exception, or the last one of a trace."""
    long_id = id_prefix.lower().replace("-", "")  # Sentry writes an event's id either way
    if not _LONG_ID.fullmatch(long_id):
        return store.incident(id_prefix)
    found = store.incidents(trace_id=long_id, limit=1) or store.incidents(sentry_event_id=long_id, limit=1)
    if found:
        return found[0]
    # The id of an event that byline itself sent begins with that of its incident.
    try:
        return store.incident(long_id[:_ID_DIGITS])
    except NotFoundError:
        return store.incident(id_prefix)


def explain_traceback(text: str, manifest: Manifest, *, store: Source | None = None) -> Why:
    """
    Explain the last traceback in a text.

    Args:
        store: Adds the numbers of the function, and of failures like this one.

    Raises:
        NotFoundError: The text holds no traceback with frames.
    """
    chains = [each for each in parse(text) if any(True for _ in frames_of(each))]
    if not chains:
        raise NotFoundError(
            "No Python traceback was found in the text. It needs at least one line such as: "
            'File "shop/cart.py", line 7, in total'
        )
    chain = chains[-1]
    frames = list(frames_of(chain))
    facts = facts_of(frames, manifest)
    incident = _incident(text, chain, facts, manifest)
    places = tuple(
        Place(
            fact.path or frame.filename,
            frame.line,
            fact.qualname,
            frame.code,
            _commit_at(incident.suspects, fact.path, frame.line),
            is_ours=bool(fact.path),
        )
        for frame, fact in zip(frames, facts, strict=False)
    )
    if store is None:
        return Why("traceback", incident, places, None, None, incident.unverified)
    kinds = store.kinds(error_type=incident.error_type, path=incident.path, line=incident.line)
    numbers = _numbers(store, incident.function, incident.attribution.last_commit)
    return Why("traceback", incident, places, numbers, _together(kinds), incident.unverified)


def _incident(text: str, chain: Chain, facts: Sequence[FrameFacts], manifest: Manifest) -> Incident:
    """Describe a failure that was never recorded."""
    suspects, unverified = _suspects.rank(facts)
    raising = next((each for each in facts if each.path), None)
    function = raising.function if raising else None
    return Incident(
        id="",
        time_ns=0,
        function=function.name if function else raising.qualname if raising else "",
        error_type=chain[-1].type,
        message=chain[-1].message,
        stacktrace=text,
        path=raising.path if raising else "",
        line=raising.line if raising else 0,
        fingerprint="",
        attribution=(raising.attribution if raising else None) or Attribution(),
        suspects=_with_subjects(suspects, manifest),
        unverified=unverified,
        revision=manifest.header.revision,
    )


def _numbers(store: Source, function: str, version: str) -> FunctionNumbers | None:
    """Add up the calls of the running version, or of all versions when the version is not known."""
    rows = store.latency(function=function)
    same = [each for each in rows if each.last_commit == version]
    return numbers_of(function, same if version else rows)


def _together(kinds: Sequence[Kind]) -> Kind | None:
    """Add up kinds that differ in their commit only: the same failure in several versions."""
    if not kinds:
        return None
    return replace(
        kinds[0],
        incidents=sum(each.incidents for each in kinds),
        recorded=sum(each.recorded for each in kinds),
        first_ns=min(each.first_ns for each in kinds),
    )


def _places_of_incident(
    incident: Incident, frames: Sequence[TracebackFrame], manifest: Manifest | None
) -> tuple[Place, ...]:
    """Match the printed frames with what the incident knows of them; the manifest vouches for the code."""
    known = {(each.path, each.line): each for each in reversed(incident.suspects)}
    wanted = {path for path in (incident.path, *(path for path, _ in known)) if path}
    root = _root(frames, wanted)
    places = []
    for frame in frames:
        path = _relative(frame.filename, root, wanted)
        suspect = known.get((path, frame.line))
        places.append(
            Place(
                path or frame.filename,
                frame.line,
                suspect.function if suspect else frame.name,
                frame.code or _code(manifest, path, frame.line, frame.filename),
                suspect.commit if suspect else "",
                is_ours=bool(path),
            )
        )
    if incident.path and not any(each.is_ours for each in places):
        # The stored text was cut before it, or the running file had another name.
        commit = _commit_at(incident.suspects, incident.path, incident.line)
        code = _code(manifest, incident.path, incident.line, incident.path)
        places.insert(0, Place(incident.path, incident.line, incident.function, code, commit, is_ours=True))
    return tuple(places)


def _code(manifest: Manifest | None, path: str, line: int, filename: str) -> str:
    return code_at(manifest, path, line, filename) if manifest is not None and path else ""


def _root(frames: Sequence[TracebackFrame], paths: Collection[str]) -> str:
    """Return the folder of the repository where the program ran; empty when no frame tells."""
    for frame in frames:
        printed = frame.filename.replace("\\", "/")
        for path in paths:
            if printed.endswith(f"/{path}"):
                return printed.removesuffix(path)
    return ""


def _relative(filename: str, root: str, paths: Collection[str]) -> str:
    """Return a frame's path in the repository; empty for a library's, also one installed below the root."""
    printed = filename.replace("\\", "/")
    if printed in paths:
        return printed
    if not root or not printed.startswith(root) or "-packages/" in printed:
        return ""
    return printed.removeprefix(root)


def _commit_at(suspects: tuple[Suspect, ...], path: str, line: int) -> str:
    return next((each.commit for each in suspects if (each.path, each.line) == (path, line)), "")


def _with_subjects(suspects: tuple[Suspect, ...], manifest: Manifest | None) -> tuple[Suspect, ...]:
    """Fill in subjects; a suspect that came with its function's attribution has none."""
    if manifest is None:
        return suspects
    return tuple(
        each if each.subject else replace(each, subject=_subject(manifest, each.commit)) for each in suspects
    )


def _subject(manifest: Manifest, commit: str) -> str:
    try:
        return manifest.commit(commit).subject
    except UnknownCommitError:
        return ""
