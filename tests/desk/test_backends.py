"""``--source``: what it accepts, what it refuses, and how a server that answers badly is put in one sentence."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from byline._cli.main import main
from byline._config import Config
from byline._desk.backends import address, http, loki, sentry_event
from byline._desk.backends.buckets import Bucket, fitted, from_cumulative, sketch_of
from byline._desk.backends.prometheus import Prometheus
from byline._store import sketches
from byline._telemetry.incident_event import incident_of
from byline.exceptions import SourceError
from byline.store import Store

from .. import threads

TOKEN = "glsa_secret"  # noqa: S105  # nobody's


class Server(ThreadingHTTPServer):
    """A real server that gives one answer, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, status: int, body: bytes, headers: dict[str, str], *, piece_s: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.piece_s = (status, body, headers), piece_s
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        server.asked.append((self.path, body, dict(self.headers)))
        status, answer, headers = server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        pieces = [answer] if not server.piece_s else [answer[i : i + 1] for i in range(len(answer))]
        try:
            for each in pieces:
                self.wfile.write(each)
                self.wfile.flush()
                time.sleep(server.piece_s)
        except OSError:
            pass  # who asked has gone

    do_POST = do_GET  # noqa: N815  # the base class looks for it

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving(
    status: int = 200,
    body: bytes = b"",
    content_type: str = "application/json",
    *,
    piece_s: float = 0.0,
    **headers: str,
) -> Iterator[Server]:
    """Run a server for the length of a block."""
    with threads.serving(
        Server(status, body, {"Content-Type": content_type, **headers}, piece_s=piece_s)
    ) as server:
        yield server


def ask(*words: str, **environ: str):
    return CliRunner().invoke(main, [*words], env=environ)


def success(data: object) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


@pytest.mark.parametrize(
    ("text", "url", "select"),
    [
        ("prometheus=http://127.0.0.1:9090", "http://127.0.0.1:9090", ""),
        ("prometheus=https://mimir.example/prometheus/", "https://mimir.example/prometheus", ""),
        ('prometheus=https://p.example{namespace="prod"}', "https://p.example", 'namespace="prod"'),
        ('loki=http://[::1]:3100{ service_name =~ "a|b", x!="}", }', "http://[::1]:3100", 'service_name =~ "a|b", x!="}"'),
        ("sentry=https://sentry.io/{}", "https://sentry.io", ""),
    ],
    ids=["plain", "path", "selector", "braces", "empty"],
)  # fmt: skip
def test_address(text, url, select):
    """
    A source is a name, a web address, and label matchers for those who share a server.
    """
    found = address.read(text)

    assert found is not None
    assert (text.partition("=")[0], url, select) == (found.backend, found.url, found.select)


def test_the_store_is_no_address():
    """
    It is what is asked when nobody says otherwise.
    """
    assert address.read("store") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("graphite=http://x", "'graphite' is no source. Known: store, prometheus=URL"),
        ("prometheus", "'' is not the web address"),
        ("prometheus=localhost:9090", "'localhost:9090' is not the web address"),
        ("prometheus=ftp://x", "'ftp://x' is not"),
        ("prometheus=http://x:99999", "'http://x:99999' is not"),
        ("prometheus=http://x/?key=hidden", "'http://x/' is not"),
        ("prometheus=http://ana:hidden@x", "Put it into BYLINE_PROMETHEUS_TOKEN"),
        ("prometheus=ana:hidden@x", "Put it into BYLINE_PROMETHEUS_TOKEN"),
        ("prometheus=http://x{job=shop}", "'{job=shop}' does not select series"),
        ('prometheus=http://x{job="a"} or up', "does not select series"),
    ],
    ids=["name", "none", "scheme", "ftp", "port", "query", "password", "bare password", "quotes", "rest"],
)
def test_bad_address(text, said):
    """
    What it can't be is said before anything is asked, and no secret is repeated.
    """
    done = ask("latency", "--source", text)

    assert 2 == done.exit_code
    assert said in done.output
    assert "hidden" not in done.output


