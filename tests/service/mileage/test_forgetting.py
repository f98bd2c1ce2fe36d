"""Positions go after their time and on a driver's word; what they said of a refuelling stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from service.store.clock import from_us
from service.store.database import Database
from service.store.vehicle_tables import positions
from tests.service.mileage.conftest import Admin
from tests.service.world import PLATE, START, Pump, World

LAT, LON = 30.0, 110.0
M = 1 / 111_195


@pytest.fixture
def driven(admin: Admin, database_url: str, tmp_path: Path) -> Iterator[World]:
    """Three fills of ours, at 8:30, 20:30 and the next 8:30: verified, contradicted, recorded; a position each hour."""
    database = Database(database_url)
    world = World(database)
    world.card()
    admin("station", "set", "S1", f"--at={LAT},{LON}")
    lines = ["at,lat,lon,datum"]
    for hour in range(24):
        north_m = 30.0 if hour < 6 else 400_000.0 + 50 * hour
        lines.append(f"{(START + timedelta(hours=hour)).isoformat()},{LAT + north_m * M},{LON},wgs84")
    for hour in (0, 12, 36):
        world.clock.moment = START + timedelta(hours=hour)
        world.report(Pump(f"d{hour}").fuelling(world.clock, 20_000))
    path = tmp_path / "track.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    admin("track", "import", PLATE, path)
    yield world
    database.close()


def hours_kept(world: World) -> list[int]:
    with world.database.reading() as connection:
        found = connection.execute(select(positions.c.at_us).order_by(positions.c.at_us)).scalars()
        return [round((from_us(at_us) - START) / timedelta(hours=1)) for at_us in found]


def test_old_positions_go_and_places_stay(admin: Admin, driven: World, tmp_path: Path) -> None:
    before = admin("places", PLATE, "--json")
    assert [found["status"] for found in before] == ["verified", "contradicted", "recorded"]
    exceptions = admin("exceptions", PLATE, "--json")
    assert admin("track", "forget", "--keep-days", "3650", "--json")["positions"] == 0
    assert len(hours_kept(driven)) == 24
    done = admin("track", "forget", "--json")
    assert (done["vehicles"], done["positions"], done["placements"]) == (1, 24, 2), "no position speaks of the third"
    assert hours_kept(driven) == []
    assert admin("places", PLATE, "--json") == before
    assert admin("exceptions", PLATE, "--json") == exceptions
    assert admin("track", "forget", "--json")["positions"] == 0


@pytest.mark.slow
def test_a_drivers_word_erases_the_positions_of_their_hours_alone(admin: Admin, driven: World) -> None:
    for name, hours in (("Chen", "8-16"), ("Wu", "16-24")):
        admin("phone", "add", name)
        admin("payer", "set", PLATE, name, "--hours", hours)
    before = admin("places", PLATE, "--json")
    done = admin("track", "erase", PLATE, "Chen", "--json")
    assert hours_kept(driven) == list(range(8, 24)), "8:30 was Chen's, 16:30 is Wu's"
    assert done["positions"] == 8
    assert admin("places", PLATE, "--json") == before
    assert "no person Li" in admin("track", "erase", PLATE, "Li", fails=True)


@pytest.mark.parametrize("days", ["0", "-1", "many", "99999"])
def test_days_that_are_none(admin: Admin, days: str) -> None:
    assert "1 to 3650 days" in admin("track", "forget", f"--keep-days={days}", fails=True)
