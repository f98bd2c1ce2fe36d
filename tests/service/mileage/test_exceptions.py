"""`greenlane admin exceptions` and `consumption`: each abuse is found with its evidence, clean fills give none."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.mileage.exceptions import exceptions_of
from service.mileage.readings import read_csv
from service.mileage.store import MileageStore
from service.mileage.vehicles import VehicleStore
from service.store.database import Database
from tests.service.mileage.conftest import Admin
from tests.service.world import PLATE, START, Pump, World

OTHER, THIRD = "粤B54321", "粤B67890"
LAT, LON = 30.0, 110.0
M = 1 / 111_195


@pytest.fixture
def vehicle_world(database_url: str) -> Iterator[World]:
    database = Database(database_url)
    world = World(database)
    world.card()
    yield world
    database.close()


@pytest.fixture
def fleet(admin: Admin, vehicle_world: World) -> World:
    """A car of the fleet Wang with a tank of 60 l; two of our stations 200 km apart."""
    admin("vehicle", "set", PLATE, "--tank", "60", "--per-100km", "8", "--product", "92")
    admin("fleet", "add", "Wang")
    admin("fleet", "plate", "Wang", PLATE)
    admin("station", "set", "S1", f"--at={LAT},{LON}")
    admin("station", "set", "S2", f"--at={LAT + 200_000 * M},{LON}")
    return vehicle_world


def fuel(world: World, minutes: int, litres: float, **changes: object) -> None:
    world.clock.moment = START + timedelta(minutes=minutes)
    world.report(Pump(f"d{minutes}").fuelling(world.clock, round(litres * 1_000), **changes))


def rows(admin: Admin, tmp_path: Path, *lines: str) -> None:
    path = tmp_path / "odometer.csv"
    path.write_text("\n".join(["at,odometer_km,litres,full", *lines]), encoding="utf-8")
    admin("odometer", "import", PLATE, path)


def found(admin: Admin, *words: str) -> list[dict[str, Any]]:
    exceptions: list[dict[str, Any]] = admin("exceptions", "--json", *words)
    assert all(e["evidence"] and e["detail"] for e in exceptions)
    return exceptions


def kinds(admin: Admin, *words: str) -> list[str]:
    return [e["kind"] for e in found(admin, *words)]


def test_more_than_the_tank(admin: Admin, fleet: World) -> None:
    fuel(fleet, 0, 63.5)
    (exception,) = found(admin)
    assert exception == {
        "plate": PLATE,
        "at": "2026-05-04T08:30:00+08:00",
        "kind": "more_than_tank",
        "detail": "63.50 L into a tank of 60 L",
        "evidence": [{"kind": "dispenser", "at": "2026-05-04T08:30:00+08:00", "detail": "63.50 L at S1 (S1/d0/1)"}],
    }


def test_the_wrong_product(admin: Admin, fleet: World) -> None:
    fuel(fleet, 0, 40, product="0")
    assert kinds(admin, PLATE) == ["wrong_product"]


def test_two_fills_too_close(admin: Admin, fleet: World) -> None:
    fuel(fleet, 0, 20)
    fuel(fleet, 40, 20)
    fuel(fleet, 400, 40)
    fuel(fleet, 520, 40)
    assert kinds(admin, "--fleet", "Wang") == ["too_close", "too_close"]


def test_one_card_on_two_vehicles(admin: Admin, fleet: World) -> None:
    fleet.admin.plates.bind(OTHER, "C1")
    fuel(fleet, 0, 20)
    fuel(fleet, 6, 20, plate=OTHER)
    fuel(fleet, 700, 20)
    fuel(fleet, 800, 20, plate=OTHER)
    assert kinds(admin) == ["card_on_two_vehicles"]


@pytest.mark.slow
def test_a_fleet_shares_its_card_but_no_faster_than_a_car(admin: Admin, fleet: World) -> None:
    fleet.admin.plates.bind(OTHER, "C1")
    admin("fleet", "plate", "Wang", OTHER)
    fuel(fleet, 0, 20)
    fuel(fleet, 6, 20, plate=OTHER)
    assert kinds(admin) == []
    fleet.admin.plates.bind(THIRD, "C1")
    admin("fleet", "plate", "Wang", THIRD)
    fuel(fleet, 40, 20, station="S2", plate=THIRD)
    (exception,) = found(admin)
    assert (exception["kind"], exception["plate"]) == ("card_on_two_vehicles", THIRD)
    assert "200.0 km apart, within 33 min" in exception["detail"]


def test_fuel_without_distance(admin: Admin, fleet: World, tmp_path: Path) -> None:
    rows(
        admin,
        tmp_path,
        "2026-05-04T08:30:00+08:00,1000,40,yes",
        "2026-05-05T08:30:00+08:00,1050,30,yes",
        "2026-05-06T08:30:00+08:00,1500,40,yes",
    )
    assert kinds(admin) == ["fuel_without_distance"]


def test_an_odometer_rolled_back(admin: Admin, fleet: World, tmp_path: Path) -> None:
    rows(admin, tmp_path, "2026-05-04T08:30:00+08:00,90000,,", "2026-05-05T08:30:00+08:00,40000,,")
    (exception,) = found(admin)
    assert exception["kind"] == "odometer_rolled_back"
    assert [e["detail"] for e in exception["evidence"]] == ["90000.0 km", "40000.0 km"]


def test_positions_from_elsewhere(admin: Admin, fleet: World, tmp_path: Path) -> None:
    fuel(fleet, 0, 40)
    path = tmp_path / "track.csv"
    path.write_text(f"at,lat,lon,datum\n{START.isoformat()},{LAT + 300_000 * M},{LON},wgs84", encoding="utf-8")
    admin("track", "import", PLATE, path)
    assert kinds(admin) == ["positions_elsewhere"]


def test_two_places_faster_than_a_car(admin: Admin, fleet: World) -> None:
    fuel(fleet, 0, 20)
    fuel(fleet, 65, 20, station="S2")
    assert kinds(admin) == ["two_places"]


@pytest.mark.slow
def test_a_fleet_has_its_own_only(admin: Admin, fleet: World) -> None:
    fuel(fleet, 0, 70)
    fuel(fleet, 900, 500, plate=OTHER)
    admin("vehicle", "set", OTHER, "--tank", "60")
    assert [e["plate"] for e in found(admin)] == [PLATE, OTHER]
    assert [e["plate"] for e in found(admin, "--fleet", "Wang")] == [PLATE]
    assert "no fleet Li" in admin("exceptions", "--fleet", "Li", fails=True)
    assert "not both" in admin("exceptions", PLATE, "--fleet", "Wang", fails=True)


@pytest.mark.slow
def test_consumption_only_between_full_fills(admin: Admin, fleet: World, tmp_path: Path) -> None:
    admin("phone", "add", "Chen")
    admin("payer", "set", PLATE, "Chen", "--hours", "8-16")
    rows(
        admin,
        tmp_path,
        "2026-05-04T09:00:00+08:00,1000,40,yes",
        "2026-05-05T09:00:00+08:00,1300,20,",
        "2026-05-06T09:00:00+08:00,1500,20,yes",
        "2026-05-07T09:00:00+08:00,1700,,yes",
        "2026-05-08T09:00:00+08:00,2100,30,yes",
    )
    document = admin("consumption", PLATE, "--json")
    assert [(s["distance_m"], s["volume_ml"], s["per_100km_ml"], s["fills"]) for s in document["stretches"]] == [
        (500_000, 40_000, 8_000, 2),
        (400_000, 30_000, 7_500, 1),
    ]
    assert document["users"] == [{"user": "C1", "distance_m": 900_000, "volume_ml": 70_000, "per_100km_ml": 7_778}]
    later = admin("consumption", PLATE, "--json", "--from", "2026-05-07T00:00:00+08:00")
    assert len(later["stretches"]) == 1


def clean(world: World, number: int, count: int) -> str:
    """A vehicle with its own card that fuels as vehicles do, here and at others', with readings off by up to 1 km."""
    rng = random.Random(number)
    plate, card, pump = f"粤C{number:05d}", f"K{number}", Pump(f"clean{number}")
    world.card(card, plate=plate)
    tank, need = rng.uniform(40, 120), rng.uniform(6, 30)
    VehicleStore(world.books, "tester").set_vehicle(
        plate, tank_ml=round(tank * 1000), per_100km_ml=round(need * 1000), product="92"
    )
    at, km, lines = datetime(2026, 1, 1, tzinfo=UTC), rng.uniform(1_000, 200_000), ["at,odometer_km,litres,full"]
    level = rng.uniform(0.1, 0.5) * tank
    for _ in range(count):
        room = tank - level
        litres = room if rng.random() < 0.7 else rng.uniform(0.4, 0.95) * room
        level += litres
        full = "yes" if litres == room else ""
        shown = f"{at.isoformat()},{km + rng.uniform(-1, 1):.1f},{litres * rng.uniform(0.99, 1.01):.2f},{full}"
        if rng.random() < 0.5:
            world.clock.moment = at
            world.report(pump.fuelling(world.clock, round(litres * 1_000), plate=plate))
        lines.append(shown)
        burnt = rng.uniform(0.4, 0.9) * level
        level -= burnt
        driven = burnt / need * 100 * rng.uniform(0.8, 1.2)
        km += driven
        at += timedelta(hours=driven / rng.uniform(20, 80) + rng.uniform(4, 60))
    world.clock.moment = at
    bad: list[object] = []
    MileageStore(world.books, "tester").take_readings(plate, read_csv(lines), bad.append)
    assert not bad
    return plate


def clean_fills_give_none(world: World, vehicles: int, fills: int) -> None:
    plates = [clean(world, number, fills) for number in range(vehicles)]
    with world.database.reading() as connection:
        assert exceptions_of(connection, plates) == []


def test_two_hundred_clean_fills_give_no_exception(vehicle_world: World) -> None:
    clean_fills_give_none(vehicle_world, 5, 40)


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_ten_thousand_clean_fills_give_no_exception(vehicle_world: World) -> None:
    clean_fills_give_none(vehicle_world, 100, 100)
