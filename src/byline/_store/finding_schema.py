"""The tables of findings and of executed lines; no I/O."""

from __future__ import annotations

from typing import Final

SCHEMA: Final = """
CREATE TABLE finding_kind (
    -- What findings of one kind have in common; said once.
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,         -- of what makes a kind: equal kinds are one row
    fingerprint TEXT NOT NULL,           -- equal for findings of one kind over deployments
    handling TEXT NOT NULL,              -- silent, weak, logged, reported, retried or expected
    function TEXT NOT NULL,              -- marked function, module.qualname
    error_type TEXT NOT NULL,            -- type of the exceptions
    path TEXT NOT NULL,                  -- of the handler, relative to the repository
    line INTEGER NOT NULL,               -- of the handler
    handler TEXT NOT NULL,               -- except, except*, with or finally
    returned TEXT NOT NULL,              -- type of what was returned instead; empty when the function went on
    commit_sha TEXT NOT NULL,            -- commit that wrote the handler's line; empty when unknown
    last_commit TEXT NOT NULL,           -- newest commit that changed the function: its version
    is_new INTEGER NOT NULL,             -- 0 when the line is not newer than the baseline
    owner TEXT NOT NULL,                 -- JSON list of one: who wrote the line; of none when unknown
    attribution TEXT NOT NULL,           -- JSON object: the marked function's own attribution
    message TEXT NOT NULL,               -- text of one of the exceptions, scrubbed
    stacktrace TEXT NOT NULL,            -- of the same one, scrubbed
    pattern TEXT NOT NULL,               -- failure pattern it is a sign of, or empty
    certainty TEXT NOT NULL,             -- high, medium or low; empty without a pattern
    trace_id TEXT NOT NULL,              -- 32 hex digits, or empty
    span_id TEXT NOT NULL,               -- 16 hex digits, or empty
    service TEXT NOT NULL,               -- service.name
    revision TEXT NOT NULL               -- deployed revision
);
CREATE INDEX finding_kind_commit ON finding_kind (commit_sha);
CREATE INDEX finding_kind_last_commit ON finding_kind (last_commit);

CREATE TABLE finding (
    -- How many there were of a kind in an hour.
    kind INTEGER NOT NULL,               -- finding_kind.id
    hour INTEGER NOT NULL,               -- hours since the epoch
    findings INTEGER NOT NULL,           -- so many exceptions
    first_ns INTEGER NOT NULL,           -- when the first event came
    last_ns INTEGER NOT NULL,            -- when the last one was
    PRIMARY KEY (hour, kind)
) WITHOUT ROWID;

CREATE TABLE executed (
    -- Which lines of a function's version ran somewhere.
    function TEXT NOT NULL,              -- module.qualname
    commit_sha TEXT NOT NULL,            -- commit that wrote it
    last_commit TEXT NOT NULL,           -- newest commit that changed it: its version
    path TEXT NOT NULL,                  -- relative to the repository
    first_line INTEGER NOT NULL,         -- what the lists count from
    lists TEXT NOT NULL,                 -- JSON object of lists: lines, ai, run, handlers, handlers_run
    last_ns INTEGER NOT NULL,            -- when something new ran last
    PRIMARY KEY (function, commit_sha, last_commit)
) WITHOUT ROWID;
"""

COMMIT_COLUMNS: Final = (
    ("finding_kind", "commit_sha"),
    ("finding_kind", "last_commit"),
    ("executed", "commit_sha"),
    ("executed", "last_commit"),
)
