"""A panel that needs no person: it enrols by a code, comes in by its own key, and is out when its device is revoked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from greenlane.cli import main
from service.server import running
from tests.browser.test_panel_and_station import picture
from tests.browser.test_panel_screens import OUTSIDE, panel_at, tell
from tests.service.conftest import migrated_file
from tests.station.conftest import prepared
from tests.station.rig import StationRig

__all__ = ["migrated_file"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
SCREEN = {"width": 800, "height": 480}
PATIENCE_MS = 40_000
KEPT = """() => new Promise((done) => {
  const opening = indexedDB.open("greenlane-panel", 1);
  opening.onsuccess = () => {
    const asked = opening.result.transaction("own").objectStore("own").get("key");
    asked.onsuccess = async () => {
      const {privateKey} = asked.result.keys;
      const told = await crypto.subtle.exportKey("pkcs8", privateKey).catch((error) => error.name);
      done([privateKey.algorithm.name, privateKey.extractable, told]);
    };
  };
})"""


class AdminCommand:
    """`greenlane admin` as it is typed, on one database."""

    def __init__(self, database: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._database, self._capsys = database, capsys

    def say(self, *words: str) -> Any:
        self._capsys.readouterr()
        assert main(["admin", *words, "--database", self._database, "--json"]) == 0
        return json.loads(self._capsys.readouterr().out)

    def code(self, kind: str = "panel") -> str:
        return str(self.say("enrol", "--kind", kind, "--station", "S1", "--lane", "L1")["code"])

    def panels(self) -> list[str]:
        return [d["id"] for d in self.say("device", "list") if d["place"]["kind"] == "panel" and not d["revoked_at"]]


@contextmanager
def page_of(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport=SCREEN, has_touch=True, locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def test_a_panel_lives_without_a_person(
    chromium: Any, serious: Callable[[Any], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office = AdminCommand(f"sqlite:///{tmp_path / 'books.sqlite3'}", capsys)
    with panel_at(tmp_path) as url, page_of(chromium) as page:
        wrong, code = office.code("lane"), office.code()
        page.goto(f"{url}/panel")
        page.wait_for_selector(".screen-keyboard")
        picture(page, "panel-enrol-800.png")
        for key in wrong:
            page.tap(f".screen-keyboard button:text-is('{key.lower()}')")
        page.tap("#enrol button[type=submit]")
        page.wait_for_selector("#notice[data-name=code]")
        assert page.evaluate(OUTSIDE.replace("#panel", "main")) == []
        assert serious(page) == []
        page.emulate_media(color_scheme="dark")
        assert serious(page) == []
        page.emulate_media(color_scheme="light")
        page.focus("#code")
        page.keyboard.press("Control+A")
        page.keyboard.type(code)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{url}/panel/L1")
        assert page.evaluate(KEPT) == ["Ed25519", False, "InvalidAccessError"]
        tell(url, {})
        page.wait_for_selector(".screen[data-state=green]")
        assert page.request.get(f"{url}/panel/L2").status == 403
        comes_back_by_its_key(page, url)
        tell(url, {"phase": "red", "lamp": "red", "reason": "unsure", "plate": None, "limit_fen": None})
        page.wait_for_selector("#panel[data-view=keys]")
        page.fill("#plate", "粤B12345")
        page.click("#send")
        page.wait_for_selector("#panel[data-view=screen]")
        (device,) = office.panels()
        deeds = [(deed["actor"], deed["action"]) for deed in office.say("trail")]
        assert (f"device:{device}", "login") in deeds
        office.say("device", "revoke", device)
        assert page.request.get(f"{url}/panel/L1/view", headers={"Accept": "application/json"}).status == 401
        page.wait_for_selector("#notice[data-name=revoked]")
        page.goto("about:blank")
        page.goto(f"{url}/panel#{office.code()}")
        page.wait_for_url(f"{url}/panel/L1")


def comes_back_by_its_key(page: Any, url: str) -> None:
    """A browser that has lost its session, at the address that the kiosk starts and at the open panel's own."""
    for path in ("/panel", "/panel/L1"):
        page.context.clear_cookies()
        page.goto(f"{url}{path}")
        page.wait_for_url(f"{url}/panel/L1")
        page.wait_for_selector(".screen[data-state=green]")


def test_behind_a_stations_central_control_with_its_line_cut(
    chromium: Any, migrated_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StationRig(prepared(migrated_file, tmp_path)).open() as rig:
        rig.clock.moment = datetime.now(UTC)
        rig.step(0)
        office = AdminCommand(rig.server.url, capsys)
        with running(rig.wiring.app) as url, page_of(chromium) as page:
            page.goto(f"{url}/panel#{office.code()}")
            page.wait_for_url(f"{url}/panel/L1")
            page.wait_for_selector("[data-live]")
            rig.cut()
            page.context.clear_cookies()
            page.goto(f"{url}/panel")
            page.wait_for_url(f"{url}/panel/L1")
            rig.mend()
            (device,) = office.panels()
            office.say("device", "revoke", device)
            rig.wiring.sync._fetch_keys(25.0)
            page.wait_for_selector("#notice[data-name=revoked]")
