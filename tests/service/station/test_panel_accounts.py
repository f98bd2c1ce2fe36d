"""A panel's account belongs to one lane: its pages, its stream and its orders, on the command line too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from greenlane.cli import main
from service.identity.people import Role
from service.server import warn_of_unbound_panels
from service.store.identity_tables import people
from tests.service.identity.kit import PLATE, ServiceRig, lane_status
from tests.service.identity.test_pages import PASSWORD, csrf, log_in
from wire.devices import DeviceKind


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> ServiceRig:
    made = ServiceRig(tmp_path, url=database_url)
    made.identity.people.add("pump", PASSWORD, Role.PANEL, "S1", "test", lane="L1")
    return made


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened


def test_a_panels_account_uses_the_panel_of_its_own_lane_alone(rig: ServiceRig, client: TestClient) -> None:
    other = rig.enrol(DeviceKind.LANE, lane="L2")
    output = rig.signed(other, "POST", "/v1/lane-status", lane_status(lane="L2"))
    assert output.send(client).status_code == 204
    log_in(client, "pump")
    assert 'href="/panel/L1"' in client.get("/").text
    for path in (
        "/panel/L2",
        "/panel/L2/view",
        "/panel/L2/events",
        "/panel/L2?station=S1",
        "/panel/l1",
        "/panel/L1%20",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        assert "belongs to lane L1 of station S1" in answer.json()["detail"]
    page = client.get("/panel/L2", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert page.status_code == 403
    assert "belongs to lane L1 of station S1" in page.text
    assert client.post("/panel/L2/typed", data={"csrf": csrf(client), "plate": PLATE}).status_code == 403
    body = {"station": "S1", "lane": "L2", "wait_s": 0.0, "done": []}
    assert rig.signed(other, "POST", "/v1/lane-orders", body).send(client).json() == []
    rig.identity.people.change_role("pump", Role.PANEL, "test", station="S1", lane="L2")
    assert (client.get("/panel/L2").status_code, client.get("/panel/L1").status_code) == (200, 403)


@pytest.mark.slow
def test_a_panels_account_of_before_lanes_were_named_keeps_working(
    rig: ServiceRig, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with rig.app.state.books.database.writing() as connection:
        connection.execute(people.update().where(people.c.name == "pump").values(lane=None))
    log_in(client, "pump")
    assert {client.get(f"/panel/{lane}").status_code for lane in ("L1", "L2")} == {200}
    warn_of_unbound_panels(rig.app)
    assert "person role pump panel --station S --lane L" in caplog.text


@pytest.mark.slow
def test_accounts_as_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLANE_DATABASE", f"sqlite:///{tmp_path / 'books.sqlite3'}")

    def say(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", StringIO(PASSWORD + "\n"))
        capsys.readouterr()
        status = main(["admin", *words])
        output = capsys.readouterr()
        return status, output.out + output.err

    assert say("station", "set", "S1")[0] == 0
    pump = ("person", "add", "pump-1", "--role", "panel")
    for words in (pump, (*pump, "--station", "S1"), (*pump, "--lane", "L1"), ("person", "role", "pump-1", "panel")):
        status, output = say(*words)
        assert (status, "--station S and --lane L" in output) == (1, True), output
    assert say(*pump, "--station", "S1", "--lane", "L1") == (0, "pump-1 may log in as panel of lane L1\n")
    assert say("person", "role", "pump-1", "panel", "--station", "S1", "--lane", "L2")[0] == 0
    assert [p["lane"] for p in json.loads(say("person", "list", "--json")[1])] == ["L2"]
    assert "S1, lane L2" in say("person", "list")[1]
    assert say("fleet", "add", "Wang Logistics")[0] == 0
    assert say("person", "add", "boss", "--role", "fleet", "--fleet", "Wang Logistics")[0] == 0
    status, output = say("audit")
    assert status == 0, output
    assert say("person", "role", "pump-1", "attendant")[0] == 0
    assert "lane" not in say("person", "list")[1]
    assert say("audit")[0] == 0
