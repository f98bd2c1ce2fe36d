"""What an entry camera asks ahead: told to its own station's lanes, bounded, forgotten; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from controller.outbound.key_pair import KeyPair
from service.station.tables import asked_ahead as table
from service.store import schema
from tests.service.identity.kit import ServiceRig, asked_ahead
from wire.ahead import MOST_EXPECTED
from wire.devices import DeviceKind


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> ServiceRig:
    return ServiceRig(tmp_path, url=database_url)


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app) as opened:
        yield opened


@pytest.fixture
def entry(rig: ServiceRig) -> KeyPair:
    return rig.enrol(DeviceKind.LANE, lane="E1")


def ask_ahead(rig: ServiceRig, client: TestClient, key: KeyPair, **changes: Any) -> httpx.Response:
    return rig.signed(key, "POST", "/v1/asked-ahead", asked_ahead(lane="E1") | changes).send(client)


def expected(
    rig: ServiceRig, client: TestClient, key: KeyPair, station: str = "S1", number: int = 0, wait_s: float = 0.0
) -> Any:
    body = {"station": station, "lane": "L1", "wait_s": wait_s, "number": number}
    answer = rig.signed(key, "POST", "/v1/expected-plates", body).send(client)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_lanes_of_its_station_hear_of_a_plate_for_ten_minutes(
    rig: ServiceRig, client: TestClient, entry: KeyPair
) -> None:
    pump, elsewhere = rig.enrol(DeviceKind.LANE), rig.enrol(DeviceKind.LANE, station="S2")
    assert ask_ahead(rig, client, entry, plate="粤b·12345").status_code == 204
    found = expected(rig, client, pump)
    assert found["plates"] == [{"plate": "粤B12345", "expires_in_s": 600.0}]
    assert expected(rig, client, elsewhere, station="S2")["plates"] == []
    rig.clock.moment += timedelta(seconds=590.0)
    assert expected(rig, client, pump)["plates"] == [{"plate": "粤B12345", "expires_in_s": 10.0}]
    rig.clock.moment += timedelta(seconds=11.0)
    assert expected(rig, client, pump)["plates"] == []
    with rig.app.state.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
        asked = select(func.count()).select_from(schema.authorisations)
        assert connection.execute(asked).scalar_one() == 0, "it decides and holds nothing"


@pytest.mark.parametrize("changes", [{"plate": "HELLO"}, {"captured_at": "2020-01-01T00:00:00Z"}, {"lane": "L2"}])
def test_what_is_no_plate_of_now_or_of_another_lane_is_refused(
    rig: ServiceRig, client: TestClient, entry: KeyPair, changes: dict[str, str]
) -> None:
    assert ask_ahead(rig, client, entry, **changes).status_code == (403 if "lane" in changes else 400)
    assert expected(rig, client, rig.enrol(DeviceKind.LANE))["plates"] == []


@pytest.mark.slow
def test_a_camera_that_reads_nonsense_fills_no_disk(rig: ServiceRig, client: TestClient, entry: KeyPair) -> None:
    for number in range(MOST_EXPECTED + 20):
        rig.clock.moment += timedelta(seconds=0.01)
        assert ask_ahead(rig, client, entry, plate=f"粤B{10000 + number}").status_code == 204
    found = expected(rig, client, rig.enrol(DeviceKind.LANE))
    assert [one["plate"] for one in found["plates"]] == [f"粤B{10000 + n}" for n in range(MOST_EXPECTED + 19, 19, -1)]
    with rig.app.state.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == MOST_EXPECTED


def test_a_lane_that_waits_is_told_at_once(rig: ServiceRig, client: TestClient, entry: KeyPair) -> None:
    pump, received = rig.enrol(DeviceKind.LANE), []
    ask_ahead(rig, client, entry, plate="粤B10001")
    number = expected(rig, client, pump)["number"]
    waiting = Thread(target=lambda: received.append(expected(rig, client, pump, number=number, wait_s=25.0)))
    waiting.start()
    rig.clock.moment += timedelta(seconds=1)
    ask_ahead(rig, client, entry, plate="粤B10002")
    waiting.join(30)
    assert [one["plate"] for one in received[0]["plates"]] == ["粤B10002", "粤B10001"]
