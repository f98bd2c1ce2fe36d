"""People at the station's own pages while the line is cut: guessing is slowed, the right one gets in."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from fastapi.testclient import TestClient

from service.identity.people import Role
from tests.station.rig import StationRig

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"


def log_in(browser: TestClient, password: str) -> int:
    """The status of the answer: 303 for who gets in."""
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', browser.get("/login").text)
    return browser.post("/login", data=dict(hidden) | {"name": "wang", "password": password}).status_code


def test_five_hundred_wrong_log_ins_and_the_right_one_still_works(rig: StationRig) -> None:
    rig.wiring.app.state.identity.people.add("wang", PASSWORD, Role.OPERATOR, "S1", "test")
    rig.step()
    rig.cut()
    with TestClient(rig.wiring.app, client=("10.0.0.66", 4711), follow_redirects=False) as guesser:
        received = Counter(log_in(guesser, f"guess {number}") for number in range(500))
        assert received == {401: 5, 429: 495}
        assert log_in(guesser, PASSWORD) == 429, "from the guesser's own address it has to wait"
        other = TestClient(rig.wiring.app, client=("10.0.0.7", 4711), follow_redirects=False)
        assert log_in(other, PASSWORD) == 303
        assert "/station" in other.get("/").text
