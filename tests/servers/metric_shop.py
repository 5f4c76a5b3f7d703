"""A shop whose functions take known times and fail at known rates, as a repository with an AI history, and its program."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..repositories import RepositoryFactory

CLAUDE = "\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
CURSOR = "\n\nCo-authored-by: Cursor <cursoragent@cursor.com>\n"
ON_CALL = "Grace Hopper (on call)"
"""An author whose name looks like a pattern."""

COPILOT = "copilot-swe-agent[bot] <198982749+Copilot@users.noreply.github.com>"

QUOTES = """\
import time


def quote(seconds, fails):
    if fails:
        raise KeyError("country")
    time.sleep(seconds)
    return round(seconds)


def weigh(amount):
    try:
        return 10 / amount
    except ZeroDivisionError:
        return None
"""

ROUNDED = QUOTES.replace("time.sleep(seconds)", "time.sleep(2 * seconds)\n    time.sleep(0.001)")

STOCK = """\
def stock(amount):
    try:
        return 10 / amount
    except ZeroDivisionError:
        return None
"""

PROGRAM = '''\
"""Call the shop's functions, say how long each call took, and report by the path that is asked for."""

import json
import random
import sys
import time

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import byline
from byline.otel import metric_exporter, prometheus_collector

path, address, instance, took = sys.argv[1:]
resource = Resource.create({
    "service.name": "shop", "service.instance.id": instance,
    "vcs.repository.url.full": "https://git.example.com/shop.git",
})
if path == "scrape":
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from prometheus_client import REGISTRY, start_http_server

    REGISTRY.register(prometheus_collector())
    start_http_server(int(address), addr="127.0.0.1")
    reader = PrometheusMetricReader()
else:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    exporter = metric_exporter(OTLPMetricExporter(endpoint=address), exponential=path == "exponential")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=1_000)
metrics.set_meter_provider(MeterProvider([reader], resource=resource))
trace.set_tracer_provider(TracerProvider(resource=resource))
byline.instrument()

from quotes import quote, weigh
from stock import stock

tracer, rng = trace.get_tracer("shop"), random.Random(instance)
print("open", flush=True)
with open(took, "w") as file:
    while True:
        with tracer.start_as_current_span("request"):
            started = time.perf_counter()
            failed = rng.random() < 0.25
            try:
                quote(min(rng.lognormvariate(-4.6, 0.5), 0.2), failed)
            except KeyError:
                pass
            print(json.dumps(time.perf_counter() - started), file=file, flush=True)
            weigh(rng.choice([0, 1, 2, 5]))
            stock(rng.choice([0, 1, 2, 5]))
'''


class Shop(NamedTuple):
    """Two checkouts of the shop: before and after the commit that made quotes slower."""

    before: Path
    after: Path
    quoted: str
    """The commit that wrote ``quote``, by Claude."""

    counted: str
    """The commit that wrote ``stock``, by Copilot."""

    rounded: str
    """The commit that changed ``quote``, by Cursor."""


def make(folder: Path) -> Shop:
    """Make the repository, and a checkout of it for each of the two deployments."""
    repository = RepositoryFactory(folder / "after")
    repository.commit({"program.py": PROGRAM}, message="Open the shop")
    quoted = repository.commit(
        {"quotes.py": QUOTES}, message="Quote the shipping" + CLAUDE, author=f"{ON_CALL} <grace@example.com>"
    )
    counted = repository.commit({"stock.py": STOCK}, message="Count the stock", author=COPILOT)
    repository.git("worktree", "add", "-q", "--detach", str(folder / "before"))
    rounded = repository.commit({"quotes.py": ROUNDED}, message="Wait for the carrier" + CURSOR)
    return Shop(folder / "before", folder / "after", quoted, counted, rounded)


def percentile(values: list[float], share: float) -> float:
    """Return the value that so many of them do not exceed."""
    return sorted(values)[max(round(share * len(values)) - 1, 0)]
