"""What happens in the shop, for whoever wants to know."""

from __future__ import annotations

from django.dispatch import Signal

ordered = Signal()
