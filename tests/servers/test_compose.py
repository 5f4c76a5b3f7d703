"""Docker Compose itself takes compose.yaml, which needs no Docker."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .programs import program

pytestmark = pytest.mark.stack

COMPOSE = Path(__file__).parents[2] / "collector-config/compose.yaml"


def config(path: Path) -> tuple[int, str]:
    """Let Compose read a file as it would before it starts anything; return its status and what it said."""
    done = subprocess.run(
        [program("docker-compose"), "-f", path, "config"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_compose_takes_the_file():
    """
    Each service is one that Compose would start.
    """
    status, said = config(COMPOSE)

    assert 0 == status, said
    assert "healthcheck" in said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("healthcheck:", "health_check:"), ("[collector]", "[collectors]")],
    ids=["key", "service"],
)
def test_a_mistake_is_found(tmp_path, right, wrong):
    """
    The check can fail: at a key that Compose does not know, and at a service that is not there.
    """
    (tmp_path / "compose.yaml").write_text(COMPOSE.read_text("utf-8").replace(right, wrong))

    assert 0 != config(tmp_path / "compose.yaml")[0]
