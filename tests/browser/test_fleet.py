"""The fleet's pages in Chromium: nothing scrolls sideways at 390 and 1280 px, and axe finds nothing serious."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from service.server import running
from tests.browser.test_panel_and_station import picture
from tests.service.conftest import migrated_file  # noqa: F401 - a fixture
from tests.service.conftest import sqlite_url as database_url  # noqa: F401 - a fixture
from tests.service.fleet.conftest import OWN, Fleets, fleets  # noqa: F401 - a fixture
from tests.service.fleet.test_fleet_owner import driver, wish
from tests.service.identity.test_pages import PASSWORD
from tests.service.mileage.conftest import admin  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = {
    "fleet": "/fleet",
    "hours": "/fleet/hours",
    "exceptions": "/fleet/exceptions",
    "vehicle": f"/fleet/vehicles/{quote(OWN)}",
}

PICTURED = {
    ("hours", 1280): "fleet-hours.png",
    ("vehicle", 390): "fleet-phone.png",
    ("vehicle", 1280): "fleet-vehicle.png",
}
"""Those that docs/ show."""


def test_the_pages_fit_a_phone_and_a_desk(
    chromium: Any,
    serious: Callable[[Any], list[str]],
    fleets: Fleets,  # noqa: F811 - the fixture's value
) -> None:
    fleets.admin("payer", "owner", OWN, "--fleet", "Wang")
    fleets.admin("payer", "rule", OWN, "phone")
    driver(fleets, "吴师傅")
    fleets.admin("payer", "set", OWN, "吴师傅", "--hours", "14-22")
    wish(driver(fleets, "陈师傅"), OWN)
    with running(fleets.rig.app) as url:
        context = chromium.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.goto(f"{url}/login?next=/fleet")
        page.fill("#name", "mei")
        page.fill("#password", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url("**/fleet")
        for width, height in ((390, 844), (1280, 900)):
            page.set_viewport_size({"width": width, "height": height})
            for name, path in PAGES.items():
                page.goto(url + path)
                assert OWN in page.inner_text("main")
                wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
                assert wide <= 0, f"{name} at {width} px is {wide} px too wide"
                assert serious(page) == [], f"{name} at {width} px"
                if (name, width) in PICTURED:
                    page.goto(url + path)
                    picture(page, PICTURED[name, width])
        drawn = page.eval_on_selector(".drawing .track", "e => getComputedStyle(e).stroke")
        assert drawn != "none", "the page's own policy must not keep its style away"
