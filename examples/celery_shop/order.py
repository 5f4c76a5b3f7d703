"""Send an order to the queue: ``python order.py tea cup``. Without an item, its invoice cannot be made."""

from __future__ import annotations

import sys

from invoices import invoice
from reminders import remind

if __name__ == "__main__":
    items = sys.argv[1:]
    invoice.delay(items, people=len(items))
    remind.delay("2026-01-31" if items else "soon")
