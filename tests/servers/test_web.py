"""Someone clicks from the overview to an incident, on a wide screen and on a phone, in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from byline._model import Attribution, Incident, Suspect
from byline.store import Store

from . import serving
from .programs import program

pytestmark = pytest.mark.server

DOCS = Path(__file__).parents[2] / "docs/how-to"
SCREENS = {"wide": (1200, "light"), "phone": (390, "dark")}


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The pages over what the demo recorded."""
    folder = tmp_path_factory.mktemp("web") / "shop"
    subprocess.run(
        [sys.executable, "-m", "byline", "demo", str(folder)],
        env=serving.clean_environment(), check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    words = [sys.executable, "-u", "-m", "byline", "serve", "--port", "0"]
    with serving.running(words, folder) as process:
        process.wait_for("http://")
        found = re.search(r"http://\S+", process.said())
        assert found
        process.listens(int(found[0].rstrip("/").rpartition(":")[2]))
        yield found[0]


@pytest.fixture(params=SCREENS, ids=str)
def page(request) -> Iterator[Page]:
    """A browser's page; an error in it fails the test."""
    width, scheme = SCREENS[request.param]
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: (
                errors.append(said.text) if said.type == "error" and "ERR_INTERNET" not in said.text else None
            ),
        )
        yield page
        browser.close()
    assert [] == errors


def fits(page: Page) -> bool:
    """Tell whether nothing but a table has to be scrolled sideways, and every picture is there."""
    page.wait_for_load_state("networkidle")
    pictures = page.evaluate(
        "[...document.images].filter(each => each.loading != 'lazy').every(each => each.naturalWidth > 0)"
    )
    return bool(pictures and page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_from_overview_to_incident(address, page):
    """
    Overview, commit, incident, function: each page is one click from the one before.
    """
    page.goto(address)
    assert fits(page)
    if os.environ.get("WRITE_DOCS") and page.viewport_size["width"] > 1000:
        page.evaluate("document.querySelector('.store').textContent = '/srv/shop/.byline/byline.db'")
        page.screenshot(path=DOCS / "page.png", full_page=True)

    page.get_by_role("region", name="Incidents by commit").locator("th a").first.click()
    assert page.locator("h1").inner_text().startswith("Commit ")
    assert fits(page)

    page.get_by_role("region", name="Incidents").locator("th a").first.click()
    assert page.get_by_role("heading", name="Suspects").is_visible()
    assert fits(page)

    page.locator("p", has_text="calls").get_by_role("link").click()
    assert page.get_by_role("heading", name="How long calls take").is_visible()
    assert fits(page)

    page.get_by_role("link", name="byline", exact=True).click()
    assert "AI commits in production" == page.locator("h1").inner_text()


def test_a_picture_over_time_begins_with_the_newest(address, page):
    """
    Where a picture is wider than the screen, its right end is what is seen first.
    """
    page.goto(address)
    assert fits(page)
    figure = page.locator("figure").first

    assert figure.evaluate(
        "each => Math.abs(each.getBoundingClientRect().right - each.firstElementChild.getBoundingClientRect().right)"
    ) < 2 or (page.viewport_size["width"] > 1000)


def test_with_the_keyboard(address, page):
    """
    The first Tab offers to skip to the content, and what has the focus can be seen.
    """
    page.goto(address)
    page.keyboard.press("Tab")

    assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")
    assert "none" != page.evaluate("getComputedStyle(document.activeElement).outlineStyle")


def test_it_is_up_to_date_while_it_is_open(address, page):
    """
    What fails while a page is open appears in it, without a click and without a new page; a message stays text.
    """
    page.goto(address)
    page.evaluate("window.isTheSamePage = true")
    width = page.viewport_size["width"]
    commit = f"{width:040x}"
    suspect = Suspect(commit, "AI line that raised", "shop.late", "shop.py", 2, 0, "ai", subject="<b>Late</b>",
                      confidence="high")  # fmt: skip
    with Store.open(page.locator(".store").inner_text()) as store:
        store.add_incidents([
            Incident(f"late{width:08}", time.time_ns(), "shop.late", "LateError", "<script>alert(1)</script>", "", "shop.py",
                     2, f"late{width}", Attribution("ai", commit=commit, last_commit=commit), (suspect,))
        ])  # fmt: skip
    page.get_by_text("<b>Late</b>").first.wait_for(timeout=60_000)

    assert page.evaluate("window.isTheSamePage")
    page.get_by_role("link", name=commit[:10]).first.click()
    page.get_by_role("link", name="LateError").first.click()
    assert "<script>alert(1)</script>" in page.locator("main").inner_text()


def test_it_says_when_it_is_not_up_to_date(address, page):
    """
    When the server is gone, the page says so and keeps what it has.
    """
    page.goto(address)
    page.context.set_offline(True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    # What is asked of the page itself again and again, its Content-Security-Policy forbids.
    page.locator("#live", has_text="not up to date").wait_for()

    assert page.locator("h1").is_visible()
