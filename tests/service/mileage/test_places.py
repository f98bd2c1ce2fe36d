"""`greenlane admin places` as an operator types it: statuses, evidence and reasons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.store.database import Database
from tests.service.mileage.conftest import Admin
from tests.service.world import PLATE, START, Pump, World

LAT, LON = 30.0, 110.0
M = 1 / 111_195
"""A metre in degrees of latitude."""


@pytest.fixture
def vehicle_world(database_url: str) -> Iterator[World]:
    database = Database(database_url)
    world = World(database)
    world.card()
    yield world
    database.close()


def fuel(world: World, litres: int = 40, **changes: object) -> None:
    world.report(Pump(f"d{world.clock.moment:%d%H%M}").fuelling(world.clock, litres * 1_000, **changes))


def track(admin: Admin, tmp_path: Path, rows: list[tuple[datetime, float, float]]) -> None:
    """Positions by time, metres north and metres east of the origin."""
    path = tmp_path / f"track{rows[0][0]:%d%H%M%S}.csv"
    lines = [
        f"{at.isoformat()},{LAT + north * M:.7f},{LON + east * M / 0.8660254:.7f},wgs84" for at, north, east in rows
    ]
    path.write_text("\n".join(["at,lat,lon,datum", *lines]), encoding="utf-8")
    admin("track", "import", PLATE, path)


def odometer(admin: Admin, tmp_path: Path, *rows: str) -> None:
    path = tmp_path / "odometer.csv"
    path.write_text("\n".join(["at,odometer_km,litres,full", *rows]), encoding="utf-8")
    admin("odometer", "import", PLATE, path)


def stand(at: datetime, north: float, east: float = 0.0, seconds: int = 300) -> list[tuple[datetime, float, float]]:
    """Comes from the south at 10 m/s, stands, goes on north; a position every 10 s with a few metres of noise."""
    wobble = [(3, -4), (-5, 2), (1, 5), (-2, -3), (4, 1)]
    rows = [(at - timedelta(seconds=10 * n), north - 100.0 * n, east) for n in range(60, 0, -1)]
    for n in range(seconds // 10 + 1):
        dy, dx = wobble[n % 5]
        rows.append((at + timedelta(seconds=10 * n), north + dy, east + dx))
    after = at + timedelta(seconds=seconds)
    return rows + [(after + timedelta(seconds=10 * n), north + 100.0 * n, east) for n in range(1, 61)]


def only(admin: Admin, *words: str) -> dict[str, Any]:
    (found,) = admin("places", PLATE, "--json", *words)
    return dict(found)


def set_up(admin: Admin) -> None:
    admin("station", "set", "S1", f"--at={LAT},{LON}")


def test_an_unknown_plate_has_none(admin: Admin) -> None:
    assert admin("places", "粤B99999", "--json") == []


def test_recorded_has_every_field_of_its_contract(admin: Admin, vehicle_world: World) -> None:
    admin("phone", "add", "Chen")
    admin("payer", "set", PLATE, "Chen", "--hours", "8-16")
    admin("payer", "rule", PLATE, "phone-then-card")
    fuel(vehicle_world)
    found = only(admin)
    assert found.pop("evidence") == [
        {"kind": "dispenser", "at": "2026-05-04T08:30:00+08:00", "detail": "40.00 L at S1 (S1/d040030/1)"}
    ]
    assert found == {
        "fuelling": "S1/d040030/1",
        "at": "2026-05-04T08:30:00+08:00",
        "period": {"from": "08:00", "to": "16:00"},
        "user": "Chen",
        "volume_ml": 40_000,
        "status": "recorded",
        "station": "S1",
        "reason": None,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("minutes", "north", "status"),
    [
        (5, 60, "verified"),
        (-8, 99, "verified"),
        (5, 400, "recorded"),
        (15, 60, "recorded"),
        (5, 20_000, "contradicted"),
        (60, 100_000, "recorded"),
        (60, 300_000, "contradicted"),
    ],
)
def test_positions_verify_or_contradict_our_own(
    admin: Admin, vehicle_world: World, tmp_path: Path, minutes: int, north: float, status: str
) -> None:
    set_up(admin)
    fuel(vehicle_world)
    track(admin, tmp_path, [(START + timedelta(minutes=minutes), north, 0)])
    found = only(admin)
    assert (found["status"], found["station"]) == (status, "S1")
    assert (found["reason"] is None) == (status != "contradicted")
    kinds = [e["kind"] for e in found["evidence"]]
    assert kinds == ["dispenser"] + ["position"] * (status != "recorded")


def test_a_single_slip_of_the_receiver_contradicts_nothing(admin: Admin, vehicle_world: World, tmp_path: Path) -> None:
    set_up(admin)
    fuel(vehicle_world)
    rows = [(START + timedelta(minutes=n), 400.0 * n, 0.0) for n in range(12, 20)]
    rows[4] = (rows[4][0], 90_000.0, 0.0)
    track(admin, tmp_path, rows)
    assert only(admin)["status"] == "recorded"


def test_a_row_of_the_same_fuelling_is_the_same(admin: Admin, vehicle_world: World, tmp_path: Path) -> None:
    fuel(vehicle_world)
    odometer(admin, tmp_path, "2026-05-04T08:55:00+08:00,1000,43.9,yes", "2026-05-04T08:50:00+08:00,1000,44.1,")
    found = admin("places", PLATE, "--json")
    assert [(f["fuelling"] is None, f["volume_ml"]) for f in found] == [(False, 40_000), (True, 44_100)]
    assert found[1]["at"] == "2026-05-04T08:50:00+08:00"


def test_from_is_included_and_to_is_not(admin: Admin, tmp_path: Path) -> None:
    odometer(admin, tmp_path, *(f"2026-05-04T0{n}:00:00+08:00,{1000 + n},20," for n in (1, 2, 3)))
    found = admin("places", PLATE, "--json", "--from", "2026-05-04T01:00:00+08:00", "--to", "2026-05-03T19:00:00Z")
    assert [f["at"] for f in found] == ["2026-05-04T01:00:00+08:00", "2026-05-04T02:00:00+08:00"]


AT = datetime(2026, 5, 5, 2, 0, tzinfo=UTC)
ROW = "2026-05-05T10:03:00+08:00,1400,40,yes"


def test_a_stand_at_a_station_of_others_is_placed(admin: Admin, tmp_path: Path) -> None:
    admin("place", "add", "X", f"--at={LAT},{LON}")
    odometer(admin, tmp_path, ROW)
    track(admin, tmp_path, stand(AT, 10))
    found = only(admin)
    assert (found["status"], found["station"], found["reason"], found["fuelling"]) == ("placed", "X", None, None)
    assert [e["kind"] for e in found["evidence"]] == ["odometer", "position", "station"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "others", "reason"),
    [
        (stand(AT, 90), (), "90 m beside X"),
        (stand(AT, 10), ((80.0, 0.0),), "80 m apart"),
        (stand(AT, 0, seconds=10), (), "did not stand within 10 min of it; it only passed X"),
        (stand(AT, 5_000), (), "no known station within 100 m"),
        (stand(AT - timedelta(minutes=25), 0), (), "no positions near in time"),
        (stand(AT - timedelta(minutes=9), 0)[:92] + stand(AT, 3_000)[45:], (), "no known station"),
    ],
)
def test_what_is_ambiguous_stays_undetermined(
    admin: Admin,
    tmp_path: Path,
    rows: list[tuple[datetime, float, float]],
    others: tuple[tuple[float, float], ...],
    reason: str,
) -> None:
    admin("place", "add", "X", f"--at={LAT},{LON}")
    for north, east in others:
        admin("place", "add", "Y", f"--at={LAT + north * M},{LON + east * M}")
    odometer(admin, tmp_path, ROW)
    track(admin, tmp_path, rows)
    found = only(admin)
    assert (found["status"], found["station"]) == ("undetermined", None)
    assert reason in found["reason"]


def test_a_wrong_datum_is_hinted_at_and_names_no_place(admin: Admin, tmp_path: Path) -> None:
    admin("place", "add", "X", f"--at={LAT},{LON}", "--datum", "gcj02")
    odometer(admin, tmp_path, ROW)
    track(admin, tmp_path, stand(AT, 0))
    found = only(admin)
    assert found["status"] == "undetermined"
    assert "is the datum right?" in found["reason"]


def from_s1(admin: Admin, world: World, tmp_path: Path, *rows: str) -> dict[str, Any]:
    """The refuelling after a fuelling at S1 with its odometer, X 60 km and Y 200 km north of it."""
    set_up(admin)
    admin("place", "add", "X", f"--at={LAT + 60_000 * M},{LON}")
    admin("place", "add", "Y", f"--at={LAT + 200_000 * M},{LON}")
    fuel(world)
    odometer(admin, tmp_path, "2026-05-04T08:30:00+08:00,1000,40,yes", *rows)
    return dict(admin("places", PLATE, "--json")[-1])


@pytest.mark.slow
def test_by_mileage_where_one_station_alone_fits(admin: Admin, vehicle_world: World, tmp_path: Path) -> None:
    found = from_s1(admin, vehicle_world, tmp_path, "2026-05-04T10:30:00+08:00,1070,20,")
    assert (found["status"], found["station"], found["reason"]) == ("mileage", "X", None)
    assert [e["kind"] for e in found["evidence"]] == ["odometer", "odometer", "station"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (("2026-05-04T10:30:00+08:00,1120,20,",), "no known station fits 120.0 km"),
        (("2026-05-04T10:30:00+08:00,900,20,",), "ran backwards"),
        (("2026-05-04T10:30:00+08:00,9000,20,",), "no car drives so far"),
        (("2026-05-04T10:30:00+08:00,622,20,",), "miles"),
        (("2026-05-04T08:50:00+08:00,1070,20,",), "no car drives so far"),
    ],
)
def test_mileage_that_fits_nothing_names_nothing(
    admin: Admin, vehicle_world: World, tmp_path: Path, rows: tuple[str, ...], reason: str
) -> None:
    found = from_s1(admin, vehicle_world, tmp_path, *rows)
    assert (found["status"], found["station"]) == ("undetermined", None)
    assert reason in found["reason"]


@pytest.mark.slow
def test_two_that_fit_are_one_too_many(admin: Admin, vehicle_world: World, tmp_path: Path) -> None:
    admin("place", "add", "Z", f"--at={LAT - 58_000 * M},{LON}")
    found = from_s1(admin, vehicle_world, tmp_path, "2026-05-04T10:30:00+08:00,1070,20,")
    assert "2 known stations fit: X, Z" in found["reason"]


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("seconds", "north", "status"),
    [
        (600, 60, "verified"),
        (601, 60, "recorded"),
        (-660, 60, "verified"),
        (-661, 60, "recorded"),
        (0, 99.9, "verified"),
        (0, 100.2, "recorded"),
    ],
)
def test_verified_ends_at_ten_minutes_and_a_hundred_metres(
    admin: Admin, vehicle_world: World, tmp_path: Path, seconds: int, north: float, status: str
) -> None:
    """The fuel flowed for the minute before START."""
    set_up(admin)
    fuel(vehicle_world)
    track(admin, tmp_path, [(START + timedelta(seconds=seconds), north, 0.0)])
    assert only(admin)["status"] == status


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("seconds", "litres", "entries"),
    [
        (1_800, "44", 1),
        (1_801, "44", 2),
        (1_800, "44.001", 2),
        (-1_860, "36", 1),
        (-1_861, "36", 2),
        (-1_860, "35.999", 2),
    ],
)
def test_a_row_within_half_an_hour_and_a_tenth_is_our_fuelling(
    admin: Admin, vehicle_world: World, tmp_path: Path, seconds: int, litres: str, entries: int
) -> None:
    fuel(vehicle_world)
    odometer(admin, tmp_path, f"{(START + timedelta(seconds=seconds)).isoformat()},1000,{litres},")
    found = admin("places", PLATE, "--json")
    assert len(found) == entries
    assert [f["fuelling"] is None for f in found].count(True) == entries - 1


def test_from_and_to_of_a_fuelling_of_ours(admin: Admin, vehicle_world: World) -> None:
    fuel(vehicle_world)
    at, later = START.isoformat(), (START + timedelta(microseconds=1)).isoformat()
    assert len(admin("places", PLATE, "--json", "--from", at, "--to", later)) == 1
    assert admin("places", PLATE, "--json", "--to", at) == []
    assert admin("places", PLATE, "--json", "--from", later) == []


@pytest.mark.slow
def test_who_passed_before_and_was_far_away_while_fuel_flowed_is_contradicted(
    admin: Admin, vehicle_world: World, tmp_path: Path
) -> None:
    set_up(admin)
    fuel(vehicle_world)
    passed = [(START + timedelta(seconds=s), 30.0 + 33 * (s + 600), 0.0) for s in range(-600, 61, 10)]
    track(admin, tmp_path, passed)
    found = only(admin)
    assert (found["status"], found["station"]) == ("contradicted", "S1")
    assert [e["kind"] for e in found["evidence"]] == ["dispenser", "position"]
    track(admin, tmp_path, [(START - timedelta(seconds=1), 20.0, 0.0)])
    assert only(admin)["status"] == "verified", "one that was there as well is nearer in time"


@pytest.mark.slow
def test_what_positions_make_impossible_no_distance_names(admin: Admin, vehicle_world: World, tmp_path: Path) -> None:
    found = from_s1(admin, vehicle_world, tmp_path, "2026-05-04T10:30:00+08:00,1070,20,")
    assert found["status"] == "mileage"
    away = datetime(2026, 5, 4, 2, 45, tzinfo=UTC)
    track(admin, tmp_path, [(away + timedelta(minutes=n), -60_000.0, 0.0) for n in range(3)])
    found = admin("places", PLATE, "--json")[-1]
    assert (found["status"], found["station"]) == ("undetermined", None)
    assert "by its distance it was at X, but the vehicle was 120.0 km away" in found["reason"]
    admin("track", "forget", "--keep-days", "1")
    assert admin("places", PLATE, "--json")[-1] == found, "what positions said stays when they go"


@pytest.mark.slow
def test_a_station_that_fits_with_errands_is_a_rival(admin: Admin, vehicle_world: World, tmp_path: Path) -> None:
    admin("place", "add", "Z", f"--at={LAT - 43_000 * M},{LON}")
    found = from_s1(admin, vehicle_world, tmp_path, "2026-05-04T10:30:00+08:00,1070,20,")
    assert (found["status"], found["station"]) == ("undetermined", None)
    assert "X fits, but with errands Z would too" in found["reason"]


@pytest.mark.slow
def test_a_place_that_is_no_longer_known_still_is_where_it_was(admin: Admin, tmp_path: Path) -> None:
    admin("place", "add", "X", f"--at={LAT},{LON}")
    later = "2026-05-05T14:03:00+08:00,1500,20,"
    odometer(admin, tmp_path, ROW, later)
    track(admin, tmp_path, stand(AT, 10))
    admin("track", "forget", "--keep-days", "1")
    admin("place", "remove", "X")
    first, second = admin("places", PLATE, "--json")
    assert (first["status"], first["station"]) == ("placed", "X")
    assert "no known place before it" in second["reason"]


def test_what_was_taken_elsewhere_is_shown_by_the_clock_of_our_stations(
    admin: Admin, vehicle_world: World, tmp_path: Path
) -> None:
    admin("station", "set", "S1", "--zone", "Asia/Urumqi")
    fuel(vehicle_world)
    odometer(admin, tmp_path, "2026-05-06T01:00:00+00:00,1000,40,yes")
    assert [found["at"][-6:] for found in admin("places", PLATE, "--json")] == ["+06:00", "+06:00"]
    assert "2026-05-06 07:00:00+06:00" in admin("places", PLATE)
    admin("station", "set", "S2", "--zone", "Europe/Berlin")
    assert [found["at"][-6:] for found in admin("places", PLATE, "--json")] == ["+06:00", "+08:00"]
