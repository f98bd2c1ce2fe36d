"""Phones pay while the line is cut: whom the signed list names for the capture time, within one cap, nobody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from service.books.books import Books
from service.books.messages import Ask, Renew, Report, TakeGrant
from service.errors import Unavailable
from service.payer_rules.periods import Hours, Rule
from service.payers.charging import Charging, ListedCharge
from service.payers.plate_payers import NewBinding, PlatePayers
from service.reports.suspense import suspended
from service.station.blocks import PlateBlocks
from service.store.database import Database
from station.wiring import KEY
from tests.service.payers import phone as phones
from tests.service.world import World
from tests.station.rig import StationRig, enrol
from wire.offline import OfflineGrant, OfflineList, list_of
from wire.questions import Decision
from wire.reasons import Reason, Verdict
from wire.versions import WIRE_HEADER

PLATE, SECOND = "粤B54321", "粤B54322"


@dataclass
class Hand:
    """The rig's clock under the names that the phones of tests know."""

    rig: StationRig

    def now(self) -> datetime:
        return self.rig.clock.now()

    def advance(self, seconds: float) -> None:
        self.rig.clock.move(seconds)


@dataclass
class Neighbourhood:
    """The server's books for the phones of tests."""

    books: Books
    database: Database
    clock: Hand


@pytest.fixture
def world(rig: StationRig) -> World:
    books: Books = rig.server.app.state.books
    return cast(World, Neighbourhood(books, books.database, Hand(rig)))


def payer(
    world: World, name: str, hours: str = "0-24", plates: tuple[str, ...] = (PLATE,), **limits: Any
) -> phones.Phone:
    """With 500 yuan, and a mandate that says "offline up to 150 yuan" unless said otherwise."""
    made = phones.person(world, name, hours=None)
    for plate in plates:
        PlatePayers(world.books, "t").set(plate, name, NewBinding(hours=Hours.parse(hours)))
    made.mandate(*plates, **{"offline_fen": 15_000, **limits})
    return made


def cut(rig: StationRig) -> None:
    """The list is fetched, then the line is cut and the station knows it."""
    rig.step()
    rig.cut()


def charges(rig: StationRig) -> list[ListedCharge]:
    return list(Charging(rig.server.app.state.books).list())


def silent(rig: StationRig, plate: str = PLATE, **changes: Any) -> str:
    with pytest.raises(Unavailable) as error:
        rig.answer(Ask(rig.question(plate, **changes)))
    return str(error.value)


def test_green_within_the_cap_frozen_booked_and_paid_by_the_mandate(rig: StationRig, world: World) -> None:
    a = payer(world, "A")
    cut(rig)
    given = rig.ask(PLATE)
    assert (given.reason, given.limit_fen) == (Reason.OFFLINE_ALLOWED, 15_000)
    assert given.authorisation is not None
    again = rig.answer(Renew(given.authorisation))
    assert isinstance(again, Decision)
    assert again.decision is Verdict.ALLOW
    rig.report(rig.fuelling(given, 12_000))
    rig.mend()
    rig.clock.move(1)
    PlatePayers(world.books, "t").unset(PLATE, "A")
    payer(world, "B")
    rig.step()
    rig.step()
    (charge,) = charges(rig)
    assert (charge.phone, charge.amount_fen, charge.state, charge.plate) == ("A", 12_000, "paid", PLATE)
    assert phones.wallet_fen(world, "A") == (38_000, 0, 0)
    assert [(v.card, v.conflicts) for v in rig.offline()] == [(None, ())]
    assert rig.findings() == ()
    assert a.person.startswith("p-")


@pytest.mark.slow
def test_two_pumps_and_two_plates_cannot_spend_one_cap(rig: StationRig, world: World) -> None:
    payer(world, "A", plates=(PLATE, SECOND))
    cut(rig)
    first = rig.ask(PLATE)
    assert first.limit_fen == 15_000
    assert rig.ask(SECOND, lane="L2").reason is Reason.OFFLINE_CAP
    rig.report(rig.fuelling(first, 9_000))
    assert rig.ask(SECOND, lane="L2").limit_fen == 6_000
    rig.mend()
    rig.step()
    rig.step()
    assert [(c.amount_fen, c.state) for c in charges(rig)] == [(9_000, "paid")]
    assert rig.findings() == ()


