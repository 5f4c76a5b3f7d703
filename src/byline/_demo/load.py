"""What the demo's service depends on, and the traffic it gets: real processes, real HTTP."""

from __future__ import annotations

import itertools
import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ..exceptions import RunError

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15
_THREADS = 4
_CARRIER_FAILS_EVERY = 4

REQUESTS = (
    "/products?limit=5",
    "/cart?items=p1,p2,p3",
    "/cart?items=p4,p5&code=SPRING",
    "/cart?items=p7&code=VIP",
    "/recommend?items=p1&budget=2",
    "/shipping?items=p1,p2",
    "/order?items=p1",
    "/products?limit=50",
    "/shipping?items=p3",
    "/cart?items=&code=VIP",
    "/recommend?items=p1,p2,p3,p4,p5,p6,p7,p8",
    "/rating?id=p1",
    "/rating?id=p3",
)


class _Carrier(BaseHTTPRequestHandler):
    """A carrier's service that hangs up on every fourth request."""

    numbers = itertools.count(1)

    def do_GET(self) -> None:
        if next(self.numbers) % _CARRIER_FAILS_EVERY == 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = json.dumps({"name": "Turtle Express", "price": 4.5}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle_error(self) -> None:
        """Say nothing about the calls it hangs up on."""


@contextmanager
def carrier() -> Iterator[str]:
    """Run the carrier's service, and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Carrier)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def service(folder: Path, arguments: list[str], carrier_url: str) -> Iterator[str]:
    """
    Run the shop by ``byline run``, and give its address; stop it as an orchestrator would, by SIGTERM.

    Raises:
        RunError: It did not start.
    """
    environment = {**os.environ, "CARRIER_URL": carrier_url, "PYTHONPATH": str(folder)}
    process = subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "byline", *arguments],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    output: list[str] = []
    drain = threading.Thread(target=lambda: output.extend(process.stderr or ()), daemon=True)
    drain.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
        found = re.search(r"http://\S+", line)
        if found is None:
            drain.join(START_TIMEOUT_S)
            raise RunError(f"The demo's service did not start: {''.join(output).strip() or line!r}")
        yield found.group()
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        drain.join(STOP_TIMEOUT_S)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def drive(address: str, rounds: int) -> Counter[int]:
    """
    Send every request of the script ``rounds`` times.

    Returns:
        How often each HTTP status came back.
    """
    script = list(REQUESTS) * rounds
    with ThreadPoolExecutor(_THREADS) as pool:
        return Counter(pool.map(_status, (address + path for path in script)))


def _status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  # our own service
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
