"""On every page with a menu one entry is lit: the page's own, or the one below which it lies."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

from fastapi.testclient import TestClient

from service.counter.till import FORM
from service.identity.tabs import tab_of
from tests.service.conftest import migrated_file, sqlite_url  # noqa: F401 - fixtures
from tests.service.identity.kit import ServiceRig
from tests.service.pages.readable import look, pages
from tests.service.pages.test_page_languages import busy, opened

MENU = re.compile(r"<nav\b.*?</nav>", re.DOTALL)
LINK = re.compile(r'href="(/[^"#]*)"')
NOWHERE = {"/phone/data", "/login"}
"""No entry leads there."""
ASKED = (
    "/office/prices/change?station=S1&product=92&yuan=7.77",
    "/counter/top-up?station=S1&card=C1&yuan=5&form=a-form-of-this-test",
    f"/counter/receipt?station=S1&key={quote(FORM)}form-op-up-of-this-test",
)


def test_on_every_page_one_entry_of_each_menu_is_lit(sqlite_url: str, tmp_path: Path) -> None:  # noqa: F811 - its value
    rig = ServiceRig(tmp_path, url=sqlite_url)
    lit: dict[str, list[int]] = {}
    with TestClient(rig.app) as browser:
        kinds = pages(rig.app, busy(rig, browser))
        for name in ("zhao", "mei", "nobody"):
            client, seen = opened(rig.app, name), set(lit)
            ahead = [*ASKED, *(f"{path}?station=S1&card=C1" for path in kinds)]
            for address in ahead:
                path = address.partition("?")[0]
                if path in seen or (answer := look(client, address, "en")).status_code != 200:
                    continue
                seen.add(path)
                if menus := MENU.findall(answer.text):
                    lit[path] = [menu.count("aria-current=") for menu in menus]
                links = (unescape(link) for link in LINK.findall(answer.text))
                ahead += [link for link in links if link not in ahead and link.partition("?")[0] not in seen]
    looked_at = {path for path in kinds if path.startswith(("/counter", "/office", "/station", "/fleet"))}
    assert {path for path in looked_at - set(lit) if not path.endswith("/view")} == set(), "nobody looked at it"
    assert {path: counts for path, counts in lit.items() if path not in NOWHERE and set(counts) != {1}} == {}


def test_the_nearest_entry_is_the_page_s() -> None:
    tabs = ["/", "/office", "/office/prices", "/fleet"]
    assert [tab_of(path, tabs) for path in ("/", "/office", "/office/prices/change", "/officers", "/panel/L1")] == [
        "/",
        "/office",
        "/office/prices",
        None,
        None,
    ]
