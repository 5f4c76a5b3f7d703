"""Serves the pages on this machine's loopback address, until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from .._manifest import Manifest
from ..exceptions import ConfigError
from .app import Pages

ADDRESS = "127.0.0.1"


def serve(store: Path, port: int, *, manifest: Manifest | None = None, ready: Callable[[str], None]) -> None:
    """
    Serve; returns after SIGINT or SIGTERM.

    Args:
        port: 0 takes one that is free.

        ready: Called with the address when the pages can be asked for.

    Raises:
        ConfigError: The port is taken, or not allowed.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"Cannot listen on port {port!r} of {ADDRESS}: {error.strerror}. Give another: byline serve --port 0"
        ) from error
    with listening:
        ready(f"http://{ADDRESS}:{listening.getsockname()[1]}/")
        config = uvicorn.Config(
            Pages(store, manifest).app(),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
        )
        # Ctrl-C is how it is ended, not a failure; uvicorn has closed everything when it passes the signal on.
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listening])
