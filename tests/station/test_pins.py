"""A PIN typed at a panel behind a central control: the server judges it, and nothing of it stays at the station."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from service.admin.typed_plates import TypedPlates
from service.identity.people import Role
from tests.service.identity.kit import PLATE, lane_status
from tests.service.identity.test_pages import PASSWORD, csrf, log_in
from tests.station.rig import PATIENCE_S, StationRig
from wire.codec import decode
from wire.live import LampState, LaneStatus, Order, OrderKind
from wire.reasons import Reason
from wire.typed import TypedRule

PIN, WRONG = "493817", "271828"


@pytest.fixture
def panel(rig: StationRig) -> Iterator[TestClient]:
    """The panel of lane L1, logged in at the central control, whose lane waits for a PIN."""
    typed = TypedPlates(rig.server.app.state.books, "test")
    typed.set_rule("card", "C1", TypedRule.PIN)
    typed.set_pin("C1", PIN)
    rig.step()
    rig.wiring.app.state.identity.people.add("pump", PASSWORD, Role.PANEL, "S1", "test", lane="L1")
    shows = {"lamp": LampState.RED, "reason": Reason.PIN_NEEDED, "at": rig.clock.now()}
    status = replace(decode(LaneStatus, lane_status()), **shows)  # type: ignore[arg-type]
    rig.wiring.app.state.station.lanes.take([status])
    with TestClient(rig.wiring.app, client=("10.1.0.9", 4711), follow_redirects=False) as browser:
        log_in(browser, "pump")
        yield browser


def type_pin(panel: TestClient, pin: str) -> httpx.Response:
    form = {"csrf": csrf(panel), "plate": PLATE, "pin": pin}
    return panel.post("/panel/L1/typed", data=form, headers={"Accept": "application/json"})


def ordered(rig: StationRig) -> list[Order]:
    found: list[Order] = rig.wiring.app.state.station.orders.waiting("S1", "L1")
    return [order for order in found if order.kind is OrderKind.TYPED]


def test_the_server_judges_it_while_the_line_stands(rig: StationRig, panel: TestClient) -> None:
    assert type_pin(panel, WRONG).status_code == 422
    assert ordered(rig) == []
    assert type_pin(panel, PIN).status_code == 202
    (order,) = ordered(rig)
    assert rig.ask(typed=True).reason is Reason.PIN_NEEDED
    assert rig.ask(typed=True, pin_proof=order.pin_proof).reason is Reason.OK
    assert rig.wiring.uplink.state.up


def test_without_the_server_it_is_refused_and_said(rig: StationRig, panel: TestClient) -> None:
    rig.cut()
    for _ in range(2):
        answer = type_pin(panel, PIN)
        assert (answer.status_code, "can't be checked now" in answer.json()["en"]) == (503, True)
    assert ordered(rig) == []
    rig.mend()
    rig.wiring.uplink.ask(rig.wiring.upstream.devices, PATIENCE_S)
    assert type_pin(panel, PIN).status_code == 202


@pytest.mark.slow
def test_guessing_is_slowed_at_the_server_and_cuts_no_line(rig: StationRig, panel: TestClient) -> None:
    assert [type_pin(panel, WRONG).status_code for _ in range(7)] == [422] * 5 + [429] * 2
    assert type_pin(panel, PIN).status_code == 429, "the right one is not looked at either"
    assert rig.wiring.uplink.state.up


def test_nothing_of_a_pin_is_kept_at_the_station_or_logged(
    rig: StationRig, panel: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    received = [type_pin(panel, pin) for pin in (WRONG, PIN)]
    rig.cut()
    received.append(type_pin(panel, PIN))
    assert [answer.status_code for answer in received] == [422, 202, 503]
    kept = b"".join(path.read_bytes() for path in Path(rig.folder).rglob("*") if path.is_file())
    for pin in (PIN, WRONG):
        assert pin.encode() not in kept
        assert pin not in caplog.text + "".join(answer.text for answer in received)


def test_a_server_that_knows_no_such_route_leaves_it_unjudged(rig: StationRig, panel: TestClient) -> None:
    routes = rig.server.app.router.routes
    routes[:] = [route for route in routes if "/v1/pins" not in str(vars(route))]
    answer = type_pin(panel, PIN)
    assert (answer.status_code, rig.wiring.uplink.state.up) == (503, True)
