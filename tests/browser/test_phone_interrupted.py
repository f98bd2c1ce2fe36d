"""A phone is off, a tab sleeps, a service starts anew, a key is lost: a bill arrives once and is paid once."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.identity.guard import Guard
from service.payer_rules.periods import Hours
from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from service.reports.audit import audit
from service.server import running
from tests.browser.test_phone_pages import open_phone, pair
from tests.service.identity.kit import CHEAP, ServiceRig
from tests.service.phone.kit import PLATE, fuel

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 90_000
"""A page whose line was cut tries again after a second, two, four and so on, up to half a minute."""
NAME, FEN = "陈", (1_100, 2_200, 3_300, 4_400)


def has_bills(page: Any, count: int) -> None:
    page.wait_for_function("n => document.querySelectorAll('.bill').length === n", arg=count, timeout=PATIENCE_MS)


def pay(page: Any, fen: int) -> None:
    page.click(f".bill:has-text('¥{fen // 100}.00')")
    page.click("[data-say=pay]")
    page.wait_for_selector(".tag[data-state=paid]")


def books_say(rig: ServiceRig) -> list[tuple[int, str]]:
    return sorted((charge.amount_fen, str(charge.state)) for charge in Charging(rig.app.state.books).list())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_whatever_interrupts_a_phone_each_bill_arrives_once_and_is_paid_once(chromium: Any, tmp_path: Path) -> None:
    rig, port = ServiceRig(tmp_path), free_port()
    phones = Phones(rig.app.state.books, "test")
    code = phones.add(NAME).code
    phones.top_up(NAME, 50_000)
    PlatePayers(rig.app.state.books, "test").set(PLATE, NAME, NewBinding(hours=Hours.parse("0-24")))
    with running(rig.app, port) as url:
        page = open_phone(chromium, rig, f"{url}/phone#{code}")
        pair(page, NAME)
        page.context.set_offline(True)
        fuel(rig, FEN[0])
        page.context.set_offline(False)
        has_bills(page, 1)
        asleep = page.context.new_cdp_session(page)
        asleep.send("Page.setWebLifecycleState", {"state": "frozen"})
        fuel(rig, FEN[1])
        asleep.send("Page.setWebLifecycleState", {"state": "active"})
        has_bills(page, 2)
    rig.app = create_app(rig.url, rig.clock, guard=Guard(hasher=CHEAP))
    fuel(rig, FEN[2])
    with running(rig.app, port) as url:
        has_bills(page, 3)
        pay(page, FEN[0])
        new = open_phone(chromium, rig, f"{url}/phone#{Phones(rig.app.state.books, 'test').new_code(NAME).code}")
        pair(new, NAME)
        has_bills(new, 3)
        page.goto(f"{url}/phone")
        page.wait_for_selector("#wrong:has-text('本手机的配对已失效')")
        fuel(rig, FEN[3])
        has_bills(new, 4)
        for fen in FEN[1:]:
            pay(new, fen)
            new.goto(f"{url}/phone")
            has_bills(new, 4)
        assert new.locator(".bill .tag[data-state=paid]").count() == 4
        assert books_say(rig) == [(fen, "paid") for fen in FEN]
        (person,) = Phones(rig.app.state.books, "test").list()
        assert (person.balance_fen, person.owed_fen) == (50_000 - sum(FEN), 0)
        assert audit(rig.app.state.books.database).findings == ()
