"""A connection to PostgreSQL that was given up is closed at once, not when Python next looks for what nobody needs."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator

import pytest

from service.errors import Unavailable
from service.live.listener import Listener
from service.store.database import Database

pytestmark = pytest.mark.slow


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Takes connections and says nothing, as a server without time for new clients."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        gc.disable()
        yield server
        gc.enable()


def database_at(server: socket.socket) -> Database:
    return Database(f"postgresql://nobody@127.0.0.1:{server.getsockname()[1]}/books")


def require_ended(server: socket.socket) -> None:
    """Raises TimeoutError where the client's side is still open."""
    client, _ = server.accept()
    with client:
        client.settimeout(30)
        while client.recv(4096):
            pass


def test_of_the_books(silent_server: socket.socket) -> None:
    database = database_at(silent_server)
    with pytest.raises(Unavailable, match="timeout"):
        database.check()
    require_ended(silent_server)


def test_of_the_live_pages(silent_server: socket.socket) -> None:
    async def until_it_is_lost() -> None:
        lost = asyncio.Event()
        listener = Listener(database_at(silent_server), lambda topic, number: None, lambda is_listening: lost.set())
        running = asyncio.create_task(listener.run())
        await lost.wait()
        running.cancel()

    asyncio.run(until_it_is_lost())
    require_ended(silent_server)
