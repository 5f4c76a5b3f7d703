"""Invoices."""

from __future__ import annotations

from queue_app import app

PRICES = {"tea": 4.0, "cup": 9.5, "pot": 31.0}


@app.task
def invoice(items: list[str], people: int) -> float:
    total = sum(PRICES[item] for item in items)
    # Nobody thought of an order for nobody.
    return total / people
