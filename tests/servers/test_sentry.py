"""The services in examples/ report to a real Sentry-compatible server, whose own pages find each issue by its commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from . import issue_server, serving
from .test_examples import CLAUDE, COPILOT, CURSOR, REQUESTS, SERVICES, with_history

pytestmark = pytest.mark.server

WITH_INTEGRATION = """
import os
import sentry_sdk
from byline.sentry import BylineIntegration

sentry_sdk.init(dsn=os.environ["SHOP_DSN"], integrations=[BylineIntegration()])
"""
# The service knows nothing of byline; BYLINE_SENTRY is set.
WITHOUT_INTEGRATION = """
import os
import sentry_sdk

sentry_sdk.init(dsn=os.environ["SHOP_DSN"])
"""
IMAGES = os.environ.get("BYLINE_IMAGES_TO", "")
"""A folder for the pictures of docs/how-to/sentry.md; unset, none are kept."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[issue_server.Bugsink]:
    """One server for all services."""
    with issue_server.running(tmp_path_factory.mktemp("bugsink")) as started:
        yield started


@pytest.fixture(scope="module")
def page(server: issue_server.Bugsink) -> Iterator[Page]:
    """A real browser, logged in."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is not here. .ci/run installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1000, "height": 400})
        opened.goto(f"{server.url}/accounts/login/")
        opened.fill("input[name=username]", issue_server.USER)
        opened.fill("input[name=password]", issue_server.PASSWORD)
        opened.press("input[name=password]", "Enter")
        opened.wait_for_url(lambda address: "login" not in address)
        yield opened
        browser.close()


def reporting(folder: Path, dsn: str, start: str) -> dict[str, str]:
    """Return the variables with which a program, started as it is, reports to a project."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(start)
    return {"PYTHONPATH": str(folder), "SHOP_DSN": dsn}


def found_by(page: Page, server: issue_server.Bugsink, project: int, commit: str) -> list[str]:
    """Search a project's issues by a commit, as people do; return their titles."""
    page.goto(f"{server.url}/issues/{project}/")
    page.fill("input[name=q]", f"byline.commit:{commit}")
    page.press("input[name=q]", "Enter")
    page.wait_for_url("**q=byline.commit*")
    return [each.strip() for each in page.locator("a[href*='/issues/issue/'].font-bold").all_inner_texts()]


def picture(page: Page, name: str) -> None:
    if IMAGES:
        page.screenshot(path=f"{IMAGES}/{name}.png")


@pytest.mark.parametrize("service", SERVICES, ids=str)
def test_web_service(tmp_path, server, page, service):
    """
    Each failure is one issue, as the framework reports it, and its commit finds it.
    """
    project, dsn = server.project(service)
    folder, port = tmp_path / "shop", serving.free_port()
    shas = with_history(service, folder)
    words = [word.format(port=port) for word in SERVICES[service]]
    start = WITHOUT_INTEGRATION if service == "fastapi_shop" else WITH_INTEGRATION
    variables = reporting(tmp_path / "start", dsn, start)
    if service == "fastapi_shop":
        variables["BYLINE_SENTRY"] = "1"

    with serving.running([sys.executable, "-m", "byline", "run", *words], folder, **variables) as shop:
        shop.listens(port)
        for each in REQUESTS:
            serving.status_of(f"http://127.0.0.1:{port}/{each}")
        if service == "django_shop":
            serving.status_of(f"http://127.0.0.1:{port}/order/ana?total=free")
        expected = {"ZeroDivisionError": shas[CLAUDE], "KeyError": shas[CURSOR]}
        if service == "django_shop":
            expected["ValueError"] = shas[COPILOT]
        issues = server.issues(project, len(expected))
        shop.end()

    assert expected.keys() == {each["calculated_type"] for each in issues}, shop.said()
    for issue in issues:
        kind, event = issue["calculated_type"], server.event(issue["id"])
        assert 1 == issue["digested_event_count"], shop.said()
        assert event["exception"]["values"][-1]["mechanism"]["type"] != "byline"
        assert expected[kind] == event["tags"]["git_commit"]
        assert expected[kind] == event["contexts"]["byline"]["suspects"][0]["commit"]
        assert "request" in event
        (title,) = found_by(page, server, project, expected[kind])
        assert title.startswith(kind)
    assert [] == found_by(page, server, project, "0" * 40)


