"""A driver types a plate, the station confirms it, green, a fuelling and its charge; the service restarts meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from controller.outbound.key_pair import KeyPair
from service.admin.admin import Admin
from service.admin.typed_plates import TypedPlates
from service.app import create_app
from service.identity.guard import Guard
from service.identity.people import Role
from service.identity.signed.devices import Place
from service.server import GracefulServer
from tests.browser.frames import frames_of, record
from tests.browser.pump_lane import draw_clip, running_unit, settings
from tests.service.identity.kit import CHEAP, PLATE
from wire.devices import DeviceKind, EnrolmentRequest
from wire.typed import TypedRule

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "correct horse battery"
POOR = "沪C99999"
WAIT_MS = 40_000
FLOWED = "() => parseFloat(document.querySelector('#litres')?.innerText) > 1"
WIDE = """() => [...document.querySelectorAll('main *')]
  .filter(e => e.checkVisibility() && !e.closest('.scroll:not(:has(.cards))'))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 100))"""
"""What is cut off at the right."""
SIZE = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"


class Service:
    """The balance service on one port, stopped and started again at will."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._url = f"sqlite:///{folder / 'books.sqlite3'}"
        self.port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Any:
        app = create_app(self._url, guard=Guard(hasher=CHEAP))
        options = {"host": "127.0.0.1", "port": self.port, "log_level": "error", "timeout_graceful_shutdown": 1}
        self._server = GracefulServer(uvicorn.Config(app, **options))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until_s = time.monotonic() + 30
        while not self._server.started and time.monotonic() < until_s:
            time.sleep(0.05)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return app

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(30)


@contextmanager
def station(folder: Path) -> Iterator[Service]:
    """A station with a rich and a poor card, its people, and a lane unit's key in lane.pem."""
    service = Service(folder)
    app = service.start()
    admin, identity = Admin(app.state.books, "test"), app.state.identity
    admin.stations.set("S1")
    admin.stations.set_price("S1", "92", 790)
    for card, plate, fen in (("C1", PLATE, 50_000), ("C2", POOR, 100)):
        admin.cards.create(card)
        admin.plates.bind(plate, card)
        admin.money.top_up(card, fen)
    TypedPlates(app.state.books, "test").set_rule("plate", POOR, TypedRule.FREE)
    identity.people.add("pump", PASSWORD, Role.PANEL, "S1", "test", lane="L1")
    identity.people.add("wang", PASSWORD, Role.OPERATOR, "S1", "test")
    code = identity.devices.issue_code(Place(DeviceKind.LANE, "S1", "L1"), "test", replaces=True)
    key = KeyPair.make()
    identity.devices.enrol(EnrolmentRequest(code=code, public_key=key.public_text), "test")
    key.save(folder / "lane.pem")
    try:
        yield service
    finally:
        service.stop()


def log_in(page: Any, url: str, name: str, target: str) -> None:
    page.goto(f"{url}{target}")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("[data-live]")


def picture(page: Any, name: str) -> None:
    """Where GREENLANE_PICTURES names a folder, what the page looks like goes there."""
    folder = os.environ.get("GREENLANE_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / name))


def shows(page: Any, *words: str) -> None:
    for text in words:
        page.wait_for_function("t => document.body.innerText.includes(t)", arg=text, timeout=WAIT_MS)


def type_by_touch(page: Any, plate: str) -> None:
    for sign in plate:
        page.click(f"[data-key='{sign}']:visible")


def lamp(page: Any, colour: str) -> None:
    page.wait_for_selector(f"[data-lamp={colour}]", state="attached", timeout=WAIT_MS)


def test_from_typed_plate_to_charge(chromium: Any, serious: Callable[[Any], list[str]], tmp_path: Path) -> None:
    draw_clip(tmp_path / "lorry.mp4")
    with station(tmp_path) as service:
        made = settings(tmp_path, service.url, tmp_path / "lane.pem", tmp_path / "lorry.mp4")
        touch = chromium.new_context(viewport={"width": 800, "height": 480}, has_touch=True, locale="zh-CN")
        wide = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
        panel, admin = touch.new_page(), wide.new_page()
        errors: list[str] = []
        panel.on("pageerror", lambda error: errors.append(str(error)))
        with running_unit(made) as dispenser:
            log_in(panel, service.url, "pump", "/panel/L1")
            log_in(admin, service.url, "wang", "/station")
            record(panel)
            lamp(panel, "red")
            panel.wait_for_selector("#panel[data-view=keys]", timeout=WAIT_MS)
            shows(panel, "没有看到车牌")
            assert panel.evaluate(SIZE) == [800, 480]
            assert panel.is_disabled("[data-key='I']")
            picture(panel, "panel-provinces.png")
            assert serious(panel) == []
            type_by_touch(panel, POOR)
            picture(panel, "panel-typing.png")
            panel.click("#send")
            shows(panel, "余额不足", "请到收银台充值", "Balance too low")
            picture(panel, "panel-refused.png")
            panel.focus("#open-keys")
            panel.keyboard.press("Enter")
            panel.keyboard.insert_text(PLATE)
            panel.keyboard.press("Enter")
            shows(panel, "等待加油员确认车牌", "The attendant confirms")
            lamp(panel, "red")
            assert panel.evaluate(SIZE) == [800, 480]
            picture(panel, "panel-waiting.png")
            assert serious(panel) == []
            shows(admin, PLATE, "the camera read nothing")
            picture(admin, "station-confirm.png")
            assert serious(admin) == []
            admin.click(".confirm button")
            lamp(panel, "green")
            shows(panel, "可以加油", "限额", "You may refuel")
            picture(panel, "panel-green.png")
            assert serious(panel) == []
            shows(admin, PLATE, "typed", "You may refuel")
            picture(admin, "station-page.png")
            assert serious(admin) == []
            service.stop()
            panel.wait_for_selector("#lost:not([hidden])", timeout=WAIT_MS)
            service.start()
            panel.wait_for_selector("#lost", state="hidden", timeout=WAIT_MS)
            lamp(panel, "green")
            dispenser.lift()
            dispenser.squeeze(60.0)
            shows(panel, "正在加油")
            panel.wait_for_function(FLOWED, timeout=WAIT_MS)
            picture(panel, "panel-fuelling.png")
            dispenser.hang()
            panel.wait_for_selector("#charged", timeout=WAIT_MS)
            assert panel.inner_text("#price") == "7.90"
            paid_fen, left_fen = (round(float(panel.inner_text(name)) * 100) for name in ("#charged", "#balance"))
            assert paid_fen + left_fen == 50_000
            assert abs(float(panel.inner_text("#litres")) * 790 - paid_fen) < 8
            picture(panel, "panel-charged.png")
            shows(admin, "frame to lamp")
            admin.set_viewport_size({"width": 390, "height": 844})
            assert admin.evaluate(WIDE) == []
            picture(admin, "station-phone.png")
            admin.click("text=frame to lamp")
            assert admin.evaluate(WIDE) == []
            picture(admin, "visit-phone.png")
            admin.set_viewport_size({"width": 1280, "height": 900})
            shows(admin, "From frame to lamp", "Charged", "nozzle lifted")
            picture(admin, "visit-page.png")
            assert serious(admin) == []
            assert [frame for frame in frames_of(panel) if len(frame.states) != 1] == []
        assert errors == []
