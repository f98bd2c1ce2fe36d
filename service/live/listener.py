"""Hears from PostgreSQL what changed: one listening connection per process, opened again whenever it is lost.

A notification leaves with the transaction that made it, after its commit, and carries the counter as that transaction
left it. Nothing rests on it: what was told while the connection was away is read from the counters.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from service.store.database import Database
from service.store.engine.connecting import giving_up_closes

CHANNEL = "greenlane_changes"
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
CHECK_S = 10.0
"""The connection is asked for a sign of life this often: a line that died in silence tells nothing by itself."""
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2}
log = logging.getLogger(__name__)


class Listener:
    """run() as a task. heard(topic, number) and changed(is_listening) are called in its event loop."""

    def __init__(self, database: Database, heard: Callable[[str, int], None], changed: Callable[[bool], None]) -> None:
        self._database = database
        self._heard = heard
        self._changed = changed
        self._is_lost = False

    async def run(self) -> None:
        """Listen until cancelled. A connection that is lost is told once, and opened again with growing pauses."""
        import psycopg

        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with await self._open() as connection:
                    self._found()
                    pause_s = FIRST_PAUSE_S
                    await self._hear(connection)
            except (psycopg.Error, OSError) as error:
                self._lost(error)
            finally:
                self._changed(False)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _open(self) -> Any:
        from psycopg import AsyncConnection

        words, options = self._database.engine.dialect.create_connect_args(self._database.url)
        given = {"connect_timeout": 3, "application_name": "greenlane live", **_KEEPALIVE, **options}
        with giving_up_closes():
            connection = await AsyncConnection.connect(*words, autocommit=True, **given)
        try:
            await connection.execute(f"listen {CHANNEL}")
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _hear(self, connection: Any) -> None:
        while True:
            async for notice in connection.notifies(timeout=CHECK_S):
                number, _, topic = notice.payload.partition(" ")
                if number.isdecimal():
                    self._heard(topic, int(number))
            async with asyncio.timeout(CHECK_S):
                await connection.execute("select 1")

    def _found(self) -> None:
        if self._is_lost:
            log.info("live pages: listening to PostgreSQL again")
        self._is_lost = False
        self._changed(True)

    def _lost(self, error: Exception) -> None:
        if not self._is_lost:
            log.warning("live pages: not listening to PostgreSQL, its counters are polled: %s", _in_one_line(error))
        self._is_lost = True


def _in_one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
