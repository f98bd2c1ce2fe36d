"""Files as they should not be: bad rows are named and good ones kept, or there is one clear error."""

from __future__ import annotations

import gzip
import os
import random
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlane.cli.admin.mileage import odometer
from service.mileage.csv_lines import scaled
from tests.service.mileage.conftest import Admin
from tests.service.mileage.test_imports import GPX, PLATE, file, kept

AT = "2026-05-04T08:00:00+08:00"
AHEAD = (datetime.now(UTC) + timedelta(days=40)).isoformat()


def test_every_odd_row_is_named_and_the_good_ones_are_kept(admin: Admin, tmp_path: Path, database_url: str) -> None:
    odd = [
        f"{AT},1e400,,",
        f"{AT},1e99,,",
        f"{AT},NaN,,",
        f"{AT},Infinity,,",
        f"{AT},-5,,",
        f'{AT},"1000,5",,',
        f"{AT},１０００,,",
        f"{AT},1000,1_0,",
        f"{AT},1000,5001,",
        f"{AT}\u200b,1000,,",
        "1985-05-04T08:00:00+08:00,1000,,",
        f"{AHEAD},1000,,",
        f"{AT},{'9' * 5_000},,",
        f"{AT};1000;;",
        f"{AT},1000,,\x00",
    ]
    good = ["2016-05-04T08:00:00+08:00,900,,", "2026-05-05T08:00:00+08:00,1100,,", f"{AT},1000,,", f"{AT},1000,,"]
    path = file(tmp_path, "\n".join(["at,odometer_km,litres,full", *odd, *good]))
    done = admin("odometer", "import", PLATE, path, "--json", fails=True)
    assert [bad["line"] for bad in done["bad"]] == list(range(2, len(odd) + 2))
    assert all(0 < len(bad["why"]) < 200 for bad in done["bad"] if bad["line"] != 14)
    assert (done["rows"], done["added"], done["repeated"]) == (len(odd) + 4, 3, 1)
    ahead = next(bad["why"] for bad in done["bad"] if bad["line"] == 13)
    assert "lies in the future" in ahead
    assert kept(database_url, "odometer_rows") == 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(b"at,odometer_km\n" * 40, mtime=0)[:30], "gunzip"),
        (b"PK\x03\x04\x14\x00\x06\x00", "save it as CSV"),
        ("at,odometer_km\n".encode("utf-16"), "UTF-8"),
        ("at;odometer_km\n" + AT + ";1000", "commas stand between columns"),
        ("", "line 1 names the columns"),
        ("at,odometer_km,\x1b[31mred\x1b[0m\n", "red"),
        ("at,odometer_km," + ",".join(f"c{n}" for n in range(90)), "and more"),
    ],
)
def test_what_is_no_such_file_is_said_in_one_line(
    admin: Admin, tmp_path: Path, database_url: str, content: str | bytes, why: str
) -> None:
    said = admin("odometer", "import", PLATE, file(tmp_path, content), fails=True)
    assert why in said
    assert len(said) < 400
    assert said.rstrip("\n").isprintable(), "nothing that a terminal would carry out"
    assert kept(database_url, "odometer_rows") == 0


@pytest.mark.slow
def test_rows_out_of_order_and_in_two_files_are_kept_once(admin: Admin, tmp_path: Path, database_url: str) -> None:
    begin = datetime(2026, 5, 4, tzinfo=UTC)
    rows = [f"{(begin + timedelta(seconds=n)).isoformat()},22.5,114.{n:04d},wgs84" for n in range(6_000)]
    random.Random(5).shuffle(rows)
    first = file(tmp_path, "\n".join(["at,lat,lon,datum", *rows[:4_000], *rows[:10]]), "first.csv")
    second = file(tmp_path, "\n".join(["at,lat,lon,datum", *rows[2_000:]]), "second.csv")
    done = [admin("track", "import", PLATE, path, "--json") for path in (first, second, first, second)]
    assert [(d["added"], d["repeated"]) for d in done] == [(4_000, 10), (2_000, 2_000), (0, 4_010), (0, 4_000)]
    assert kept(database_url, "positions") == 6_000


