"""Batches: what comes during one makes the next; each item gets its own result, or the batch's error."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.errors import Unavailable
from service.http.batches import Batches
from service.station.store import StationStore
from service.store.database import Database
from service.store.engine.fair_lock import FairLock
from tests.service.identity.kit import START, ServiceRig, lane_status
from wire.codec import decode
from wire.live import LaneStatus


def test_what_comes_during_a_batch_makes_the_next() -> None:
    batches: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        time.sleep(0.02)
        return [item * 2 for item in items]

    async def scene() -> None:
        doubled = Batches(work)
        assert await asyncio.gather(*[doubled.put(n) for n in range(50)]) == [2 * n for n in range(50)]
        assert await doubled.put(7) == 14

    asyncio.run(scene())
    assert sum(batches) == 51
    assert len(batches) <= 3


def test_a_batch_that_fails_fails_for_its_items_alone() -> None:
    def work(items: Sequence[str]) -> Sequence[str]:
        if "bad" in items:
            raise Unavailable("the database is away")
        return items

    async def scene() -> None:
        echo = Batches(work)
        failed = await asyncio.gather(echo.put("bad"), echo.put("beside"), return_exceptions=True)
        assert [type(one) for one in failed] == [Unavailable] * 2
        assert await echo.put("good") == "good"

    asyncio.run(scene())


def test_who_gives_up_waiting_holds_nobody_up() -> None:
    def work(items: Sequence[int]) -> Sequence[int]:
        time.sleep(0.05)
        return items

    async def scene() -> None:
        echo = Batches(work)
        gone = asyncio.create_task(echo.put(1))
        stays = asyncio.create_task(echo.put(2))
        await asyncio.sleep(0.01)
        gone.cancel()
        assert await asyncio.wait_for(stays, 30) == 2

    asyncio.run(scene())


def test_statuses_of_many_lanes_are_one_batch_and_the_newest_of_a_lane_counts(tmp_path: Path) -> None:
    rig = ServiceRig(tmp_path)
    store: StationStore = rig.app.state.station
    given = [lane_status(lane=f"L{n}", number=n) for n in range(3)]
    given += [lane_status(lane="L0", number=900, volume_ml=9), lane_status(lane="L0", number=800, volume_ml=8)]
    rig.clock.move(1)
    store.lanes.take([decode(LaneStatus, one) for one in given])
    lanes = store.lanes.all_of("S1")
    assert {lane.status.lane: lane.status.volume_ml for lane in lanes} == {"L0": 9, "L1": None, "L2": None}
    assert lanes[0].seen_at > START


def test_writers_of_a_process_take_turns_on_sqlite(sqlite_url: str) -> None:
    """One that waits for another is told so after five seconds, and does not wait for ever."""
    database = Database(sqlite_url)
    order: list[str] = []

    def late() -> None:
        with database.writing():
            order.append("second")

    with database.writing():
        thread = threading.Thread(target=late)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    with database.writing(), pytest.raises(Unavailable, match="locked"), database.writing():
        pass
    database.close()


def test_turns_go_in_the_order_of_asking_and_pass_who_gave_up() -> None:
    turns = FairLock()
    order: list[int] = []
    assert turns.take(1.0)

    def ask(number: int, longest_s: float) -> None:
        if turns.take(longest_s):
            order.append(number)
            turns.hand_on()

    threads = [threading.Thread(target=ask, args=(n, 0.01 if n == 1 else 20.0)) for n in range(5)]
    for waiting, thread in zip((1, 1, 2, 3, 4), threads, strict=True):
        thread.start()
        if thread is threads[1]:
            thread.join(30)
        while len(turns._waiting) < waiting:
            time.sleep(0.001)
    turns.hand_on()
    for thread in threads:
        thread.join(30)
    assert order == [0, 2, 3, 4]
    assert turns.take(0.0)
