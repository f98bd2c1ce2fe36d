"""Files of readings and positions as they really come, and what is set up beside them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.service.mileage.conftest import Admin

PLATE = "粤B12345"
ODOMETER = """at,odometer_km,litres,full
2026-05-04T08:00:00+08:00,1000,,
2026-05-04T09:00:00+08:00,1050.5,40.25,yes
2026-05-04T10:00:00,1060,,
2026-05-04T11:00:00+08:00,a lot,,
2026-05-04T12:00:00+08:00,1090,-3,
2026-05-04T13:00:00+08:00,1090,3,perhaps

"2026-05-04T14:00:00+08:00","1100",,no
"2026-05-04T15:00:00+08:00,1100,,no
2026-05-04T16:00:00+08:00,1100,,no,what
2026-05-04T08:00:00+08:00,1001,,
2026-05-04T00:00:00Z,1000,,
"""
TRACK = """at,lat,lon,datum,odometer_km
2026-05-04T08:00:00+08:00,22.5431,114.0579,wgs84,
2026-05-04T08:00:10+08:00,22.5432,114.0579,GCJ02,1000.2
2026-05-04T08:00:20+08:00,122.5432,114.0579,wgs84,
2026-05-04T08:00:30+08:00,0,0,wgs84,
2026-05-04T08:00:40+08:00,22.5432,114.0579,bd09,
2026-05-04T08:00:50+08:00,22.5432,,wgs84,
"""
GPX = """<?xml version="1.0"?>
<gpx xmlns="http://www.topografix.com/GPX/1/1"><metadata><time>2026-05-04T00:00:00Z</time></metadata><trk><trkseg>
<trkpt lat="22.5431" lon="114.0579"><ele>3</ele><time>2026-05-04T00:00:00Z</time></trkpt>
<trkpt lat="22.5432" lon="114.0579"><ele>3</ele></trkpt>
<trkpt lat="22.5433" lon="east"><time>2026-05-04T00:00:20Z</time></trkpt>
<trkpt lat="22.5434" lon="114.0579"><time>2026-05-04T00:00:30.5Z</time></trkpt>
</trkseg></trk></gpx>
"""


def kept(url: str, table: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        count = connection.execute(text(f"select count(*) from {table}")).scalar_one()
    engine.dispose()
    return int(count)


def file(tmp_path: Path, content: str | bytes, name: str = "file.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_bad_odometer_rows_are_named_and_good_ones_kept(admin: Admin, tmp_path: Path, database_url: str) -> None:
    path = file(tmp_path, ODOMETER)
    named = admin("odometer", "import", PLATE, path, fails=True)
    assert [line.split(":")[0] for line in named.splitlines()] == [
        f"file.csv, line {n}" for n in (4, 5, 6, 7, 10, 11, 12)
    ]
    assert "no offset" in named
    assert kept(database_url, "odometer_rows") == 3
    again = admin("odometer", "import", PLATE, path, "--json", fails=True)
    assert {k: again[k] for k in ("plate", "rows", "added", "repeated")} == {
        "plate": PLATE,
        "rows": 11,
        "added": 0,
        "repeated": 4,
    }
    assert [b["line"] for b in again["bad"]] == [4, 5, 6, 7, 10, 11, 12]
    assert kept(database_url, "odometer_rows") == 3


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_spreadsheets_are_read(admin: Admin, tmp_path: Path, mark: bytes, end: str) -> None:
    lines = ["At, Odometer_km", "2026-05-04T08:00:00+08:00, 1000", "2026-05-04T08:00:00+08:00, 1000,,", ",,"]
    found = admin("odometer", "import", PLATE, file(tmp_path, mark + end.join(lines).encode()), "--json")
    assert (found["rows"], found["added"], found["repeated"]) == (2, 1, 1)


def test_a_slip_in_a_column_is_not_swallowed(admin: Admin, tmp_path: Path) -> None:
    words = admin("odometer", "import", PLATE, file(tmp_path, "at,odometer_km,liters\n"), fails=True)
    assert "liters" in words
    assert "litres" in words
    assert "odometer_km missing" in admin("odometer", "import", PLATE, file(tmp_path, "at,km\n"), fails=True)
    assert "cannot be read" in admin("odometer", "import", PLATE, tmp_path / "none.csv", fails=True)
    assert "not a plate" in admin("odometer", "import", "XX", file(tmp_path, "at,odometer_km\n"), fails=True)


def test_positions_keep_their_datum(admin: Admin, tmp_path: Path, database_url: str) -> None:
    path = file(tmp_path, TRACK)
    named = admin("track", "import", PLATE, path, fails=True)
    assert [int(line.split("line ")[1].split(":")[0]) for line in named.splitlines()] == [4, 5, 6, 7]
    assert admin("track", "import", PLATE, path, "--json", fails=True)["added"] == 0
    assert kept(database_url, "positions where datum = 'gcj02'") == 1
    assert kept(database_url, "positions") == 2


def test_gpx_is_read_and_its_bad_points_are_named(admin: Admin, tmp_path: Path, database_url: str) -> None:
    path = file(tmp_path, GPX, "way.gpx")
    named = admin("track", "import", PLATE, path, fails=True)
    assert [line.split(":")[0] for line in named.splitlines()] == ["way.gpx, line 4", "way.gpx, line 5"]
    assert kept(database_url, "positions") == 2
    assert admin("track", "import", PLATE, path, "--json", fails=True)["repeated"] == 2


def test_gpx_of_any_program_has_its_points_times_and_no_others(admin: Admin, tmp_path: Path, database_url: str) -> None:
    """Version 1.0, every name with a prefix, way points, offsets, and extensions with a time of their own."""
    content = """<?xml version="1.0"?><g:gpx version="1.0" xmlns:g="http://www.topografix.com/GPX/1/0">
    <g:wpt lat="1" lon="2"><g:time>2026-05-03T00:00:00Z</g:time></g:wpt><g:trk><g:trkseg>
    <g:trkpt lat="22.5" lon="114"><g:time>2026-05-04T08:00:00.25+08:00</g:time></g:trkpt>
    <g:trkpt lat="22.6" lon="114"><g:extensions><x:time xmlns:x="u">12</x:time></g:extensions>
    <g:time> 2026-05-04T00:00:10Z </g:time></g:trkpt></g:trkseg><g:trkseg>
    <g:trkpt lon='114.1' lat='22.7'><g:time>2026-05-04T00:00:20Z</g:time><g:link><g:time>1</g:time></g:link></g:trkpt>
    </g:trkseg></g:trk></g:gpx>"""
    done = admin("track", "import", PLATE, file(tmp_path, content, "way.gpx"), "--json")
    assert (done["added"], done["bad"]) == (3, [])
    assert kept(database_url, "positions where at_us = 1777852800250000") == 1
    utf16 = content.replace('"1.0"?>', '"1.0" encoding="UTF-16"?>', 1).encode("utf-16")
    assert admin("track", "import", PLATE, file(tmp_path, utf16, "way16.gpx"), "--json")["repeated"] == 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (GPX.replace("<gpx", '<!DOCTYPE gpx [<!ENTITY a "b">]><gpx', 1), "document type"),
        (GPX[: GPX.index("</trkseg>")], "cut off"),
        (GPX.replace("</trkseg>", "</trk>"), "not GPX from here on"),
        (GPX.replace('version="1.0"', 'version="1.0" encoding="bogus"', 1), "not GPX from here on"),
    ],
)
def test_a_broken_gpx_is_named(admin: Admin, tmp_path: Path, content: str, why: str) -> None:
    assert why in admin("track", "import", PLATE, file(tmp_path, content), fails=True)


@pytest.mark.slow
def test_places_vehicles_and_fleets_are_set_up(admin: Admin) -> None:
    admin("station", "set", "S1", "--at=22.5431,114.0579", "--datum", "gcj02")
    admin("place", "add", "Sinopec 12", "--at=22.6,114.1")
    admin("place", "add", "Sinopec 12", "--at=22.6,114.1")
    assert "elsewhere" in admin("place", "add", "Sinopec 12", "--at=22.7,114.1", fails=True)
    assert "station of ours" in admin("place", "add", "S1", "--at=22.7,114.1", fails=True)
    assert "LAT,LON" in admin("place", "add", "X", "--at=22.7", fails=True)
    assert "lat:" in admin("place", "add", "X", "--at=97,114", fails=True)
    found = {p["place"]: p for p in admin("place", "list", "--json")}
    assert found["Sinopec 12"] == {"place": "Sinopec 12", "own": False, "lat": 22.6, "lon": 114.1}
    assert found["S1"]["own"]
    assert abs(found["S1"]["lat"] - 22.5431) > 0.001
    admin("place", "remove", "Sinopec 12")
    assert [p["place"] for p in admin("place", "list", "--json")] == ["S1"]
    admin("vehicle", "set", PLATE, "--tank", "60", "--per-100km", "7.5", "--product", "92")
    admin("fleet", "add", "Wang")
    admin("fleet", "plate", "Wang", PLATE)
    admin("vehicle", "set", PLATE, "--tank", "55")
    assert admin("vehicle", "show", PLATE, "--json") == {
        "plate": PLATE,
        "tank_ml": 55_000,
        "per_100km_ml": 7_500,
        "product": "92",
        "fleet": "Wang",
    }
    assert admin("fleet", "list", "--json") == [{"fleet": "Wang", "plates": [PLATE]}]
    assert "no fleet Li" in admin("fleet", "plate", "Li", PLATE, fails=True)
    assert "at most 5000" in admin("vehicle", "set", PLATE, "--tank", "0", fails=True)


def test_a_vehicle_that_nobody_spoke_of_is_not_shown_as_one(admin: Admin) -> None:
    said = admin("vehicle", "show", PLATE, fails=True)
    assert f"vehicle {PLATE} is not known; `vehicle set {PLATE}` makes it known" in said
    admin("card", "create", "C1")
    admin("plate", "bind", PLATE, "C1")
    assert admin("vehicle", "show", PLATE) == f"{PLATE}: tank - L, - L/100 km, product -, fleet -\n"


@pytest.mark.slow
def test_a_name_with_a_blank_stands_in_quotes_where_a_command_is_shown(admin: Admin) -> None:
    shown = admin("fleet", "add", "Wang Logistics")
    command = shown.split("`")[1].replace("NAME", "mei")
    admin(*shlex.split(command), stdin="correct horse battery\n")
    assert admin("person", "list", "--json")[0]["fleet"] == "Wang Logistics"
    assert "`fleet add 'Li & Co'` makes" in admin("fleet", "plate", "Li & Co", PLATE, fails=True)
    assert "`phone add 陈师傅` makes" in admin("phone", "code", "陈师傅", fails=True)


@pytest.mark.slow
def test_a_person_of_a_fleet_has_one_and_is_nothing_else(admin: Admin) -> None:
    admin("fleet", "add", "Wang")
    secret = "correct horse battery\n"
    assert "needs --fleet" in admin("person", "add", "li", "--role", "fleet", fails=True, stdin=secret)
    assert "needs --fleet" in admin(
        "person", "add", "li", "--role", "operator", "--fleet", "Wang", fails=True, stdin=secret
    )
    assert "no fleet Li" in admin("person", "add", "li", "--role", "fleet", "--fleet", "Li", fails=True, stdin=secret)
    admin("person", "add", "li", "--role", "fleet", "--fleet", "Wang", stdin=secret)
    assert admin("person", "list", "--json")[0]["fleet"] == "Wang"
    admin("person", "role", "li", "operator")
    assert admin("person", "list", "--json")[0]["role"] == "operator"
    assert "fleet" not in admin("person", "list", "--json")[0]
