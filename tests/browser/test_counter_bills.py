"""A fuelling that card and phone paid goes back at the counter in Chromium: one person asks, another confirms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.admin.admin import Admin
from service.identity.people import Role
from service.payer_rules.periods import Rule
from tests.browser.test_counter import SIZES, Station, fits, station
from tests.browser.test_panel_and_station import PASSWORD, picture
from tests.service.identity.kit import START
from tests.service.payers.test_refunds import combined
from tests.service.world import ManualClock, World
from wire.payers import PhoneWord

pytestmark = pytest.mark.browser
__all__ = ["station"]


def enter(chromium: Any, station: Station, name: str, target: str) -> Any:
    """A page of a person who has logged in."""
    page = chromium.new_context(viewport=SIZES["till"], locale="zh-CN").new_page()
    page.goto(station.url + target)
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    return page


def looked_at(page: Any, serious: Callable[[Any], list[str]], name: str) -> None:
    """On both screens, by axe, and for the handbook."""
    for width, size in ((1280, "till"), (390, "phone")):
        page.set_viewport_size(SIZES[size])
        fits(page)
        assert serious(page) == [], (name, width)
        picture(page, f"counter-{name}-{width}.png")
    page.set_viewport_size(SIZES["till"])


def test_a_bill_goes_back_in_reverse_and_with_a_second_person(
    chromium: Any, serious: Callable[[Any], list[str]], station: Station
) -> None:
    """60 yuan of the card, 40 of the phone's hold, 20 beyond both: 80 go back."""
    Admin(station.books, "test").stations.set("S1", second_person_fen=5_000)
    world = World(station.books.database, ManualClock(START))
    it = combined(world, Rule.CARD_THEN_PHONE, 12_000)
    held, beyond = it.charges()
    for name in ("wang", "sun"):
        station.people.add(name, PASSWORD, Role.OPERATOR, "S1", "test")
    wang = enter(chromium, station, "wang", "/office/bills?station=S1")
    wang.fill("#plate", "粤B·10001")
    wang.keyboard.press("Enter")
    wang.wait_for_selector(f"[data-bill='{held}']")
    looked_at(wang, serious, "bills")
    wang.click(f"[data-bill='{held}'] a")
    wang.wait_for_selector(".shares")
    assert wang.input_value("#yuan") == "60.00"
    assert wang.eval_on_selector_all("[data-share]", "all => all.map(one => one.dataset.share)") == [
        it.card,
        held,
        beyond,
    ]
    looked_at(wang, serious, "bill")
    wang.fill("#yuan", "80")
    wang.fill("#note", "跳枪后多扣")
    wang.click("button.danger:has-text('退款')")
    wang.wait_for_selector("[data-state=waiting]")
    assert it.paid() == (6_000, 6_000)
    sun = enter(chromium, station, "sun", "/office/requests?station=S1")
    sun.click("button.primary:has-text('确认')")
    sun.wait_for_selector("[data-state=confirmed]")
    assert it.paid() == (4_000, 0)
    wang.goto(f"{station.url}/office/bill?station=S1&bill={held}")
    backs = wang.eval_on_selector_all("[data-share]", "all => all.map(one => Number(one.dataset.back))")
    assert backs == [2_000, 4_000, 2_000]
    listed = station.admin("charge", "list", "--phone", it.name)
    assert [one["state"] for one in listed] == ["refunded", "refunded"]
    assert station.admin("audit")["clean"]


def test_a_dispute_ends_where_the_bill_is_opened(
    chromium: Any, serious: Callable[[Any], list[str]], station: Station
) -> None:
    world = World(station.books.database, ManualClock(START))
    it = combined(world, Rule.CARD_THEN_PHONE, 12_000)
    held, _ = it.charges()
    it.phone.say(held, 4_000, PhoneWord.DISPUTE)
    station.people.add("wang", PASSWORD, Role.OPERATOR, "S1", "test")
    wang = enter(chromium, station, "wang", f"/office/bill?station=S1&bill={held}")
    wang.wait_for_selector("#why-driver")
    assert wang.locator("#yuan").count() == 0, "nothing of it goes back otherwise"
    looked_at(wang, serious, "dispute")
    wang.fill("#why-driver", "油枪漏油")
    wang.click("button.danger")
    wang.wait_for_selector("#yuan")
    backs = wang.eval_on_selector_all("[data-share]", "all => all.map(one => Number(one.dataset.back))")
    assert backs == [0, 4_000, 2_000]
    assert station.admin("audit")["clean"]
