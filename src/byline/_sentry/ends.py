"""A client's ``flush`` and ``close`` include what byline holds for it: the SDK has no other way to ask for that."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

from sentry_sdk.client import BaseClient

from .._telemetry import faults, worker

_followed: weakref.WeakSet[BaseClient] = weakref.WeakSet()


def follow(client: BaseClient, send: Callable[[BaseClient], object]) -> None:
    """
    Do byline's part first whenever a client is flushed or closed, from now on.

    Args:
        send: Hands over what is held for a client.
    """
    if client in _followed:
        return
    _followed.add(client)
    this = weakref.ref(client)

    def send_held() -> None:
        if (present := this()) is not None:
            send(present)

    _follow(client, send_held)
    if hasattr(client, "flush_async"):  # newer versions of the SDK
        _follow_async(client, send_held)


def _follow(client: BaseClient, send: Callable[[], object]) -> None:
    flush, close = client.flush, client.close

    def flush_all(*arguments: object, **options: object) -> None:
        _quietly(worker.flush)
        flush(*arguments, **options)

    def close_all(*arguments: object, **options: object) -> None:
        _quietly(worker.flush, send)
        close(*arguments, **options)

    client.flush = flush_all  # type: ignore[method-assign]
    client.close = close_all  # type: ignore[method-assign]


def _follow_async(client: BaseClient, send: Callable[[], object]) -> None:
    flush, close = client.flush_async, client.close_async

    async def flush_all(*arguments: object, **options: object) -> None:
        await asyncio.to_thread(_quietly, worker.flush)
        await flush(*arguments, **options)

    async def close_all(*arguments: object, **options: object) -> None:
        await asyncio.to_thread(_quietly, worker.flush, send)
        await close(*arguments, **options)

    client.flush_async = flush_all  # type: ignore[method-assign]
    client.close_async = close_all  # type: ignore[method-assign]


def _quietly(*steps: Callable[[], object]) -> None:
    try:
        for each in steps:
            each()
    except Exception as fault:  # noqa: BLE001  # the program wants to flush, whatever happens to ours
        faults.report(fault, "sending what was held for Sentry")
