"""The judge of places against made-up ways whose truth is known: no place may be wrong, most must be found."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from service.mileage.datum import Datum
from service.mileage.history import History
from service.mileage.places import Placement
from service.mileage.readings import read_csv as read_odometer
from service.mileage.store import MileageStore
from service.mileage.tracks import coordinates_e7
from service.mileage.tracks import read_csv as read_track
from service.mileage.vehicles import VehicleStore, Where
from service.store.database import Database
from tests.service.mileage.ways import Way, make
from tests.service.world import Pump, World

FOUND_WITH_POSITIONS = 0.95
FOUND_BY_ODOMETER = 0.60
IN_ONE_BOOK = 50


@pytest.fixture
def vehicle_world(database_url: str) -> Iterator[World]:
    database = Database(database_url)
    yield World(database)
    database.close()


def judged(world: World, way: Way, with_positions: bool) -> Placement:
    """What the service says about the way's refuelling, all of it brought in as files bring it."""
    plate = f"粤{'A' if with_positions else 'B'}{way.number:05d}"
    store, vehicles = MileageStore(world.books, "tester"), VehicleStore(world.books, "tester")
    known = []
    for name, (lat, lon) in way.stations.items():
        where = Where(*coordinates_e7(f"{lat:.7f}", f"{lon:.7f}"), Datum.WGS84)
        if name in ("own", "end"):
            world.admin.stations.set(f"{name} {way.number}", at=(where.lat_e7, where.lon_e7, "wgs84"))
        elif with_positions:
            vehicles.add_place(f"{name} {way.number}", where)
        known.append(f"{name} {way.number}")
    for name, at in (("own", way.start), ("end", way.end)):
        world.clock.moment = at
        pump = Pump(f"d{way.number}{plate[1]}")
        world.report(pump.fuelling(world.clock, 90_000, station=f"{name} {way.number}", plate=plate))
    bad: list[object] = []
    ends = [
        f"{(at - timedelta(seconds=30)).isoformat()},{km}"
        for at, km in ((way.start, way.start_km), (way.end, way.end_km))
    ]
    store.take_readings(plate, read_odometer([*way.odometer_csv, *ends]), bad.append)
    if with_positions:
        store.take_positions(plate, read_track(way.track_csv), bad.append)
    assert not bad
    with world.database.reading() as connection:
        history = History(connection, plate)
        history.places = {name: place for name, place in history.places.items() if name in known}
        found = history.located()
    assert len(found) == 3
    return found[1].finding


def name_of(way: Way, finding: Placement) -> str | None:
    return None if finding.station is None else finding.station.removesuffix(f" {way.number}")


def check(world: World, numbers: Sequence[int]) -> Counter[str]:
    """Counts what was found; fails at once where a place is wrong."""
    count: Counter[str] = Counter()
    for number in numbers:
        way = make(number)
        finding = judged(world, way, with_positions=True)
        name = name_of(way, finding)
        assert name in (None, way.truth), (way.number, way.kind, way.fault, way.noise_m, finding)
        if not way.is_trap and way.fault != "datum":
            count["placeable"] += 1
            count["placed"] += name is not None
            count[f"missed: {finding.reason}"[:60]] += name is None
        count["traps named rightly"] += way.is_trap and name is not None
        if way.is_trap:
            continue
        finding = judged(world, way, with_positions=False)
        name = name_of(way, finding)
        assert name in (None, way.truth), (way.number, way.kind, way.fault, finding)
        count["one fits"] += way.fits_one
        count["one fits, found"] += way.fits_one and name is not None
    return count


def require(count: Counter[str]) -> None:
    assert count["placed"] >= FOUND_WITH_POSITIONS * count["placeable"], count
    assert count["one fits, found"] >= FOUND_BY_ODOMETER * count["one fits"], count


def test_a_sample_of_ways(vehicle_world: World) -> None:
    count = check(vehicle_world, range(45))
    assert count["placeable"] > 10
    require(count)


@pytest.mark.slow
def test_a_thousand_ways(migrated_file: Path, tmp_path: Path) -> None:
    """Each fifty in new books: a way knows only its own stations, and reading all others' takes longer than judging."""
    count: Counter[str] = Counter()
    for first in range(0, 1_000, IN_ONE_BOOK):
        database = Database(f"sqlite:///{shutil.copy(migrated_file, tmp_path / f'{first}.sqlite3')}")
        count += check(World(database), range(first, first + IN_ONE_BOOK))
        database.close()
    print(dict(count))
    require(count)
