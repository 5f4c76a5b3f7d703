"""What it costs to ship an order."""

from __future__ import annotations

from catalog import COUNTRIES
from flask import Blueprint, request

blueprint = Blueprint("shipping", __name__)


@blueprint.get("/shipping/<country>")
def quote(country: str) -> dict[str, float]:
    weight = float(request.args.get("kg", "1"))
    # Nobody thought of the other countries.
    base = COUNTRIES[country]
    return {"price": base + max(0.0, weight - 2) * 1.5}
