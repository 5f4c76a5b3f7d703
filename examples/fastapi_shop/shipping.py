"""What it costs to ship an order."""

from __future__ import annotations

from typing import Annotated

from catalog import COUNTRIES
from fastapi import APIRouter, Depends

router = APIRouter()


def base_price(country: str) -> float:
    # Nobody thought of the other countries.
    return COUNTRIES[country]


@router.get("/shipping/{country}")
def quote(base: Annotated[float, Depends(base_price)], kg: float = 1.0) -> dict[str, float]:
    return {"price": base + max(0.0, kg - 2) * 1.5}
