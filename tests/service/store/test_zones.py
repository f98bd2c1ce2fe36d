"""Books on a machine that does not know a station's time zone: that station alone is hindered, and it is said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlane.cli import main
from service.errors import UnknownZone
from service.reports.zones import zones
from service.store.database import Database
from service.store.zones import unknown_zones, zone_named
from tests.service.world import START

SHANGHAI = "Asia/Shanghai"


@pytest.fixture
def books(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    """Two stations, set up where both zones were known; this machine knows China's and UTC."""
    for words in (["S1"], ["S2", "--zone", "US/Pacific"]):
        assert main(["admin", "--database", sqlite_url, "station", "set", *words]) == 0
    (known,) = (Path(folder) for folder in zoneinfo.TZPATH if (Path(folder) / SHANGHAI).exists())
    (tmp_path / "zones" / "Asia").mkdir(parents=True)
    for name in (SHANGHAI, "UTC"):
        shutil.copy(known / name, tmp_path / "zones" / name)
    zoneinfo.reset_tzpath([str(tmp_path / "zones")])
    zoneinfo.ZoneInfo.clear_cache()
    capsys.readouterr()
    yield sqlite_url
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def test_lists_of_all_stations_go_on_in_utc(books: str) -> None:
    for command in ("trail", "station list", "rejected", "charge list", "typed", "payment list"):
        assert main(["admin", "--database", books, *command.split()]) == 0, command
    database = Database(books)
    found = zones(database)
    assert [str(found.at(START, station).utcoffset()) for station in ("S1", "S2")] == ["8:00:00", "0:00:00"]
    database.close()


def test_what_needs_the_stations_day_says_what_to_install(books: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["admin", "--database", books, "reconcile", "S1"]) == 0
    capsys.readouterr()
    assert main(["admin", "--database", books, "reconcile", "S2"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("greenlane admin: this machine does not know the time zone US/Pacific: install tzdata")
    assert err.count("\n") == 1
    database = Database(books)
    assert [station for station, _ in unknown_zones(database)] == ["S2"]
    database.close()
    with pytest.raises(UnknownZone):
        zone_named("../etc/passwd")


def test_a_machine_without_any_zone_is_told_in_one_line(sqlite_url: str) -> None:
    run = "import sys; from greenlane.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", run, "admin", "--database", sqlite_url, "card", "list"]
    ended = subprocess.run(words, env=os.environ | {"PYTHONTZPATH": ""}, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("greenlane admin: this machine does not know the time zone Asia/Shanghai")
    assert ended.stderr.count("\n") == 1
