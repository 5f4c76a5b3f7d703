"""Every board fits the types that Grafana publishes, down to each panel's own options."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from byline._grafana import files

from .nodejs import ENVIRONMENT, NODE, NPM

pytestmark = pytest.mark.server

PACKAGES = ("@grafana/schema@13.2.2", "typescript@5.9.3")

PRELUDE = """\
import type { Dashboard, Panel } from '@grafana/schema';
import type { Options as timeseries } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type { Options as table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as logs } from '@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen';

// JSON has the values of Grafana's enums, not their names.
type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T
  : T extends Array<infer Each> ? Plain<Each>[] : T extends object ? { [Key in keyof T]: Plain<T[Key]> } : T;
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder with Grafana's types and the compiler, from the npm registry."""
    folder = tmp_path_factory.mktemp("types")
    subprocess.run(
        [NODE, NPM, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", *PACKAGES],
        cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return folder


def complaints(project: Path, board: dict) -> str:
    """Return what the compiler has against a board."""
    parts = [PRELUDE, f"const board: Plain<Dashboard> = {json.dumps(board, indent=1)};"]
    parts += [
        f"const options{number}: Partial<Plain<{panel['type']}>> = {json.dumps(panel['options'], indent=1)};"
        for number, panel in enumerate(board["panels"])
        if panel.get("options")
    ]
    (project / "board.ts").write_text("\n".join([*parts, "export {};"]))
    done = subprocess.run(
        [
            project / "node_modules/.bin/tsc", "--strict", "--noEmit", "--skipLibCheck", "--target", "es2022",
            "--module", "nodenext", "--moduleResolution", "nodenext", "board.ts",
        ],
        cwd=project, env=ENVIRONMENT, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout


BOARDS = sorted(files.GENERATED.rglob("*.json"))


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_types(project, path):
    """
    Grafana's own types take the board.
    """
    assert "" == complaints(project, json.loads(path.read_text("utf-8")))


@pytest.mark.parametrize(
    ("place", "key"),
    [("panels", "tytle"), ("options", "showLegendd"), ("variable", "includeAl")],
    ids=lambda each: each,
)
def test_a_mistake_is_found(project, place, key):
    """
    The check can fail: a misspelt key is one that Grafana does not know.
    """
    board = json.loads(BOARDS[0].read_text("utf-8"))
    target = {
        "panels": board["panels"][0],
        "options": next(each for each in board["panels"] if each["type"] == "timeseries")["options"],
        "variable": board["templating"]["list"][0],
    }[place]
    target[key] = True

    assert f"'\"{key}\"' does not exist" in complaints(project, board)
