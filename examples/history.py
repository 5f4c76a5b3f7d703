"""
Give an example service its history: a git repository in which an AI tool wrote part of it.

    python examples/history.py examples/flask_shop /tmp/shop

Who committed what, and with which message, is in the service's ``history.toml``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

DAY_S = 86_400


def write(service: Path, folder: Path) -> dict[str, str]:
    """
    Copy a service and commit its files, step by step.

    Returns:
        The SHA of each commit, by the first line of its message.
    """
    commits = tomllib.loads((service / "history.toml").read_text("utf-8"))["commit"]
    folder.mkdir(parents=True, exist_ok=True)
    _git(folder, "init", "-q", "-b", "main")
    shas = {}
    for number, commit in enumerate(commits):
        for name in commit["files"]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(service / name, folder / name)
            _git(folder, "add", name)
        days_ago = len(commits) - number
        _git(folder, "commit", "-q", "-m", commit["message"], **_person(commit, days_ago))
        shas[commit["message"].splitlines()[0]] = _git(folder, "rev-parse", "HEAD")
    return shas


def _person(commit: dict[str, Any], days_ago: int) -> dict[str, str]:
    name, _, address = commit["author"].removesuffix(">").partition(" <")
    who = {"NAME": name, "EMAIL": address, "DATE": f"{int(time.time()) - days_ago * DAY_S} +0000"}
    return {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}


def _git(folder: Path, *words: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *words], cwd=folder, env={**clean, **environment}, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004  # its own name, a service, a folder
        raise SystemExit(__doc__)
    for subject, sha in write(Path(sys.argv[1]), Path(sys.argv[2])).items():
        print(sha[:10], subject)
