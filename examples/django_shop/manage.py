"""
A Django service, part of which an AI tool wrote.

Run it: ``byline scan && byline run python manage.py runserver``, or ``byline run gunicorn shop.wsgi``.
"""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    execute_from_command_line(sys.argv)
