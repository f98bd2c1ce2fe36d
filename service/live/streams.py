"""Tells open pages and phones of changes by server-sent events: one task for all of them, a small record for each.

A stream says "changed" at once and after every change of its topic, and "alive" every three seconds while this process
knows what changes: who hears neither shows that it may be out of date.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Protocol

from service.live.changes import Changes

HEARTBEAT_S = 3.0
"""A page that hears nothing for 4 s asks, and covers its lamp when there is no answer within 2 s."""
LONGEST_S = 300.0
"""A stream ends after this, and the page opens a new one: by then a session that is over is noticed."""
TOLD_PER_S = 100.0
"""Each page that is told fetches its view: a process lets no more than so many pages of a topic do so in a second."""
LEAST_GAP_S = 1.0
"""A page that was just told waits so long for the next time: a running fuelling changes twice a second."""
TURNS = 60
"""The heartbeat goes round in so many steps, so that no step is long."""
RETRY = b"retry: 1000\n\n"
_ALIVE = b"event: alive\ndata: yes\n\n"
_WAITING = b": waiting\n\n"

log = logging.getLogger(__name__)


class EventSink(Protocol):
    """Where a stream's events go. ended: to be called when it is gone."""

    ended: Callable[[], None]

    @property
    def is_slow(self) -> bool:
        """Whether what was written is not taken."""

    def write(self, text: bytes) -> None: ...

    def end(self) -> None:
        """No more events. Idempotent."""

    def drop(self) -> None:
        """At once, without what waits."""


class OpenStreams:
    """The open streams of one process. For one event loop."""

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        self._turns: list[dict[Stream, None]] = [{} for _ in range(TURNS)]
        self._opened = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beating: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(len(turn) for turn in self._turns)

    def open(self, topic: str, sink: EventSink) -> None:
        """Tell it of the topic until it is gone, its time is over or the process ends."""
        if self.changes.closed:
            sink.end()
            return
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._beating = loop, None
            self._turns = [{} for _ in range(TURNS)]
        self._opened += 1
        stream = Stream(self.changes, topic, sink, self._turns[self._opened % TURNS])
        self.changes.join(topic, stream)
        if self._beating is None or self._beating.done():
            self._beating = loop.create_task(self._beat())

    async def _beat(self) -> None:
        """Goes round while there is anybody; where the process wakes late, nobody is left out."""
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        while len(self):
            for turn in self._turns:
                next_s = max(next_s + HEARTBEAT_S / TURNS, loop.time() - HEARTBEAT_S)
                await asyncio.sleep(next_s - loop.time())
                for stream in tuple(turn):
                    stream.beat(loop.time())


class Stream:
    """One open page or phone."""

    __slots__ = ("_changes", "_ends_s", "_is_due", "_seen", "_sink", "_slot", "_told_s", "_topic", "_turn")

    def __init__(self, changes: Changes, topic: str, sink: EventSink, turn: dict[Stream, None]) -> None:
        now_s = asyncio.get_running_loop().time()
        self._changes = changes
        self._topic = topic
        self._sink = sink
        self._turn = turn
        self._slot = random.random()
        self._ends_s = now_s + LONGEST_S
        self._told_s = now_s
        self._seen: int | None = None
        self._is_due = False
        turn[self] = None
        sink.ended = self._left

    def heard(self, number: int) -> None:
        """Pages are told in turn, each at a moment of its own in the gap, so that their fetches do not come at once."""
        if self._seen is None:
            self._tell(number)
        elif not self._is_due and number != self._seen:
            self._is_due = True
            loop, changes = asyncio.get_running_loop(), self._changes
            others = changes.pages_of(self._topic) - 1
            spread_s = others / TOLD_PER_S * changes.busy
            now_s = loop.time()
            due_s = max(self._told_s + max(spread_s, LEAST_GAP_S * changes.busy), now_s + self._slot * spread_s)
            if due_s > now_s:
                loop.call_at(due_s, self._tell_late, due_s)
            else:
                self._tell_known()

    def closed(self) -> None:
        """The process ends."""
        self._sink.end()

    def beat(self, now_s: float) -> None:
        """A sign of life, or the end."""
        if now_s >= self._ends_s:
            self._sink.end()
        elif self._sink.is_slow:
            self._sink.drop()
        else:
            self._sink.write(_ALIVE if self._changes.is_current else _WAITING)

    def _tell_late(self, due_s: float) -> None:
        self._changes.note_late(asyncio.get_running_loop().time() - due_s)
        self._tell_known()

    def _tell_known(self) -> None:
        known = self._changes.known(self._topic)
        self._is_due = False
        if known is not None and self in self._turn:
            self._tell(known)

    def _tell(self, number: int) -> None:
        self._seen, self._told_s = number, asyncio.get_running_loop().time()
        self._sink.write(b"event: changed\ndata: %d\n\n" % number)

    def _left(self) -> None:
        self._turn.pop(self, None)
        self._changes.part(self._topic, self)
