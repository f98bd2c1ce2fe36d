"""The phone's page in Chromium: pairing with a key of the browser's own, then what its person may see and do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.admin import Desk
from service.app import create_app
from service.identity.mount import Guard
from service.payers.phones import Phones
from service.server import running
from tests.service.identity.kit import CHEAP

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_MS = 20_000
NARROW = {"width": 390, "height": 844}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def app(tmp_path: Path) -> Any:
    made = create_app(f"sqlite:///{tmp_path / 'books.sqlite3'}", guard=Guard(hasher=CHEAP))
    desk = Desk(made.state.books, "test")
    desk.set_station("S1")
    desk.set_price("S1", "92", 790)
    return made


@pytest.fixture
def served(app: Any) -> Iterator[str]:
    with running(app) as url:
        yield url


def open_phone(chromium: Any, url: str, target: str = "/phone", **options: Any) -> Any:
    """A page in a browser of its own, as a phone has it; script errors fail the test at its end."""
    page = chromium.new_context(viewport=NARROW, locale="zh-CN", **options).new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{url}{target}")
    return page


def pair(page: Any, name: str) -> None:
    """Agree and pair with the code that the link has filled in."""
    page.wait_for_selector("#pairing:not([hidden])")
    page.check("#consent")
    page.click("#pair button")
    page.wait_for_function("t => document.querySelector('#name')?.textContent === t", arg=name)


def test_pairing_by_link_and_a_key_that_cannot_leave(
    chromium: Any, serious: Callable[[Any], list[str]], app: Any, served: str
) -> None:
    phones = Phones(app.state.books, "test")
    code = phones.add("陈师傅").code
    phones.top_up("陈师傅", 50_000)
    page = open_phone(chromium, served, f"/phone#{code}")
    page.wait_for_selector("#pairing:not([hidden])")
    assert page.input_value("#code") == code
    assert page.evaluate(FITS)
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
    second = open_phone(chromium, served)
    second.fill("#code", code)
    second.check("#consent")
    second.click("#pair button")
    second.wait_for_selector("#wrong:not([hidden])")
    assert "配对码有误" in second.inner_text("#wrong")
    phones.revoke("陈师傅")
    page.reload()
    page.wait_for_selector("#pairing:not([hidden])")
    assert "本手机的配对已失效" in page.inner_text("#wrong")


def test_without_a_secure_line_the_page_says_what_is_needed(chromium: Any, served: str) -> None:
    page = open_phone(chromium, served.replace("127.0.0.1", "plain.test"))
    page.wait_for_selector("#insecure:not([hidden])")
    assert "https" in page.inner_text("#insecure")
    assert page.is_hidden("#pairing")