def test_a_fill_and_the_money_there_bound_it_too(rig: StationRig, world: World) -> None:
    payer(world, "A", offline_fen=40_000, per_fill_fen=12_000)
    payer(world, "B", plates=(SECOND,), offline_fen=10**6, per_day_fen=10**7, per_fill_fen=10**6)
    cut(rig)
    assert rig.ask(PLATE).limit_fen == 12_000
    assert rig.ask(SECOND).limit_fen == 50_000 - 12_000, "the station's own cap is 500 yuan"


@pytest.mark.sample(3)
@pytest.mark.parametrize("why", ["no offline sum", "paused", "not me", "another rule", "too little", "other station"])
def test_every_other_phone_plate_is_red(rig: StationRig, world: World, why: str) -> None:
    limits = {"no offline sum": {"offline_fen": 0}, "too little": {"per_day_fen": 9_000}}
    limits["other station"] = {"stations": ("S2",)}  # type: ignore[dict-item]
    a = payer(world, "A", **limits.get(why, {}))
    if why == "paused":
        from service.payers import mandates

        with world.database.writing() as connection:
            mandates.pause(connection, a.person, 1)
    if why == "not me":
        PlateBlocks(world.books, rig.server.app.state.station, "t").not_me(PLATE, a.person)
    if why == "another rule":
        PlatePayers(world.books, "t").set_rule(PLATE, Rule.CARD_THEN_PHONE)
        rig.admin.plates.bind(PLATE, "C1")
    cut(rig)
    assert "does not name this plate" in silent(rig)


@pytest.mark.slow
def test_the_capture_time_picks_the_payer_to_the_microsecond(rig: StationRig, world: World) -> None:
    """START is 08:00 UTC, 16:00 in Shanghai: the hour turns while the line is cut."""
    local = rig.clock.now() + timedelta(hours=8)
    edge_min = (local.hour * 60 + local.minute + 30) % 1440
    edge = f"{edge_min // 60}:{edge_min % 60:02d}"
    early = payer(world, "Early", f"0-{edge}")
    late = payer(world, "Late", f"{edge}-24", offline_fen=14_000)
    cut(rig)
    turns = rig.clock.now().replace(second=0, microsecond=0)
    turns += timedelta(minutes=(edge_min - (turns.hour * 60 + 480 + turns.minute)) % 1440)
    rig.clock.move((turns - rig.clock.now()).total_seconds() + 1)
    before = rig.ask(PLATE, captured_at=turns - timedelta(microseconds=1))
    assert before.limit_fen == 15_000
    rig.report(rig.fuelling(before, 800))
    after = rig.ask(PLATE, captured_at=turns, lane="L2")
    assert after.limit_fen == 14_000
    rig.report(rig.fuelling(after, 1_600, dispenser="D2", lane="L2"))
    unsure = rig.ask(PLATE, captured_at=turns, clock_error_s=0.5)
    assert (unsure.decision, unsure.reason) == (Verdict.REFUSE, Reason.CLOCK_UNSURE)
    sure = rig.ask(PLATE, captured_at=turns + timedelta(seconds=1), clock_error_s=0.5, lane="L2")
    assert sure.decision is Verdict.ALLOW
    rig.mend()
    rig.step()
    rig.step()
    assert {(c.phone, c.amount_fen, c.state) for c in charges(rig)} == {
        ("Early", 800, "paid"),
        ("Late", 1_600, "paid"),
    }
    assert rig.findings() == ()
    assert early.person != late.person


