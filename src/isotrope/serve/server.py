"""Run the application until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time

import uvicorn
from starlette.types import ASGIApp

from isotrope.serve.connection import Connection
from isotrope.serve.queue import WorkQueue

GRACE = 10
"""Seconds that the requests in hand may take after a signal to stop."""

_KEPT = 15  # seconds that an idle connection is kept open


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to listen on.

    Raises:
        OSError: The address is not this machine's, or is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise OSError(
            f"{host}:{port}: cannot be listened on ({reason}); choose another --host or --port"
        ) from error


def address(sock: socket.socket) -> str:
    """The URL of a server that listens on a socket."""
    host, port, *_ = sock.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(app: ASGIApp, queue: WorkQueue, sock: socket.socket) -> None:
    """Serve until SIGTERM, or SIGINT, which becomes a `KeyboardInterrupt`.

    What is in hand is finished first, within `GRACE` seconds.

    Args:
        app: What answers.
        queue: Started before; closed at the end.
        sock: Listened on.

    Raises:
        Exception: `queue.problem`, if the reader cannot be loaded.
    """
    _log_to_stderr()
    # uvicorn raises the signal that ended it once more when it is done.
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        make_server(app, queue).run([sock])
    finally:
        queue.close()
        signal.signal(signal.SIGTERM, before)
    if queue.problem is not None:
        raise queue.problem


def make_server(app: ASGIApp, queue: WorkQueue) -> uvicorn.Server:
    """A server that is not running yet; it ends if no reader can be loaded."""
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEPT,
        timeout_graceful_shutdown=GRACE,
    )
    return _Server(config, queue)


class _Server(uvicorn.Server):
    """A server that ends if no reader can be loaded."""

    def __init__(self, config: uvicorn.Config, queue: WorkQueue) -> None:
        super().__init__(config)
        self.queue = queue

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does."""
        await super().startup(sockets)
        self._watch = asyncio.create_task(self._watched())

    async def _watched(self) -> None:
        while not self.queue.wait(0):
            await asyncio.sleep(0.02)
        if self.queue.problem is not None:
            self.should_exit = True


def _log_to_stderr() -> None:
    """One line a request, without what is in it or what its files are called."""
    handler = logging.StreamHandler(sys.stderr)
    form = logging.Formatter("%(asctime)sZ %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    for name, level in (("isotrope.serve", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
