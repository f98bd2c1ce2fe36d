"""Wakes those who wait for something to change: open pages and lane units that wait for orders.

Every change adds one to its topic's counter in the database, in the transaction that made it; the counters are the
truth. On PostgreSQL the same transaction notifies all processes that listen, and a slow reading of the counters is the
safety net. Without a listening connection (always on SQLite) a process reads them twice a second while anybody waits
in it, and at once after a change of its own. Several workers so need nothing but the database they share.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection, text
from starlette.concurrency import run_in_threadpool

from service.errors import Unavailable
from service.live.listener import CHANNEL, Listener
from service.store.database import COUNTED, Database, telling_faults

LINGER_S = 5.0
LATE_S = 0.02
LATE_SHARE = 0.05
"""One wake-up's share in the running mean."""
log = logging.getLogger(__name__)


_COUNT = text(
    "insert into live_changes (topic, number) values (:topic, 1) "
    "on conflict (topic) do update set number = live_changes.number + 1"
)
_COUNT_AND_NOTIFY = text(
    "with counted as (insert into live_changes (topic, number) select t, 1 from unnest(cast(:topics as text[])) t "
    "on conflict (topic) do update set number = live_changes.number + 1 returning topic, number) "
    "select pg_notify(:channel, number || ' ' || topic) from counted"
)
"""In the order of the topics, so that no two transactions wait for each other."""
_READ = text("select topic, number from live_changes where topic in (select value from json_each(:topics))")
_READ_POSTGRESQL = text("select topic, number from live_changes where topic = any(cast(:topics as text[]))")
"""One parameter for ten thousand topics."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the counters are read while somebody waits: without a listening connection, and with one."""

    poll_s: float = 0.5
    listening_poll_s: float = 5.0


def station_topic(station: str) -> str:
    """What a station's pages wait for."""
    return f"station:{station}"


def lane_topic(station: str, lane: str) -> str:
    """What the panel of one lane waits for."""
    return f"lane:{station}:{lane}"


def orders_topic(station: str, lane: str) -> str:
    """What a lane unit waits for."""
    return f"orders:{station}:{lane}"


def expected_topic(station: str) -> str:
    """What a station's lanes wait for to learn which plates are expected."""
    return f"expected:{station}"


def person_topic(person: str) -> str:
    """What the phones of one person wait for."""
    return f"person:{person}"


def count_change(connection: Connection, *topics: str) -> None:
    """Something about the topics changes with this transaction; who listens is told after its commit."""
    ordered = sorted(set(topics))
    connection.info[COUNTED] = True
    if connection.dialect.name == "sqlite":
        connection.execute(_COUNT, [{"topic": topic} for topic in ordered])
    else:
        connection.execute(_COUNT_AND_NOTIFY, {"topics": ordered, "channel": CHANNEL})


class Follower(Protocol):
    """An open page."""

    def heard(self, number: int) -> None:
        """The topic's counter, when it is first known and whenever it is another."""

    def closed(self) -> None:
        """There will be no more."""


@dataclass(slots=True)
class _Topic:
    """Who waits, when the last one left, the counter as last known (None: not yet), what wakes those who wait once."""

    followers: list[Follower] = field(default_factory=list)
    waiters: int = 0
    left_s: float = 0.0
    number: int | None = None
    changed: asyncio.Event | None = None

    def tell(self, number: int) -> None:
        self.number = number
        self.wake()
        for follower in tuple(self.followers):
            follower.heard(number)

    def wake(self) -> None:
        if self.changed is not None:
            self.changed.set()
            self.changed = None

    async def next(self) -> None:
        if self.changed is None:
            self.changed = asyncio.Event()
        await self.changed.wait()


def _unseen(_waiters: int, _is_listening: bool) -> None:
    """Nobody wants to know."""


