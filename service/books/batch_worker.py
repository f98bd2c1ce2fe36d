"""One thread that carries out the messages of all requests: whatever waits is taken together as one transaction."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from service.books.books import Books
from service.books.messages import Answer, Message, Sweep
from service.books.rows.prices import prices_of
from service.books.rows.sealing import MOST_ROWS, seal
from service.errors import ServiceError, Unavailable
from service.store.clock import US_PER_S, to_us
from service.store.database import telling_faults
from wire.fuellings import Price

MOST_IN_BATCH = 64
MOST_WAITING = 2000
"""Beyond this the service answers 503 at once instead of answering late."""
LONGEST_WAIT_S = 10.0
IDLE_S = 0.5
SEALS_AT_ONCE = 5
CHECK_EVERY_S = 1.0
"""A health check writes at most this often, whoever asks."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: Message
    answer: asyncio.Future[Answer]


class BackgroundThread(Protocol):
    """A thread of its own."""

    def start(self) -> None: ...

    def close(self) -> None: ...


class BatchWorker:
    """start() before use, close() when done. carry_out() belongs to one event loop."""

    def __init__(
        self, books: Books, also: Sequence[Callable[[], object]] = (), beside: BackgroundThread | None = None
    ) -> None:
        """also: what is done beside each sweep. beside: another thread that lives as long as this one."""
        self._books = books
        self._also = also
        self._told = ""
        self._beside = beside
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._swept_us = 0
        self._away = False
        self._checking = threading.Lock()
        self._next_check_s = 0.0

    def start(self) -> None:
        """Begin to work for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="books", daemon=True)
        self._thread.start()
        if self._beside is not None:
            self._beside.start()

    def close(self) -> None:
        """Finish what waits, then stop. Idempotent."""
        if self._beside is not None:
            self._beside.close()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    async def carry_out(self, message: Message) -> Answer:
        """The committed answer. Raises Unavailable when the database or its answer stays away."""
        if self._loop is None or self._thread is None:
            raise Unavailable("the service is stopping")
        waiting = _Waiting(message, self._loop.create_future())
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise Unavailable("the service is busy: too many messages wait") from None
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                return await waiting.answer
        except TimeoutError:
            raise Unavailable("the database does not answer in time") from None

    def prices(self, station: str) -> list[Price] | None:
        """The station's prices as the books have them now."""
        return prices_of(self._books.database, station, self._books.clock.now())

    def health(self) -> dict[str, Any]:
        """Raises Unavailable when the database cannot be read or written; tried at most once a second."""
        self._books.database.check()
        with self._checking:
            if time.monotonic() >= self._next_check_s:
                self._books.database.check_writing()
                self._next_check_s = time.monotonic() + CHECK_EVERY_S
        return {}

    def _run(self) -> None:
        while True:
            batch, stop = self._collect()
            try:
                self._work(batch)
            except Exception:
                _LOG.exception("books: a batch could not be answered")
                self._deliver([(w, ServiceError("internal error")) for w in batch])
            if stop:
                return

    def _collect(self) -> tuple[list[_Waiting], bool]:
        """What waits now, at most a batch; and whether to stop after it."""
        batch: list[_Waiting] = []
        try:
            item = self._queue.get(timeout=IDLE_S)
            while item is not None:
                if not item.answer.cancelled():
                    batch.append(item)
                if len(batch) >= MOST_IN_BATCH:
                    return batch, False
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _work(self, batch: Sequence[_Waiting]) -> None:
        messages = [waiting.message for waiting in batch]
        answers: Sequence[Answer | ServiceError]
        try:
            if messages:
                answers = self._books.carry_out(messages)
                self._deliver(list(zip(batch, answers, strict=True)))
            if self._sweep() or messages:
                self._note(None)
        except Unavailable as error:
            self._note(error)
            self._deliver([(waiting, error) for waiting in batch])
        except Exception:
            self._deliver([(waiting, self._alone(waiting.message)) for waiting in batch])

    def _alone(self, message: Message) -> Answer | ServiceError:
        """One message of a batch that failed as a whole, so that it does not fail for its neighbours' sake."""
        try:
            return self._books.carry_out_one(message)
        except ServiceError as error:
            _LOG.error("%s failed: %s", type(message).__name__, error)
            return error
        except Exception as error:
            _LOG.exception("%s failed in an unplanned way", type(message).__name__)
            return ServiceError(f"internal error: {type(error).__name__}")

    def _sweep(self) -> bool:
        """Give expired holds back when it is time to; whether it was."""
        now_us = to_us(self._books.clock.now())
        if abs(now_us - self._swept_us) < self._books.settings.sweep_every_s * US_PER_S:
            return False
        self._books.carry_out_one(Sweep())
        for do in self._also:
            self._do(do)
        self._swept_us = now_us
        self._do(self._seal)
        return True

    def _do(self, do: Callable[[], object]) -> None:
        """One of the other tasks, or the seals; one that fails is told, and hinders no other. Raises Unavailable."""
        try:
            do()
        except Unavailable:
            raise
        except Exception as error:
            if repr(error) != self._told:
                _LOG.exception("a task of the sweep failed")
                self._told = repr(error)

    def _seal(self) -> None:
        """Some of what was committed meanwhile; old books are sealed bit by bit."""
        with telling_faults():
            for _ in range(SEALS_AT_ONCE):
                if seal(self._books.database, self._books.clock) < MOST_ROWS:
                    return

    def _deliver(self, answers: Sequence[tuple[_Waiting, Answer | ServiceError]]) -> None:
        assert self._loop is not None
        if answers and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_hand_over, answers)

    def _note(self, error: Unavailable | None) -> None:
        """Log that the database went away, and that it came back; not each time in between."""
        if error is not None and not self._away:
            _LOG.error("%s; messages are answered 503 until it is back", error)
        elif error is None and self._away:
            _LOG.warning("database: back")
        self._away = error is not None


def _hand_over(answers: Sequence[tuple[_Waiting, Answer | ServiceError]]) -> None:
    for waiting, answer in answers:
        if waiting.answer.done():
            continue
        if isinstance(answer, ServiceError):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)