@pytest.mark.parametrize("command", ["latency", "status", "report"])
@pytest.mark.parametrize("source", ["loki", "sentry"])
def test_who_cannot_answer_says_who_can(command, source):
    """
    Nothing is asked.
    """
    done = ask(command, "--source", f"{source}=http://127.0.0.1:1")

    assert 2 == done.exit_code
    assert f"cannot answer byline {command}" in done.output
    assert "Sources that can: store, prometheus=URL." in " ".join(done.output.split())


def test_a_traceback_has_no_source(tmp_path):
    """
    It is explained by the manifest alone.
    """
    (tmp_path / "crash.log").write_text("")
    done = ask("why", str(tmp_path / "crash.log"), "--source", "loki=http://127.0.0.1:1")

    assert (2, True) == (done.exit_code, "Leave --source out" in done.output)


@pytest.mark.parametrize("command", ["incidents", "why", "findings"])
def test_somebody_else_than_loki(command):
    """
    JSON of another server is no answer.
    """
    with serving(200, b'{"status": "success", "data": {"resultType": "vector"}}') as server:
        done = ask(command, "--source", f"loki={server.url}")

    assert (2, True) == (done.exit_code, "JSON that is not Loki's" in " ".join(done.output.split()))


@pytest.mark.parametrize("command", ["incidents", "why", "findings"])
def test_calls_are_no_failures(command):
    """
    Prometheus counts failures, and has none of them.
    """
    done = ask(command, "--source", "prometheus=http://127.0.0.1:1")

    assert 2 == done.exit_code
    assert "Sources that can: store, loki=URL" in " ".join(done.output.split())


def test_store_and_source():
    """
    Two sources are one too many.
    """
    done = ask("latency", "--source", "prometheus=http://127.0.0.1:1", "--store", "byline.db")

    assert (2, True) == (done.exit_code, "Leave one out" in done.output)


def test_the_longest_call():
    """
    A histogram has no longest call, so nothing is sorted by it.
    """
    done = ask("latency", "--sort", "max", "--source", "prometheus=http://127.0.0.1:1")

    assert (2, True) == (done.exit_code, "does not keep the longest call" in done.output)


PAGE = b"<html>Log in</html>"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, PAGE, "text/html"), "a web page, perhaps to log in"),
        ((200, b"up 1", "text/plain"), "text/plain, not with JSON"),
        ((200, b'{"status": "ok"}'), "JSON that is not Prometheus'"),
        ((200, b"[" * 100_000), "not with JSON"),
        ((401, PAGE, "text/html"), "401 Unauthorized. It wants to know who asks: put a token into BYLINE_PROMETHEUS_TOKEN"),
        ((404, b""), "It has no /api/v1/label/__name__/values: check the path"),
        ((503, b'{"error": "loading blocks."}'), "503 Service Unavailable: loading blocks. Try again later"),
        ((422, b'{"status": "error", "error": "too many samples"}'), "422 Unprocessable"),
    ],
    ids=["login", "text", "other JSON", "deep JSON", "401", "404", "503", "422"],
)  # fmt: skip
def test_bad_answer(answer, said):
    """
    Whatever comes back is one sentence and status 2.
    """
    with serving(*answer) as server:
        done = ask("latency", "--source", f"prometheus={server.url}")

    assert 2 == done.exit_code, done.output
    assert said in " ".join(done.output.split())
    assert isinstance(done.exception, SystemExit)


def test_redirect_to_a_login():
    """
    It is not followed, since the token would go with it, and what the address holds is not repeated.
    """
    with (
        serving(200, PAGE, "text/html") as login,
        serving(302, Location=f"{login.url}/?state=hidden") as server,
    ):
        done = ask("latency", "--source", f"prometheus={server.url}", BYLINE_PROMETHEUS_TOKEN=TOKEN)

    assert 2 == done.exit_code
    assert f"redirects to {login.url}, as for a login" in " ".join(done.output.split())
    assert [] == login.asked
    assert "hidden" not in done.output


