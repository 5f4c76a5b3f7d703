"""What it costs to ship an order."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views import View

from .catalog import COUNTRIES


class Quote(View):
    def get(self, request: HttpRequest, country: str) -> JsonResponse:
        # Nobody thought of the other countries.
        base = COUNTRIES[country]
        return JsonResponse({"price": base + max(0.0, float(request.GET.get("kg", "1")) - 2) * 1.5})
