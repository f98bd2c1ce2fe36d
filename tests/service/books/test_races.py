"""Lanes race for one balance: never is more held than there is, and never is less granted than there could be."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from service.books.batch_worker import BatchWorker
from service.books.books import Books
from service.books.messages import Answer, Ask, Message, Release
from service.errors import Unavailable
from service.reports.audit import audit
from service.reports.statement import cards
from service.store.database import Database
from tests.service.world import World
from wire.questions import Decision
from wire.reasons import Verdict

PRESET_FEN = 10_000
LONGEST_S = 120
"""A message that cannot be carried out for this long never will be."""


def one_by_one(books: Books, message: Message) -> Answer:
    """As a lane unit does it: what the database cannot do now is sent again."""
    ends_s = time.monotonic() + LONGEST_S
    while True:
        try:
            return books.carry_out_one(message)
        except Unavailable:
            if time.monotonic() > ends_s:
                raise


@contextmanager
def lanes(url: str, count: int, world: World) -> Iterator[list[Books]]:
    """As many separate connections to one database as there are lanes, like workers of their own."""
    databases = [Database(url) for _ in range(count)]
    yield [Books(database, world.clock) for database in databases]
    for database in databases:
        database.close()


def race(url: str, world: World, count: int, rounds: int, affordable: int) -> None:
    world.card(fen=affordable * PRESET_FEN + PRESET_FEN - 1)
    start = threading.Barrier(count)
    plates = world.fleet(count)

    def ask(books: Books, plate: str) -> Decision:
        message = Ask(world.question(plate))
        start.wait()
        answer = one_by_one(books, message)
        assert isinstance(answer, Decision)
        return answer

    with lanes(url, count, world) as racers, ThreadPoolExecutor(count) as pool:
        for _ in range(rounds):
            answers = list(pool.map(ask, racers, plates))
            allowed = [a.authorisation for a in answers if a.decision is Verdict.ALLOW]
            assert len(allowed) == min(count, affordable)
            assert cards(world.database, "C1")[0].available_fen >= 0
            for books, name in zip(racers, allowed, strict=False):
                assert name is not None
                one_by_one(books, Release(name))
    assert audit(world.database).findings == ()


@pytest.mark.parametrize(("count", "rounds", "affordable"), [(2, 20, 1), (16, 2, 5)])
def test_lanes_race_for_one_balance(world: World, database_url: str, count: int, rounds: int, affordable: int) -> None:
    race(database_url, world, count, rounds, affordable)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "rounds", "affordable"), [(2, 2500, 1), (16, 320, 5)])
def test_lanes_race_ten_thousand_times(
    world: World, database_url: str, count: int, rounds: int, affordable: int
) -> None:
    race(database_url, world, count, rounds, affordable)


def test_one_question_asked_by_several_workers_at_once_has_one_answer(world: World, database_url: str) -> None:
    world.card(fen=50_000)
    with lanes(database_url, 4, world) as workers, ThreadPoolExecutor(4) as pool:
        for plate in world.fleet(5):
            message = Ask(world.question(plate))
            answers = list(pool.map(lambda books, m=message: one_by_one(books, m), workers))  # type: ignore[misc]
            assert all(answer == answers[0] for answer in answers)
    assert cards(world.database, "C1")[0].held_fen == 5 * PRESET_FEN
    assert audit(world.database).findings == ()


def test_the_teller_answers_many_lanes_from_few_transactions(world: World) -> None:
    world.card(fen=5 * PRESET_FEN)
    plates = world.fleet(200)
    commits = []

    async def ask_all() -> list[Answer]:
        worker = BatchWorker(world.books)
        worker.start()
        try:
            return await asyncio.gather(*[worker.carry_out(Ask(world.question(plate))) for plate in plates])
        finally:
            await asyncio.to_thread(worker.close)

    carry_out = world.books.carry_out
    world.books.carry_out = lambda messages: commits.append(1) or carry_out(messages)  # type: ignore[method-assign,func-returns-value]
    answers = asyncio.run(ask_all())
    assert sum(isinstance(a, Decision) and a.decision is Verdict.ALLOW for a in answers) == 5
    assert len(commits) < 20
    assert audit(world.database).findings == ()
