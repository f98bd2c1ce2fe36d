"""Two fleets with a vehicle each, fills, readings and tracks, as operators' commands bring them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.identity.people import Role
from service.mileage.datum import Spot, to_gcj02
from tests.service.identity.kit import ServiceRig
from tests.service.identity.test_pages import PASSWORD, log_in
from tests.service.mileage.conftest import Admin, admin  # noqa: F401 - a fixture
from tests.service.world import Pump

OWN, OTHERS = "粤B12345", "粤B54321"
LAT, LON = 22.60, 114.10
BEGIN = datetime(2026, 4, 6, 0, 0, tzinfo=UTC)
FILLS = 5


@dataclass
class Fleets:
    """The service whose clock stands at 2026-05-04, with Wang's OWN and Li's OTHERS; mei is Wang's, bo is Li's."""

    rig: ServiceRig
    admin: Admin

    def client(self, name: str) -> TestClient:
        client = TestClient(self.rig.app, client=("10.0.0.1", 4711), follow_redirects=False)
        assert log_in(client, name).status_code == 303
        return client


@pytest.fixture
def fleets(database_url: str, admin: Admin, tmp_path: Path) -> Fleets:  # noqa: F811 - the fixtures' values
    rig = ServiceRig(tmp_path, url=database_url)
    rig.admin.plates.bind(OTHERS, "C1")
    admin("station", "set", "S1", f"--at={LAT},{LON}")
    admin("place", "add", "Sinopec 12", f"--at={LAT + 0.25},{LON + 0.3}")
    for fleet, plate, person in (("Wang", OWN, "mei"), ("Li", OTHERS, "bo")):
        admin("fleet", "add", fleet)
        admin("fleet", "plate", fleet, plate)
        admin("vehicle", "set", plate, "--tank", "60", "--per-100km", "8", "--product", "92")
        rig.identity.people.add(person, PASSWORD, Role.FLEET, None, "test", fleet=fleet)
        drive(rig, admin, tmp_path, plate)
    rig.clock.moment = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
    return Fleets(rig, admin)


def drive(rig: ServiceRig, admin: Admin, tmp_path: Path, plate: str) -> None:  # noqa: F811
    """A fill at S1 a week, full, 500 km in between; the last one too large; a drive to the other station."""
    pump, rows = Pump(f"d-{plate[-5:]}"), ["at,odometer_km,litres,full,total_fuel_l"]
    for week in range(FILLS):
        at = BEGIN + timedelta(days=6 * week)
        litres = 66.0 if week == FILLS - 1 else 38.0 + week
        fuelling = pump.fuelling(rig.clock, round(litres * 1000), plate=plate, ended_at=at, started_at=at)
        _report(rig, fuelling)
        rows.append(f"{at.isoformat()},{10_000 + 500 * week},{litres},yes,{1_000 + 39.5 * week}")
    odometer = tmp_path / f"{plate}.csv"
    odometer.write_text("\n".join(rows), encoding="utf-8")
    admin("odometer", "import", plate, odometer)
    lines = ["at,lat,lon,datum"]
    for minute in range(120):
        share = minute / 120
        lat, lon = to_gcj02(Spot(LAT + 0.25 * share, LON + 0.3 * share + 0.02 * (minute % 7) / 7))
        lines.append(f"{(BEGIN + timedelta(minutes=minute)).isoformat()},{lat:.6f},{lon:.6f},gcj02")
    track = tmp_path / f"{plate}-track.csv"
    track.write_text("\n".join(lines), encoding="utf-8")
    admin("track", "import", plate, track)


def _report(rig: ServiceRig, fuelling: object) -> None:
    from service.books.messages import Report
    from wire.fuellings import FuellingReceipt

    answer = rig.app.state.books.carry_out_one(Report(fuelling))
    assert isinstance(answer, FuellingReceipt), answer
