"""Wakes those who wait for something to change: open pages and lane units that wait for orders.

Every change adds one to its topic's counter in the database, in the transaction that made it. Each process reads the
counters twice a second while anybody waits in it, and at once after a change of its own, so several workers need
nothing but the database they share.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from starlette.concurrency import run_in_threadpool

from service.database import Database, telling_faults
from service.errors import Unavailable
from service.station.tables import live_changes

POLL_S = 0.5
log = logging.getLogger(__name__)


def station_topic(station: str) -> str:
    """What a station's pages wait for."""
    return f"station:{station}"


def orders_topic(station: str, lane: str) -> str:
    """What a lane unit waits for."""
    return f"orders:{station}:{lane}"


def count_change(connection: Connection, topic: str) -> None:
    """Something about the topic changes with this transaction."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    first = insert(live_changes).values(topic=topic, number=1)
    more = {"number": live_changes.c.number + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["topic"], set_=more))


@dataclass
class _Topic:
    """How many wait, the counter as last read (None: not yet), and what wakes them when it changes."""

    waiters: int = 0
    number: int | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Changes:
    """The counters as this process last read them. wait belongs to the event loop; ring may come from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._topics: dict[str, _Topic] = {}
        self._reader: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = asyncio.Event()
        self._failing = False
        self.closed = False

    @property
    def waiters(self) -> int:
        """Pages and lane units that wait in this process."""
        return sum(topic.waiters for topic in self._topics.values())

    def ring(self) -> None:
        """Read the counters now; something was changed by this process."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._rung.set)

    def close(self) -> None:
        """Let all who wait go, so that the server can stop; from the event loop. Idempotent."""
        self.closed = True
        for topic in self._topics.values():
            topic.changed.set()

    async def number(self, topic: str) -> int:
        """The topic's counter as the database has it now. Raises Unavailable."""
        return (await run_in_threadpool(self._read, (topic,))).get(topic, 0)

    async def wait(self, topic: str, seen: int, longest_s: float) -> int:
        """The topic's counter as soon as it is not `seen`, or `seen` after longest_s."""
        loop = asyncio.get_running_loop()
        state = self._topics.setdefault(topic, _Topic())
        state.waiters += 1
        self._start_reader(loop)
        ends_s = loop.time() + longest_s
        try:
            while not self.closed and state.number in (None, seen) and (left_s := ends_s - loop.time()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(state.changed.wait(), left_s)
            return seen if state.number is None else state.number
        finally:
            state.waiters -= 1
            if state.waiters == 0:
                del self._topics[topic]

    def _start_reader(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._reader is None or self._reader.done() or self._loop is not loop:
            self._loop, self._rung = loop, asyncio.Event()
            self._reader = loop.create_task(self._follow())
        self._rung.set()

    async def _follow(self) -> None:
        """Read until nobody waits any more; a database that is away is told once, and waited for."""
        while self._topics:
            self._rung.clear()
            try:
                self._tell(await run_in_threadpool(self._read, tuple(self._topics)))
                self._failing = False
            except Unavailable as error:
                if not self._failing:
                    log.error("live pages wait: %s", error)
                self._failing = True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), POLL_S)

    def _tell(self, numbers: dict[str, int]) -> None:
        for name, topic in self._topics.items():
            number = numbers.get(name, 0)
            if topic.number != number:
                topic.number = number
                topic.changed.set()
                topic.changed = asyncio.Event()

    def _read(self, topics: Iterable[str]) -> dict[str, int]:
        query = select(live_changes.c.topic, live_changes.c.number).where(live_changes.c.topic.in_(tuple(topics)))
        with telling_faults(), self._database.reading() as connection:
            return {row.topic: row.number for row in connection.execute(query)}
