"""P20: the mileage of a user's period, from readings with their source, at both ends, and sane."""

from __future__ import annotations

from pathlib import Path

from tests.service.conftest import migrated_file  # noqa: F401 - a fixture
from tests.service.conftest import sqlite_url as database_url  # noqa: F401 - a fixture
from tests.service.mileage.conftest import Admin, admin  # noqa: F401 - a fixture
from tests.service.world import PLATE


def taken(admin: Admin, tmp_path: Path, *rows: str) -> None:  # noqa: F811 - the fixture's value
    path = tmp_path / "odometer.csv"
    path.write_text("\n".join(["at,odometer_km,litres,full", *rows]), encoding="utf-8")
    admin("odometer", "import", PLATE, path)


def test_P20_readings_at_both_ends_give_the_distance_of_the_users_period(admin: Admin, tmp_path: Path) -> None:  # noqa: F811
    for name, hours in (("Chen", "0-8"), ("Wu", "8-16")):
        admin("phone", "add", name)
        admin("payer", "set", PLATE, name, "--hours", hours)
    taken(
        admin,
        tmp_path,
        "2026-05-04T08:00:00+08:00,1000,30,yes",
        "2026-05-04T15:59:59+08:00,1400,32,yes",
        "2026-05-05T07:59:59+08:00,1700,27,yes",
    )
    found = admin("consumption", PLATE, "--json")
    assert [(s["user"], s["distance_m"], s["volume_ml"]) for s in found["stretches"]] == [
        ("Wu", 400_000, 32_000),
        ("Chen", 300_000, 27_000),
    ]


def test_P20_readings_that_cannot_be_are_no_mileage(admin: Admin, tmp_path: Path) -> None:  # noqa: F811
    taken(admin, tmp_path, "2026-05-04T08:00:00+08:00,1000,30,yes", "2026-05-04T15:00:00+08:00,400,30,yes")
    assert admin("consumption", PLATE, "--json")["stretches"] == []
    assert [e["kind"] for e in admin("exceptions", PLATE, "--json")] == ["odometer_rolled_back"]
