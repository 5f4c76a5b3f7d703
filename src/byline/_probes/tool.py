"""``sys.monitoring``, which Python has from 3.12 on; the one name by which the probes reach it."""

from __future__ import annotations

import sys
from typing import Any

api: Any = getattr(sys, "monitoring", None)
"""None where Python has it not."""

DISABLE: object = api.DISABLE if api else None
"""Returned by a callback: report this place no more."""
