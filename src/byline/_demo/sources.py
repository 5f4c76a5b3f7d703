"""The source files of the demo's service, as their authors first wrote them, and what later commits changed."""

from __future__ import annotations

APP = '''\
"""A small shop: a real HTTP service on the standard library."""

import argparse
import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from shop import cart, catalog

ROUTES = {"/products": catalog.products, "/cart": cart.total}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            status, body = 200, ROUTES[url.path](query)
        except Exception as error:
            logging.warning("%s failed: %r", url.path, error)
            status, body = 500, {"error": type(error).__name__}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *parts):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
'''

CATALOG = '''\
"""What the shop sells."""

PRODUCTS = {
    f"p{number}": {"name": f"Product {number}", "price": 5 + number % 40, "tags": {number % 7, number % 11, number % 13}}
    for number in range(160)
}


def products(query):
    """List the products, cheapest first."""
    found = [{"id": key, "name": value["name"], "price": value["price"]} for key, value in PRODUCTS.items()]
    return sorted(found, key=lambda product: product["price"])[: int(query.get("limit", 20))]
'''

CART = '''\
"""What is in the cart, and what it costs."""

from shop.catalog import PRODUCTS


def items(query):
    """Return the ids in the cart."""
    return [each for each in query.get("items", "").split(",") if each]


def total(query):
    """Add up the cart."""
    amount = sum(PRODUCTS[each]["price"] for each in items(query))
    return {"items": len(items(query)), "total": amount}
'''

ORDERS = '''\
"""Orders that were placed."""

import itertools

_numbers = itertools.count(1)
_orders = {}


def place(query):
    """Store an order and return its number."""
    number = next(_numbers)
    _orders[number] = dict(query)
    return {"order": number}


def show(query):
    """Return an order."""
    return _orders.get(int(query.get("order", 0)), {})
'''

DEADLINE = '''\
"""A request has a time budget; whoever loops asks now and then whether it is used up."""

import time


class Deadline:
    def __init__(self, seconds):
        self._end = time.perf_counter() + seconds

    def check(self):
        """Raise TimeoutError when the budget is used up."""
        if time.perf_counter() > self._end:
            raise TimeoutError("the time budget of the request is used up")
'''

DISCOUNTS = '''\
"""Discount codes."""

CODES = {"SPRING": 0.10, "VIP": 0.25}


def discount(amount, count, code):
    """Return the price per item after the discount."""
    rate = CODES.get(code, 0.0)
    reduced = amount * (1 - rate)
    per_item = reduced / count
    return {"total": round(reduced, 2), "per_item": round(per_item, 2), "saved": round(amount - reduced, 2)}
'''

RECOMMENDATIONS = '''\
"""What goes well with a product."""

from shop.catalog import PRODUCTS
from shop.deadline import Deadline


def similarity(one, other):
    """Share of tags that two products have in common."""
    both = PRODUCTS[one]["tags"] | PRODUCTS[other]["tags"]
    return len(PRODUCTS[one]["tags"] & PRODUCTS[other]["tags"]) / len(both)


def recommend(query):
    """Return the products most like the ones in the cart, best first."""
    deadline = Deadline(float(query.get("budget", 0.05)))
    wanted = [each for each in query.get("items", "p1").split(",") if each]
    scores = {}
    for product in PRODUCTS:
        for other in wanted:
            for third in PRODUCTS:
                deadline.check()
                scores[product] = scores.get(product, 0) + similarity(product, other) * similarity(other, third)
    best = sorted(scores, key=scores.get, reverse=True)
    return {"recommended": best[:5]}
'''

SHIPPING = '''\
"""What the carrier charges."""

import json
import os
import urllib.request

from shop.cart import items

CARRIER = os.environ.get("CARRIER_URL", "http://127.0.0.1:9")


def quote(query):
    """Ask the carrier what the cart costs to ship."""
    weight = 1 + len(items(query))
    address = f"{CARRIER}/quote?weight={weight}"
    with urllib.request.urlopen(address, timeout=2) as answer:
        offer = json.load(answer)
    return {"carrier": offer["name"], "price": offer["price"], "weight": weight}
'''

