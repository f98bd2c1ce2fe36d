"""The bench's load: what it counts as answered is what the books hold, and a service that fails ends the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI

from greenlane.bench.load import AMOUNT_FEN, LoadLane, closed_loop, paced
from service.admin.admin import Admin
from service.app import create_app
from service.errors import ServiceError
from service.identity.guard import EMBEDDED
from service.reports.audit import audit
from service.reports.statement import cards
from service.server import running


@contextmanager
def lanes(app: FastAPI, count: int) -> Iterator[list[LoadLane]]:
    """So many lanes with a card each, on the running application."""
    admin = Admin(app.state.books, "bench")
    admin.stations.set("bench", preset_fen=10_000)
    for number in range(count):
        admin.cards.create(f"C{number}")
        admin.plates.bind(f"粤B{number:05d}", f"C{number}")
        admin.money.top_up(f"C{number}", 10**8)
    with running(app) as url:
        made = [LoadLane(int(url.rsplit(":", 1)[1]), f"粤B{number:05d}", f"D{number}") for number in range(count)]
        yield made
        for lane in made:
            lane.close()


@pytest.mark.slow
def test_as_many_visits_as_asked_for_are_in_the_books(sqlite_url: str) -> None:
    app = create_app(sqlite_url, guard=EMBEDDED)
    with lanes(app, 3) as made:
        timings = closed_loop(made, 60.0, 12)
        assert (len(timings.asked_s), len(timings.fuelled_s)) == (12, 12)
        found = audit(app.state.books.database)
        assert (found.findings, found.fuellings) == ((), 12)
        assert cards(app.state.books.database, "C1")[0].balance_fen == 10**8 - 4 * AMOUNT_FEN


def test_a_closed_loop_ends_with_its_time_and_whole_visits(sqlite_url: str) -> None:
    app = create_app(sqlite_url, guard=EMBEDDED)
    with lanes(app, 2) as made:
        timings = closed_loop(made, 0.2)
        assert len(timings.asked_s) == len(timings.fuelled_s) > 0
        assert audit(app.state.books.database).fuellings == len(timings.fuelled_s)
        assert all(lane.asks for lane in made)


def test_paced_messages_come_when_they_are_due_and_wait_for_nobody(sqlite_url: str) -> None:
    app = create_app(sqlite_url, guard=EMBEDDED)
    with lanes(app, 2) as made:
        start_s = time.perf_counter()
        timings = paced(made, 1.0, 20.0)
        assert time.perf_counter() - start_s > 0.8
        assert len(timings.asked_s) + len(timings.fuelled_s) == 20
        assert any(_counts_from_when_it_was_due(made) for _ in range(8))


def _counts_from_when_it_was_due(made: list[LoadLane]) -> bool:
    """Of far too many messages each waits for those before it; a machine that stands still may hide it once."""
    late = paced(made, 0.005, 10_000.0)
    waits_s = (*late.asked_s, *late.fuelled_s)
    return len(waits_s) == 48 and max(waits_s) > 5 * min(waits_s)


def test_a_refused_message_ends_the_run(sqlite_url: str) -> None:
    with running(create_app(sqlite_url, guard=EMBEDDED)) as url:
        lane = LoadLane(int(url.rsplit(":", 1)[1]), "粤B00000", "D1")
        with pytest.raises(ServiceError, match=r"404.*no station"):
            closed_loop([lane], 1.0, 1)
        lane.close()
