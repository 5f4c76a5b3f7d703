"""
Draws a board with Grafana's own components in a real browser: the nearest to Grafana that can be had here.

Grafana's transformations are its own, too. What its data source does before them is done here: labels to legends,
answers to frames.
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

from .grafana import RANGE_S, Backend, Board, filled
from .nodejs import ENVIRONMENT, NODE, NPM
from .programs import program

SOURCES = Path(__file__).parent / "drawing"
WIDTH = 1500

PAGE = """<!doctype html><meta charset="utf-8"><style>{style}
* {{ box-sizing: border-box; }}
.sr-only {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip: rect(0, 0, 0, 0); }}
body {{ margin: 0; font-family: Inter, Helvetica, Arial, sans-serif; }}</style><div id="board"></div>
<script>window.mode = {mode}; window.choices = {choices}; window.panels = {panels};</script>
<script type="module">{script}</script>"""

HEADER = 44
"""What the choices above the panels take, in pixels."""

SOURCES_OF = {"loki": "Loki", "tempo": "Tempo"}


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
            folder / "node_modules/.bin/esbuild", "draw.jsx", "--bundle", "--format=esm", "--outfile=draw.js", "--log-level=error",
            "--loader:.svg=dataurl", "--loader:.ttf=dataurl", "--alias:react-custom-scrollbars-2=./scrollbars.js",
            f"--alias:scrollbars-as-installed={scrollbars}",
            '--define:process.env.NODE_ENV="production"',
        ],
        cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return folder


def panels_of(
    board: Board, backend: Backend, values: Mapping[str, str], *, seconds: int = RANGE_S
) -> list[dict[str, Any]]:
    """Return a board's panels, each with what it found; or with who would know, where that is not Prometheus."""
    found = []
    for panel in board.panels:
        targets, now = panel["targets"], time.time()
        kind = targets[0]["datasource"]["type"]
        drawn = {**panel, "range": [(now - seconds) * 1000, now * 1000]}
        if kind != "prometheus":
            drawn["elsewhere"] = SOURCES_OF[kind]
        elif panel["type"] == "timeseries":
            # Few and wide bars, as there would be in a range of hours.
            step = max(1, seconds // (25 if _has_bars(panel) else 150))
            times = {"start": now - seconds, "end": now, "step": step}
            chosen = {**values, "__rate_interval": f"{max(10, step)}s"}
            drawn["series"] = [line for each in targets for line in _lines(each, backend, chosen, times)]
        else:
            drawn["results"] = [
                {
                    "refId": each["refId"],
                    "series": backend.get("query", query=filled(each["expr"], values), time=now)["result"],
                }
                for each in targets
            ]
            if panel["type"] == "stat":
                [[told]] = [each["series"] for each in drawn["results"]]
                drawn["value"] = float(told["value"][1])
        found.append(drawn)
    return found  # fmt: skip


def _has_bars(panel: Mapping[str, Any]) -> bool:
    return bool(panel["fieldConfig"]["defaults"]["custom"].get("drawStyle") == "bars")


def _lines(
    target: dict[str, Any], backend: Backend, values: Mapping[str, str], times: Mapping[str, float]
) -> list[dict[str, Any]]:
    query = filled(target["expr"], values)
    told = backend.get("query_range", query=query, **times)["result"]
    return [
        {
            "name": re.sub(r"{{(\w+)}}", lambda match, each=each: each["metric"].get(match[1], ""), target["legendFormat"]),
            "labels": each["metric"],
            "times": [float(at) * 1000 for at, _ in each["values"]],
            "values": [None if value == "NaN" else float(value) for _, value in each["values"]],
        }
        for each in told
    ]  # fmt: skip


def draw(
    bundle: Path,
    panels: list[dict[str, Any]],
    picture: Path,
    *,
    choices: Mapping[str, str],
    mode: str = "light",
) -> tuple[int, list[str]]:
    """Draw panels into a PNG; return how many the browser shows something in, and the errors on the page."""
    height = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in panels) * 38 + HEADER + 8
    (bundle / "board.html").write_text(
        PAGE.format(
            style=(bundle / "draw.css").read_text(), mode=json.dumps(mode), choices=json.dumps([*choices.items()]),
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
            page.locator(".panel")
            .filter(has=page.locator("canvas, [role=table], [role=grid], span, p"))
            .count()
        )
        page.screenshot(path=picture)
        browser.close()
    return shown, errors
