"""The schema of byline.db, with its history; no I/O."""

from __future__ import annotations

from typing import Final

from . import finding_schema

APPLICATION_ID: Final = 0x62796C6E
"""``byln``: tells a byline store from any other SQLite file."""

VERSION: Final = 4
"""Kept in ``user_version``. History:

1. First version: incident, series, process, latency, function, unverified, thinned, meta, finding_kind, finding, executed.
2. What incidents have in common is said once, in failure; sums by the quarter hour and by the day:
   incident_sum, latency_sum. Never released in the form of 1, so a store of 1 is refused, not converted.
3. Failures keep their pattern and its certainty: failure.pattern, failure.certainty. Never released in the form of 2, as above.
4. Incidents know Sentry's event of the same exception: incident.sentry_event_id. Never released in the form of 3, as above.
"""

# No STRICT tables and no RETURNING: SQLite 3.26, which long-lived distributions ship, has neither.
SCHEMA: Final = (
    """
CREATE TABLE meta (
    -- Facts about this file.
    key TEXT PRIMARY KEY,                -- created_at_ns, created_by, self_duration_s
    value TEXT NOT NULL                  -- JSON, or text
) WITHOUT ROWID;

CREATE TABLE failure (
    -- What incidents of one kind have in common; said once, not in every incident.
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,         -- of all columns below: equal rows are one row
    function TEXT NOT NULL,              -- innermost marked function, module.qualname
    error_type TEXT NOT NULL,            -- type of the exception
    stacktrace TEXT NOT NULL,            -- as Python prints it, scrubbed; U+001A stands for the incident's message
    path TEXT NOT NULL,                  -- of the raising line, relative to the repository
    line INTEGER NOT NULL,               -- the raising line, 1-based
    fingerprint TEXT NOT NULL,           -- equal for failures of one kind
    pattern TEXT NOT NULL,               -- failure pattern it is a sign of, or empty
    certainty TEXT NOT NULL,             -- high, medium or low; empty without a pattern
    commit_sha TEXT NOT NULL,            -- commit of the first suspect; empty when there is none
    tool TEXT NOT NULL,                  -- tool of the first suspect; empty when none is known
    function_commit TEXT NOT NULL,       -- commit that wrote the marked function
    last_commit TEXT NOT NULL,           -- newest commit that changed it: its version
    attribution TEXT NOT NULL,           -- JSON object: the marked function's own attribution
    suspects TEXT NOT NULL,              -- JSON list, most likely first
    unverified TEXT NOT NULL,            -- JSON list: what could not be checked
    service TEXT NOT NULL,               -- service.name
    revision TEXT NOT NULL               -- deployed revision, not the originating one
);
CREATE INDEX failure_commit ON failure (commit_sha);
CREATE INDEX failure_function ON failure (function);
CREATE INDEX failure_fingerprint ON failure (fingerprint);

CREATE TABLE incident (
    -- One failure attributed to a commit: what is its own.
    id TEXT PRIMARY KEY,                 -- opaque, from byline.incident.id
    time_ns INTEGER NOT NULL,            -- wall clock, nanoseconds since the epoch
    failure INTEGER NOT NULL,            -- failure.id
    message TEXT NOT NULL,               -- text of the exception, scrubbed
    suppressed INTEGER NOT NULL,         -- incidents of this kind held back since the last one
    trace_id TEXT NOT NULL,              -- 32 hex digits, or empty
    span_id TEXT NOT NULL,               -- 16 hex digits, or empty
    duration_s REAL NOT NULL,            -- from the call to the failure
    sentry_event_id TEXT NOT NULL        -- of Sentry's event of the same exception; empty when not known
);
CREATE INDEX incident_time ON incident (time_ns);
CREATE INDEX incident_failure ON incident (failure, time_ns);
CREATE INDEX incident_trace ON incident (trace_id) WHERE trace_id != '';
CREATE INDEX incident_sentry ON incident (sentry_event_id) WHERE sentry_event_id != '';

CREATE TABLE incident_sum (
    -- Incidents of one failure in one span of time; written with them, and kept longer than they are.
    minutes INTEGER NOT NULL,            -- length of the span: 15 or 1440
    minute INTEGER NOT NULL,             -- its start, minutes since the epoch
    failure INTEGER NOT NULL,            -- failure.id
    recorded INTEGER NOT NULL,           -- so many rows were written to incident
    incidents INTEGER NOT NULL,          -- with those held back by the rate limit
    first_ns INTEGER NOT NULL,           -- the first of them
    last_ns INTEGER NOT NULL,            -- the last of them
    PRIMARY KEY (minutes, minute, failure)
) WITHOUT ROWID;

CREATE TABLE series (
    -- What a latency row is about; said once, not in every row.
    id INTEGER PRIMARY KEY,
    function TEXT NOT NULL,              -- module.qualname
    commit_sha TEXT NOT NULL,            -- commit that wrote it
    last_commit TEXT NOT NULL,           -- its version
    error_type TEXT NOT NULL,            -- outcome: empty for a call that returned
    UNIQUE (function, commit_sha, last_commit, error_type)
);
CREATE INDEX series_commit ON series (commit_sha);
CREATE INDEX series_last_commit ON series (last_commit);

CREATE TABLE process (
    -- Who wrote a latency row; id 0 stands for several processes, merged.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,                  -- instance and process id
    service TEXT NOT NULL,               -- service.name
    revision TEXT NOT NULL,              -- deployed revision
    UNIQUE (name, service, revision)
);

CREATE TABLE latency (
    -- Calls of one series in one span of time, as a base-2 exponential histogram.
    series INTEGER NOT NULL,             -- series.id
    minute INTEGER NOT NULL,             -- start, minutes since the epoch
    minutes INTEGER NOT NULL,            -- length: 1
    process INTEGER NOT NULL,            -- process.id
    calls INTEGER NOT NULL,              -- so many calls
    total_s REAL NOT NULL,               -- sum of the durations
    minimum_s REAL NOT NULL,             -- shortest call
    maximum_s REAL NOT NULL,             -- longest call
    scale INTEGER NOT NULL,              -- bucket i holds (2^(i/2^scale), 2^((i+1)/2^scale)]
    zero_calls INTEGER NOT NULL,         -- calls of duration zero
    first_bucket INTEGER NOT NULL,       -- i of the first number in buckets
    buckets TEXT NOT NULL,               -- JSON list of calls per bucket; -n stands for n empty ones
    exact INTEGER NOT NULL,              -- 0 when rebuilt from a histogram with explicit bounds
    -- By time first: new rows are appended, and old ones leave whole pages free.
    PRIMARY KEY (minute, series, minutes, process)
) WITHOUT ROWID;
CREATE INDEX latency_series ON latency (series, minute);

CREATE TABLE latency_sum (
    -- The rows of latency, merged over processes and time: nothing but resolution is lost.
    minutes INTEGER NOT NULL,            -- length of the span: 15 or 1440
    minute INTEGER NOT NULL,             -- its start, minutes since the epoch
    series INTEGER NOT NULL,             -- series.id
    calls INTEGER NOT NULL,              -- this and the following as in latency
    total_s REAL NOT NULL,               -- sum of the durations
    minimum_s REAL NOT NULL,             -- shortest call
    maximum_s REAL NOT NULL,             -- longest call
    scale INTEGER NOT NULL,              -- of the buckets
    zero_calls INTEGER NOT NULL,         -- calls of duration zero
    first_bucket INTEGER NOT NULL,       -- index of the first bucket
    buckets TEXT NOT NULL,               -- JSON list of calls per bucket; -n stands for n empty ones
    exact INTEGER NOT NULL,              -- 0 when a part was rebuilt from explicit bounds
    PRIMARY KEY (minutes, minute, series)
) WITHOUT ROWID;
CREATE INDEX latency_sum_series ON latency_sum (series, minutes, minute);

CREATE TABLE summed (
    -- How far the sums reach: up to this minute, and within the span that starts there up to this series.
    minutes INTEGER PRIMARY KEY,         -- length of the spans: 15 or 1440
    minute INTEGER NOT NULL,             -- minutes since the epoch; all before is summed
    series INTEGER NOT NULL              -- the last series.id of the span from there on that is summed
);

CREATE TABLE function (
    -- Marked functions that ran somewhere, called or not, by version.
    function TEXT NOT NULL,              -- module.qualname
    commit_sha TEXT NOT NULL,            -- commit that wrote it
    last_commit TEXT NOT NULL,           -- newest commit that changed it
    path TEXT NOT NULL,                  -- relative to the repository; empty when not said
    line INTEGER NOT NULL,               -- of def; 0 when not said
    author TEXT NOT NULL,                -- accountable person, in the form the settings allow
    tool TEXT NOT NULL,                  -- slug of the AI tool, or unknown
    model TEXT NOT NULL,                 -- as recorded; empty when not recorded
    evidence TEXT NOT NULL,              -- source of the strongest evidence
    confidence TEXT NOT NULL,            -- high, medium, low or none
    status TEXT NOT NULL,                -- how the running code relates to the code that was blamed
    ai_lines INTEGER NOT NULL,           -- behaviour lines by AI
    lines INTEGER NOT NULL,              -- behaviour lines
    committed_at INTEGER NOT NULL,       -- of commit_sha, seconds since the epoch
    first_seen_ns INTEGER NOT NULL,      -- nanoseconds since the epoch
    last_seen_ns INTEGER NOT NULL,       -- at most ten minutes behind
    PRIMARY KEY (function, commit_sha, last_commit)
) WITHOUT ROWID;
CREATE INDEX function_commit ON function (commit_sha);
CREATE INDEX function_last_commit ON function (last_commit);

CREATE TABLE unverified (
    -- What a running program could not tell, and why.
    subject TEXT NOT NULL,               -- a function, module, file or setting
    reason TEXT NOT NULL,                -- why it could not be told
    cure TEXT NOT NULL,                  -- what would help; may be empty
    at_ns INTEGER NOT NULL,              -- when it was said last
    PRIMARY KEY (subject, reason)
) WITHOUT ROWID;

CREATE TABLE thinned (
    -- What the bounds of size and age took away.
    what TEXT PRIMARY KEY,               -- incidents removed, latency removed, latency by the …
    rows INTEGER NOT NULL,               -- so many in all
    until_ns INTEGER NOT NULL,           -- nothing younger than this was touched
    at_ns INTEGER NOT NULL               -- when it last happened
) WITHOUT ROWID;
"""
    + finding_schema.SCHEMA
)
