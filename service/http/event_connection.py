"""A connection whose request has been answered but for events: request, parser and task are gone, writing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

END = b"0\r\n\r\n"
MOST_WAITING = 4096
"""Bytes that wait for a client that does not read; with more it is slow."""


def _nobody() -> None:
    """Nobody wants to know."""


class OpenConnections(Protocol):
    """Where open connections are counted."""

    def leave(self, connection: EventConnection) -> None:
        """It is closed."""


class EventConnection(asyncio.Protocol):
    """Takes a transport over in the middle of a chunked answer. What the client still sends is not read.

    ended is called once, when the connection is gone, whoever ended it. served: those that the server ends at last.
    """

    __slots__ = ("_room", "_served", "_transport", "ended", "is_slow")

    def __init__(self, transport: Any, room: OpenConnections, served: set[Any]) -> None:
        self._transport = transport
        self._room = room
        self._served = served
        served.add(self)
        self.ended: Callable[[], None] = _nobody
        self.is_slow = False
        transport.set_write_buffer_limits(high=MOST_WAITING)
        transport.set_protocol(self)

    def write(self, text: bytes) -> None:
        """One chunk of the answer; nothing where the client is gone or slow."""
        if not self.is_slow and not self._transport.is_closing():
            self._transport.write(b"%x\r\n%b\r\n" % (len(text), text))

    def end(self) -> None:
        """The answer is whole; the connection closes. Idempotent."""
        if not self._transport.is_closing():
            self._transport.write(END)
            self._transport.close()

    def drop(self) -> None:
        """Without another word: the client does not read."""
        self._transport.abort()

    shutdown = end
    """What the server calls before it stops."""

    def data_received(self, data: bytes) -> None:
        """There is one answer on this connection, and it is under way."""

    def pause_writing(self) -> None:
        self.is_slow = True

    def resume_writing(self) -> None:
        self.is_slow = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._served.discard(self)
        self._room.leave(self)
        ended, self.ended = self.ended, _nobody
        ended()
