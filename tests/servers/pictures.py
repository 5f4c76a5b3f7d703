"""
Draws a board with Grafana's own components in a real browser: the nearest to Grafana that can be had here.

What Grafana does between a query and a component (labels to legends, tables joined) is done here.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from .grafana import RANGE_S, Backend, Board, Value, filled
from .nodejs import ENVIRONMENT, NODE, NPM
from .programs import program

SOURCES = Path(__file__).parent / "drawing"
WIDTH = 1500

PAGE = """<!doctype html><meta charset="utf-8"><style>{style}
body {{ margin: 0; font-family: Inter, Helvetica, Arial, sans-serif; }}</style><div id="board"></div>
<script>window.mode = {mode}; window.panels = {panels};</script><script>{script}</script>"""


def build(folder: Path) -> Path:
    """Bundle the drawing program with Grafana's components, from the npm registry; return the folder."""
    for each in SOURCES.iterdir():
        shutil.copy(each, folder)
    subprocess.run(
        [NODE, NPM, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    # Where npm puts it depends on npm.
    scrollbars = next((folder / "node_modules").glob("**/react-custom-scrollbars-2/lib/index.js"))
    subprocess.run(
        [
            folder / "node_modules/.bin/esbuild", "draw.jsx", "--bundle", "--outfile=draw.js", "--log-level=error",
            "--loader:.svg=dataurl", "--loader:.ttf=dataurl", "--alias:react-custom-scrollbars-2=./scrollbars.js",
            f"--alias:scrollbars-as-installed={scrollbars}",
            '--define:process.env.NODE_ENV="production"',
        ],
        cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return folder


def panels_of(board: Board, backend: Backend, values: Mapping[str, Value]) -> list[dict[str, Any]]:
    """Return a board's panels that ask for metrics, each with what it found."""
    found = []
    for panel in board.panels:
        targets = [each for each in panel["targets"] if each["datasource"]["type"] == "prometheus"]
        if not targets:
            continue
        now = time.time()
        drawn = {**panel, "range": [(now - RANGE_S) * 1000, now * 1000]}
        if panel["type"] == "timeseries":
            drawn["series"] = [line for each in targets for line in _lines(each, backend, values, now)]
        elif panel["type"] == "stat":
            [told] = backend.get("query", query=filled(targets[0]["expr"], values), time=now)["result"]
            drawn["value"] = float(told["value"][1])
        else:
            drawn["columns"], drawn["rows"] = _table(panel, targets, backend, values, now)
        found.append(drawn)
    return found


def _lines(
    target: dict[str, Any], backend: Backend, values: Mapping[str, Value], now: float
) -> list[dict[str, Any]]:
    told = backend.get(
        "query_range", query=filled(target["expr"], values), start=now - RANGE_S, end=now, step=1
    )["result"]
    return [
        {
            "name": _short(re.sub(r"{{(\w+)}}", lambda match, each=each: each["metric"].get(match[1], ""), target["legendFormat"])),
            "times": [float(at) * 1000 for at, _ in each["values"]],
            "values": [None if value == "NaN" else float(value) for _, value in each["values"]],
        }
        for each in told
    ]  # fmt: skip


def _table(
    panel: dict[str, Any],
    targets: list[dict[str, Any]],
    backend: Backend,
    values: Mapping[str, Value],
    now: float,
) -> tuple[list[str], list[list[Any]]]:
    joined: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    [organize] = [each["options"] for each in panel["transformations"] if each["id"] == "organize"]
    for target in targets:
        column = organize["renameByName"][f"Value #{target['refId']}"]
        for each in backend.get("query", query=filled(target["expr"], values), time=now)["result"]:
            joined.setdefault(tuple(sorted(each["metric"].items())), {})[column] = float(each["value"][1])
    titles = organize["renameByName"]
    present = {label for labels in joined for label, _ in labels}
    numbers = [title for name, title in titles.items() if name.startswith("Value #")]
    labels = [
        name for name in sorted(organize["indexByName"], key=organize["indexByName"].get) if name in present
    ]
    rows = [
        [*(_short(dict(key).get(name, "")) for name in labels), *(cells.get(name) for name in numbers)]
        for key, cells in joined.items()
    ]
    return [*(titles.get(name, name) for name in labels), *numbers], sorted(
        rows, key=lambda row: -(row[len(labels)] or 0)
    )


def _short(name: str) -> str:
    return re.sub(r"([0-9a-f]{10})[0-9a-f]{30}", r"\1", name)


def draw(
    bundle: Path, panels: list[dict[str, Any]], picture: Path, *, mode: str = "light"
) -> tuple[int, list[str]]:
    """Draw panels into a PNG; return how many the browser shows something in, and the errors on the page."""
    height = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in panels) * 38 + 16
    (bundle / "board.html").write_text(
        PAGE.format(
            style=(bundle / "draw.css").read_text(), mode=json.dumps(mode),
            panels=json.dumps(panels).replace("</", "<\\/"), script=(bundle / "draw.js").read_text().replace("</script", "<\\/script"),
        )
    )  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": height})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"file://{bundle / 'board.html'}")
        page.wait_for_selector(".panel")
        page.wait_for_timeout(1_500)
        shown = (
            page.locator(".panel").filter(has=page.locator("canvas, [role=table], [role=grid], span")).count()
        )
        page.screenshot(path=picture)
        browser.close()
    return shown, errors
