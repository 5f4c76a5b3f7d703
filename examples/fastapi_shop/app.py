"""
A FastAPI service, part of which an AI tool wrote.

Run it: ``byline scan && byline run uvicorn app:app``.
"""

from __future__ import annotations

import discounts
import shipping
from catalog import PRICES
from fastapi import FastAPI

app = FastAPI()
app.include_router(discounts.router)
app.include_router(shipping.router)


@app.get("/products")
async def products() -> dict[str, float]:
    """List what there is."""
    return PRICES
