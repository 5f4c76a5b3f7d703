"""Each service in examples/, with its AI history, run by a real server; then the desk is asked who failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from . import serving

pytestmark = pytest.mark.server

CLAUDE, CURSOR, COPILOT = "Add discount codes", "Quote the shipping", "Count bonus points"

SERVICES = {
    "flask_shop": ["gunicorn", "app:app", "-b", "127.0.0.1:{port}"],
    "fastapi_shop": ["uvicorn", "app:app", "--port", "{port}"],
    "django_shop": [sys.executable, "manage.py", "runserver", "--noreload", "127.0.0.1:{port}"],
}
REQUESTS = ("cart?items=tea,cup&code=SPRING", "cart?items=", "shipping/DE?kg=3", "shipping/XX")


def with_history(service: str, folder: Path) -> dict[str, str]:
    """Make a service's repository, scan it, and return the SHAs of its commits by their subject."""
    subprocess.run(
        [sys.executable, serving.EXAMPLES / "history.py", serving.EXAMPLES / service, folder],
        check=True, capture_output=True,
    )  # fmt: skip
    serving.byline(folder, "scan")
    told = subprocess.run(
        ["git", "log", "--format=%H %s"], cwd=folder, check=True, capture_output=True, text=True
    )
    return {subject: sha for sha, _, subject in (line.partition(" ") for line in told.stdout.splitlines())}


@pytest.mark.parametrize("service", SERVICES, ids=str)
def test_web_service(tmp_path, service):
    """
    A service is driven over HTTP, fails as its AI commits make it fail, and the desk names those commits.
    """
    folder, port = tmp_path / "shop", serving.free_port()
    shas = with_history(service, folder)
    words = [word.format(port=port) for word in SERVICES[service]]

    with serving.running([sys.executable, "-m", "byline", "run", *words], folder) as server:
        server.listens(port)
        answers = [serving.status_of(f"http://127.0.0.1:{port}/{each}") for each in REQUESTS]
        if service == "django_shop":
            orders = [
                serving.status_of(f"http://127.0.0.1:{port}/order/ana?total={each}")
                for each in ("25", "free")
            ]
            assert [200, 500] == orders, server.said()
        server.end()

    expected = {"ZeroDivisionError": shas[CLAUDE], "KeyError": shas[CURSOR]}
    if service == "django_shop":
        expected["ValueError"] = shas[COPILOT]
    assert [200, 500, 200, 500] == answers, server.said()
    assert expected == serving.first_suspects(folder), server.said()


def test_worker(tmp_path):
    """
    A worker gets its tasks from a queue, two of them fail, and the desk names the commits behind them.
    """
    folder = tmp_path / "shop"
    shas = with_history("celery_shop", folder)
    words = ["celery", "-A", "queue_app", "worker", "--concurrency", "2", "--loglevel", "INFO"]

    with serving.running([sys.executable, "-m", "byline", "run", *words], folder) as worker:
        for items in (["tea", "cup"], []):
            subprocess.run(
                [sys.executable, "order.py", *items], cwd=folder, env=serving.clean_environment(), check=True
            )
        worker.wait_for("ready.")
        for text in ("ZeroDivisionError", "ValueError", "succeeded"):
            worker.wait_for(text)
        worker.end()

    expected = {"ZeroDivisionError": shas["Make invoices"], "ValueError": shas["Remind of open invoices"]}
    assert expected == serving.first_suspects(folder), worker.said()
    assert {"invoice": 2, "remind": 2} == serving.calls(folder / ".byline" / "byline.db"), worker.said()
