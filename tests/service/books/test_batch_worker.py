"""The thread between requests and books: faults are told to whom they concern, and to nobody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest

from service.books import batch_worker as module
from service.books.batch_worker import BatchWorker
from service.books.messages import Answer, Done, Message, Release, Sweep
from service.errors import LedgerError, ServiceError, Unavailable
from tests.service.world import ManualClock, World

Behaviour = Callable[[Sequence[Message]], list[Answer]]


class Books:
    """Stands in for the books: does what the test says, and notes the batches."""

    def __init__(self, world: World, behaviour: Behaviour) -> None:
        self.settings, self.clock, self.database = world.settings, world.clock, world.database
        self.batches: list[list[Message]] = []
        self._behaviour = behaviour

    def carry_out(self, messages: Sequence[Message]) -> list[Answer]:
        self.batches.append(list(messages))
        return self._behaviour(messages)

    def carry_out_one(self, message: Message) -> Answer:
        return self.carry_out([message])[0]


async def _answers(worker: BatchWorker, names: Sequence[str]) -> list[Answer | BaseException]:
    worker.start()
    try:
        return await asyncio.gather(*[worker.carry_out(Release(n)) for n in names], return_exceptions=True)
    finally:
        await asyncio.to_thread(worker.close)


def done(messages: Sequence[Message]) -> list[Answer]:
    return [Done() for _ in messages]


def test_a_poisoned_message_does_not_fail_its_neighbours(world: World) -> None:
    def poisoned(messages: Sequence[Message]) -> list[Answer]:
        if Release("poison") in messages:
            raise LedgerError("no")
        return done(messages)

    books = Books(world, poisoned)
    answers = asyncio.run(_answers(BatchWorker(books), ["a", "poison", "b"]))  # type: ignore[arg-type]
    assert [type(a) for a in answers] == [Done, LedgerError, Done]


def test_an_unplanned_error_is_answered_and_the_teller_lives(world: World) -> None:
    def broken(messages: Sequence[Message]) -> list[Answer]:
        if Release("a") in messages:
            raise ZeroDivisionError
        return done(messages)

    async def twice() -> list[Answer | BaseException]:
        worker = BatchWorker(Books(world, broken))  # type: ignore[arg-type]
        worker.start()
        first = await asyncio.gather(worker.carry_out(Release("a")), return_exceptions=True)
        second = await asyncio.gather(worker.carry_out(Release("b")), return_exceptions=True)
        await asyncio.to_thread(worker.close)
        return [*first, *second]

    answers = asyncio.run(twice())
    assert [type(a) for a in answers] == [ServiceError, Done]


def test_a_database_that_went_away_is_logged_once_and_once_when_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    calls = iter(range(100))

    def away(messages: Sequence[Message]) -> list[Answer]:
        if next(calls) < 3:
            raise Unavailable("database: gone")
        return done(messages)

    async def one_after_another() -> list[Answer | BaseException]:
        worker = BatchWorker(Books(world, away))  # type: ignore[arg-type]
        worker.start()
        found = []
        for name in "abcdef":
            found += await asyncio.gather(worker.carry_out(Release(name)), return_exceptions=True)
        await asyncio.to_thread(worker.close)
        return found

    with caplog.at_level(logging.WARNING):
        answers = asyncio.run(one_after_another())
    assert [type(a) for a in answers] == [Unavailable] * 3 + [Done] * 3
    assert [r.message for r in caplog.records] == [
        "database: gone; messages are answered 503 until it is back",
        "database: back",
    ]


def test_too_many_waiting_messages_are_refused_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    worker = BatchWorker(Books(world, done))  # type: ignore[arg-type]

    async def crowd() -> list[Answer | BaseException]:
        return await _answers(worker, [str(n) for n in range(10)])

    answers = asyncio.run(crowd())
    assert {type(a) for a in answers} == {Done, Unavailable}


def test_expired_holds_are_swept_without_a_question(world: World) -> None:
    clock: ManualClock = world.clock
    books = Books(world, done)

    async def idle() -> None:
        worker = BatchWorker(books)  # type: ignore[arg-type]
        worker.start()
        for sweeps in (1, 2, 3):
            async with asyncio.timeout(20):
                while books.batches.count([Sweep()]) < sweeps:
                    await asyncio.sleep(0.01)
            clock.advance(world.settings.sweep_every_s)
        await asyncio.to_thread(worker.close)

    asyncio.run(idle())
    assert all(batch == [Sweep()] for batch in books.batches)


def test_a_task_that_fails_hinders_neither_the_next_nor_the_sweep(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Told once, not at every sweep."""
    done_by_next: list[int] = []

    def fails() -> None:
        raise KeyError("US/Pacific")

    worker = BatchWorker(world.books, also=(fails, lambda: done_by_next.append(len(done_by_next))))
    for _ in range(3):
        world.clock.advance(world.settings.sweep_every_s)
        assert worker._sweep()
    assert done_by_next == [0, 1, 2]
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR].count("a task of the sweep failed") == 1


def test_seals_that_fail_are_told(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise ValueError("a row that cannot be sealed")

    monkeypatch.setattr(module, "seal", broken)
    worker = BatchWorker(world.books)
    for _ in range(2):
        world.clock.advance(world.settings.sweep_every_s)
        assert worker._sweep()
    (told,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert "a row that cannot be sealed" in str(told.exc_info)


def test_a_closed_teller_says_so(world: World) -> None:
    async def closed() -> None:
        worker = BatchWorker(Books(world, done))  # type: ignore[arg-type]
        worker.start()
        await asyncio.to_thread(worker.close)
        worker.close()
        with pytest.raises(Unavailable, match="stopping"):
            await worker.carry_out(Release("a"))

    asyncio.run(closed())
