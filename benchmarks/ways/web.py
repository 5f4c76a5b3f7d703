"""A small web request with about forty functions: routing, a form, prices, tax, a page; Flask, called as WSGI."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable
from html import escape
from time import thread_time
from typing import Any

from .bodies import Function, Run

PRICES = {f"sku-{number}": 100 + 7 * number for number in range(50)}
ORDER = json.dumps(
    {
        "customer": " Ana Souza ",
        "country": "pt",
        "lines": [{"sku": f"sku-{n}", "count": n + 1} for n in range(9)],
    }
).encode()
CALLS = 42
"""Calls of the functions below that one request makes; the program checks it."""


def application(  # noqa: C901  # ten small functions
    decorate: Callable[[Function], Function],
) -> Any:  # noqa: ANN401  # a WSGI application
    """Return the application, each of its functions decorated."""

    @decorate
    def clean(text: str) -> str:
        return " ".join(text.split()).title()

    @decorate
    def price_of(sku: str) -> int:
        return PRICES[sku]

    @decorate
    def discount(count: int) -> float:
        return 0.1 if count > 5 else 0.0  # noqa: PLR2004  # a rule of this shop

    @decorate
    def line_total(sku: str, count: int) -> int:
        return round(price_of(sku) * count * (1 - discount(count)))

    @decorate
    def tax(total: int, country: str) -> int:
        return round(total * {"pt": 0.23, "de": 0.19}.get(country, 0.2))

    @decorate
    def row(sku: str, count: int, total: int) -> str:
        return f"<tr><td>{escape(sku)}</td><td>{count}</td><td>{total / 100:.2f}</td></tr>"

    @decorate
    def validate(order: dict[str, Any]) -> dict[str, Any]:
        if not order["lines"] or any(line["count"] < 1 for line in order["lines"]):
            raise ValueError(order)
        return order

    @decorate
    def page(title: str, rows: list[str], total: int) -> str:
        return f"<h1>{escape(title)}</h1><table>{''.join(rows)}</table><p>{total / 100:.2f}</p>"

    @decorate
    def checkout(order: dict[str, Any]) -> str:
        order = validate(order)
        totals = [line_total(line["sku"], line["count"]) for line in order["lines"]]
        rows = [
            row(line["sku"], line["count"], sum_) for line, sum_ in zip(order["lines"], totals, strict=True)
        ]
        total = sum(totals)
        return page(clean(order["customer"]), rows, total + tax(total, order["country"]))

    flask = importlib.import_module("flask")
    app = flask.Flask("shop")
    app.add_url_rule(
        "/orders/<int:number>", view_func=lambda number: checkout(flask.request.get_json()) if number else "", endpoint="order", methods=["POST"]
    )  # fmt: skip
    return app


def requests(decorate: Callable[[Function], Function]) -> Run:
    """Time whole requests; raises ImportError without Flask."""
    app = application(decorate)

    def start_response(status: str, _headers: object, _error: object = None) -> None:
        if not status.startswith("200"):
            raise RuntimeError(status)

    def run(number: int) -> float:
        start = thread_time()
        for _ in range(number):
            b"".join(app(_environ(), start_response))
        return thread_time() - start

    return run


def count_calls() -> int:
    """Return how many of the functions one request calls."""
    called = []

    def decorate(function: Function) -> Function:
        return lambda *arguments: (called.append(function), function(*arguments))[1]

    requests(decorate)(1)
    return len(called)


def _environ() -> dict[str, object]:
    return {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/orders/7", "QUERY_STRING": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost", "HTTP_USER_AGENT": "bench", "HTTP_ACCEPT": "*/*",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(ORDER)),
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(ORDER),
        "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
