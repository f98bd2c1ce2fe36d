"""Stations do not get into each other's way: same names, other's authorisations, and what nobody has authorised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.books.messages import Ask, Claim, Report, TakeGrant, WriteOff
from service.reports.audit import audit
from service.reports.statement import cards, stations
from service.reports.suspense import suspended
from tests.service.identity.kit import ServiceRig, fuelling, question
from tests.service.world import PLATE, Pump, World
from wire.codec import decode
from wire.devices import DeviceKind
from wire.fuellings import FuellingReceipt
from wire.offline import OfflineGrant
from wire.questions import Decision
from wire.reasons import ErrorCode

OTHER_PLATE = "粤B67890"


def balance_fen(world: World, card: str = "C1") -> int:
    return cards(world.database, card)[0].balance_fen


def right(world: World) -> bool:
    found = audit(world.database)
    assert found.findings == ()
    return found.clean


def test_two_stations_may_use_the_same_names(world: World) -> None:
    world.card(fen=100_000)
    world.admin.stations.set("S2")
    for station in ("S1", "S2"):
        asked = world.question(visit="visit-1", station=station)
        answer = world.send(Ask(asked))
        assert isinstance(answer, Decision)
        assert answer.authorisation is not None
        made = Pump("dispenser-1").fuelling(
            world.clock, 1_000, station=station, visit="visit-1", authorisation=answer.authorisation
        )
        assert world.report(made).flags == ()
        assert world.report(made).captured_fen == 800
    other = replace(asked, lane="L2")
    assert world.refused(Ask(other)).code is ErrorCode.KEY_REUSED
    assert balance_fen(world) == 100_000 - 1_600
    assert right(world)


def test_in_one_batch_too(world: World) -> None:
    world.card(fen=100_000)
    world.admin.stations.set("S2")
    made = [Pump("dispenser-1").fuelling(world.clock, 100 * n, station=f"S{n}") for n in (1, 2)]
    receipts: Any = world.books.carry_out([Report(m) for m in made])
    assert [r.charged_fen for r in receipts] == [80, 160]
    again: Any = world.books.carry_out([Report(m) for m in made])
    assert again == receipts
    assert right(world)


@pytest.mark.parametrize(("change", "flag"), [({"station": "S2"}, "other_station"), ({"lane": "L2"}, "other_lane")])
def test_an_authorisation_of_another_place_counts_as_unknown(world: World, change: dict[str, str], flag: str) -> None:
    world.card(fen=100_000)
    world.card("C2", fen=50_000, plate=OTHER_PLATE)
    world.admin.stations.set("S2", preset_fen=10_000)
    name = world.allowed()
    theirs = Pump("D9").fuelling(world.clock, 1_000, authorisation=name, plate=OTHER_PLATE, **change)
    receipt = world.report(theirs)
    assert (receipt.captured_fen, receipt.flags) == (0, ("unknown_authorisation", flag, "uncovered"))
    assert (balance_fen(world), balance_fen(world, "C2")) == (100_000, 49_200)
    own = world.report(Pump("D1").fuelling(world.clock, 10_000, authorisation=name))
    assert (own.captured_fen, own.flags) == (8_000, ())
    assert right(world)


def test_an_offline_grant_of_another_lane_counts_as_unknown(world: World) -> None:
    world.card(fen=100_000)
    grant = OfflineGrant(
        authorisation="off-1",
        visit="v1",
        station="S1",
        lane="L1",
        plate=PLATE,
        typed=False,
        card="C1",
        limit_fen=20_000,
        list_version=1,
        granted_at=world.clock.now(),
    )
    world.send(TakeGrant(grant))
    other = Pump("D2").fuelling(world.clock, 1_000, authorisation="off-1", lane="L2", plate=None)
    assert world.report(other).flags == ("unknown_authorisation", "other_lane", "uncovered")
    own = world.report(Pump("D1").fuelling(world.clock, 20_000, authorisation="off-1"))
    assert "second_fuelling" not in own.flags
    assert balance_fen(world) == 84_000
    assert right(world)


def test_a_grant_for_a_visit_of_another_place_gives_nothing_back(world: World) -> None:
    world.card(fen=100_000)
    world.admin.stations.set("S2")
    world.ask(visit="v1")
    for place in ({"station": "S2", "lane": "L1"}, {"station": "S1", "lane": "L2"}):
        grant = OfflineGrant(
            authorisation=f"off-{place['station']}",
            visit="v1",
            plate=PLATE,
            typed=False,
            card="C1",
            limit_fen=20_000,
            list_version=1,
            granted_at=world.clock.now(),
            **place,
        )
        world.send(TakeGrant(grant))
    assert cards(world.database, "C1")[0].held_fen == 10_000


def test_without_authorisation_a_card_pays_up_to_the_cap(world: World) -> None:
    world.card(fen=100_000)
    receipt = world.report(Pump("D1").fuelling(world.clock, 100_000))
    assert (receipt.charged_fen, receipt.flags) == (80_000, ("uncovered", "capped"))
    assert balance_fen(world) == 90_000
    assert stations(world.database)[0]["unclaimed_fen"] == 70_000
    waits = suspended(world.database)
    assert [(s.dispenser, s.sequence, s.card, s.suspended_fen) for s in waits] == [("D1", 1, "C1", 70_000)]
    assert right(world)
    world.admin.fuellings.claim("D1", 1, "C1", note="the driver's own")
    assert (balance_fen(world), suspended(world.database)) == (20_000, [])
    assert right(world)


def test_many_small_ones_take_no_more_than_one_large_one(world: World) -> None:
    world.card(fen=100_000)
    pump = Pump("D1")
    for _ in range(3):
        world.report(pump.fuelling(world.clock, 10_000))
    two: Any = world.books.carry_out([Report(pump.fuelling(world.clock, 10_000)) for _ in range(2)])
    assert ["capped" in r.flags for r in two] == [True, True]
    assert balance_fen(world) == 90_000
    world.clock.advance(86_401)
    world.report(pump.fuelling(world.clock, 1_000))
    assert balance_fen(world) == 89_200
    assert right(world)


@pytest.mark.parametrize(("cap_fen", "charged_fen"), [(0, 0), (500, 500), (100_000, 8_000), ("preset", 8_000)])
def test_the_cap_is_the_stations(world: World, cap_fen: Any, charged_fen: int) -> None:
    world.card(fen=100_000)
    world.admin.stations.set("S1", unauthorised_cap_fen=1)
    world.admin.stations.set("S1", unauthorised_cap_fen=cap_fen)
    world.report(Pump("D1").fuelling(world.clock, 10_000))
    assert balance_fen(world) == 100_000 - charged_fen
    assert right(world)


@pytest.mark.slow
def test_what_is_authorised_counts_in_full(world: World) -> None:
    world.card(fen=100_000)
    world.admin.stations.set("S1", unauthorised_cap_fen=0)
    receipt = world.report(Pump("D1").fuelling(world.clock, 15_000, authorisation=world.allowed()))
    assert (receipt.charged_fen, receipt.balance_fen, receipt.flags) == (12_000, 88_000, ("overrun",))


def test_what_waits_is_written_off_once(world: World) -> None:
    world.admin.stations.set("S2")
    for station in ("S1", "S2"):
        world.report(Pump("D1").fuelling(world.clock, 1_000, plate=None, station=station))
    world.admin.fuellings.write_off("D1", 1, station="S2", note="test of the pump")
    assert [(s.station, s.suspended_fen) for s in suspended(world.database)] == [("S1", 800)]
    for message in (
        WriteOff(station="S2", dispenser="D1", sequence=1, actor="t", note="again"),
        Claim(station="S2", dispenser="D1", sequence=1, card="C1", actor="t"),
    ):
        world.refused(message)
    assert right(world)


@pytest.mark.slow
def test_over_http_a_lane_takes_nothing_of_another_stations_hold(tmp_path: Path) -> None:
    """The lane of S2 names the authorisation that S1's lane was given, and the names that S1 uses."""
    rig = ServiceRig(tmp_path)
    keys = {s: rig.enrol(DeviceKind.LANE, s) for s in ("S1", "S2")}
    with TestClient(rig.app) as client:

        def post(station: str, path: str, body: object) -> Any:
            answer = rig.signed(keys[station], "POST", path, body).send(client)
            assert answer.status_code == 200, answer.text
            return answer.json()

        given = {s: decode(Decision, post(s, "/v1/authorisations", question(s, visit="v1"))) for s in keys}
        theirs = given["S1"].authorisation
        made = {**fuelling("S2"), "dispenser": "dispenser-1", "authorisation": theirs}
        taken = decode(FuellingReceipt, post("S2", "/v1/fuellings", made))
        assert (taken.captured_fen, set(taken.flags)) == (0, {"unknown_authorisation", "other_station", "uncovered"})
        made = {**fuelling("S1"), "dispenser": "dispenser-1", "authorisation": theirs}
        own = decode(FuellingReceipt, post("S1", "/v1/fuellings", made))
        assert (own.captured_fen, own.flags) == (7_900, ())