def test_worker(tmp_path, server, page):
    """
    Tasks that fail in a worker.
    """
    project, dsn = server.project("celery_shop")
    folder = tmp_path / "shop"
    shas = with_history("celery_shop", folder)
    variables = reporting(tmp_path / "start", dsn, WITH_INTEGRATION)
    words = ["celery", "-A", "queue_app", "worker", "--concurrency", "2", "--loglevel", "INFO"]

    with serving.running([sys.executable, "-m", "byline", "run", *words], folder, **variables) as worker:
        worker.wait_for("ready.")
        for items in (["tea", "cup"], []):
            subprocess.run(
                [sys.executable, "order.py", *items], cwd=folder, env=serving.clean_environment(), check=True
            )
        issues = server.issues(project, 2)
        worker.end()

    expected = {"ZeroDivisionError": shas["Make invoices"], "ValueError": shas["Remind of open invoices"]}
    assert expected == {
        each["calculated_type"]: server.event(each["id"])["tags"]["byline.commit"] for each in issues
    }, worker.said()
    assert [1, 1] == [each["digested_event_count"] for each in issues], worker.said()
    for kind, commit in expected.items():
        (title,) = found_by(page, server, project, commit)
        assert title.startswith(kind)


def test_answers_of_real_frameworks():
    """
    What the frameworks themselves raise to answer a request or to steer a worker is known by its name.
    """
    import celery.exceptions
    import django.core.exceptions
    import django.http
    import fastapi
    import werkzeug.exceptions

    from byline._sentry.answers import is_answer

    answers = [
        werkzeug.exceptions.NotFound(),
        fastapi.HTTPException(404),
        django.http.Http404(),
        django.core.exceptions.PermissionDenied(),
        celery.exceptions.Retry(),
        celery.exceptions.Ignore(),
    ]
    failures = [
        werkzeug.exceptions.InternalServerError(),
        fastapi.HTTPException(503),
        django.core.exceptions.ImproperlyConfigured(),
        celery.exceptions.TimeLimitExceeded(),
        ValueError(),
    ]
    assert [] == [each for each in answers if not is_answer(each)]
    assert [] == [each for each in failures if is_answer(each)]


SWALLOWING = """
import discounts

for _ in range(3):
    try:
        discounts.per_item(12.0, 0)
    except ZeroDivisionError:
        pass
"""


def test_swallowed(tmp_path, server, page):
    """
    What a program swallows is there as well, with the suspects on the event's page.
    """
    project, dsn = server.project("shop")
    folder = tmp_path / "shop"
    shas = with_history("flask_shop", folder)
    subprocess.run(["git", "remote", "add", "origin", "https://github.com/acme/shop"], cwd=folder, check=True)
    serving.byline(folder, "scan")
    (folder / "count.py").write_text(SWALLOWING)
    variables = reporting(tmp_path / "start", dsn, WITH_INTEGRATION)
    done = subprocess.run(
        [sys.executable, "-m", "byline", "run", "count.py"],
        cwd=folder, env=serving.clean_environment(**variables), capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr

    (issue,) = server.issues(project, 1)
    assert ("ZeroDivisionError", 3) == (issue["calculated_type"], issue["digested_event_count"])
    (title,) = found_by(page, server, project, shas[CLAUDE])
    picture(page, "sentry-search")
    page.click(f"text={title}")
    page.click("text=Event Details")
    shown = page.inner_text("body")
    assert f"byline.commit {shas[CLAUDE]}" in " ".join(shown.split())
    assert "Add discount codes: AI line that raised at discounts.py:" in shown
    assert f"https://github.com/acme/shop/commit/{shas[CLAUDE]}" in shown
    for heading, name in (
        ("h1:has-text('Tags')", "sentry-tags"),
        ("h3:has-text('BYLINE')", "sentry-context"),
    ):
        page.locator(heading).evaluate("element => element.scrollIntoView()")
        picture(page, name)
