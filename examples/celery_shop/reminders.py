"""Reminders of open invoices."""

from __future__ import annotations

from datetime import UTC, date, datetime

from queue_app import app


@app.task(bind=True, ignore_result=True)
def remind(self: object, due: str) -> int:
    # Nobody thought of a date that is none.
    return (datetime.now(UTC).date() - date.fromisoformat(due)).days
