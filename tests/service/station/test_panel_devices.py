"""A panel that is a device comes in by its key: to its own lane alone, until it is revoked, and the trail names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from controller.outbound.key_pair import KeyPair
from service.identity import trail
from service.identity.people import Role
from service.identity.sessions import LIVES
from service.identity.signed.devices import Place
from tests.service.identity.kit import PLATE, ServiceRig, lane_status
from tests.service.identity.test_pages import csrf
from wire.devices import DeviceKind


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> ServiceRig:
    return ServiceRig(tmp_path, url=database_url)


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened


def come_in(rig: ServiceRig, client: TestClient, key: KeyPair) -> httpx.Response:
    return rig.signed(key, "POST", "/v1/panel-sessions", {}).send(client)


def device_of(rig: ServiceRig, key: KeyPair) -> str:
    return next(d.id for d in rig.identity.devices.list() if key.key_id in d.keys)


def test_its_key_opens_its_own_panel_alone_and_no_other_page(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.PANEL)
    assert client.get("/panel/L1").status_code == 401
    answer = come_in(rig, client, key)
    assert (answer.status_code, answer.json()["lane"]) == (200, "L1")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert {client.get(f"/panel/L1{path}").status_code for path in ("", "/view", "?station=S1")} == {200}
    for path in ("/panel/L2", "/panel/L2/view", "/panel/L2/events", "/panel/L1?station=S2", "/station", "/counter"):
        assert client.get(path).status_code == 403, path
    assert client.post("/panel/L2/typed", data={"csrf": csrf(client), "plate": PLATE}).status_code == 403
    assert client.post("/panel/L1/typed", data={"csrf": "wrong", "plate": PLATE}).status_code == 403


def test_a_revoked_panel_is_out_with_its_next_request(rig: ServiceRig, client: TestClient) -> None:
    key, other = rig.enrol(DeviceKind.PANEL), rig.enrol(DeviceKind.PANEL, lane="L2")
    come_in(rig, client, key)
    assert client.get("/panel/L1/view").status_code == 200
    rig.identity.devices.revoke(device_of(rig, key), "test")
    assert client.get("/panel/L1/view").status_code == 401
    refused = come_in(rig, client, key)
    assert (refused.status_code, refused.headers["Greenlane-Flaw"]) == (401, "revoked")
    come_in(rig, client, other)
    assert client.get("/panel/L2/view").status_code == 200
    rig.enrol(DeviceKind.PANEL, lane="L2")
    assert client.get("/panel/L2/view").status_code == 401, "another device has replaced it"


def test_a_retired_key_and_a_session_before_end(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.PANEL)
    come_in(rig, client, key)
    first = client.cookies["greenlane-session"]
    come_in(rig, client, key)
    second = client.cookies["greenlane-session"]
    client.cookies.set("greenlane-session", first)
    assert client.get("/panel/L1").status_code == 401
    client.cookies.clear()
    client.cookies.set("greenlane-session", second)
    assert client.get("/panel/L1").status_code == 200
    new = KeyPair.make()
    body = {"public_key": new.public_text, "proof": new.rotation_proof(key.key_id)}
    assert rig.signed(key, "POST", "/v1/keys", body).send(client).status_code == 200
    assert client.get("/panel/L1").status_code == 200
    assert rig.signed(new, "GET", "/v1/prices?station=S1").send(client).status_code == 200
    assert client.get("/panel/L1").status_code == 401, "the old key is retired"


def test_its_session_ends_as_a_panels_does_and_by_logging_out(rig: ServiceRig, client: TestClient) -> None:
    key, (idle, whole) = rig.enrol(DeviceKind.PANEL), LIVES[Role.PANEL]
    come_in(rig, client, key)
    rig.clock.move(idle.total_seconds() - 60)
    assert client.get("/panel/L1").status_code == 200
    rig.clock.move(idle.total_seconds() + 60)
    assert client.get("/panel/L1").status_code == 401
    come_in(rig, client, key)
    for _ in range(int(whole / idle) + 1):
        rig.clock.move(idle.total_seconds() - 60)
        last = client.get("/panel/L1").status_code
    assert last == 401, "the whole life is over too"
    come_in(rig, client, key)
    assert client.post("/logout", data={"csrf": csrf(client)}).status_code == 303
    assert client.get("/panel/L1").status_code == 401


def test_the_trail_names_the_device(rig: ServiceRig, client: TestClient) -> None:
    lane, key = rig.enrol(DeviceKind.LANE), rig.enrol(DeviceKind.PANEL)
    told = rig.signed(lane, "POST", "/v1/lane-status", lane_status(lamp="red", phase="red"))
    assert told.send(client).status_code == 204
    come_in(rig, client, key)
    assert client.post("/panel/L1/typed", data={"csrf": csrf(client), "plate": PLATE}).status_code == 303
    body = {"station": "S1", "lane": "L1", "wait_s": 0.0, "done": []}
    (order,) = rig.signed(lane, "POST", "/v1/lane-orders", body).send(client).json()
    device = device_of(rig, key)
    assert (order["by"], order["plate"]) == (device, PLATE)
    with rig.app.state.books.database.reading() as connection:
        deeds = [(deed.actor, deed.action) for deed in trail.last(connection, 50)]
    assert {(f"device:{device}", "device.enrol"), (f"device:{device}", "login")} <= set(deeds)
    assert not [actor for actor, _ in deeds if actor.startswith("person:")]


def test_a_browser_burns_no_code_of_another_kind(rig: ServiceRig, client: TestClient) -> None:
    code = rig.identity.devices.issue_code(Place(DeviceKind.LANE, "S1", "L7"), "test")
    key = KeyPair.make()
    body = {"code": code, "public_key": key.public_text, "kind": "panel"}
    assert rig.signed(key, "POST", "/v1/enrolments", body).send(client).status_code == 401
    del body["kind"]
    enrolled = rig.signed(key, "POST", "/v1/enrolments", body).send(client)
    assert (enrolled.status_code, enrolled.json()["kind"]) == (200, "lane")
    assert come_in(rig, client, key).status_code == 403
