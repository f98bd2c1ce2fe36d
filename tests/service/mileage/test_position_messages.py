"""Positions that phones and trackers send over HTTP, to a service that runs as its command runs it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from service.app import create_app
from service.server import running
from service.store.database import Database
from service.store.vehicle_tables import positions
from tests.service.mileage.conftest import Admin
from tests.service.world import PLATE

OWNTRACKS, OSMAND = "/v1/positions/owntracks", "/v1/positions/osmand"
NOW = int(time.time()) - 60


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    with running(create_app(database_url)) as base:
        yield base


def kept(database_url: str) -> list[Any]:
    with closing(Database(database_url)) as database, database.reading() as connection:
        query = select(positions).order_by(positions.c.at_us)
        return [(row.plate, row.at_us // 10**6, row.lat_e7, row.lon_e7, row.datum) for row in connection.execute(query)]


def location(**changes: Any) -> dict[str, Any]:
    return {"_type": "location", "lat": 22.5431, "lon": 114.0579, "tst": NOW, "acc": 12, "tid": "7"} | changes


def test_what_each_program_sends_becomes_a_position_with_its_datum(url: str, database_url: str, admin: Admin) -> None:
    token = admin("vehicle", "token", PLATE, "--json")["token"]
    map_token = admin("vehicle", "token", "粤B67890", "--datum", "gcj02", "--json")["token"]
    received = requests.post(url + OWNTRACKS, json=location(), auth=("phone", token), timeout=30)
    assert (received.status_code, received.json()) == (200, [])
    again = requests.post(url + OWNTRACKS, json=location(lat=30.0), auth=("phone", token), timeout=30)
    assert again.status_code == 200
    flat = {"id": token, "lat": "22.6", "lon": "114.1", "timestamp": str((NOW + 5) * 1000), "accuracy": "8.5"}
    assert requests.post(url + OSMAND, data=flat, timeout=30).status_code == 200
    assert requests.post(url + OSMAND, params=flat, timeout=30).status_code == 200
    coords = {"latitude": 22.7, "longitude": 114.2, "accuracy": 5}
    document = {"location": {"timestamp": "2026-05-04T00:00:00.000Z", "coords": coords}, "device_id": map_token}
    for _ in range(2):
        assert requests.post(url + OSMAND, json=document, timeout=30).status_code == 200
    assert kept(database_url) == [
        ("粤B67890", 1_777_852_800, 227_000_000, 1_142_000_000, "gcj02"),
        (PLATE, NOW, 225_431_000, 1_140_579_000, "wgs84"),
        (PLATE, NOW + 5, 226_000_000, 1_141_000_000, "wgs84"),
    ]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "message",
    [
        {"_type": "card"},
        location(acc=900),
        None,
    ],
)
def test_what_places_nothing_is_answered_and_left_out(
    url: str, database_url: str, admin: Admin, message: dict[str, Any] | None
) -> None:
    token = admin("vehicle", "token", PLATE, "--json")["token"]
    answer = requests.post(url + OWNTRACKS, json=message, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert (answer.status_code, kept(database_url)) == (200, [])


def test_bad_messages_get_the_record_of_errors(url: str, database_url: str, admin: Admin) -> None:
    token = admin("vehicle", "token", PLATE, "--json")["token"]
    head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    bad: list[bytes] = [
        b"{",
        b"[1]",
        b'"x"',
        b"\xff\xfe",
        b'{"_type": "location"}',
        b'{"_type": "location", "lat": NaN}',
    ]
    bad += [str(location(**change)).replace("'", '"').encode() for change in ({"lat": 91}, {"lat": 0, "lon": 0})]
    bad += [
        str(location(**change)).replace("'", '"').encode() for change in ({"tst": NOW + 9_000}, {"tst": -1}, {"tst": 1})
    ]
    bad += [b'{"_type": "location", "lat": true, "lon": 1, "tst": 1777852800}']
    bad += [b'{"_type": "location", "lat": 1' + b"0" * 400 + b', "lon": 1, "tst": 1777852800}']
    for body in bad:
        answer = requests.post(url + OWNTRACKS, data=body, headers=head, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), body
    for form in (
        {"lat": "1"},
        {"lat": "x", "lon": "y", "timestamp": "1"},
        {"location": "1,2", "timestamp": "soon"},
        {"lat": "２２", "lon": "1", "timestamp": str(NOW)},
        {"lat": "2_2", "lon": "1", "timestamp": str(NOW)},
    ):
        answer = requests.post(url + OSMAND, data={"id": token} | form, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), form
    large = requests.post(url + OWNTRACKS, data=b"x" * 70_000, headers=head, timeout=30)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert kept(database_url) == []


@pytest.mark.slow
def test_only_a_living_token_speaks_and_only_for_its_vehicle(url: str, database_url: str, admin: Admin) -> None:
    token = admin("vehicle", "token", PLATE, "--json")["token"]

    def status(sent: str) -> tuple[int, str]:
        answer = requests.post(url + OWNTRACKS, json=location(), auth=("x", sent), timeout=30)
        return answer.status_code, "" if answer.ok else answer.json()["code"]

    assert status(token[:-1]) == (401, "unauthenticated")
    assert status("") == (401, "unauthenticated")
    assert requests.post(url + OSMAND, json={"device_id": {"a": 1}}, timeout=30).status_code == 401
    assert status(token) == (200, "")
    assert admin("vehicle", "token", PLATE, "--revoke", "--json")["revoked"] == 1
    assert status(token) == (401, "unauthenticated")
    assert {plate for plate, *_ in kept(database_url)} == {PLATE}
    assert token not in admin("trail", "--json").__repr__()
    codes = [status("gv_guess")[0] for _ in range(30)]
    assert codes[-1] == 429, "guessing is slowed down"


@pytest.mark.slow
def test_a_vehicle_that_floods_is_slowed_down_and_its_neighbour_is_not(
    url: str, database_url: str, admin: Admin
) -> None:
    loud, calm = (admin("vehicle", "token", plate, "--json")["token"] for plate in (PLATE, "粤B67890"))
    with requests.Session() as session:
        number = 0
        while number < 1_000:
            number += 1
            answer = session.post(url + OWNTRACKS, json={"_type": "card"}, auth=("x", loud), timeout=30)
            if answer.status_code != 200:
                break
        assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
        assert number >= 599
        assert int(answer.headers["Retry-After"]) >= 1
        assert session.post(url + OWNTRACKS, json=location(), auth=("x", calm), timeout=30).status_code == 200
    with closing(Database(database_url)) as database, database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(positions)).scalar_one() == 1


def test_a_token_in_the_query_is_not_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    line = '%s - "%s %s HTTP/%s" %d'
    with caplog.at_level(logging.INFO, logger="uvicorn.access"):
        near = (
            f"{OSMAND}/?id=gv_secret",
            f"/{OSMAND}?id=gv_secret",
            "/v1/positions/owntracks?id=gv_secret",
            "/?id=gv_secret",
        )
        for path in (f"{OSMAND}?id=gv_secret&lat=1", *near, "/v1/prices?station=S1"):
            logging.getLogger("uvicorn.access").info(line, "127.0.0.1:1", "POST", path, "1.1", 200)
    assert "gv_secret" not in caplog.text
    assert f"{OSMAND}?..." in caplog.text
    assert "station=S1" in caplog.text
