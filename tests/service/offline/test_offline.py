"""Offline lists and grants in the service's books, on both databases, also when workers race."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from greenlane.cli import main
from service.books.messages import Ask, Message, Refused, Report, TakeGrant
from service.offline.listing import current_list, entries_of
from service.offline.visits import conflicts_since, offline_visits
from service.reports.audit import audit
from service.reports.statement import cards
from service.store.clock import SystemWallClock
from service.store.database import Database
from tests.service.books.test_races import lanes, one_by_one
from tests.service.world import PLATE, ManualClock, Pump, World
from wire.codec import WireError
from wire.fuellings import FuellingReceipt
from wire.offline import OfflineGrant, OfflineReceipt
from wire.questions import Decision
from wire.reasons import ErrorCode, Reason


@pytest.fixture
def ready(world: World) -> World:
    """A card of 500 yuan on the list of S1."""
    world.card(fen=50_000)
    world.admin.stations.set("S1", offline_fen=20_000)
    return world


def grant(world: World, name: str = "off-1", **changes: object) -> OfflineGrant:
    listed = current_list(world.database, "S1", world.clock.now())
    assert listed is not None
    values: dict[str, object] = {
        "authorisation": name,
        "visit": f"visit {name}",
        "station": "S1",
        "lane": "L1",
        "plate": PLATE,
        "typed": False,
        "card": "C1",
        "limit_fen": 20_000,
        "list_version": listed.version,
        "granted_at": world.clock.now(),
    }
    return OfflineGrant(**{**values, **changes})  # type: ignore[arg-type]


def conflicts_of(world: World, message: OfflineGrant) -> tuple[str, ...]:
    answer = world.send(TakeGrant(message))
    assert isinstance(answer, OfflineReceipt), answer
    return answer.flags


def test_a_grant_and_its_fuelling_in_one_batch_or_two(ready: World) -> None:
    for name, together in (("off-1", True), ("off-2", False)):
        made = grant(ready, name)
        fuelling = Pump(f"D-{name}").fuelling(ready.clock, 10_000, authorisation=name, visit=made.visit)
        messages: list[Message] = [TakeGrant(made), Report(fuelling)]
        if together:
            _, receipt = ready.books.carry_out(messages)
        else:
            receipt = [ready.send(message) for message in messages][1]
        assert isinstance(receipt, FuellingReceipt)
        assert (receipt.flags, receipt.charged_fen, receipt.captured_fen) == (("offline",), 8_000, 0)
        assert ready.send(Report(fuelling)) == receipt
        assert conflicts_of(ready, made) == ()
    assert cards(ready.database, "C1")[0].balance_fen == 50_000 - 16_000
    assert [v.amount_fen for v in offline_visits(ready.database, "S1")] == [8_000, 8_000]
    assert audit(ready.database).findings == ()


@pytest.mark.parametrize("together", [False, True])
def test_a_question_that_arrives_after_the_station_allowed_its_visit_holds_nothing(
    ready: World, together: bool
) -> None:
    """A line that loses packets can carry the station's report before the question that it no longer waits for."""
    made = grant(ready)
    late = Ask(ready.question(visit=made.visit))
    if together:
        _, answer = ready.books.carry_out([TakeGrant(made), late])
    else:
        conflicts_of(ready, made)
        answer = ready.send(late)
    assert isinstance(answer, Decision)
    assert answer.reason is Reason.STALE_QUESTION
    assert cards(ready.database, "C1")[0].held_fen == 0
    assert audit(ready.database).findings == ()


def test_a_question_that_arrives_before_is_given_back(ready: World) -> None:
    made = grant(ready)
    assert ready.ask(visit=made.visit).reason is Reason.OK
    assert conflicts_of(ready, made) == ("answered_too_late",)
    assert cards(ready.database, "C1")[0].held_fen == 0


def test_other_content_under_its_name_is_refused(ready: World) -> None:
    made = grant(ready)
    conflicts_of(ready, made)
    answer = ready.send(TakeGrant(replace(made, limit_fen=19_999)))
    assert isinstance(answer, Refused)
    assert answer.code is ErrorCode.KEY_REUSED
    unknown = ready.send(TakeGrant(replace(made, authorisation="off-2", station="S9")))
    assert isinstance(unknown, Refused)
    assert unknown.code is ErrorCode.UNKNOWN_STATION


def test_an_offline_name_that_was_never_told(ready: World) -> None:
    receipt = ready.report(Pump("D1").fuelling(ready.clock, 10_000, authorisation="off-lost"))
    assert receipt.flags == ("unknown_authorisation", "uncovered")
    assert cards(ready.database, "C1")[0].balance_fen == 42_000
    assert audit(ready.database).findings == ()


def test_what_is_owed(ready: World) -> None:
    made = grant(ready)
    conflicts_of(ready, made)
    ready.admin.money.refund("C1", 45_000)
    receipt = ready.report(Pump("D1").fuelling(ready.clock, 10_000, authorisation=made.authorisation))
    assert (receipt.flags, receipt.balance_fen) == (("offline", "offline_debt"), -3_000)
    with ready.database.reading() as connection:
        assert conflicts_since(connection, 0) == 1
    assert [v.conflicts for v in offline_visits(ready.database, only_conflicts=True)] == [("offline_debt",)]
    assert audit(ready.database).findings == ()


