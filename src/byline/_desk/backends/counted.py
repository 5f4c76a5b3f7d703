"""What labels and counters tell, as the values that a store returns; and what they cannot tell; no I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast, get_args

from ... import _label_names as names, _semconv
from ..._model import Attribution, Finding, Handling, Suspect, Unverified
from ..._patterns import classify
from ...store import CommitIncidents, FindingKind, FunctionSeen, Kind
from .buckets import Bucket

Labels = Mapping[str, str]

_ASK_A_LOG = "ask a store, or Loki for single ones"
_ASK_A_STORE = "ask a store"

TIMES = Unverified("first and last call", "a counter tells how often, not when", _ASK_A_STORE)
BOTH_KINDS = Unverified(
    "calls kept only as native histograms",
    "this Prometheus has classic histograms too, and adding both up would count most calls twice",
    'select one kind of service behind the URL, as in {job="shop"}',
)
TWICE = Unverified(
    "which bucket some calls are in",
    "VictoriaMetrics keeps exponential buckets that a process has since merged, beside those that they became; "
    "P50, P95 and P99 can be off by more than a bucket",
    "send explicit buckets, or ask a store",
)
MESSAGES = Unverified(
    "messages, lines and ids of incidents",
    "a counter has the function, its commit and the type of the exception; patterns are by the type alone",
    _ASK_A_LOG,
)
HANDLERS = Unverified(
    "handlers, lines and messages of what was swallowed",
    "a counter has the function and the type, and counts only what is new and told nobody",
    _ASK_A_LOG,
)
LINES = Unverified("error handlers that never ran", "lines are no metric", _ASK_A_STORE)
NOTES = Unverified("what programs could not tell", "it is no metric", _ASK_A_STORE)

_INFO = {
    "path": _semconv.FILE,
    "author": _semconv.AUTHOR,
    "tool": _semconv.TOOL,
    "model": _semconv.MODEL,
    "evidence": _semconv.EVIDENCE,
    "confidence": _semconv.CONFIDENCE,
    "status": _semconv.STATUS,
}
_INFO_NUMBERS = {
    "line": _semconv.LINE,
    "ai_lines": _semconv.AI_LINES,
    "lines": _semconv.LINES,
    "committed_at": _semconv.COMMITTED_AT,
}


def estimated(factor: float) -> Unverified:
    """Say how far durations can be off."""
    return Unverified(
        "exact P50, P95 and P99",
        f"estimated within buckets whose bounds are up to a factor {factor:.2g} apart; "
        "a change inside a bucket may not show",
        "ask a store, or keep native histograms",
    )


def beyond(bucket: Bucket) -> Unverified:
    """Say that a bucket has one bound only."""
    if math.isinf(bucket.high):
        return Unverified(
            f"how much longer than {bucket.low:g} s calls took",
            f"the last bucket begins there; they are shown as {bucket.low:g} s",
            _ASK_A_STORE,
        )
    return Unverified(
        f"how much shorter than {bucket.high:g} s calls took",
        "the first bucket ends there; a change below it does not show",
        "ask a store, or keep native histograms",
    )


def functions_of(seen: Iterable[tuple[Labels, float, float]]) -> tuple[FunctionSeen, ...]:
    """
    Describe each version of a function by the labels it had last.

    Args:
        seen: Labels, and when they were there first and last: seconds since the epoch.
    """
    found: dict[tuple[str, str, str], FunctionSeen] = {}
    for labels, first_s, last_s in seen:
        version = _function(labels, round(first_s * 1e9), round(last_s * 1e9))
        key = (version.function, version.commit, version.last_commit)
        known = found.get(key)
        if known is not None:
            newest = version if version.last_seen_ns >= known.last_seen_ns else known
            version = replace(newest, first_seen_ns=min(version.first_seen_ns, known.first_seen_ns))
        found[key] = version
    return tuple(found[key] for key in sorted(found))


def _function(labels: Labels, first_ns: int, last_ns: int) -> FunctionSeen:
    texts: dict[str, Any] = {
        field: labels.get(names.label(attribute), "") for field, attribute in _INFO.items()
    }
    numbers: dict[str, Any] = {
        field: _whole(labels.get(names.label(attribute), "")) for field, attribute in _INFO_NUMBERS.items()
    }
    return FunctionSeen(
        labels.get(names.FUNCTION, ""),
        labels.get(names.COMMIT, ""),
        labels.get(names.VERSION, ""),
        **texts,
        **numbers,
        first_seen_ns=first_ns,
        last_seen_ns=last_ns,
    )


def kinds_of(counts: Iterable[tuple[Labels, float]]) -> list[Kind]:
    """Describe incidents by what their counter has, the most frequent first."""
    found = [_kind(labels, number) for labels, value in counts if (number := round(value))]
    return sorted(found, key=lambda each: (-each.incidents, each.function, each.error_type, each.commit))


def _kind(labels: Labels, number: int) -> Kind:
    error_type = labels.get(names.ERROR, "")
    match = classify((error_type,), "")
    return Kind(
        fingerprint="", incidents=number, recorded=number, first_ns=0, last_ns=0, last_id="",
        commit=labels.get(names.COMMIT, ""), function=labels.get(names.FUNCTION, ""), error_type=error_type,
        message="", path="", line=0, tool=labels.get(names.TOOL, ""),
        pattern=match.pattern if match else "", certainty=match.certainty if match else "",
    )  # fmt: skip


def by_commit(kinds: Iterable[Kind]) -> tuple[CommitIncidents, ...]:
    """Add incidents up by commit, the most frequent first."""
    groups: dict[str, list[Kind]] = {}
    for each in kinds:
        groups.setdefault(each.commit, []).append(each)
    found = [
        CommitIncidents(
            commit,
            sum(each.incidents for each in group),
            sum(each.recorded for each in group),
            tuple(dict.fromkeys(each.function for each in group)),
            tuple(dict.fromkeys(each.error_type for each in group)),
            0,
            0,
            _suspect(group[0]) if commit else None,
        )
        for commit, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.incidents, each.commit)))


def _suspect(kind: Kind) -> Suspect:
    return Suspect(
        kind.commit, "wrote most of the function", kind.function, "", 0, 0, "ai", "none", tool=kind.tool
    )


def findings_of(counts: Iterable[tuple[Labels, float, float]]) -> tuple[FindingKind, ...]:
    """
    Describe what was swallowed by what its counter has, the most frequent first.

    Args:
        counts: Labels, the end of a quarter hour in seconds, and the number within it.
    """
    groups: dict[tuple[str, ...], list[tuple[float, int]]] = {}
    handling = names.label(_semconv.FINDING_HANDLING)
    labels_of = (names.FUNCTION, names.COMMIT, names.VERSION, names.ERROR, names.TOOL, handling)
    for labels, at_s, value in counts:
        if number := round(value):
            key = tuple(labels.get(each, "") for each in labels_of)
            groups.setdefault(key, []).append((at_s, number))
    found = []
    for (function, commit, version, error_type, tool, how), group in groups.items():
        if how not in get_args(Handling):
            continue
        last_s, count = max(at_s for at_s, _ in group), sum(number for _, number in group)
        finding = Finding(
            id="", time_ns=round(last_s * 1e9), handling=cast(Handling, how), function=function,
            error_type=error_type, path="", line=0, handler="", returned="", count=count,
            fingerprint="",
            attribution=Attribution(commit=commit, last_commit=version, tool=tool),
        )  # fmt: skip
        found.append(FindingKind(finding, round(min(at_s for at_s, _ in group) * 1e9)))
    return tuple(sorted(found, key=lambda each: (-each.count, each.last.function, each.last.error_type)))


def _whole(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return 0
