"""A walk through `greenlane demo --live` in Chromium: every page by its click, the lamp, a top-up, a paying phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.living.served import LiveDemo, short_clip

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_MS = 120_000
DESK, PUMP, PHONE = (1280, 800), (800, 480), (390, 844)
FITS = "document.documentElement.scrollWidth <= innerWidth"
PICTURES = os.environ.get("GREENLANE_PICTURES", "")
"""A folder for the tour's pictures; the whole bundled clip is played then, else the two vehicles that refuel."""


class Tour:
    """One visitor: all pages in one browser, each with its own log-in."""

    def __init__(self, chromium: Any, demo: LiveDemo) -> None:
        self._context = chromium.new_context(locale="en-GB")
        self._demo = demo

    def open(self, size: tuple[int, int], name: str) -> Any:
        """The page behind a tile of the start page, in a tab of that size."""
        page = self._context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(self._demo.start)
        if name != "start":
            target = page.get_attribute(f'a[href$="/{name}"]', "href")
            page.goto(target)
        return page

    def picture(self, page: Any, name: str) -> None:
        assert page.evaluate(FITS), name
        if PICTURES:
            page.screenshot(path=str(Path(PICTURES) / f"demo-{name}.png"))


def test_a_visitor_walks_through_the_living_system(chromium: Any, tmp_path: Path) -> None:
    options = () if PICTURES else ("--clip", str(short_clip(tmp_path / "clip.avi")))
    with LiveDemo(tmp_path, *options) as demo:
        demo.wait_for("Ctrl-C ends it")
        tour = Tour(chromium, demo)
        panel = tour.open(PUMP, "panel")
        phone = tour.open(PHONE, "phone")
        phone.check("#consent")
        phone.click("#pair button")
        phone.wait_for_selector("#pairing", state="hidden")
        tour.picture(tour.open(DESK, "start"), "1-start")
        panel.bring_to_front()
        panel.wait_for_selector(".screen[data-state=green]")
        tour.picture(panel, "2-panel-green")
        panel.wait_for_selector("#litres")
        panel.wait_for_function("() => parseFloat(document.querySelector('#litres')?.innerText) > 0.5")
        tour.picture(panel, "3-panel-fuelling")
        counter = tour.open(PHONE, "counter")
        counter.fill("#q", "苏E6T308")
        counter.keyboard.press("Enter")
        counter.wait_for_selector(".plate-drawn.blue")
        tour.picture(counter, "4-counter")
        phone.wait_for_selector(".bill")
        tour.picture(phone, "5-phone-bills")
        station = tour.open(PHONE, "station")
        station.wait_for_selector(".plate-drawn")
        tour.picture(station, "6-station")
        office = tour.open(DESK, "office")
        office.wait_for_selector("[data-day] ~ text")
        assert int(office.get_attribute("#amount", "data-fen")) > 0
        tour.picture(office, "7-office")
        fleet = tour.open(DESK, "fleet")
        fleet.wait_for_selector(".plate-drawn")
        tour.picture(fleet, "8-fleet")
        assert demo.interrupt(60)[0] == 0, demo.text
