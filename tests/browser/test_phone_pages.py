"""The phone's page in Chromium: pairing with a key of the browser's own, then what its person may see and do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.payers.charging import Charging
from service.payers.periods import Hours
from service.payers.phones import Phones
from service.payers.rules import NewBinding, PlatePayers
from service.reports.audit import audit
from service.server import running
from tests.service.identity.kit import House
from tests.service.phone.kit import PLATE, fuel

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_MS = 20_000
NARROW = {"width": 390, "height": 844}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """At ten seconds to eight in the morning at the pump; the clock is moved by the test alone."""
    made = House(tmp_path)
    made.clock.moment = datetime.fromisoformat("2026-05-04T07:59:50+08:00")
    return made


@pytest.fixture
def app(house: House) -> Any:
    return house.app


@pytest.fixture
def served(app: Any) -> Iterator[str]:
    with running(app) as url:
        yield url


def open_phone(chromium: Any, house: House, url: str, **options: Any) -> Any:
    """A page in a browser of its own, as a phone has it, by the same clock as the service."""
    page = chromium.new_context(viewport=NARROW, locale="zh-CN", **options).new_page()
    page.set_default_timeout(WAIT_MS)
    page.clock.set_fixed_time(house.clock.moment)
    page.goto(url)
    return page


def picture(page: Any, name: str) -> None:
    """Where GREENLANE_PICTURES names a folder, the page goes there as a phone and as a desk show it."""
    folder = os.environ.get("GREENLANE_PICTURES")
    for size in (NARROW, {"width": 1280, "height": 800}):
        page.set_viewport_size(size)
        assert page.evaluate(FITS), (name, size)
        if folder:
            page.screenshot(path=str(Path(folder) / f"{name}-{size['width']}.png"))
    page.set_viewport_size(NARROW)


def pair(page: Any, name: str) -> None:
    """Agree and pair with the code that the link has filled in."""
    page.wait_for_selector("#pairing:not([hidden])")
    page.check("#consent")
    page.click("#pair button")
    page.wait_for_function("t => document.querySelector('#name')?.textContent === t", arg=name)


def test_pairing_by_link_and_a_key_that_cannot_leave(
    chromium: Any, serious: Callable[[Any], list[str]], house: House, served: str
) -> None:
    phones = Phones(house.app.state.books, "test")
    code = phones.add("陈师傅").code
    phones.top_up("陈师傅", 50_000)
    page = open_phone(chromium, house, f"{served}/phone#{code}")
    page.wait_for_selector("#pairing:not([hidden])")
    assert page.input_value("#code") == code
    picture(page, "phone-pairing")
    assert serious(page) == []
    page.click("#pair button")
    page.wait_for_selector("#wrong:not([hidden])")
    pair(page, "陈师傅")
    assert page.evaluate("location.hash") == "", "the code does not stay in the address"
    assert "¥500.00" in page.inner_text("#balance")
    assert serious(page) == []
    stolen = page.evaluate(
        """async () => {
          const {load} = await import("/static/phone-key.js");
          const {keys} = await load();
          return crypto.subtle.exportKey("pkcs8", keys.privateKey).then(() => "given away", (e) => e.name);
        }"""
    )
    assert stolen == "InvalidAccessError"
    second = open_phone(chromium, house, f"{served}/phone")
    second.fill("#code", code)
    second.check("#consent")
    second.click("#pair button")
    second.wait_for_selector("#wrong:not([hidden])")
    assert "配对码有误" in second.inner_text("#wrong")
    phones.revoke("陈师傅")
    page.reload()
    page.wait_for_selector("#pairing:not([hidden])")
    assert "本手机的配对已失效" in page.inner_text("#wrong")


def test_without_a_secure_line_the_page_says_what_is_needed(chromium: Any, house: House, served: str) -> None:
    page = open_phone(chromium, house, served.replace("127.0.0.1", "plain.test") + "/phone")
    page.wait_for_selector("#insecure:not([hidden])")
    assert "https" in page.inner_text("#insecure")
    assert page.is_hidden("#pairing")


def driver(chromium: Any, house: House, served: str, name: str, hours: str) -> Any:
    """The paired phone of a person with 500 yuan and hours on the plate."""
    phones = Phones(house.app.state.books, "test")
    code = phones.add(name).code
    phones.top_up(name, 50_000)
    PlatePayers(house.app.state.books, "test").set(PLATE, name, NewBinding(hours=Hours.parse(hours)))
    page = open_phone(chromium, house, f"{served}/phone#{code}")
    pair(page, name)
    return page


def test_a_vehicle_fuels_at_two_sides_of_eight_and_two_phones_pay(
    chromium: Any, serious: Callable[[Any], list[str]], house: House, served: str
) -> None:
    chen, wu = driver(chromium, house, served, "陈", "0-8"), driver(chromium, house, served, "吴", "8-16")
    eight = house.clock.moment + timedelta(seconds=10)
    for second, amount_fen in ((-10, 7_900), (10, 11_850)):
        house.clock.moment = eight + timedelta(seconds=60 + second)
        fuel(house, amount_fen, lane="L1")
    for page, own, others in ((chen, "¥79.00", "¥118.50"), (wu, "¥118.50", "¥79.00")):
        page.clock.set_fixed_time(house.clock.moment)
        page.reload()
        page.wait_for_selector(".bill")
        text = page.inner_text("#charges")
        assert own in text
        assert others not in text
        assert page.locator(".bill").count() == 1
        assert "待支付" in text
        assert "To be paid" in text
        assert "已支付" not in text
    assert "2026-05-04 07:59:50" in chen.inner_text("#charges")
    assert "2026-05-04 08:00:10" in wu.inner_text("#charges")
    picture(chen, "phone-bills")
    assert serious(chen) == []
    theirs = wu.get_attribute(".bill", "href")
    for page in (chen, wu):
        page.click(".bill")
        page.wait_for_selector("[data-say=pay]:visible")
    picture(wu, "phone-bill")
    assert serious(wu) == []
    for page in (chen, wu):
        page.click("[data-say=pay]")
        page.wait_for_selector("#done:visible")
        page.wait_for_selector(".tag[data-state=paid]")
    chen.goto(f"{served}{theirs}")
    chen.wait_for_selector("#wrong:visible")
    assert "118" not in chen.inner_text("main")
    wu.click("[data-receipt]")
    wu.wait_for_selector(".receipt:visible")
    receipt = wu.inner_text(".receipt")
    for words in ("¥118.50", "15.00 L", "¥7.90 / L", "已支付", "不是发票", "no tax invoice"):
        assert words in receipt
    picture(wu, "phone-receipt")
    assert serious(wu) == []
    books = house.app.state.books
    assert [(c.phone, c.amount_fen, c.state) for c in Charging(books).list()] == [
        ("陈", 7_900, "paid"),
        ("吴", 11_850, "paid"),
    ]
    found = {person.name: person.balance_fen for person in Phones(books, "test").list()}
    assert found == {"陈": 50_000 - 7_900, "吴": 50_000 - 11_850}
    assert audit(books.database).findings == ()
