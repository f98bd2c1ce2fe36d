"""A day at the counter in Chromium: card, plate, top-up, visit, fuelling, refund, statement, reconcile, to the fen."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from greenlane.cli import main
from service.admin.admin import Admin
from service.app import create_app
from service.books.books import Books
from service.books.messages import Ask, Report
from service.identity.guard import Guard
from service.identity.people import PeopleStore, Role
from service.server import GracefulServer
from tests.browser.test_panel_and_station import PASSWORD, picture
from tests.service.identity.kit import CHEAP, PLATE, MovingClock, fuelling, question
from wire.codec import decode
from wire.fuellings import Fuelling
from wire.questions import Decision, Question

pytestmark = pytest.mark.browser

CARD = "C1001"
DAY = "2026-05-04"
SIZES = {"phone": {"width": 390, "height": 844}, "till": {"width": 1280, "height": 800}}
PAGES = (
    "/counter?station=S1&q=粤B",
    f"/counter/card?station=S1&card={CARD}",
    f"/counter/top-up?station=S1&card={CARD}&yuan=300&form=form-of-this-test",
    f"/counter/statement?station=S1&card={CARD}&since=2026-05-01",
    "/counter/bills?station=S1",
    "/counter/shift?station=S1",
    "/office?station=S1",
    "/office/bills?station=S1",
    "/office/requests?station=S1",
    "/office/prices?station=S1",
    "/office/refused?station=S1",
    f"/office/reconcile?station=S1&day={DAY}",
    "/office/claims?station=S1",
    "/office/caps?station=S1",
    "/office/people?station=S1",
)
LOOKED_AT = (PAGES[1], PAGES[3], PAGES[5], PAGES[6], PAGES[10])
"""By axe too: one page of each build."""
PICTURED = {
    ("till", "/counter/card"): "counter-card.png",
    ("till", "/office"): "counter-office.png",
    ("phone", "/counter/statement"): "counter-statement.png",
}
"""Those that docs/counter.md shows, beside the receipt."""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Station:
    """The service over loopback with its books, and the command line on the same database."""

    url: str
    books: Books
    database: str
    capsys: Any
    people: PeopleStore

    def admin(self, *words: str) -> Any:
        """What `greenlane admin ... --json` says."""
        self.capsys.readouterr()
        assert main(["admin", "--database", self.database, *words, "--json"]) == 0
        return json.loads(self.capsys.readouterr().out)

    def fuel(self) -> None:
        """A visit that is allowed, and 10 litres for 79 yuan under its authorisation."""
        asked = self.books.carry_out_one(Ask(decode(Question, question())))
        assert isinstance(asked, Decision)
        body = {**fuelling(), "visit": "v1", "authorisation": asked.authorisation}
        self.books.carry_out_one(Report(decode(Fuelling, body)))


@pytest.fixture
def station(tmp_path: Path, capsys: Any) -> Iterator[Station]:
    database = f"sqlite:///{tmp_path / 'books.sqlite3'}"
    app = create_app(database, MovingClock(), guard=Guard(hasher=CHEAP))
    admin = Admin(app.state.books, "test")
    admin.stations.set("S1", title="环路东站")
    admin.stations.set_price("S1", "92", 790)
    app.state.identity.people.add("admin", PASSWORD, Role.ADMINISTRATOR, "S1", "test")
    server = GracefulServer(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until_s = time.monotonic() + 30
    while not server.started and time.monotonic() < until_s:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Station(f"http://127.0.0.1:{port}", app.state.books, database, capsys, app.state.identity.people)
    server.should_exit = True
    thread.join(30)


def fen(page: Any, selector: str) -> int:
    return int(page.get_attribute(selector, "data-fen"))


def fits(page: Any) -> None:
    """No sideways scrolling."""
    assert page.evaluate(WIDER) <= 0, page.url


def shown(page: Any, size: str, path: str) -> None:
    name = PICTURED.get((size, path.partition("?")[0]))
    if name is not None:
        picture(page, name)


def open_shift(page: Any, url: str) -> None:
    page.goto(f"{url}/counter/shift")
    page.fill("#name", "admin")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.fill("#yuan", "500")
    page.click("text=上班")


def new_card(page: Any) -> None:
    page.click("summary:has-text('新加油卡')")
    page.fill("#new-card", CARD)
    page.fill("#owner", "王物流")
    page.click("button:has-text('新建')")
    page.click("summary:has-text('停用、绑定')")
    page.fill("#bind-plate", "粤B·12345")
    page.click("button:has-text('绑定')")
    page.wait_for_selector(f".plate-drawn.blue:has-text('{PLATE}')")


def top_up_in_three_touches(page: Any, url: str) -> None:
    """From the plate: the amount, the answer to the question, and print."""
    page.goto(f"{url}/counter?station=S1")
    page.fill("#q", PLATE)
    page.keyboard.press("Enter")
    page.wait_for_selector("#available")
    picture(page, "counter-card.png")
    page.evaluate("window.print = () => { document.title = 'printed' }")
    page.click(".chips a:has-text('¥300')")
    page.click("button.primary:has-text('充值')")
    page.wait_for_selector(".receipt")
    assert "不是发票" in page.inner_text(".fapiao")
    assert (fen(page, "#amount"), fen(page, "#balance")) == (30_000, 30_000)
    page.evaluate("window.print = () => { document.title = 'printed' }")
    page.click("[data-print]")
    assert page.title() == "printed"
    page.go_back()
    page.wait_for_selector(".receipt")
    assert (fen(page, "#balance"), page.url.count("/counter/receipt")) == (30_000, 1)


def on_paper(page: Any) -> None:
    page.emulate_media(media="print")
    assert not page.is_visible(".bar")
    assert page.is_visible(".fapiao")
    page.emulate_media(media="screen")
    page.set_viewport_size(SIZES["phone"])
    fits(page)
    picture(page, "counter-receipt.png")
    page.set_viewport_size(SIZES["till"])


def refund(page: Any, url: str) -> None:
    page.goto(f"{url}/counter/card?station=S1&card={CARD}")
    assert fen(page, "#available") == 22_100
    page.click("summary:has-text('退款')")
    page.fill("#refund-yuan", "21")
    page.click("button.danger:has-text('退款')")
    page.wait_for_selector(".receipt")
    assert fen(page, "#balance") == 20_000


def end_shift(page: Any, url: str) -> None:
    page.goto(f"{url}/counter/shift?station=S1")
    page.fill("#yuan", "778.50")
    page.click("button:has-text('交班')")
    page.wait_for_selector(".shift[data-difference='-50']")


def agrees(page: Any, station: Station) -> None:
    """Every figure of the pages is the command line's."""
    lines = station.admin("statement", CARD)
    page.goto(f"{station.url}/counter/statement?station=S1&card={CARD}&since=2026-05-01")
    shown = [int(text) for text in page.eval_on_selector_all("tr[data-fen]", "all => all.map(r => r.dataset.fen)")]
    assert shown == [line["amount_fen"] for line in lines] == [30_000, -7_900, -2_100]
    card = station.admin("card", "show", PLATE)
    assert fen(page, "#balance") == card["balance_fen"] == lines[-1]["balance_fen"] == 20_000
    day = station.admin("reconcile", "S1", DAY)
    page.goto(f"{station.url}/office/reconcile?station=S1&day={DAY}")
    assert page.get_attribute("#balanced", "data-balanced") == "true"
    assert day["balanced"]
    assert fen(page, "[data-name=posted]") == day["posted_fen"] == 7_900
    assert fen(page, "[data-name=reported]") == day["reported_fen"]
    page.goto(f"{station.url}/office?station=S1")
    assert fen(page, "#amount") == day["reported_fen"]
    (shift,) = station.admin("shift", "list", "--station", "S1")
    assert (shift["expected_fen"], shift["counted_fen"], shift["difference_fen"]) == (77_900, 77_850, -50)
    assert station.admin("audit")["clean"]


def test_a_day_at_the_counter(chromium: Any, serious: Callable[[Any], list[str]], station: Station) -> None:
    context = chromium.new_context(viewport=SIZES["till"], locale="zh-CN")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_shift(page, station.url)
    new_card(page)
    top_up_in_three_touches(page, station.url)
    on_paper(page)
    station.fuel()
    refund(page, station.url)
    end_shift(page, station.url)
    agrees(page, station)
    for path in PAGES:
        page.set_viewport_size(SIZES["till"])
        answer = page.goto(station.url + path)
        assert (answer.status, len(answer.body()) < 100_000) == (200, True), path
        fits(page)
        if path in LOOKED_AT:
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                assert serious(page) == [], (path, scheme)
        shown(page, "till", path)
        page.set_viewport_size(SIZES["phone"])
        shown(page, "phone", path)
        for element in page.query_selector_all("summary"):
            element.click()
        fits(page)
    assert errors == []
