"""Where the servers are that tests start."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def program(name: str) -> str:
    """Return the path of a server's program; `.ci/metric-servers` brings those that are rarely installed."""
    found = shutil.which(name, path=str(ROOT / ".build" / "servers")) or shutil.which(name)
    assert found, f"{name} is not here. Run .ci/metric-servers"
    return found
