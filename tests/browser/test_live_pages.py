"""An open page lives by what it is told: it fetches nothing while nothing changes, and covers its lamp in silence."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import requests

from service.admin.admin import Admin
from service.app import create_app
from service.identity.guard import Guard
from service.identity.people import Role
from tests.browser.test_panel_and_station import PASSWORD, WAIT_MS, lamp, log_in
from tests.service.identity.kit import CHEAP, lane_status
from tests.service.identity.served import Served
from tests.standstill import Standstill

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def report(url: str, lane: str = "L1", **changes: Any) -> None:
    body = lane_status(lane=lane, **changes) | {"at": "2020-01-01T00:00:00Z"}
    assert requests.post(f"{url}/v1/lane-status", json=body, timeout=30).status_code == 204


def test_a_quiet_page_fetches_nothing_and_a_silent_line_covers_it(chromium: Any, tmp_path: Path) -> None:
    books = f"sqlite:///{tmp_path / 'books.sqlite3'}"
    app = create_app(books, guard=Guard(hasher=CHEAP))
    Admin(app.state.books, "test").stations.set("S1")
    app.state.identity.people.add("pump", PASSWORD, Role.PANEL, "S1", "test", lane="L1")
    app.state.books.database.close()
    served = Served(books, "--allow-unsigned")
    with served as port:
        url = f"http://127.0.0.1:{port}"
        report(url)
        page = chromium.new_context(viewport={"width": 800, "height": 480}).new_page()
        log_in(page, url, "pump", "/panel/L1")
        lamp(page, "green")
        fetched: list[str] = []
        page.on("request", lambda request: fetched.append(request.url) if "/view" in request.url else None)
        page.wait_for_timeout(9000)
        assert len(fetched) <= 1, "the first event alone makes a page fetch"
        assert page.is_hidden("#lost")
        report(url, lane="L2")
        page.wait_for_timeout(1500)
        assert len(fetched) <= 1, "another lane is not this panel's business"
        report(url, phase="fuelling", volume_ml=1500, amount_fen=1185)
        page.wait_for_selector("#litres", timeout=WAIT_MS)
        os.kill(served._process.pid, signal.SIGSTOP)
        with Standstill() as still:
            page.wait_for_selector("#lost:not([hidden])", timeout=WAIT_MS)
            assert still.took_s < 11, "a fetch that hangs for 8 s is not waited for"
        os.kill(served._process.pid, signal.SIGCONT)
        page.wait_for_selector("#lost", state="hidden", timeout=WAIT_MS)
        lamp(page, "green")
