"""Discount codes."""

from __future__ import annotations

from catalog import price
from flask import Blueprint, request

blueprint = Blueprint("discounts", __name__)

CODES = {"SPRING": 0.1, "VIP": 0.25}


@blueprint.get("/cart")
def cart() -> dict[str, float]:
    items = request.args.get("items", "").split(",") if request.args.get("items") else []
    total = sum(price(item) for item in items)
    share = CODES.get(request.args.get("code", ""), 0.0)
    return {"total": total * (1 - share), "per_item": per_item(total * (1 - share), len(items))}


def per_item(total: float, count: int) -> float:
    # Nobody thought of an empty cart.
    return total / count
