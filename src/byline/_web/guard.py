"""What stands in front of the pages: who may ask, what may be asked, and what a browser may do with the answer."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, and nothing in the page itself: what a stored message smuggles in cannot run."""

PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """
    Let through only reading requests that name this machine.

    A page on another site can make a browser ask 127.0.0.1 under that site's own name (DNS
    rebinding); then the Host header is not ours, and the answer says nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_picture = headers.get("content-type", "").startswith("image/svg")
                headers["Content-Security-Policy"] = PICTURE_POLICY if is_picture else PAGE_POLICY
                headers.update(_HEADERS)
            await send(message)

        refusal = _refusal(scope)
        await (refusal or self._app)(scope, receive, guarded)


def _refusal(scope: Scope) -> PlainTextResponse | None:
    host = Headers(scope=scope).get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name.lower() not in HOSTS:
        return PlainTextResponse(
            "byline serve answers only under the name of this machine, 127.0.0.1.\n", 421
        )
    if scope["method"] not in {"GET", "HEAD"}:
        return PlainTextResponse("These pages can only be read.\n", 405, {"Allow": "GET, HEAD"})
    return None
