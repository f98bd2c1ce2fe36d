"""Each state of the panel on a 7-inch screen: large enough from two metres, nothing cut off, readable colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from service.admin.admin import Admin
from service.app import create_app
from service.identity.guard import Guard
from service.identity.people import Role
from tests.browser.test_panel_and_station import PASSWORD, log_in, picture
from tests.service.identity.kit import CHEAP, lane_status
from tests.service.identity.served import Served
from wire.reasons import Reason

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCREENS_MM = {(800, 480): 177.8, (1280, 800): 177.8}
"""Pixels -> the diagonal of the screen, 7 inches."""
SIZES = ((1280, 800), (390, 844), (800, 480))
LEAST_MM = 11.6
"""20 minutes of arc at two metres."""
RED = {"phase": "red", "lamp": "red", "limit_fen": None}
NOBODY = {"visit": None, "plate": None, "limit_fen": None}
DONE = {**RED, "reason": "visit_over", "metered_ml": 24_180, "metered_fen": 19_102, "unit_price_fen_per_l": 790}
STATES: dict[str, dict[str, Any]] = {
    "waiting": {"phase": "empty", "lamp": "off", "reason": "visit_over", **NOBODY},
    "reading": {"phase": "reading", "lamp": "red", "reason": "no_plate", "plate": None, "limit_fen": None},
    "asking": {"phase": "asking", "lamp": "red", "reason": "no_plate", "limit_fen": None},
    "green": {},
    "fuelling": {"phase": "fuelling", "volume_ml": 24_180, "amount_fen": 19_102, "unit_price_fen_per_l": 790},
    "charged": {**DONE, "charged_fen": 19_102, "balance_fen": 180_898},
    "by-phone": {**DONE, "charged_fen": 19_102, "by_phone": True, "plate": "粤BD12345"},
    "much": {"phase": "fuelling", "volume_ml": 1_265_819, "amount_fen": 999_999, "unit_price_fen_per_l": 1090},
    "below-preset": {**RED, "reason": "below_preset"},
    "camera-lost": {"phase": "empty", "lamp": "red", "reason": "camera_lost", "camera": "camera_lost", **NOBODY},
    "line-cut": {**RED, "reason": "service_fault"},
    "unsure": {**RED, "reason": "unsure", "plate": None},
    "pin": {**RED, "reason": "pin_needed", "typed": True},
}
SMALL = """() => [...document.querySelectorAll('.screen *, .hint *')]
  .filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .filter(e => e.getBoundingClientRect().width > 1)
  .map(e => [e.textContent.trim(), parseFloat(getComputedStyle(e).fontSize)])"""
OUTSIDE = """() => [...document.querySelectorAll('#panel *')]
  .filter(e => e.checkVisibility() && !e.closest('.sr-only'))
  .filter(e => { const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    return r.right > innerWidth + 0.5 || r.bottom > innerHeight + 0.5 || r.left < -0.5 || r.top < -0.5
      || (s.overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1) || e.scrollHeight > innerHeight })
  .map(e => e.outerHTML.slice(0, 120))"""


@contextmanager
def panel_at(folder: Path) -> Iterator[str]:
    """A service whose lane L1 tells what a test says."""
    books = f"sqlite:///{folder / 'books.sqlite3'}"
    app = create_app(books, guard=Guard(hasher=CHEAP))
    Admin(app.state.books, "test").stations.set("S1")
    app.state.identity.people.add("pump", PASSWORD, Role.PANEL, "S1", "test", lane="L1")
    app.state.books.database.close()
    with Served(books, "--allow-unsigned") as port:
        yield f"http://127.0.0.1:{port}"


def tell(url: str, changes: dict[str, Any]) -> None:
    body = lane_status() | changes | {"at": "2020-01-01T00:00:00Z"}
    assert requests.post(f"{url}/v1/lane-status", json=body, timeout=30).status_code == 204


def look_at(page: Any, url: str, changes: dict[str, Any]) -> None:
    """The panel shows what the lane tells now; the keyboard of a state before is shut."""
    tell(url, changes)
    page.evaluate("() => greenlaneRefresh()")


def faults(page: Any, size: tuple[int, int], name: str) -> list[str]:
    """What is too small or cut off."""
    width, height = size
    found = [f"{name} {size}: outside {e}" for e in page.evaluate(OUTSIDE)]
    if size in SCREENS_MM:
        mm = SCREENS_MM[size] / (width**2 + height**2) ** 0.5
        texts = page.evaluate(SMALL)
        assert texts, name
        found += [f"{name} {size}: {text} is {px * mm:.1f} mm" for text, px in texts if px * mm < LEAST_MM]
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_fills_the_screen_and_is_read_from_two_metres(
    chromium: Any, serious: Callable[[Any], list[str]], tmp_path: Path, scheme: str
) -> None:
    found: list[str] = []
    with panel_at(tmp_path) as url:
        page = chromium.new_context(color_scheme=scheme, locale="zh-CN").new_page()
        log_in(page, url, "pump", "/panel/L1")
        for name, changes in STATES.items():
            look_at(page, url, changes)
            for size in SIZES if scheme == "light" else ((800, 480),):
                page.set_viewport_size({"width": size[0], "height": size[1]})
                found += faults(page, size, name)
                if size != (1280, 800):
                    picture(page, f"panel-{name}-{size[0]}{'-dark' if scheme == 'dark' else ''}.png")
            found += [f"{name}: {fault}" for fault in serious(page)]
    assert not found, "\n".join(found)


def test_every_reason_fits(chromium: Any, tmp_path: Path) -> None:
    found: list[str] = []
    with panel_at(tmp_path) as url:
        page = chromium.new_context(viewport={"width": 800, "height": 480}).new_page()
        log_in(page, url, "pump", "/panel/L1")
        for reason in Reason:
            look_at(page, url, {**RED, "reason": reason.value, "plate": "粤BD12345"})
            found += faults(page, (800, 480), reason.value)
    assert not found, "\n".join(found)


def test_a_panel_logs_in_without_a_keyboard_of_its_own(
    chromium: Any, serious: Callable[[Any], list[str]], tmp_path: Path
) -> None:
    with panel_at(tmp_path) as url:
        page = chromium.new_context(viewport={"width": 800, "height": 480}, has_touch=True).new_page()
        page.goto(f"{url}/panel/L1")
        box = page.locator(".screen-keyboard").bounding_box()
        button = page.locator("form button[type=submit]").bounding_box()
        assert button["y"] + button["height"] <= box["y"], "the button lies under the keyboard"
        assert serious(page) == []
        for field, text in (("#name", "pump"), ("#password", "Panel-9 x")):
            page.tap(field)
            for key in text:
                if key.isupper():
                    page.tap(".screen-keyboard >> text=⇧")
                page.tap(".screen-keyboard >> text=␣" if key == " " else f".screen-keyboard button:text-is('{key}')")
                if key.isupper():
                    page.tap(".screen-keyboard >> text=⇧")
        assert page.input_value("#password") == "Panel-9 x"
        picture(page, "panel-login-800.png")
        page.tap(".screen-keyboard >> text=⌫")
        assert page.input_value("#password") == "Panel-9 "
        page.fill("#password", PASSWORD)
        page.tap("form button[type=submit]")
        page.wait_for_selector("[data-live]")
        page.goto(f"{url}/login?next=/station")
        assert page.locator(".screen-keyboard").count() == 0
