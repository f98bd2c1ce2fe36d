"""P21: from the mileage of a period, the place where its user refuelled, with evidence, or undetermined."""

from __future__ import annotations

from pathlib import Path

from service.store.database import Database
from tests.service.conftest import migrated_file  # noqa: F401 - a fixture
from tests.service.conftest import sqlite_url as database_url  # noqa: F401 - a fixture
from tests.service.mileage.conftest import Admin, admin  # noqa: F401 - a fixture
from tests.service.world import PLATE, World


def test_P21_mileage_alone_names_the_place_of_each_user(admin: Admin, database_url: str, tmp_path: Path) -> None:  # noqa: F811
    for name, hours in (("Chen", "0-8"), ("Wu", "8-16"), ("Li", "16-24")):
        admin("phone", "add", name)
        admin("payer", "set", PLATE, name, "--hours", hours)
    admin("station", "set", "S1", "--at=30,110")
    admin("place", "add", "X", "--at=30.5396,110")
    admin("place", "add", "Y", "--at=31.7987,110")
    database = Database(database_url)
    world = World(database)
    from tests.service.world import Pump

    world.report(Pump("d1").fuelling(world.clock, 40_000))
    database.close()
    path = tmp_path / "odometer.csv"
    path.write_text(
        "at,odometer_km,litres,full\n2026-05-04T08:35:00+08:00,1000,40,yes\n2026-05-04T10:30:00+08:00,1070,20,\n"
        "2026-05-04T17:00:00+08:00,1520,20,\n",
        encoding="utf-8",
    )
    admin("odometer", "import", PLATE, path)
    found = admin("places", PLATE, "--json")
    assert [(f["user"], f["period"], f["status"], f["station"]) for f in found] == [
        ("Wu", {"from": "08:00", "to": "16:00"}, "recorded", "S1"),
        ("Wu", {"from": "08:00", "to": "16:00"}, "mileage", "X"),
        ("Li", {"from": "16:00", "to": "24:00"}, "undetermined", None),
    ]
    assert all(f["evidence"] for f in found)
    assert "no known station fits 520.0 km from S1" in found[2]["reason"]
