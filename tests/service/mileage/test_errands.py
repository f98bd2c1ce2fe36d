"""Distances judged over made-up journeys with errands, of which the odometer alone tells: no place is wrong."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import insert

from service.mileage.datum import Datum
from service.mileage.history import History, Located
from service.mileage.readings import read_csv as read_odometer
from service.mileage.store import MileageStore
from service.mileage.tracks import coordinates_e7
from service.mileage.tracks import read_csv as read_track
from service.mileage.vehicles import Where, where_values
from service.store.clock import to_us
from service.store.database import Database
from service.store.vehicle_tables import known_places
from tests.service.mileage.errands import KINDS, Journey, make
from tests.service.world import PLATE, Pump, World

FOUND_BY_ODOMETER = 0.60


def located(world: World, journey: Journey) -> dict[int, Located]:
    """What the service says of the vehicle's refuellings, by instant; all of it brought in as files bring it."""
    store = MileageStore(world.books, "tester")
    for name, (lat, lon) in journey.ours.items():
        world.admin.stations.set(name, at=(*coordinates_e7(f"{lat:.7f}", f"{lon:.7f}"), "wgs84"))
    others = {
        name: Where(*coordinates_e7(f"{lat:.7f}", f"{lon:.7f}"), Datum.WGS84)
        for name, (lat, lon) in journey.others.items()
    }
    with world.database.writing() as connection:
        rows = [{"name": name, "created_us": 0, **where_values(where)} for name, where in others.items()]
        connection.execute(insert(known_places), rows)
    for number, (at, name) in enumerate(journey.fuellings):
        world.clock.moment = at
        world.report(Pump(f"d{number}").fuelling(world.clock, 90_000, station=name, plate=PLATE))
    bad: list[object] = []
    store.take_readings(PLATE, read_odometer(journey.odometer.splitlines()), bad.append)
    if journey.positions:
        store.take_positions(PLATE, read_track(journey.positions.splitlines()), bad.append)
    assert not bad
    with world.database.reading() as connection:
        found = History(connection, PLATE).located()
    return {to_us(one.at): one for one in found if one.fuelling is None}


def check(migrated: Path, folder: Path, journeys: Iterable[Journey]) -> Counter[str]:
    """Counts what was named; fails at once where a place is wrong.

    A station that nobody knows can't be told from a known one that alone fits distance and road: counted by itself.
    """
    count: Counter[str] = Counter()
    for journey in journeys:
        database = Database(f"sqlite:///{shutil.copy(migrated, folder / 'journey.sqlite3')}")
        found = located(World(database), journey)
        database.close()
        for row in journey.rows:
            name = found[to_us(row.at)].finding.station
            told_apart = row.truth is not None or row.by_road != {name}
            assert name in (None, row.truth) or not told_apart, (journey.kind, journey.number, row, name)
            count["rows"] += 1
            count["named"] += name is not None
            count["of nobody's station"] += name != row.truth and name is not None
            count["one fits"] += row.truth is not None and row.by_road == {row.truth}
            count["one fits, found"] += row.truth is not None and row.by_road == {row.truth} and name is not None
    return count


def test_two_of_each_kind(migrated_file: Path, tmp_path: Path) -> None:
    count = check(migrated_file, tmp_path, (make(number, seed=37) for number in range(2 * len(KINDS))))
    assert count["one fits, found"] >= 2, count
    assert count["of nobody's station"] == 0, count


@pytest.mark.slow
def test_two_hundred_and_sixty_journeys(migrated_file: Path, tmp_path: Path) -> None:
    count = check(migrated_file, tmp_path, (make(number, seed=31) for number in range(260)))
    print(dict(count))
    assert count["one fits, found"] >= FOUND_BY_ODOMETER * count["one fits"], count
    assert count["of nobody's station"] <= 0.01 * count["rows"], count
