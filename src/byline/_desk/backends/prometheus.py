"""A team's Prometheus as a source of calls, durations and versions; whatever speaks its HTTP API will do."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ... import _label_names as names, _semconv
from ..._model import ExecutedLines, Incident, Unverified
from ..._store.reading import Moment, one_commit
from ...exceptions import SourceError
from ...store import Block, CommitIncidents, FindingKind, FunctionSeen, Kind, Latency, Totals
from . import counted, promql
from .buckets import sketch_of
from .http import Client
from .prometheus_api import Api, Sample
from .prometheus_buckets import Reader

HORIZON = timedelta(days=30)
"""How far back is looked where nobody says; as long as a store keeps things."""

BLOCK_S = 900
_MINUTE_NS = 60_000_000_000
_FULL_SHA = 40
_FINER = 48
"""Hours with new versions that are looked at by the minute, the last ones."""

_FUNCTION_LABELS = tuple(
    names.label(each)
    for each in (
        _semconv.FUNCTION, _semconv.COMMIT, _semconv.LAST_COMMIT, _semconv.FILE, _semconv.LINE, _semconv.AUTHOR,
        _semconv.TOOL, _semconv.MODEL, _semconv.EVIDENCE, _semconv.CONFIDENCE, _semconv.STATUS, _semconv.AI_LINES,
        _semconv.LINES, _semconv.COMMITTED_AT,
    )
)  # fmt: skip


class Prometheus:
    """Answers the desk's questions about calls by PromQL."""

    def __init__(self, client: Client) -> None:
        self._api = Api(client)
        self._select = client.address.select
        self._gaps: dict[str, Unverified] = {}
        self._histograms: promql.Histograms | None = None
        self._functions: tuple[FunctionSeen, ...] | None = None
        self._read = Reader()

    @property
    def name(self) -> str:
        """What it is and where, for people."""
        return self._api.name

    @property
    def backend(self) -> str:
        """Its name in ``--source``."""
        return "prometheus"

    def gaps(self) -> tuple[Unverified, ...]:
        """Say what is missing in the answers given so far, and how far they can be off."""
        return (*self._read.gaps(), *self._gaps.values())

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    # --- calls and durations -------------------------------------------------

    def totals(
        self, *, commit: str | None = None, last_commit: str | None = None, since: Moment | None = None,
        until: datetime | None = None,
    ) -> tuple[Totals, ...]:  # fmt: skip
        """As ``Store.totals``; the longest call is not known, and is given as 0."""
        at_s, window_s = _window(since, until)
        matchers = self._matchers(commit=commit, last_commit=last_commit)
        asked = promql.calls_and_seconds(self._kind(), self._select, window_s, *matchers)
        calls, seconds = (
            {_key(each): each.value for each in self._api.query(query, at_s)} for query in asked
        )
        return tuple(
            Totals(*key, calls_, seconds.get(key, 0.0), 0.0, 0, 0)
            for key, value in sorted(calls.items(), key=lambda item: _by_version(item[0]))
            if (calls_ := round(value))
        )

    def latency(
        self, *, function: str | None = None, functions: Collection[str] | None = None, commit: str | None = None, last_commit: str | None = None,
        since: Moment | None = None, until: datetime | None = None,
    ) -> tuple[Latency, ...]:  # fmt: skip
        """As ``Store.latency``, estimated from buckets; when the first and the last call came is not known."""
        at_s, window_s = _window(since, until)
        matchers = self._matchers(function=function, commit=commit, last_commit=last_commit)
        if functions is not None:
            matchers.append(promql.one_of(names.FUNCTION, functions))
        asked = promql.distributions(self._kind(), self._select, window_s, promql.SERIES, *matchers)
        self._lacks(counted.TIMES)
        groups: dict[tuple[str, str, str, str], list[Sample]] = {}
        for each in self._api.query(asked, at_s):
            groups.setdefault(_key(each), []).append(each)
        found = []
        for key in sorted(groups, key=_by_version):
            buckets, total = self._read.buckets(groups[key])
            if buckets:
                found.append(Latency(*key, sketch_of(buckets, total), 0, 0, exact=False))
        return tuple(found)

    def blocks(
        self, *, function: str, last_commit: str, since: Moment | None = None, until: datetime | None = None
    ) -> tuple[Block, ...]:
        """As ``Store.blocks``, estimated from buckets."""
        matchers = self._matchers(function=function, last_commit=last_commit)
        labels = (names.ERROR,)
        asked = promql.distributions(self._kind(), self._select, BLOCK_S, labels, *matchers)
        groups: dict[tuple[int, str], list[Sample]] = {}
        for each in self._by_quarter_hour(asked, since, until):
            groups.setdefault((round(each.at_s) - BLOCK_S, each.label(names.ERROR)), []).append(each)
        found = []
        for (start_s, error_type), samples in sorted(groups.items()):
            buckets, total = self._read.buckets(samples)
            if buckets:
                found.append(Block(error_type, start_s * 10**9, BLOCK_S // 60, sketch_of(buckets, total)))
        return tuple(found)

    def _kind(self) -> promql.Histograms:
        """Find out which kind of histogram is stored."""
        if self._histograms is None:
            found = self._api.values(
                "__name__",
                f'{{__name__=~"{names.DURATION}(_bucket)?"{self._more()}}}',
                time.time() - HORIZON.total_seconds(),
            )
            self._histograms = "classic" if names.BUCKET in found or names.DURATION not in found else "native"
            if {names.BUCKET, names.DURATION} <= set(found):
                self._lacks(counted.BOTH_KINDS)
        return self._histograms

    # --- functions and commits -----------------------------------------------

    def functions(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[FunctionSeen, ...]:
        """As ``Store.functions``; seen first and last to the minute lately, else to the hour."""
        if self._functions is None:
            self._functions = counted.functions_of(self._seen())
        sha = self.commit(commit) if commit else commit
        return tuple(
            each
            for each in self._functions
            if (function is None or each.function == function) and (sha is None or each.commit == sha)
        )

    def _seen(self) -> Iterator[tuple[Mapping[str, str], float, float]]:
        """Yield the labels of a function, and when they were there first and last, by ever finer steps."""
        series = promql.matching(names.INFO, self._select)
        now_s = time.time()
        hours: set[int] = set()
        for window, step in (("30d", "1h"), ("2h", "1m"), ("5m", "1s")):
            first, last = (
                {tuple(sorted(each.labels.items())): each.value for each in self._api.query(asked, now_s)}
                for asked in (
                    promql.seen(_FUNCTION_LABELS, series, window, step, first=True),
                    promql.seen(_FUNCTION_LABELS, series, window, step, first=False),
                )
            )
            for labels, at_s in first.items():
                yield dict(labels), at_s, last.get(labels, at_s)
                if step == "1h":
                    hours.add(-int(-at_s // 3_600) * 3_600)
        # A version's first hour by the minute, where it is one of the last ones.
        for hour in sorted(hours)[-_FINER:]:
            asked = promql.seen(_FUNCTION_LABELS, series, "1h", "1m", first=True)
            for each in self._api.query(asked, min(hour, now_s)):
                yield each.labels, each.value, each.value

    def commit(self, prefix: str) -> str:
        """
        Return the full SHA of the one commit that a prefix of at least four digits names.

        Raises:
            UnknownCommitError: The prefix is too short, names no commit, or several.
        """
        return one_commit(prefix, self._commits, self.name)

    def _commits(self, prefix: str) -> tuple[str, ...]:
        found: set[str] = set()
        for label in (names.COMMIT, names.VERSION):
            series = promql.matching(names.INFO, self._select, promql.starting(label, prefix.lower()))
            found.update(self._api.values(label, series, time.time() - HORIZON.total_seconds()))
        return tuple(sorted(found - {""}))

    # --- counters ------------------------------------------------------------

    def by_commit(
        self, *, commit: str | None = None, since: Moment | None = None, until: datetime | None = None,
        function: str | None = None, tool: str | None = None, error_type: str | None = None,
        pattern: str | None = None,
    ) -> tuple[CommitIncidents, ...]:  # fmt: skip
        """As ``Store.by_commit``, by the commit of the function rather than of the line."""
        return counted.by_commit(
            self.kinds(
                commit=commit,
                since=since,
                until=until,
                function=function,
                tool=tool,
                error_type=error_type,
                pattern=pattern,
            )
        )

    def kinds(
        self, *, commit: str | None = None, since: Moment | None = None, until: datetime | None = None,
        function: str | None = None, tool: str | None = None, fingerprint: str | None = None,
        error_type: str | None = None,
        pattern: str | None = None, path: str | None = None, line: int | None = None,
        commits: Sequence[str] | None = None, limit: int | None = None,
        samples: int | None = None,
    ) -> tuple[Kind, ...]:  # fmt: skip
        """As ``Store.kinds``, of what a counter knows: function, commit, tool and type of the exception."""
        del samples
        self._lacks(counted.MESSAGES)
        if fingerprint is not None or path is not None or line is not None:
            return ()
        at_s, window_s = _window(since, until)
        matchers = self._matchers(function=function, commit=commit, tool=tool, error_type=error_type)
        series = promql.matching(names.INCIDENTS, self._select, *matchers)
        asked = promql.summed((*promql.SERIES, names.TOOL), promql.grown(series, window_s))
        found = counted.kinds_of((each.labels, each.value) for each in self._api.query(asked, at_s))
        return tuple(
            each
            for each in found
            if (commits is None or each.commit in commits) and (pattern is None or each.pattern == pattern)
        )[:limit]

    def findings(
        self, *, commit: str | None = None, since: Moment | None = None, until: datetime | None = None,
        function: str | None = None, last_commit: str | None = None, fingerprint: str | None = None,
    ) -> tuple[FindingKind, ...]:  # fmt: skip
        """As ``Store.findings``, of what a counter knows: those that nobody was told of, without their lines."""
        self._lacks(counted.HANDLERS)
        if fingerprint is not None:
            return ()
        matchers = self._matchers(function=function, commit=commit, last_commit=last_commit)
        series = promql.matching(names.FINDINGS, self._select, *matchers)
        handling = names.label(_semconv.FINDING_HANDLING)
        asked = promql.summed((*promql.SERIES, names.TOOL, handling), promql.grown(series, BLOCK_S))
        return counted.findings_of(
            (each.labels, each.at_s, each.value) for each in self._by_quarter_hour(asked, since, until)
        )

    # --- what it cannot know -------------------------------------------------

    def executed(
        self, *, function: str | None = None, commit: str | None = None
    ) -> tuple[ExecutedLines, ...]:
        """Return nothing: lines are no metric."""
        del function, commit
        self._lacks(counted.LINES)
        return ()

    def unverified(self, *, since: Moment = timedelta(days=1)) -> tuple[Unverified, ...]:
        """Return nothing: what programs could not tell is no metric."""
        del since
        self._lacks(counted.NOTES)
        return ()

    def incident(self, id_prefix: str) -> Incident:
        """
        Refuse: single incidents are no metric.

        Raises:
            SourceError: Always.
        """
        raise SourceError(f"{self.name} has no incident {id_prefix!r}: it counts them only.")

    def incidents(self, **wanted: object) -> tuple[Incident, ...]:
        """Return nothing: single incidents are no metric."""
        del wanted
        self._lacks(counted.MESSAGES)
        return ()

    # --- asking --------------------------------------------------------------

    def _lacks(self, gap: Unverified) -> None:
        self._gaps.setdefault(gap.subject, gap)

    def _more(self) -> str:
        return f",{self._select}" if self._select else ""

    def _matchers(self, **wanted: str | None) -> list[str]:
        labels = {
            "function": names.FUNCTION, "commit": names.COMMIT, "last_commit": names.VERSION,
            "tool": names.TOOL, "error_type": names.ERROR,
        }  # fmt: skip
        found = []
        for name, value in wanted.items():
            if value is None:
                continue
            is_prefix = name in {"commit", "last_commit"} and 0 < len(value) < _FULL_SHA
            found.append(promql.equal(labels[name], self.commit(value) if is_prefix else value))
        return found

    def _by_quarter_hour(
        self, expression: str, since: Moment | None, until: datetime | None
    ) -> Iterator[Sample]:
        """Ask at the end of each quarter hour of the window, and of those at its edges."""
        end_s, window_s = _window(since, until)
        first_s = (end_s - window_s) // BLOCK_S * BLOCK_S + BLOCK_S
        last_s = -(-end_s // BLOCK_S) * BLOCK_S
        return self._api.query_range(expression, first_s, max(first_s, last_s), BLOCK_S)


def _window(since: Moment | None, until: datetime | None) -> tuple[int, int]:
    """Return the end of a window, and its length, in seconds; every minute that has a part in it counts."""
    now = datetime.now(UTC)
    end = until or now
    start = now - since if isinstance(since, timedelta) else since or end - HORIZON
    first, last = math.floor(start.timestamp() / 60) * 60, math.ceil(end.timestamp() / 60) * 60
    return last, max(60, last - first)


def _key(sample: Sample) -> tuple[str, str, str, str]:
    function, commit, version, error = (sample.label(each) for each in promql.SERIES)
    return function, commit, version, error


def _by_version(key: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
    function, commit, version, error = key
    return function, version, commit, error
