"""Around every answer: who may ask, the headers that protect a browser, counts, a line of log."""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isotrope.serve.access import Access
from isotrope.serve.limits import Refusal
from isotrope.serve.metrics import Metrics

log = logging.getLogger("isotrope.serve")

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer: a page may load only what this server has, and no other page may frame it."""

_ASKED_OFTEN = ("/healthz", "/metrics")  # by programs, and left out of the log

GONE = 499
"""Logged for a client that did not wait; nobody gets it."""


class Guard:
    """An application with `Access` checked before it, and `HEADERS` and counts after it.

    Args:
        app: What answers.
        access: Who may ask.
        metrics: What counts the answers.
        paths: The paths that are counted under their own names.
    """

    def __init__(
        self, app: ASGIApp, access: Access, metrics: Metrics, paths: frozenset[str]
    ) -> None:
        self.app, self.access, self.metrics, self.paths = app, access, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        status = GONE

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-cache")  # ask whether it has changed
            await send(message)

        scope.setdefault("state", {})
        try:
            self.access.check(scope["method"], scope["path"], Headers(scope=scope))
        except Refusal as refusal:
            await refused(refusal)(scope, receive, guarded)
        else:
            await self.app(scope, receive, guarded)
        finally:
            self._count(scope, status, time.monotonic() - began)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        path = self._path(scope["path"])
        self.metrics.answered(path, status, seconds)
        read = scope["state"].get("read", "")
        if path not in _ASKED_OFTEN:
            log.info("%s %s %d %.3f s%s", scope["method"], path, status, seconds, read)

    def _path(self, path: str) -> str:
        """The path in metrics and log, where nothing of a client's own may stand."""
        if path in self.paths:
            return path
        return "/static" if path.startswith("/static/") else "other"


def refused(refusal: Refusal) -> Response:
    """The answer to a request that is refused."""
    headers: dict[str, Any] = {"Cache-Control": "no-store"}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": refusal.problem}, refusal.status, headers)
