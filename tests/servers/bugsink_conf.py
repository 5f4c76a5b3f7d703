"""Settings of a Bugsink that lives for one test run: SQLite, events taken in at once, and checked against Sentry's schema."""

from __future__ import annotations

import os
from pathlib import Path

from bugsink.settings.default import *  # noqa: F403
from bugsink.settings.default import DATABASES

_FOLDER = Path(os.environ["BUGSINK_FOLDER"])
_PORT = os.environ["BUGSINK_PORT"]

SECRET_KEY = "nobody-else-uses-this-server-and-it-ends-with-the-tests-0123456789"  # noqa: S105  # as it says
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES["default"]["NAME"] = str(_FOLDER / "bugsink.db")
DATABASES["snappea"]["NAME"] = str(_FOLDER / "tasks.db")
SENTRY_DSN = None
TIME_ZONE = "UTC"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
# No worker process: an event that was accepted is there.
SNAPPEA = {"TASK_ALWAYS_EAGER": True}
BUGSINK = {
    "BASE_URL": f"http://127.0.0.1:{_PORT}",
    "SINGLE_USER": True,
    "SINGLE_TEAM": True,
    "USER_REGISTRATION": "CB_NOBODY",
    "PHONEHOME": False,
    "INGEST_STORE_BASE_DIR": str(_FOLDER / "ingest"),
    # An event that is not what Sentry's schema says is not stored, and no test finds it.
    "VALIDATE_ON_DIGEST": "strict",
}