@pytest.mark.slow
def test_a_mandate_that_ended_before_the_green_pays_nothing_by_machine(rig: StationRig, world: World) -> None:
    payer(world, "A")
    cut(rig)
    rig.clock.move(5)
    PlatePayers(world.books, "t").unset(PLATE, "A")
    rig.clock.move(5)
    given = rig.ask(PLATE)
    rig.report(rig.fuelling(given, 8_000))
    rig.mend()
    rig.step()
    rig.step()
    assert [(c.phone, c.state) for c in charges(rig)] == [("A", "created")]
    assert [v.conflicts for v in rig.offline()] == [("mandate_ended",)]
    assert phones.wallet_fen(world, "A") == (50_000, 0, 8_000)
    assert rig.findings() == ()


def test_a_station_of_the_version_before_is_told_of_no_phone(rig: StationRig, world: World) -> None:
    payer(world, "A")
    state = rig.folder / "old"
    key = enrol(rig.server, state)
    assert (state / KEY).exists()
    client = TestClient(rig.server.app)  # the rig's own server has begun it already: not a second time

    def fetched(version: str | None) -> OfflineList:
        parcel = rig.server.signed(key, "GET", "/v1/offline-list?station=S1&have=0")
        if version is not None:
            parcel.headers[WIRE_HEADER] = version
        text: str = parcel.send(client).json()["text"]
        return list_of(text)

    old, new = fetched(None), fetched("2")
    assert (old.phones, old.zone) == ((), None)
    assert [one.plate for one in new.phones] == [PLATE]
    assert new.zone == "Asia/Shanghai"
    assert old.version == new.version


def test_a_grant_that_no_mandate_stands_behind_makes_nobody_a_debtor(rig: StationRig, world: World) -> None:
    """A stolen station's key may name any payer; only one who signed for this very plate is charged as listed."""
    a = payer(world, "A")
    cut(rig)
    given = rig.ask(PLATE)
    fuelling = rig.fuelling(given, 9_000)
    rig.mend()
    forged = OfflineGrant(
        authorisation="off-forged",
        visit="forged",
        station="S1",
        lane="L1",
        plate=SECOND,
        typed=False,
        limit_fen=15_000,
        list_version=1,
        granted_at=world.clock.now(),
        payer=a.person,
        mandate="m-of-somebody",
        period="00:00-24:00",
        captured_at=world.clock.now(),
    )
    report = replace(fuelling, authorisation="off-forged", visit="forged", plate=SECOND)
    world.books.carry_out([TakeGrant(forged)])
    world.books.carry_out([Report(report)])
    assert [v.conflicts for v in rig.offline()] == [("mandate_unknown", "list_unknown")]
    assert charges(rig) == []
    assert phones.wallet_fen(world, "A") == (50_000, 0, 0)
    assert [waits.suspended_fen for waits in suspended(world.database)] == [9_000]
    assert rig.findings() == ()


@pytest.mark.parametrize("together", [False, True])
def test_a_mandates_day_is_that_of_the_capture_however_late_it_is_told(
    rig: StationRig, world: World, together: bool
) -> None:
    """Two grants of one day long past, their fuellings dated now: the day that was signed for is spent once."""
    a = payer(world, "A", offline_fen=0)
    mandate = a.mandate(PLATE, offline_fen=15_000, per_day_fen=15_000)
    captured = world.clock.now() - timedelta(days=9)
    for number in (1, 2):
        grant = OfflineGrant(
            authorisation=f"off-late-{number}",
            visit=f"late-{number}",
            station="S1",
            lane="L1",
            plate=PLATE,
            typed=False,
            limit_fen=15_000,
            list_version=1,
            granted_at=captured,
            payer=a.person,
            mandate=mandate,
            period="00:00-24:00",
            captured_at=captured,
        )
        report = Report(rig.fuelling(None, 15_000, authorisation=grant.authorisation, visit=grant.visit))
        for messages in [[TakeGrant(grant), report]] if together else [[TakeGrant(grant)], [report]]:
            world.books.carry_out(messages)
    assert [charge.state for charge in charges(rig)] == ["paid", "created"]
    assert phones.wallet_fen(world, "A") == (35_000, 0, 15_000)
    assert rig.findings() == ()