@pytest.mark.parametrize(
    ("token", "sent"),
    [(TOKEN, f"Bearer {TOKEN}"), ("ana:pw", f"Basic {base64.b64encode(b'ana:pw').decode()}")],
    ids=["bearer", "basic"],
)
def test_a_token_is_sent_and_not_told(token, sent):
    """
    It comes from the environment, and is not in a message even when the server repeats it.
    """
    with serving(403, json.dumps({"error": f"{token} has expired"}).encode()) as server:
        done = ask(
            "status", "--source", f"prometheus={server.url}", BYLINE_PROMETHEUS_TOKEN=token, BYLINE_PROMETHEUS_TENANT="shop"
        )  # fmt: skip
        (_, _, headers) = server.asked[0]

    assert 2 == done.exit_code
    assert "… has expired. It does not let you in: check BYLINE_PROMETHEUS_TOKEN" in " ".join(
        done.output.split()
    )
    assert token not in done.output
    assert (sent, "shop") == (headers["Authorization"], headers["X-Scope-Orgid"])


@pytest.mark.parametrize("variable", ["BYLINE_PROMETHEUS_TOKEN", "BYLINE_PROMETHEUS_TENANT"])
def test_a_token_that_cannot_be_one(variable):
    """
    A line break would be another header.
    """
    done = ask("status", "--source", "prometheus=http://127.0.0.1:1", **{variable: "a\nX-Other: b"})

    assert (2, True) == (done.exit_code, "holds characters that no token has" in done.output)


def test_tokens_are_no_settings():
    """
    A program that runs in the same shell takes no notice of them.
    """
    assert Config() == Config.from_env({"BYLINE_PROMETHEUS_TOKEN": "x", "BYLINE_LOKI_TENANT": "y"})


def test_nobody_listens():
    """
    So do answers that never come.
    """
    done = ask("status", "--source", "prometheus=http://127.0.0.1:1")

    assert (2, True) == (done.exit_code, "cannot be reached" in done.output)


def client(url: str, **limits: float) -> http.Client:
    found = address.read(f"prometheus={url}")
    assert found is not None
    return http.Client(found, **limits)  # type: ignore[arg-type]  # by their names


def test_too_slow():
    """
    The limit is for the whole answer, not for each of its bytes.
    """
    with (
        serving(200, b"[" + b" " * 1_000 + b"]", piece_s=0.01) as server,
        pytest.raises(SourceError, match=r"did not answer within 0\.2 s"),
    ):
        client(server.url, timeout_s=0.2).get("/")


def test_too_much():
    """
    Nor is memory filled with whatever comes.
    """
    with (
        serving(200, b"[" + b" " * 3_000_000 + b"]") as server,
        pytest.raises(SourceError, match="more than 2 MB"),
    ):
        client(server.url, largest=2_000_000).get("/")


def test_a_certificate_that_nobody_signed(tmp_path):
    """
    It is not trusted, and the message says how it could be.
    """
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "crt", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    with serving(200, success([])) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = server.url.replace("http://127.0.0.1", "https://localhost")
        refused = ask("status", "--source", f"prometheus={url}")
        trusted = ask("status", "--source", f"prometheus={url}", SSL_CERT_FILE=str(tmp_path / "crt"))
        plain = ask("status", "--source", f"prometheus={url.replace('https', 'http')}")

    assert (2, True) == (refused.exit_code, "SSL_CERT_FILE" in refused.output), refused.output
    assert "No new version" in trusted.output, trusted.output
    assert 2 == plain.exit_code


def test_long_questions_are_forms():
    """
    Proxies limit the length of an address.
    """
    with serving(200, success([])) as server:
        client(server.url).get("/api", {"query": "x" * 5_000})
        client(server.url).get("/api", {"query": "x"})

    (long, body, _), (short, nothing, _) = server.asked
    assert ("/api", f"query={'x' * 5_000}") == (long, body)
    assert ("/api?query=x", "") == (short, nothing)


def test_names_cannot_leave_their_quotes():
    """
    A function's name is a string in PromQL, whatever is in it.
    """
    with serving(200, success({"result": []})) as server:
        found = Prometheus(client(server.url + '{job="shop"}')).blocks(
            function='a"} or up{b="\\', last_commit=""
        )
        asked = server.asked[-1][1] or server.asked[-1][0]

    assert () == found
    query = parse_qs(asked.partition("?")[2] or asked)["query"][0]
    assert 'job="shop",code_function_name="a\\"} or up{b=\\"\\\\",byline_last_commit=""' in query