RATINGS = '''\
"""What customers think of a product."""

import json

_STORED = {"p1": "[5, 4, 5]", "p2": "[3]", "p3": "[4, 5"}


def rating(query):
    """Return the average of a product's stars."""
    stars = json.loads(_STORED[query.get("id", "p1")])
    return {"stars": round(sum(stars) / len(stars), 1), "votes": len(stars)}
'''

# What later commits changed: (path, old text, new text).
ROUTE_ORDERS = [
    ("shop/app.py", "from shop import cart, catalog\n", "from shop import cart, catalog, orders\n"),
    (
        "shop/app.py",
        '"/cart": cart.total}',
        '"/cart": cart.total, "/order": orders.place, "/orders": orders.show}',
    ),
]
USE_DISCOUNTS = [
    (
        "shop/cart.py",
        "from shop.catalog import PRODUCTS\n",
        "from shop import discounts\nfrom shop.catalog import PRODUCTS\n",
    ),
    (
        "shop/cart.py",
        '    return {"items": len(items(query)), "total": amount}\n',
        '    if "code" in query:\n'
        '        return discounts.discount(amount, len(items(query)), query["code"])\n'
        '    return {"items": len(items(query)), "total": amount}\n',
    ),
]
ROUTE_RECOMMENDATIONS = [
    ("shop/app.py", "orders, ratings\n", "orders, ratings, recommendations\n"),
    ("shop/app.py", '"/order": ', '"/recommend": recommendations.recommend, "/order": '),
]
ROUTE_SHIPPING = [
    ("shop/app.py", "recommendations\n", "recommendations, shipping\n"),
    ("shop/app.py", '"/order": ', '"/shipping": shipping.quote, "/order": '),
]
ROUTE_RATINGS = [
    ("shop/app.py", "catalog, orders\n", "catalog, orders, ratings\n"),
    ("shop/app.py", '"/order": ', '"/rating": ratings.rating, "/order": '),
]
SAFE_RATINGS = [
    (
        "shop/ratings.py",
        '    stars = json.loads(_STORED[query.get("id", "p1")])\n'
        '    return {"stars": round(sum(stars) / len(stars), 1), "votes": len(stars)}\n',
        "    try:\n"
        '        stars = json.loads(_STORED[query.get("id", "p1")])\n'
        '        return {"stars": round(sum(stars) / len(stars), 1), "votes": len(stars)}\n'
        "    except Exception:\n"
        '        return {"stars": 0.0, "votes": 0}\n',
    ),
]
MARK_DISCOUNTS = [
    ("shop/discounts.py", "CODES = {", "from byline import ai_generated\n\nCODES = {"),
    ("shop/discounts.py", "def discount(", "@ai_generated\ndef discount("),
]
FORMAT = [
    (
        "shop/discounts.py",
        '    return {"total": round(reduced, 2), "per_item": round(per_item, 2), "saved": round(amount - reduced, 2)}\n',
        "    return {\n"
        '        "total": round(reduced, 2),\n'
        '        "per_item": round(per_item, 2),\n'
        '        "saved": round(amount - reduced, 2),\n'
        "    }\n",
    ),
    (
        "shop/app.py",
        'ROUTES = {"/products": catalog.products, "/cart": cart.total, "/rating": ratings.rating, '
        '"/recommend": recommendations.recommend, '
        '"/shipping": shipping.quote, "/order": orders.place, "/orders": orders.show}\n',
        "ROUTES = {\n"
        '    "/products": catalog.products,\n'
        '    "/cart": cart.total,\n'
        '    "/rating": ratings.rating,\n'
        '    "/recommend": recommendations.recommend,\n'
        '    "/shipping": shipping.quote,\n'
        '    "/order": orders.place,\n'
        '    "/orders": orders.show,\n'
        "}\n",
    ),
]
