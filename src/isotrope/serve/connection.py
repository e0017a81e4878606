"""Connections that do not wait forever: for the head of a request, or for its answer to be read."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 512
"""Connections at once."""

HEAD = 20.0
"""Seconds that the head of a request may take."""

DRAINED = 2.0
"""Seconds that a client may go on sending a body after it was refused."""

STUCK = 30.0
"""Seconds in which a client must take some of its answer."""

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 56\r\n\r\n"
    b'{"error": "too many connections; send it again later"}\r\n'
)


class Connection(H11Protocol):
    """A connection of uvicorn that ends if its client dawdles.

    uvicorn's only limit is that on the time between two requests.
    """

    _waiting: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.write(_FULL)
            transport.close()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        super().connection_lost(exc)
        for timer in (self._waiting, self._writing):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Some of a request has come."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """A request has been answered."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """The client does not take its answer as fast as it is written."""
        super().pause_writing()
        self._look(None)

    def resume_writing(self) -> None:
        """The client has taken most of what was written."""
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _watch(self) -> None:
        """Start the clock if the head of a request is to come, and stop it if one has come."""
        if self.cycle is not None and not self.cycle.response_complete:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
        elif self._waiting is None:
            seconds = DRAINED if self.conn.their_state is h11.SEND_BODY else HEAD
            self._waiting = self.loop.call_later(seconds, self._transport.abort)

    def _look(self, before: int | None) -> None:
        """End the connection if nothing was taken since the last look."""
        left = self._transport.get_write_buffer_size()
        if before is not None and left >= before:
            self._transport.abort()
            return
        self._writing = self.loop.call_later(STUCK, self._look, left)

    @property
    def _transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.transport)