class Changes:
    """The counters as this process last knew them. wait belongs to the event loop; ring may come from any thread.

    observer hears of the number of waiters and of whether other processes' changes are heard at once.
    """

    def __init__(self, database: Database, pace: Pace | None = None) -> None:
        self._database = database
        self.pace = pace or Pace()
        self.observer: Callable[[int, bool], None] = _unseen
        self._topics: dict[str, _Topic] = {}
        self._waiters = 0
        self._reader: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = asyncio.Event()
        self._in_doubt = True
        self._failing = False
        self._late_s = 0.0
        self.is_listening = False
        self.closed = False

    @property
    def waiters(self) -> int:
        """Pages and lane units that wait in this process."""
        return self._waiters

    @property
    def is_current(self) -> bool:
        """Whether the counters could be read when they were due."""
        return not self._failing

    def join(self, topic: str, follower: Follower) -> None:
        """It hears of the topic from now on, at once where the counter is known."""
        state = self._state(topic)
        state.followers.append(follower)
        self._count_waiter(1)
        self._start_reader(state)
        if state.number is not None:
            follower.heard(state.number)

    def part(self, topic: str, follower: Follower) -> None:
        """It hears no more. Idempotent."""
        state = self._topics.get(topic)
        if state is not None and follower in state.followers:
            state.followers.remove(follower)
            state.left_s = asyncio.get_running_loop().time()
            self._count_waiter(-1)

    def pages_of(self, topic: str) -> int:
        """Open pages of this process about the topic."""
        return len(self._topics[topic].followers) if topic in self._topics else 0

    @property
    def busy(self) -> float:
        """How many times longer than planned pages should wait, so that decisions do not wait for them: at least 1."""
        return 1.0 + self._late_s / LATE_S

    def note_late(self, late_s: float) -> None:
        """A page woke so much later than it had asked for: the process has more to do than it can."""
        self._late_s += (late_s - self._late_s) * LATE_SHARE

    def known(self, topic: str) -> int | None:
        """The counter of a topic that this process follows; the database may be ahead of it by a moment."""
        return self._topics[topic].number if topic in self._topics else None

    def ring(self) -> None:
        """A change of this process was committed: read the counters now, unless PostgreSQL tells of it anyway."""
        loop = self._loop
        if loop is not None and not loop.is_closed() and not self.is_listening:
            loop.call_soon_threadsafe(self._doubt)

    def close(self) -> None:
        """Let all who wait go, so that the server can stop; from the event loop. Idempotent."""
        self.closed = True
        for topic in self._topics.values():
            topic.wake()
            for follower in tuple(topic.followers):
                follower.closed()
        if self._reader is not None:
            self._reader.cancel()

    async def number(self, topic: str) -> int:
        """The topic's counter as the database has it now. Raises Unavailable."""
        return (await self._read((topic,))).get(topic, 0)

    async def wait(self, topic: str, seen: int, longest_s: float) -> int:
        """The topic's counter as soon as it is not `seen`, or `seen` after longest_s."""
        loop = asyncio.get_running_loop()
        state = self._state(topic)
        state.waiters += 1
        self._count_waiter(1)
        self._start_reader(state)
        ends_s = loop.time() + longest_s
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(ends_s):
                    while not self.closed and state.number in (None, seen):
                        await state.next()
            return seen if state.number is None else state.number
        finally:
            state.waiters -= 1
            self._count_waiter(-1)
            state.left_s = loop.time()

    def _state(self, topic: str) -> _Topic:
        """Of the running event loop; who waited in another one is gone with it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._reader, self._rung = loop, None, asyncio.Event()
            self._topics.clear()
            self._waiters = 0
        return self._topics.setdefault(topic, _Topic())

    def _count_waiter(self, more: int) -> None:
        self._waiters += more
        self.observer(self._waiters, self.is_listening)

    def _start_reader(self, state: _Topic) -> None:
        if self._reader is None or self._reader.done():
            self._in_doubt = True
            self._reader = asyncio.get_running_loop().create_task(self._follow())
        if state.number is None:
            self._rung.set()

    async def _follow(self) -> None:
        """Listen and read until nobody waits any more."""
        listening = None
        if not self._database.is_sqlite:
            listener = Listener(self._database, lambda topic, number: self._tell({topic: number}), self._listening)
            listening = asyncio.create_task(listener.run())
        try:
            while self._topics:
                await self._read_in_turn()
        finally:
            if listening is not None:
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening

    async def _read_in_turn(self) -> None:
        """Everything when it is in doubt, else what nobody has read yet; then rest until the next reading is due."""
        self._rung.clear()
        self._forget()
        wanted = [name for name, topic in self._topics.items() if self._in_doubt or topic.number is None]
        self._in_doubt = False
        try:
            if wanted:
                await self._read(wanted)
            self._failing = False
        except Unavailable as error:
            if not self._failing:
                log.error("live pages wait: %s", error)
            self._failing = self._in_doubt = True
        rest_s = self.pace.listening_poll_s if self.is_listening and not self._failing else self.pace.poll_s
        try:
            async with asyncio.timeout(rest_s):
                await self._rung.wait()
        except TimeoutError:
            self._in_doubt = True

    def _forget(self) -> None:
        """Topics that nobody has waited for lately; a page that is told waits again at once."""
        left_s = asyncio.get_running_loop().time() - LINGER_S
        for name, topic in list(self._topics.items()):
            if not topic.waiters and not topic.followers and topic.left_s < left_s:
                del self._topics[name]

    def _listening(self, is_listening: bool) -> None:
        """A connection was opened or lost: what was told in between is in the counters alone."""
        if is_listening != self.is_listening:
            self.is_listening = is_listening
            self.observer(self._waiters, is_listening)
            self._doubt()

    def _doubt(self) -> None:
        self._in_doubt = True
        self._rung.set()

    async def _read(self, topics: Iterable[str]) -> dict[str, int]:
        """Read the counters and wake who waits for them; what was heard meanwhile is newer than the reading."""
        names = tuple(topics)
        before = {name: self._topics[name].number for name in names if name in self._topics}
        numbers = await run_in_threadpool(self._fetch, names)
        self._tell(
            {
                name: numbers.get(name, 0)
                for name, known in before.items()
                if name in self._topics and self._topics[name].number == known
            }
        )
        return numbers

    def _tell(self, numbers: Mapping[str, int]) -> None:
        for name, number in numbers.items():
            topic = self._topics.get(name)
            if topic is not None and topic.number != number:
                topic.tell(number)

    def _fetch(self, topics: tuple[str, ...]) -> dict[str, int]:
        is_sqlite = self._database.is_sqlite
        query, given = (_READ, json.dumps(topics)) if is_sqlite else (_READ_POSTGRESQL, list(topics))
        with telling_faults(), self._database.reading() as connection:
            return {row.topic: row.number for row in connection.execute(query, {"topics": given})}
