"""What the resource says of the deployment, and that the user's own word counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from byline._manifest import Header, render

HEADER = Header("c" * 40, branch="main", repository="https://git.example.org/shop")
VCS = {
    "vcs.ref.head.revision": "c" * 40,
    "vcs.ref.head.name": "main",
    "vcs.repository.url.full": "https://git.example.org/shop",
}
DETECTED = "from opentelemetry.sdk.resources import Resource\nfound = Resource.create()"
OWN = (
    "from byline._exporters.resource import resource\nfrom byline._manifest import Manifest, find\n"
    "found = resource(Manifest.open(find()).header)"
)


def attributes(folder: Path, program: str, **variables: str) -> dict[str, str]:
    (folder / "byline.manifest").write_bytes(render(HEADER, [], {}))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BYLINE_", "OTEL_"))}
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport json; print(json.dumps(dict(found.attributes)))"],
        cwd=folder, env={**clean, **variables}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    assert "Traceback" not in done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


WAYS = {"detector": (DETECTED, {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "byline"}), "own": (OWN, {})}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_deployed_revision(tmp_path, way):
    """
    Revision, branch and repository come from the manifest; so does the version of the service, where none is set.
    """
    program, variables = WAYS[way]

    found = attributes(tmp_path, program, **variables)

    assert {**VCS, "service.version": "c" * 12}.items() <= found.items()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_users_word_counts(tmp_path, way):
    """
    What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say stays.
    """
    program, variables = WAYS[way]
    given = "service.version=2.0,vcs.ref.head.name=stable,service.instance.id=a"

    found = attributes(
        tmp_path, program, **variables, OTEL_RESOURCE_ATTRIBUTES=given, OTEL_SERVICE_NAME="shop"
    )

    assert ("2.0", "a", "shop") == tuple(
        found[f"service.{name}"] for name in ("version", "instance.id", "name")
    )
    assert "stable" == found["vcs.ref.head.name"]


@pytest.mark.parametrize("signal", ["_logs", "metrics", "trace"])
def test_whatever_of_the_sdk_comes_first(tmp_path, signal):
    """
    The detector is loaded while the SDK is being imported, and needs nothing that is not there yet.
    """
    program, variables = WAYS["detector"]

    found = attributes(tmp_path, f"import opentelemetry.sdk.{signal}\n{program}", **variables)

    assert VCS.items() <= found.items()


def test_nothing_to_say(tmp_path):
    """
    A manifest that cannot be read leaves the resource without the revision, and the program unharmed.
    """
    program, variables = WAYS["detector"]
    (tmp_path / "broken").write_text("x")

    found = attributes(tmp_path, program, **variables, BYLINE_MANIFEST="broken")

    assert not VCS.keys() & found.keys()
