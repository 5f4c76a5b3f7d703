"""The boards as people see them, drawn with Grafana's own components from live data; with WRITE_DOCS=1 for the docs too."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from byline._grafana import files

from . import metric_shop, pictures, serving
from .grafana import Backend, Board
from .test_grafana import begin

pytestmark = pytest.mark.stack

DOCS = Path(__file__).parents[2] / "docs/how-to"
LOAD_S = 150 if os.environ.get("WRITE_DOCS") else 25
"""How long each of the two deployments runs before the picture is taken."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """The drawing program, with Grafana's components."""
    return pictures.build(Path(os.environ.get("DRAWING") or tmp_path_factory.mktemp("drawing")))


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> Iterator[tuple[Backend, metric_shop.Shop]]:
    """A Prometheus that has seen a shop before and after a deploy."""
    folder = tmp_path_factory.mktemp("live")
    shop = metric_shop.make(folder / "shop")
    with ExitStack() as stack:
        address, path, targets = begin(stack, "scrape", folder)
        for checkout, target in zip((shop.before, shop.after), targets, strict=True):
            serving.byline(checkout, "scan")
            words = [sys.executable, "program.py", path, target, checkout.name, str(folder / checkout.name)]
            stack.enter_context(serving.running(words, checkout)).wait_for("open")
            time.sleep(LOAD_S)
        yield Backend(address), shop


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["byline-commits", "byline-commit", "byline-fleet"])
def test_every_panel_is_drawn(bundle, live, tmp_path, name):
    """
    A browser shows every panel that asks for metrics, without an error on the page.
    """
    backend, shop = live
    board = Board(files.GENERATED / "classic/dashboards" / f"{name}.json")
    values = board.choose(backend, **({"commit": shop.quoted} if name == "byline-commit" else {}))
    values |= {"__range": f"{2 * LOAD_S}s"}
    panels = pictures.panels_of(board, backend, values, seconds=2 * LOAD_S)
    picture = DOCS / f"{name}.png" if os.environ.get("WRITE_DOCS") else tmp_path / "board.png"
    choices = {"Service": "All"}
    choices |= {"Commit": shop.quoted[:10] + "…", "Function": "All"} if name == "byline-commit" else {}
    if name == "byline-commits":
        choices |= {"Commit": "All", "Author": "All", "Tool": "All", "Function": "All"}

    shown, errors = pictures.draw(bundle, panels, picture, choices=choices)

    assert ([], len(panels)) == (errors, shown)
    assert picture.stat().st_size > 20_000
