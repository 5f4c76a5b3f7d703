"""Exceptions by which programs answer a request or steer a worker: no failures, and no framework reports them."""

from __future__ import annotations

_SERVER_ERROR = 500

# Known by name, so that no framework is imported.
_ANSWERS = frozenset(
    {
        "aiohttp.web_exceptions.HTTPException",
        "celery.exceptions.Ignore",
        "celery.exceptions.Reject",
        "celery.exceptions.Retry",
        "django.core.exceptions.PermissionDenied",
        "django.http.response.Http404",
        "rest_framework.exceptions.APIException",
        "sanic.exceptions.SanicException",
        "starlette.exceptions.HTTPException",
        "tornado.web.HTTPError",
        "werkzeug.exceptions.HTTPException",
    }
)

_LIMIT = 1_000
_known: dict[type, bool] = {}


def is_answer(exception: BaseException) -> bool:
    """Tell whether an exception stands for an answer such as "not found"; one of a server's error does not."""
    kind = type(exception)
    found = _known.get(kind)
    if found is None:
        found = any(f"{each.__module__}.{each.__qualname__}" in _ANSWERS for each in kind.__mro__)
        if len(_known) < _LIMIT:
            _known[kind] = found
    return found and not _is_server_error(exception)


def _is_server_error(exception: BaseException) -> bool:
    for name in ("code", "status_code"):
        status = getattr(exception, name, None)
        if isinstance(status, int):
            return status >= _SERVER_ERROR
    return False