def test_a_card_that_nobody_knows_and_a_plate_that_nobody_knows(ready: World) -> None:
    assert conflicts_of(ready, grant(ready, card="C9")) == ("card_unknown",)
    receipt = ready.report(Pump("D1").fuelling(ready.clock, 10_000, authorisation="off-1"))
    assert receipt.balance_fen == 42_000, "the plate's card pays"
    ready.admin.plates.unbind(PLATE)
    assert conflicts_of(ready, grant(ready, "off-2", card="C9")) == ("card_unknown",)
    receipt = ready.report(Pump("D2").fuelling(ready.clock, 10_000, authorisation="off-2"))
    assert receipt.balance_fen is None, "suspense"
    assert audit(ready.database).findings == ()


def test_what_is_written_of_a_grant_is_never_changed(ready: World) -> None:
    made = grant(ready)
    conflicts_of(ready, made)
    ready.report(Pump("D1").fuelling(ready.clock, 10_000, authorisation=made.authorisation))
    for statement in (
        "delete from offline_grants",
        "update offline_grants set limit_fen = 1",
        "update offline_grants set flags = ''",
        "update offline_grants set fuelling = null",
    ):
        with pytest.raises(DBAPIError), ready.database.writing() as connection:
            connection.execute(text(statement))


def test_the_name_of_an_offline_authorisation(ready: World) -> None:
    with pytest.raises(WireError, match="begins with off-"):
        grant(ready, "a1b2c3")


def race(url: str, world: World, messages: list[Message]) -> list[object]:
    """Each message at once from a worker of its own."""
    start = threading.Barrier(len(messages))

    def send(pair: tuple[object, Message]) -> object:
        books, message = pair
        start.wait()
        return one_by_one(books, message)  # type: ignore[arg-type]

    with lanes(url, len(messages), world) as workers, ThreadPoolExecutor(len(messages)) as pool:
        return list(pool.map(send, zip(workers, messages, strict=True)))


def test_workers_that_race_for_one_grant(ready: World, database_url: str) -> None:
    for number in range(5):
        made = grant(ready, f"off-{number}")
        answers = race(database_url, ready, [TakeGrant(made)] * 4)
        assert answers == [OfflineReceipt(authorisation=made.authorisation)] * 4
        reports: list[Message] = [
            Report(Pump(f"D{number}-{n}").fuelling(ready.clock, 1_000, authorisation=made.authorisation))
            for n in range(3)
        ]
        receipts = race(database_url, ready, reports)
        flags = sorted(receipt.flags for receipt in receipts)  # type: ignore[attr-defined]
        assert flags == [("offline",), ("offline", "second_fuelling"), ("offline", "second_fuelling")]
    assert cards(ready.database, "C1")[0].balance_fen == 50_000 - 5 * 3 * 800
    assert audit(ready.database).findings == ()


def test_workers_that_race_for_a_new_version(ready: World, database_url: str) -> None:
    start = threading.Barrier(4)

    def fetch(_number: int) -> object:
        database = Database(database_url)
        start.wait()
        try:
            return current_list(database, "S1", ready.clock.now())
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        lists = list(pool.map(fetch, range(4)))
    assert lists == [lists[0]] * 4


def test_who_is_on_the_list(ready: World) -> None:
    assert [(e.plate, e.card, e.cap_fen) for e in entries_of(ready.database, "S1")] == [(PLATE, "C1", 20_000)]
    assert current_list(ready.database, "S9", ready.clock.now()) is None
    ready.allowed()
    assert entries_of(ready.database, "S1"), "40,000 fen are still free"
    ready.admin.cards.set_offline("C1", 45_000)
    assert entries_of(ready.database, "S1") == ()


Admin = Callable[..., tuple[int, str]]


@pytest.fixture
def admin(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> Admin:
    def run(*words: str) -> tuple[int, str]:
        status = main(["admin", "--database", sqlite_url, *words])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


@pytest.mark.slow
def test_the_commands(admin: Admin, sqlite_url: str) -> None:
    for words in ("station set S1", "card create C1", f"plate bind {PLATE} C1", "top-up C1 500"):
        assert admin(*words.split())[0] == 0
    assert PLATE not in admin("offline", "list", "S1")[1]
    assert admin("offline", "station", "S1", "200") == (0, "station S1: 200.00 yuan a card\n")
    assert f"{PLATE}  C1    200.00" in admin("offline", "list", "S1")[1]
    assert admin("offline", "card", "C1", "50.50") == (0, "card C1: offline cap 50.50 yuan\n")
    assert "50.50" in admin("offline", "list", "S1")[1]
    assert admin("offline", "card", "C1", "station")[0] == 0
    assert json.loads(admin("offline", "list", "S1", "--json")[1]) == [
        {"plate": PLATE, "card": "C1", "cap_fen": 20_000, "typed": None}
    ]
    assert admin("offline", "station", "S9", "1") == (1, "greenlane admin: no station S9; `station set` makes one\n")
    assert admin("offline", "card", "C9", "1") == (1, "greenlane admin: no card C9\n")
    assert admin("offline", "station", "S1", "--", "-1")[0] == 1
    first = admin("offline", "key")[1]
    assert len(first.strip()) == 44
    assert admin("offline", "key")[1] == first


def test_the_reports(admin: Admin, sqlite_url: str) -> None:
    world = World(Database(sqlite_url), clock=ManualClock(SystemWallClock().now()))
    world.card(fen=50_000)
    world.admin.stations.set("S1", offline_fen=20_000)
    conflicts_of(world, grant(world))
    world.report(Pump("D1").fuelling(world.clock, 10_000, authorisation="off-1"))
    conflicts_of(world, grant(world, "off-2", list_version=7))
    world.database.close()
    status, shown = admin("offline", "visits", "--station", "S1")
    assert (status, shown.count(PLATE), "80.00" in shown) == (0, 2, True)
    status, shown = admin("offline", "conflicts")
    assert (status, shown.count(PLATE), "list_unknown" in shown) == (0, 1, True)
