"""What a program tells its store and, by OTLP, a server with Loki's API: the desk's answers are the same."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from byline._desk.backends import address, loki as source
from byline._desk.backends.http import Client
from byline._desk.backends.opening import open_source

from ..repositories import RepositoryFactory
from ..servers import loki_stand_in, serving
from ..servers.metric_shop import CLAUDE, CURSOR

QUOTES = """\
def quote(country):
    rates = {"no": 4.0, "se": 5.0}
    return rates[country]
"""

STOCK = """\
def stock(amount):
    return 10 / amount


def weigh(amount):
    try:
        return 10 / amount
    except ZeroDivisionError:
        return None
"""

PROGRAM = """\
import sys

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import byline

resource = Resource.create()
provider = LoggerProvider(resource)
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=sys.argv[1])))
set_logger_provider(provider)
trace.set_tracer_provider(TracerProvider(resource=resource))
byline.instrument()

from quotes import quote
from stock import stock, weigh

for _ in range(3):
    for call, argument in ((quote, "dk"), (quote, "no"), (stock, 0), (weigh, 0)):
        with trace.get_tracer("shop").start_as_current_span("request"):
            try:
                call(argument)
            except (KeyError, ZeroDivisionError):
                pass
byline.uninstrument()
provider.shutdown()
"""


class Shop(NamedTuple):
    """A program's folder and store, and the server that it told the same."""

    folder: Path
    store: Path
    server: loki_stand_in.Loki
    quoted: str
    counted: str

    def ask(self, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Ask the store and the server; return both answers."""
        return (
            serving.answer(self.folder, *words, "--json", "--store", str(self.store)),
            serving.answer(self.folder, *words, "--json", "--source", f"loki={self.server.url}"),
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop that ran once, and failed."""
    folder = tmp_path_factory.mktemp("shop")
    repository = RepositoryFactory(folder / "shop")
    repository.commit({"program.py": PROGRAM}, message="Open the shop")
    quoted = repository.commit({"quotes.py": QUOTES}, message="Quote the shipping" + CLAUDE)
    counted = repository.commit({"stock.py": STOCK}, message="Count the stock" + CURSOR)
    serving.byline(folder / "shop", "scan")
    with loki_stand_in.running() as server:
        environment = serving.clean_environment(
            BYLINE_STORE=str(folder / "byline.db"),
            OTEL_SERVICE_NAME="shop",
            OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="byline",
        )
        done = subprocess.run(
            [sys.executable, "program.py", f"{server.url}/otlp/v1/logs"],
            cwd=folder / "shop", env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert 0 == done.returncode, done.stderr
        yield Shop(folder / "shop", folder / "byline.db", server, quoted, counted)


def gaps(answer: dict[str, Any]) -> list[str]:
    """Take what is not in an answer out of it; return the subjects."""
    return [each["subject"] for each in answer.pop("unverified")]


@pytest.mark.parametrize("words", [
    [], ["--since", "1h"], ["--tool", "cursor"], ["--function", "quotes.quote"], ["--error", "KeyError"],
    ["--pattern", "edge-case"], ["COMMIT"],
], ids=["all", "since", "tool", "function", "error", "pattern", "commit"])  # fmt: skip
def test_incidents(shop, words):
    """
    The same incidents of the same commits; that calls are not known is said.
    """
    words = [shop.counted[:8] if each == "COMMIT" else each for each in words]
    exact, copied = shop.ask("incidents", *words)

    assert 0 < exact["count"] <= 6
    assert "calls and durations" in gaps(copied)
    gaps(exact)
    for commit in exact["commits"]:
        commit["p95_s"] = None
        for function in commit["functions"]:
            function.update(dict.fromkeys(function.keys() - {"function"}))
    assert exact == copied


def test_why(shop):
    """
    One failure, by its id, by its trace, and the last one.
    """
    told, _ = shop.ask("incidents", "--error", "KeyError")
    newest = told["commits"][0]["incidents"][0]["id"]
    trace, _ = shop.ask("why", newest)
    for words in ([newest], [newest[:8]], [trace["incident"]["trace_id"]], []):
        exact, copied = shop.ask("why", *words)

        assert ("store", "loki") == (exact.pop("source"), copied.pop("source"))
        assert "calls and durations" in gaps(copied)
        gaps(exact)
        assert exact.pop("numbers")
        assert copied.pop("numbers") is None
        # The list of all commits that wrote a function is not told.
        exact["attribution"].pop("contributions")
        copied["attribution"].pop("contributions")
        assert exact == copied


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs sys.monitoring")
@pytest.mark.parametrize("words", [[], ["--since", "1h"], ["COMMIT"]], ids=["all", "since", "commit"])
def test_findings(shop, words):
    """
    What was swallowed, as often.
    """
    words = [shop.counted[:8] if each == "COMMIT" else each for each in words]
    exact, copied = shop.ask("findings", *words)

    assert (3, "stock.weigh") == (exact["count"], exact["findings"][0]["function"])
    gaps(exact), gaps(copied)
    assert exact == copied


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["why", "ffff"], "No incident has an id that starts with 'ffff'"),
        (["incidents", "ffffffff"], "'ffffffff' names no commit with an incident in Loki at"),
        (["findings", "ffffffff"], "neither a finding nor a commit"),
        (["incidents", "--trace", "f" * 32], "No incident matches"),
    ],
    ids=["id", "commit", "finding", "trace"],
)
def test_nothing_found(shop, words, said):
    """
    Nothing found is said as of the store.
    """
    done = serving.asked(shop.folder, *words, "--source", f"loki={shop.server.url}")

    assert said in done.output
    assert done.exit_code in {1, 2}


def test_a_selector(shop):
    """
    Matchers behind the address take the place of all services.
    """
    told = serving.answer(
        shop.folder, "incidents", "--json", "--source", f'loki={shop.server.url}{{service_name="shop"}}'
    )

    assert 6 == told["count"]
    assert shop.server.asked[-1]["query"].startswith('{service_name="shop"} | byline_incident_id != ""')


def test_many_pages(monkeypatch):
    """
    More entries than one answer may hold, many at the same moment, over more months than one question may ask for.
    """
    monkeypatch.setattr(source, "PAGE", 10)
    with loki_stand_in.running() as server:
        now_ns = time.time_ns()
        for number in range(95):
            at_ns = now_ns - (number // 7) * 6 * 24 * 3_600 * 10**9 - 10**9
            labels = {"service_name": "shop", "byline_incident_id": f"{number:012}", "code_file_path": "a.py"}
            server.entries.append((at_ns, labels))
        found = address.read(f"loki={server.url}")
        assert found is not None
        asked = source.Loki(Client(found))
        try:
            some = asked.incidents(since=timedelta(days=100))
            last = asked.incidents(limit=3)
            day = asked.incidents(since=datetime.now(UTC) - timedelta(days=1))
        finally:
            asked.close()

    assert [f"{number:012}" for number in range(95)] == sorted(each.id for each in some)
    assert (3, 7) == (len(last), len(day))


def test_another_server(shop):
    """
    JSON of somebody else's is no answer.
    """
    with loki_stand_in.running() as server:
        server.query_range = lambda *_: None  # type: ignore[method-assign]  # no list of streams
        found = address.read(f"loki={server.url}")
        asked = open_source(found, None)
        assert () == asked.incidents()
        asked.close()