durations = st.lists(st.floats(1e-6, 30.0), min_size=1, max_size=300)
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.1, 1.0, 10.0)


@given(durations, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_quantiles_stay_in_their_bucket(values, q):
    """
    Whatever is in a bucket, an estimate leaves it by no more than a sketch's own bucket at that resolution.
    """
    counts = {bound: float(sum(each <= bound for each in values)) for bound in (*BOUNDS, float("inf"))}
    sketch = sketch_of(from_cumulative(counts), sum(values))
    exact = sorted(values)[max(1, -(-len(values) * round(100 * q) // 100)) - 1]
    low, high = next(
        (low, high) for low, high in zip((0, *BOUNDS), (*BOUNDS, float("inf")), strict=True) if exact <= high
    )

    assert len(values) == sketch.count == sum(sketch.buckets)
    assert sketches.merge([sketch, sketch]).count == 2 * len(values)
    assert low / 1.1 <= sketches.quantile(sketch, q) <= min(high, 10.0) * 1.1


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.integers(0, 500))
def test_fitting_gives_away_every_call(numbers, calls):
    """
    As many as were counted, in about the same proportion.
    """
    buckets = [Bucket(2.0**i, 2.0 ** (i + 1), number) for i, number in enumerate(numbers)]

    found = fitted(buckets, calls)

    assert (calls if sum(numbers) else 0) == sum(each.calls for each in found)
    assert all(each.calls >= 0 for each in found)


def test_a_count_that_falls_back_is_no_call():
    """
    Where a part was estimated, a higher bound may count less than a lower one.
    """
    assert [Bucket(0.0, 1.0, 5), Bucket(2.0, 4.0, 1)] == from_cumulative({1.0: 5.2, 2.0: 4.9, 4.0: 6.1})


def test_nothing_is_an_empty_sketch():
    """
    So are buckets without calls; what is known to take no time is a zero.
    """
    assert sketches.Sketch() == sketch_of([], 0.0)
    assert 3 == sketch_of([Bucket(0.0, 0.0, 3)], 0.0).zero_count


texts = st.text(st.characters(codec="utf-8"), max_size=20)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
frames = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("filename", "lineno", "lineNo", "context", "function"), anything)
)
values = st.fixed_dictionaries(
    {"stacktrace": st.fixed_dictionaries({"frames": st.lists(frames | anything, max_size=3)}) | anything},
    optional=dict.fromkeys(("type", "value", "module"), anything),
)
named = ("commit", "line", "verdict", "confidence", "committed_at", "subject")
contexts = st.fixed_dictionaries(
    {
        "suspects": st.lists(
            st.fixed_dictionaries({}, optional=dict.fromkeys(named, anything)) | anything, max_size=3
        )
        | anything
    },
    optional={"unverified": anything, "deployed_revision": anything},
)
events = st.fixed_dictionaries(
    {"contexts": st.fixed_dictionaries({"byline": contexts | anything}), "event_id": texts},
    optional={
        "exception": st.fixed_dictionaries({"values": st.lists(values | anything, max_size=3)}) | anything,
        "entries": anything, "tags": anything, "timestamp": anything, "dateCreated": anything,
    },
)  # fmt: skip


@given(events | anything)
def test_an_event_may_be_anything(event):
    """
    Whoever has the project's key can send events: none of them stops an answer, and a store can hold it.
    """
    found = sentry_event.incident_of(event, "1")

    if found is not None:
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "a.db", create=True) as store:
            store.add_incidents([found])


@given(
    st.dictionaries(
        st.sampled_from(sorted(loki._ATTRIBUTES)), texts | st.integers(0, 2**80).map(str), max_size=10
    )
)
def test_a_log_record_may_be_anything(labels):
    """
    So may the attributes of a log record.
    """
    attributes = loki.attributes_of(labels)
    found = incident_of({**attributes, "byline.incident.id": "1"}, time_ns=1, resource=attributes)

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "a.db", create=True) as store:
        store.add_incidents([found])
