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


BOARDS = {f"{path.parts[-3]}-{path.stem}": path for path in sorted(files.GENERATED.rglob("*.json"))}
MISTAKES = ("panel", "options", "variable")


def with_mistake(place: str) -> dict:
    """Return a board with a misspelt key in one place."""
    board = json.loads(next(iter(BOARDS.values())).read_text("utf-8"))
    target = {
        "panel": board["panels"][0],
        "options": next(each for each in board["panels"] if each["type"] == "timeseries")["options"],
        "variable": board["templating"]["list"][0],
    }[place]
    target["misspelt"] = True
    return board


def program(board: dict) -> str:
    """Return TypeScript that declares a board to be of Grafana's type, and each panel's options of theirs."""
    parts = [PRELUDE, f"const board: Plain<Dashboard> = {json.dumps(board, indent=1)};"]
    parts += [
        f"const options{number}: Partial<Plain<{panel['type']}>> = {json.dumps(panel['options'], indent=1)};"
        for number, panel in enumerate(board["panels"])
        if panel.get("options")
    ]
    return "\n".join([*parts, "export {};"])


@pytest.fixture(scope="module")
def complaints(tmp_path_factory) -> dict[str, list[str]]:
    """What the compiler has against each board, from one run over all: its start costs more than the boards."""
    folder = tmp_path_factory.mktemp("types")
    subprocess.run(
        [NODE, NPM, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", *PACKAGES],
        cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    boards = {name: json.loads(path.read_text("utf-8")) for name, path in BOARDS.items()}
    boards |= {place: with_mistake(place) for place in MISTAKES}
    for name, board in boards.items():
        (folder / f"{name}.ts").write_text(program(board))
    compiler = [
        folder / "node_modules/.bin/tsc", "--strict", "--noEmit", "--skipLibCheck", "--target", "es2022",
        "--module", "nodenext", "--moduleResolution", "nodenext", *(f"{name}.ts" for name in boards),
    ]  # fmt: skip
    found: dict[str, list[str]] = {name: [] for name in boards}
    for line in _run(compiler, folder).splitlines():
        if not line.startswith(" "):  # else it goes on about the line before
            found[line.partition(".ts(")[0]].append(line)
    return found


def _run(command: list[str | Path], folder: Path, *, again: bool = True) -> str:
    """Return what a program of Node.js prints; Node.js has been seen to hang at its end, so it has two tries."""
    try:
        return subprocess.run(
            command, cwd=folder, env=ENVIRONMENT, check=False, capture_output=True, text=True, timeout=200
        ).stdout
    except subprocess.TimeoutExpired:
        if not again:
            raise
        return _run(command, folder, again=False)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", BOARDS)
def test_types(complaints, name):
    """
    Grafana's own types take the board.
    """
    assert [] == complaints[name]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", MISTAKES)
def test_a_mistake_is_found(complaints, place):
    """
    The check can fail: a misspelt key is one that Grafana does not know.
    """
    assert ["'\"misspelt\"' does not exist" in each for each in complaints[place]] == [True]