def test_gpx_that_says_nothing_of_where_and_when(admin: Admin, tmp_path: Path, database_url: str) -> None:
    route = GPX.replace("trkpt", "rtept")
    kml = '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Placemark/></kml>'
    for content in (route, kml):
        assert "no track points" in admin("track", "import", PLATE, file(tmp_path, content), fails=True)
    timeless = GPX.replace("<time>", "<cmt>").replace("</time>", "</cmt>")
    assert admin("track", "import", PLATE, file(tmp_path, timeless), fails=True).count("no time") == 3
    wide = file(tmp_path, GPX.replace('version="1.0"', 'version="1.0" encoding="UTF-16"', 1).encode("utf-16"))
    assert admin("track", "import", PLATE, wide, "--json", fails=True)["added"] == 2


def test_a_line_without_end_costs_no_neighbour(admin: Admin, tmp_path: Path, database_url: str) -> None:
    path = file(tmp_path, f"at,odometer_km\n{AT},1000\n{'7' * 3_000_000}\n2026-05-05T08:00:00+08:00,1100\n")
    done = admin("odometer", "import", PLATE, path, "--json", fails=True)
    assert ([bad["line"] for bad in done["bad"]], done["added"]) == ([3], 2)


def test_a_pipe_is_read_like_a_file(admin: Admin, tmp_path: Path, database_url: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(f"at,odometer_km\n{AT},1000\n",))
    writer.start()
    done = admin("odometer", "import", PLATE, pipe, "--json")
    writer.join(30)
    assert done["added"] == 1
    assert "cannot be read" in admin("odometer", "import", PLATE, tmp_path, fails=True)


def test_a_writer_that_takes_its_time_is_waited_for(
    admin: Admin, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(odometer, "WRITER_S", 0.1)
    reading, writing = os.pipe()
    later = threading.Timer(
        1.0, lambda: (os.write(writing, f"at,odometer_km\n{AT},1000\n".encode()), os.close(writing))
    )
    later.start()
    done = admin("odometer", "import", PLATE, f"/dev/fd/{reading}", "--json")
    later.join(30)
    os.close(reading)
    assert done["added"] == 1


@pytest.mark.parametrize("what", ["odometer", "track"])
def test_a_pipe_without_a_writer_and_a_device_end(
    admin: Admin, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(odometer, "WRITER_S", 0.1)
    os.mkfifo(tmp_path / "pipe")
    assert "nobody writes to this pipe" in admin(what, "import", PLATE, tmp_path / "pipe", fails=True)
    assert "not a regular file" in admin(what, "import", PLATE, "/dev/zero", fails=True)


@pytest.mark.slow
def test_hidden_characters_make_neither_plates_nor_names(admin: Admin, tmp_path: Path, database_url: str) -> None:
    path = file(tmp_path, f"at,odometer_km\n{AT},1000\n")
    for plate in ("粤B1\u200b2345", "粤B\x0012345", "\u202e粤B12345", ""):
        assert admin("odometer", "import", plate, path, fails=True).count("\n") == 1
    for name in ("Sino\u200bpec", " Sinopec", "Sino\npec", ""):
        assert admin("place", "add", name, "--at=22.5,114.1", fails=True).count("\n") == 1
        assert admin("fleet", "add", name, fails=True).count("\n") == 1
    assert [kept(database_url, table) for table in ("odometer_rows", "known_places", "fleets")] == [0, 0, 0]


@given(st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,10})?", fullmatch=True), st.sampled_from([1_000, 10_000_000]))
def test_a_number_is_taken_to_its_last_place_and_rounded_like_a_decimal(text: str, per_unit: int) -> None:
    assert scaled("lat", text, per_unit, 0, 10**6) == int((Decimal(text) * per_unit).to_integral_value())
