"""The schema of byline.db, with its history; no I/O."""

from __future__ import annotations

from typing import Final

from . import finding_schema

APPLICATION_ID: Final = 0x62796C6E
"""``byln``: tells a byline store from any other SQLite file."""

VERSION: Final = 1
"""Kept in ``user_version``. History:

1. First version: incident, series, process, latency, function, unverified, thinned, meta, finding_kind, finding, executed.
"""

# No STRICT tables and no RETURNING: SQLite 3.26, which long-lived distributions ship, has neither.
SCHEMA: Final = (
    """
CREATE TABLE meta (
    -- Facts about this file.
    key TEXT PRIMARY KEY,                -- created_at_ns, created_by
    value TEXT NOT NULL                  -- JSON, or text
) WITHOUT ROWID;

CREATE TABLE incident (
    -- One failure attributed to a commit.
    id TEXT PRIMARY KEY,                 -- opaque, from byline.incident.id
    time_ns INTEGER NOT NULL,            -- wall clock, nanoseconds since the epoch
    function TEXT NOT NULL,              -- innermost marked function, module.qualname
    error_type TEXT NOT NULL,            -- type of the exception
    message TEXT NOT NULL,               -- its text, scrubbed
    stacktrace TEXT NOT NULL,            -- as Python prints it, scrubbed
    path TEXT NOT NULL,                  -- of the raising line, relative to the repository
    line INTEGER NOT NULL,               -- the raising line, 1-based
    fingerprint TEXT NOT NULL,           -- equal for failures of one kind
    commit_sha TEXT NOT NULL,            -- commit of the first suspect; empty when there is none
    function_commit TEXT NOT NULL,       -- commit that wrote the marked function
    last_commit TEXT NOT NULL,           -- newest commit that changed it: its version
    attribution TEXT NOT NULL,           -- JSON object: the marked function's own attribution
    suspects TEXT NOT NULL,              -- JSON list, most likely first
    unverified TEXT NOT NULL,            -- JSON list: what could not be checked
    suppressed INTEGER NOT NULL,         -- incidents of this kind held back since the last one
    trace_id TEXT NOT NULL,              -- 32 hex digits, or empty
    span_id TEXT NOT NULL,               -- 16 hex digits, or empty
    service TEXT NOT NULL,               -- service.name
    revision TEXT NOT NULL,              -- deployed revision, not the originating one
    duration_s REAL NOT NULL             -- from the call to the failure
);
CREATE INDEX incident_time ON incident (time_ns);
CREATE INDEX incident_commit ON incident (commit_sha, time_ns);
CREATE INDEX incident_function ON incident (function, time_ns);
CREATE INDEX incident_fingerprint ON incident (fingerprint, time_ns);

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
    minutes INTEGER NOT NULL,            -- length: 1, or 60 once thinned
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
    what TEXT PRIMARY KEY,               -- incidents removed, latency removed, latency by the hour
    rows INTEGER NOT NULL,               -- so many in all
    until_ns INTEGER NOT NULL,           -- nothing younger than this was touched
    at_ns INTEGER NOT NULL               -- when it last happened
) WITHOUT ROWID;
"""
    + finding_schema.SCHEMA
)
