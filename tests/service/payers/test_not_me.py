""" "Not me": green and hold go while nothing has flowed, the staff are called, the plate is blocked until lifted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.books.messages import Renew
from service.errors import AdminError
from service.identity.people import Role
from service.payer_rules.periods import Rule
from service.payers.phones import Phones
from service.payers.plate_payers import PlatePayers
from service.reports.audit import audit
from service.station.blocks import PlateBlocks, blocked_names, disowned_vehicles
from service.station.store import StationStore
from tests.service.identity.kit import ServiceRig, lane_status
from tests.service.identity.test_pages import PASSWORD, log_in
from tests.service.payers.phone import payer, person, wallet_fen
from tests.service.world import PLATE, Pump, World
from wire.codec import decode
from wire.live import LaneStatus, OrderKind
from wire.questions import Decision
from wire.reasons import Reason, Verdict


@pytest.fixture
def station(world: World) -> StationStore:
    return StationStore(world.database, world.clock.now)


@pytest.fixture
def blocks(world: World, station: StationStore) -> PlateBlocks:
    return PlateBlocks(world.books, station, "tester")


def shows(station: StationStore, world: World, visit: str, volume_ml: int | None) -> None:
    status = {
        **lane_status(volume_ml=volume_ml, amount_fen=volume_ml),
        "visit": visit,
        "at": world.clock.now().isoformat(),
    }
    station.lanes.take([decode(LaneStatus, status)])


def renewed(world: World, authorisation: str) -> Reason:
    answer = world.send(Renew(authorisation))
    assert isinstance(answer, Decision)
    return answer.reason


def test_green_and_hold_go_and_the_lane_is_ordered(world: World, station: StationStore, blocks: PlateBlocks) -> None:
    a = payer(world, "A")
    given = world.ask()
    assert given.authorisation is not None
    shows(station, world, given.visit, None)
    assert wallet_fen(world, "A") == (50_000, 10_000, 0)
    said = blocks.not_me(PLATE, a.person)
    assert (said.revoked, said.flowing) == ((given.authorisation,), ())
    assert wallet_fen(world, "A") == (50_000, 0, 0)
    assert renewed(world, given.authorisation) is Reason.VISIT_OVER
    (order,) = station.orders.waiting("S1", "L1")
    assert (order.kind, order.plate) == (OrderKind.REVOKE, PLATE)
    assert [(v.lane, v.plate, v.visit) for v in disowned_vehicles(world.database, "S1", world.clock.now())] == [
        ("L1", PLATE, given.visit)
    ]
    assert world.ask().reason is Reason.PLATE_BLOCKED
    assert blocks.not_me(PLATE, a.person).revoked == (), "said again it changes nothing"
    assert audit(world.database).findings == ()


def test_a_block_is_this_payer_s_alone_and_no_rule_falls_through_it(world: World, blocks: PlateBlocks) -> None:
    world.card(fen=50_000)
    a = payer(world, "A", "8-9")
    payer(world, "B", "9-24")
    PlatePayers(world.books, "t").set_rule(PLATE, Rule.PHONE_THEN_CARD)
    blocks.not_me(PLATE, a.person)
    assert world.ask().reason is Reason.PLATE_BLOCKED
    world.clock.advance(3600)
    assert world.ask().decision is Verdict.ALLOW


def test_where_fuel_has_flowed_the_green_stays_and_is_charged(
    world: World, station: StationStore, blocks: PlateBlocks
) -> None:
    a = payer(world, "A")
    given = world.ask()
    shows(station, world, given.visit, 1200)
    said = blocks.not_me(PLATE, a.person)
    assert (said.revoked, said.flowing) == ((), (given.authorisation,))
    assert station.orders.waiting("S1", "L1") == []
    world.report(Pump("D1").fuelling(world.clock, 5_000, authorisation=given.authorisation))
    assert wallet_fen(world, "A") == (46_000, 0, 0)
    assert world.ask().reason is Reason.PLATE_BLOCKED


def test_what_flowed_meanwhile_is_a_charge_that_no_machine_pays(world: World, blocks: PlateBlocks) -> None:
    a = payer(world, "A")
    held = world.allowed()
    blocks.not_me(PLATE, a.person)
    world.report(Pump("D1").fuelling(world.clock, 5_000, authorisation=held))
    assert wallet_fen(world, "A") == (50_000, 0, 4_000)
    assert audit(world.database).findings == ()


def test_the_payer_or_the_owner_lifts_it_and_nobody_else(world: World, blocks: PlateBlocks) -> None:
    a, b, owner = payer(world, "A"), person(world, "B"), person(world, "O", hours=None)
    PlatePayers(world.books, "t").set_owner(PLATE, "O")
    blocks.not_me(PLATE, a.person)
    assert blocked_names(world.database, PLATE) == ("A",)
    with pytest.raises(AdminError, match="only the payer who blocked it or the plate"):
        blocks.lift(PLATE, a.person, by=b.person)
    blocks.lift(PLATE, a.person, by=owner.person)
    assert world.ask().decision is Verdict.ALLOW
    with pytest.raises(AdminError, match="not blocked"):
        blocks.lift(PLATE, a.person, by=a.person)
    stranger = Phones(world.books, "t").add("X").person
    with pytest.raises(AdminError, match="no hours"):
        blocks.not_me(PLATE, stranger)


@pytest.fixture
def client(tmp_path: Path, database_url: str) -> Iterator[tuple[ServiceRig, TestClient]]:
    rig = ServiceRig(tmp_path, url=database_url)
    rig.identity.people.add("li", PASSWORD, Role.ATTENDANT, "S1", "test")
    with TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False) as opened:
        yield rig, opened


def test_the_staff_read_it_on_the_station_s_page(client: tuple[ServiceRig, TestClient]) -> None:
    rig, browser = client
    world = World(rig.app.state.books.database)
    world.clock.moment = rig.clock.now()
    a = payer(world, "A", plate="粤B54321")
    log_in(browser, "li")
    english = {"Accept-Language": "en"}
    assert "not them" not in browser.get("/station/view", headers=english).text
    blocks = PlateBlocks(world.books, rig.app.state.station, "t")
    given = world.ask("粤B54321")
    rig.clock.moment = world.clock.now()
    blocks.not_me("粤B54321", a.person)
    shown = browser.get("/station/view", headers=english).text
    assert "its payer says that it is not them" in shown
    assert f'data-strange="{given.visit}"' in shown
    assert a.person not in shown, "the staff hear no name"
    blocks.lift("粤B54321", a.person)
    assert "not them" not in browser.get("/station/view", headers=english).text
