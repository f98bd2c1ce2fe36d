"""The station page stays live while somebody writes on it, and an order given there reaches the trail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.identity.people import Role
from service.server import running
from tests.service.identity.kit import ServiceRig, lane_status
from tests.service.identity.test_pages import PASSWORD
from tests.service.station.test_station import PARKED
from wire.codec import decode
from wire.live import LaneStatus, OrderKind

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def has(words: str) -> str:
    return f"() => document.body.innerText.includes({words!r})"


def test_what_is_being_written_survives_a_refresh(
    chromium: Any, serious: Callable[[Any], list[str]], tmp_path: Path
) -> None:
    rig = ServiceRig(tmp_path)
    rig.identity.people.add("wang", PASSWORD, Role.OPERATOR, "S1", "test")
    store = rig.app.state.station
    store.lanes.take([decode(LaneStatus, lane_status() | {"parked": [PARKED]})])
    with running(rig.app) as url:
        page = chromium.new_context(locale="en-GB", color_scheme="dark").new_page()
        page.goto(f"{url}/station")
        page.fill("#name", "wang")
        page.fill("#password", PASSWORD)
        page.click("button[type=submit]")
        page.click("#why-L1-5")
        page.keyboard.type("counted tw")
        rig.clock.move(1)
        flowing = lane_status(number=900) | {"parked": [PARKED], "volume_ml": 1230, "amount_fen": 972}
        store.lanes.take([decode(LaneStatus, flowing)])
        page.wait_for_function(has("1.23 L"), timeout=20_000)
        page.keyboard.type("ice")
        assert page.input_value("#why-L1-5") == "counted twice"
        assert serious(page) == []
        page.click("button.danger")
        page.wait_for_function(has("The lane has been told"), timeout=20_000)
        (order,) = store.orders.last("S1", "L1", OrderKind.DISCARD)
        assert (order.order.by, order.order.why) == ("wang", "counted twice")
