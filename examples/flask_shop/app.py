"""
A Flask service, part of which an AI tool wrote.

Run it: ``byline scan && byline run flask run``, or ``byline run gunicorn app:app``.
"""

from __future__ import annotations

import discounts
import shipping
from catalog import PRICES
from flask import Flask

app = Flask(__name__)
app.register_blueprint(discounts.blueprint)
app.register_blueprint(shipping.blueprint)


@app.get("/products")
def products() -> dict[str, float]:
    """List what there is."""
    return PRICES
