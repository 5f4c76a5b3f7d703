"""The least that Django needs."""

from __future__ import annotations

SECRET_KEY = "only an example"  # noqa: S105  # it guards nothing
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["shop"]
USE_TZ = True
