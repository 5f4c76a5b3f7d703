"""
A Celery worker, part of which an AI tool wrote.

Run it: ``byline scan && byline run celery -A queue_app worker``, then ``python order.py tea cup``.
"""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

FOLDER = Path(os.environ.get("QUEUE_FOLDER", ".queue")).absolute()
"""The broker here is a folder, so that the example needs no server. Set BROKER_URL for a real one."""

app = Celery("shop", broker=os.environ.get("BROKER_URL", "filesystem://"), include=["invoices", "reminders"])
if app.conf.broker_url == "filesystem://":
    for name in ("messages", "control"):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
    app.conf.broker_transport_options = {
        "data_folder_in": str(FOLDER / "messages"),
        "data_folder_out": str(FOLDER / "messages"),
        "control_folder": str(FOLDER / "control"),
    }
