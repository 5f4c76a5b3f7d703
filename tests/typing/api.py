"""What the public interface promises type checkers, the decorator apart; checked by three of them, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import byline
from byline.sentry import BylineIntegration
from byline.store import CommitIncidents, Store

assert_type(byline.instrument(manifest=Path("byline.manifest"), store="byline.db", author="hash"), None)
byline.instrument(author="initials")  # type: ignore[arg-type]
assert_type(byline.instrument(sentry=True), None)
assert_type(BylineIntegration(capture="escaped", rate=5, spans=False), BylineIntegration)
BylineIntegration(capture="some")  # type: ignore[arg-type]
assert_type(byline.uninstrument(), None)
assert_type(byline.is_active(), bool)
assert_type(byline.__version__, str)

with Store.open("byline.db", read_only=True) as store:
    assert_type(store, Store)
    assert_type(store.by_commit(), tuple[CommitIncidents, ...])
