"""The phone's page in Chromium: pairing with a key of the browser's own, then what its person may see and do."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import pytest
import requests

from greenlane.cli import main
from service.http.format_table import look_of
from service.identity.people import Role
from service.mileage.consents import TrackConsents
from service.mileage.vehicles import VehicleStore
from service.payer_rules.periods import Hours
from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from service.reports.audit import audit
from service.server import running
from tests.browser.test_panel_and_station import PASSWORD, log_in
from tests.service.identity.kit import Parcel, ServiceRig, fuelling, lane_status, question, visit_report
from tests.service.phone.kit import PLATE, fuel
from wire.codec import decode
from wire.devices import DeviceKind
from wire.live import VisitReport

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_MS = 20_000
NARROW = {"width": 390, "height": 844}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    """At ten seconds to eight in the morning at the pump; the clock is moved by the test alone."""
    made = ServiceRig(tmp_path)
    made.clock.moment = datetime.fromisoformat("2026-05-04T07:59:50+08:00")
    return made


@pytest.fixture
def app(rig: ServiceRig) -> Any:
    return rig.app


@pytest.fixture
def served(app: Any) -> Iterator[str]:
    with running(app) as url:
        yield url


def open_phone(chromium: Any, rig: ServiceRig, url: str, **options: Any) -> Any:
    """A page in a browser of its own, as a phone has it, by the same clock as the service."""
    page = chromium.new_context(viewport=NARROW, locale="zh-CN", **options).new_page()
    page.set_default_timeout(WAIT_MS)
    page.clock.set_fixed_time(rig.clock.moment)
    page.goto(url)
    return page


def picture(page: Any, name: str) -> None:
    """Where GREENLANE_PICTURES names a folder, the page goes there as a phone and as a desk show it."""
    folder = os.environ.get("GREENLANE_PICTURES")
    page.evaluate("scrollTo(0, 0)")
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
    chromium: Any, serious: Callable[[Any], list[str]], rig: ServiceRig, served: str
) -> None:
    phones = Phones(rig.app.state.books, "test")
    code = phones.add("陈师傅").code
    phones.top_up("陈师傅", 50_000)
    page = open_phone(chromium, rig, f"{served}/phone#{code}")
    page.wait_for_selector("#pairing:not([hidden])")
    assert page.input_value("#code") == code
    picture(page, "phone-pairing")
    assert serious(page) == []
    page.click("#pair button")
    page.wait_for_selector("#wrong:not([hidden])")
    assert "请先勾选" in page.inner_text("#wrong"), "it says what is missing"
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
    second = open_phone(chromium, rig, f"{served}/phone")
    second.fill("#code", code)
    second.check("#consent")
    second.click("#pair button")
    second.wait_for_selector("#wrong:not([hidden])")
    assert "配对码有误" in second.inner_text("#wrong")
    assert second.locator("#wrong small").all_inner_texts() == [], "no third line that says the same in English"
    page.goto("about:blank")
    page.goto(f"{served}/phone#0000-0000-0000")
    page.wait_for_selector("#held-by:visible")
    page.check("#consent")
    page.click("#pair button")
    page.wait_for_selector("#wrong:not([hidden])")
    page.goto("about:blank")
    page.goto(f"{served}/phone")
    page.wait_for_function("() => document.querySelector('#balance').textContent !== ''")
    assert "陈师傅" in page.inner_text("#name"), "a link with a wrong code takes no key away"
    page.goto("about:blank")  # an open page hears of it by itself, and says so before it is loaded anew
    phones.revoke("陈师傅")
    page.goto(f"{served}/phone")
    page.wait_for_selector("#pairing:not([hidden])")
    assert "本手机的配对已失效" in page.inner_text("#wrong")


def test_a_plate_has_the_same_colours_as_on_other_pages(chromium: Any, rig: ServiceRig, served: str) -> None:
    page = open_phone(chromium, rig, f"{served}/phone")
    for plate in (
        "粤B12345",
        "粤BD12345",
        "粤B12345D",
        "粤B1234学",
        "粤B1234挂",
        "粤B1234警",
        "粤Z1234港",
        "使014578",
        "WJ粤12345",
        "WJ1693015",
        "军A00101",
        "民航F0939",
        "皖10A7226",
        "京X1234应急",
        "京A1234试",
        "沪A3V25Z临",
        "224578使",
    ):
        look = page.evaluate("async text => (await import('/static/phone-page.js')).lookOf(text)", plate)
        assert look == look_of(plate), plate


def test_without_a_secure_line_the_page_says_what_is_needed(chromium: Any, rig: ServiceRig, served: str) -> None:
    page = open_phone(chromium, rig, served.replace("127.0.0.1", "plain.test") + "/phone")
    page.wait_for_selector("#insecure:not([hidden])")
    assert "https" in page.inner_text("#insecure")
    assert page.is_hidden("#pairing")


def vehicle() -> bytes:
    """A frame of the bundled clip, as small as a lane sends it."""
    clip = cv2.VideoCapture(str(files("greenlane") / "demo" / "lane.mp4"))
    clip.set(cv2.CAP_PROP_POS_FRAMES, 60)
    found, frame = clip.read()
    clip.release()
    assert found
    return bytes(cv2.imencode(".jpg", cv2.resize(frame, (480, 270)))[1].tobytes())


def driver(chromium: Any, rig: ServiceRig, served: str, name: str, hours: str) -> Any:
    """The paired phone of a person with 500 yuan and hours on the plate."""
    phones = Phones(rig.app.state.books, "test")
    code = phones.add(name).code
    phones.top_up(name, 50_000)
    PlatePayers(rig.app.state.books, "test").set(PLATE, name, NewBinding(hours=Hours.parse(hours)))
    page = open_phone(chromium, rig, f"{served}/phone#{code}")
    pair(page, name)
    return page


def test_a_driver_lets_the_fleet_see_their_tracks_and_ends_it(
    chromium: Any, serious: Callable[[Any], list[str]], rig: ServiceRig, served: str
) -> None:
    books = rig.app.state.books
    VehicleStore(books, "test").add_fleet("Wang")
    VehicleStore(books, "test").give_to_fleet("Wang", PLATE)
    chen = driver(chromium, rig, served, "陈", "0-8")
    chen.goto(f"{served}/phone/hours")
    chen.wait_for_selector("#own [data-track=agree]:visible")
    assert chen.locator("#own [data-track=withdraw]").is_hidden()
    assert (chen.evaluate(FITS), serious(chen)) == (True, [])
    button = chen.locator("#own [data-track=agree] button")
    button.click()
    assert TrackConsents(books, "test").standing(PLATE) == (), "it is asked once more"
    button.click()
    chen.wait_for_selector("#own [data-track=withdraw]:visible")
    assert [one.name for one in TrackConsents(books, "test").standing(PLATE)] == ["陈"]
    chen.click("#own [data-track=withdraw] button")
    chen.wait_for_selector("#own [data-track=agree]:visible")
    assert TrackConsents(books, "test").standing(PLATE) == ()


def sign_mandate(page: Any, served: str, per_fill: str) -> None:
    """What a person does who wants fuel to be paid without asking."""
    page.goto(f"{served}/phone/mandate")
    page.wait_for_selector("#plates input")
    page.fill("#fill", per_fill)
    page.click("#new button[type=submit]")
    page.wait_for_selector("#done:visible")
    page.wait_for_selector("#mandates .tag.good")


class Pump:
    """The lane's own part at the pump: it tells what it is doing, and a panel shows it."""

    def __init__(self, chromium: Any, rig: ServiceRig, served: str) -> None:
        self.key, self._rig, self._served = rig.enrol(DeviceKind.LANE), rig, served
        self._told, self._told_at = 0, rig.clock.moment
        rig.app.state.identity.people.add("pump", PASSWORD, Role.PANEL, "S1", "test", lane="L1")
        self.panel = chromium.new_context(viewport={"width": 800, "height": 480}, locale="zh-CN").new_page()
        self.panel.set_default_timeout(WAIT_MS)
        log_in(self.panel, served, "pump", "/panel/L1")

    def tells(self, visit: str, **doing: Any) -> str:
        """What the panel shows then. Its own clock never goes back, as that of the two fuellings does."""
        asked_at, self._told_at = self._rig.clock.moment, max(self._told_at, self._rig.clock.moment)
        self._rig.clock.moment = self._told_at
        self._told += 1
        status = lane_status(number=self._told) | {"visit": visit, "plate": PLATE} | doing
        host = self._served.removeprefix("http://")
        parcel = self._rig.signed(self.key, "POST", "/v1/lane-status", status, host)
        answer = requests.post(f"{self._served}{parcel.target}", headers=parcel.headers, data=parcel.body, timeout=30)
        assert answer.status_code == 204, answer.text
        self.panel.evaluate("() => greenlaneRefresh()")
        self.panel.wait_for_selector(f".screen[data-visit={visit}]")
        shown: str = self.panel.inner_text(".screen")
        self._rig.clock.moment = asked_at
        return shown


def fuelled(rig: ServiceRig, served: str, pump: Pump, at: datetime, amount_fen: int) -> None:
    """A lane unit asks for the plate at that second and is given green; then it reports what flowed."""
    key = pump.key
    rig.clock.moment = at
    number, host = rig.number(), served.removeprefix("http://")
    record = question(visit=f"v{number}", plate=PLATE, seen=PLATE, captured_at=at)
    answer = post(served, rig.signed(key, "POST", "/v1/authorisations", record, host))
    assert (answer["decision"], answer["limit_fen"]) == ("allow", 10_000)
    green = pump.tells(f"v{number}", limit_fen=answer["limit_fen"])
    assert "可以加油" in green
    assert "100.00" in green
    rig.clock.move(90)
    volume_ml = amount_fen * 1000 // 790
    report = fuelling(sequence=number) | {
        "visit": f"v{number}",
        "authorisation": answer["authorisation"],
        "plate": PLATE,
        "amount_fen": amount_fen,
        "volume_ml": volume_ml,
        "totaliser_after_ml": volume_ml,
        "dispenser": f"S1-D{number}",
        "started_at": (at + timedelta(seconds=20)).isoformat(),
        "ended_at": rig.clock.now().isoformat(),
    }
    receipt = post(served, rig.signed(key, "POST", "/v1/fuellings", report, host))
    assert receipt["charged_fen"] == amount_fen
    over = {"phase": "red", "lamp": "red", "reason": "visit_over", "limit_fen": None, "unit_price_fen_per_l": 790}
    flowed = {"metered_ml": volume_ml, "metered_fen": amount_fen, "charged_fen": amount_fen, "by_phone": True}
    charged = pump.tells(f"v{number}", **over, **flowed)
    assert f"{amount_fen / 100:.2f}" in charged
    assert "手机支付" in charged
    assert not {"陈", "吴"} & set(charged), "who pays is nobody's business at the pump"


def post(served: str, parcel: Parcel) -> dict[str, Any]:
    answer = requests.post(f"{served}{parcel.target}", headers=dict(parcel.headers), data=parcel.body, timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_vehicle_fuels_at_two_sides_of_eight_and_two_phones_pay(
    chromium: Any, serious: Callable[[Any], list[str]], rig: ServiceRig, served: str
) -> None:
    chen, wu = driver(chromium, rig, served, "陈", "0-8"), driver(chromium, rig, served, "吴", "8-16")
    for page in (chen, wu):
        sign_mandate(page, served, "100")
    picture(chen, "phone-mandate")
    assert serious(chen) == []
    for page in (chen, wu):
        page.goto(f"{served}/phone")
        page.wait_for_selector("#none:visible")
    pump, eight = Pump(chromium, rig, served), rig.clock.moment + timedelta(seconds=10)
    fetched: list[str] = []
    wu.on("request", lambda request: fetched.append(request.url))
    fuelled(rig, served, pump, eight - timedelta(seconds=10), 11_850)
    chen.wait_for_function("() => document.querySelectorAll('.bill').length === 2")
    assert [url for url in fetched if "/v1/phone/" in url] == [], "no stream tells a phone of another's fuel"
    fuelled(rig, served, pump, eight + timedelta(seconds=10), 15_800)
    wu.wait_for_function("() => document.querySelectorAll('.bill').length === 2")
    for page, own, others in ((chen, "¥18.50", "¥58.00"), (wu, "¥58.00", "¥18.50")):
        page.clock.set_fixed_time(rig.clock.moment)
        page.wait_for_selector(".bill:has(.tag[data-state=sent])")
        bills = page.locator(".bill").all_inner_texts()
        assert sum("¥100.00" in bill and "已支付" in bill and "Paid" in bill for bill in bills) == 1
        assert sum(own in bill and "待支付" in bill and "To be paid" in bill for bill in bills) == 1
        assert len(bills) == 2
        assert own in bills[0], "what waits stands first"
        assert all("该次加油共" in bill for bill in bills), "each says that it is a part, and of how much"
        assert others not in page.inner_text("main")
    assert "2026-05-04 08:00:10" in chen.inner_text("#charges"), "asked at 07:59:50, it flowed from 08:00:10 on"
    picture(chen, "phone-bills")
    assert serious(chen) == []
    theirs = wu.get_attribute(".bill:has(.tag.warn)", "href")
    for page in (chen, wu):
        page.click(".bill:has(.tag.warn)")
        page.wait_for_selector("[data-say=pay]:visible")
        page.wait_for_selector("[data-if=part]:visible")
    picture(wu, "phone-bill")
    assert serious(wu) == []
    for page in (chen, wu):
        page.click("[data-say=pay]")
        page.wait_for_selector("#done:visible")
        page.wait_for_selector(".tag[data-state=paid]")
    chen.goto(f"{served}{theirs}")
    chen.wait_for_selector("#wrong:visible")
    assert "58" not in chen.inner_text("main")
    wu.click("[data-receipt]")
    wu.wait_for_selector(".receipt:visible")
    receipt = wu.inner_text(".receipt")
    for words in ("¥58.00", "20.00 L", "¥7.90 / L", "¥158.00", "已支付", "不是发票", "not a tax invoice"):
        assert words in receipt
    picture(wu, "phone-receipt")
    assert serious(wu) == []
    books = rig.app.state.books
    assert sorted((c.phone, c.amount_fen, c.state) for c in Charging(books).list()) == [
        ("吴", 5_800, "paid"),
        ("吴", 10_000, "paid"),
        ("陈", 1_850, "paid"),
        ("陈", 10_000, "paid"),
    ]
    found = {person.name: person.balance_fen for person in Phones(books, "test").list()}
    assert found == {"陈": 50_000 - 11_850, "吴": 50_000 - 15_800}
    assert audit(books.database).findings == ()


def test_times_are_the_stations_own_whatever_the_browser_s_clock(chromium: Any, rig: ServiceRig, served: str) -> None:
    """Signed at half past four in the afternoon at the station, at half past four in the morning in New York."""
    code = Phones(rig.app.state.books, "test").add("陈").code
    later = NewBinding(hours=Hours.parse("0-24"), from_at=rig.clock.now() + timedelta(days=1))
    PlatePayers(rig.app.state.books, "test").set(PLATE, "陈", later)
    page = open_phone(chromium, rig, f"{served}/phone#{code}", timezone_id="America/New_York")
    pair(page, "陈")
    local = rig.clock.moment.astimezone(ZoneInfo("Asia/Shanghai"))
    page.goto(f"{served}/phone/hours")
    page.wait_for_selector(f"#own [data-from]:has-text('{local + timedelta(days=1):%Y-%m-%d %H:%M:%S}')")
    rig.clock.move(86_400)
    page.clock.set_fixed_time(rig.clock.moment)
    sign_mandate(page, served, "100")
    assert f"{local + timedelta(days=1):%Y-%m-%d %H:%M}" in page.inner_text("#mandates")


def test_hours_are_proposed_on_one_phone_and_confirmed_on_the_owner_s(
    chromium: Any, serious: Callable[[Any], list[str]], rig: ServiceRig, served: str
) -> None:
    owner, wu = driver(chromium, rig, served, "陈", "0-8"), driver(chromium, rig, served, "吴", "8-16")
    PlatePayers(rig.app.state.books, "test").set_owner(PLATE, "陈")
    wu.goto(f"{served}/phone/hours")
    wu.fill("#plate", PLATE)
    wu.fill("#hours", "下午")
    wu.click("#wish button")
    wu.wait_for_selector("#wrong:has-text('时段请写作')")
    wu.fill("#hours", "25-3")
    wu.click("#wish button")
    wu.wait_for_selector("#wrong:has-text('25-3'):has-text('时段请写作')")
    wu.fill("#hours", "16-24")
    wu.click("#wish button")
    wu.wait_for_selector("#wishes .row:has-text('等待确认')")
    owner.goto(f"{served}/phone/hours")
    owner.wait_for_selector("#owned .row:has-text('吴') >> text=16:00-24:00")
    clash = owner.locator("#owned [data-clash]:visible")
    assert clash.count() == 0, "nobody holds these hours"
    PlatePayers(rig.app.state.books, "test").set(PLATE, "陈", NewBinding(hours=Hours.parse("23-8")))
    owner.reload()
    owner.wait_for_selector("#owned .row:has-text('16:00-24:00') [data-clash]:visible")
    PlatePayers(rig.app.state.books, "test").set(PLATE, "陈", NewBinding(hours=Hours.parse("0-8")))
    owner.reload()
    owner.wait_for_selector("#owned .row:has-text('陈') >> text=00:00-08:00")
    owner.wait_for_selector("#owned .row:has-text('16:00-24:00')")
    assert clash.count() == 0
    picture(owner, "phone-hours")
    assert serious(owner) == []
    rig.clock.move(60)
    for page in (owner, wu):
        page.clock.set_fixed_time(rig.clock.moment)
    owner.click("[data-change=confirm]:visible")
    owner.wait_for_selector("#done:visible")
    wu.reload()
    wu.wait_for_selector("#own .row:has-text('16:00-24:00')")
    assert "陈" not in wu.inner_text("main"), "nobody sees another's hours but a plate's owner"
    later = NewBinding(hours=Hours.parse("0-1"), from_at=rig.clock.now() + timedelta(days=3))
    PlatePayers(rig.app.state.books, "test").set(PLATE, "吴", later)
    wu.reload()
    wu.wait_for_selector("#own .row:has-text('00:00-01:00') >> text=起始")
    assert wu.locator("#own .row:has-text('16:00-24:00') [data-from]:visible").count() == 0, "it has begun"
    turn, _ = PlatePayers(rig.app.state.books, "test").turn(PLATE, rig.clock.now() + timedelta(hours=10))
    assert turn.payer.name == "吴"
    sign_mandate(wu, served, "100")
    wu.click("[data-change=pause]:visible")
    wu.wait_for_selector("#mandates .tag.warn")
    wu.click("[data-change=end]:visible")
    wu.click("[data-change=end]:visible")
    wu.wait_for_selector("#none:visible")
    wu.goto(f"{served}/phone/hours")
    wu.wait_for_selector("#wishes .row:has-text('已确认')")
    PlatePayers(rig.app.state.books, "test").unset(PLATE, "吴")
    wu.reload()
    wu.wait_for_selector("#no-own:visible")
    wu.wait_for_selector("#wishes .row:has-text('已不再有效')")


def test_spending_is_drawn_and_a_disputed_bill_keeps_its_picture(
    chromium: Any, serious: Callable[[Any], list[str]], rig: ServiceRig, served: str
) -> None:
    page = driver(chromium, rig, served, "陈", "0-24")
    books, plates = rig.app.state.books, (PLATE, "粤B11111", "粤B2222D")
    for plate in plates[1:]:
        PlatePayers(books, "test").set(plate, "陈", NewBinding(hours=Hours.parse("0-24")))
    Phones(books, "test").top_up("陈", 1_000_000)
    for month in range(7):
        for number, plate in enumerate(plates[: 1 + month % 3]):
            fuel(rig, 790 * (11 + 7 * number + 3 * month), plate)
            (charge,) = [one for one in Charging(books).list() if one.paid_at is None]
            Charging(books).settle(charge.id, "test")
            rig.clock.move(3_600)
        rig.clock.move(86_400 * 31)
    jpeg = base64.b64encode(vehicle()).decode()
    seen = {"visit": "v-seen", "at": rig.clock.now(), "first_seen_at": rig.clock.now(), "picture": jpeg}
    rig.app.state.station.visits.take(replace(decode(VisitReport, visit_report()), **seen))
    fuel(rig, 7_900, visit="v-seen")
    page.clock.set_fixed_time(rig.clock.moment)
    page.goto(f"{served}/phone/spending")
    page.wait_for_selector("#plot rect.s2")
    assert page.locator("#sums tbody tr").count() == sum(1 + month % 3 for month in range(7))
    picture(page, "phone-spending")
    assert serious(page) == []
    page.goto(f"{served}/phone")
    page.click(".bill:has(.tag.warn)")
    for _ in range(2):
        page.click("[data-say=dispute]")
    page.wait_for_selector(".tag[data-state=disputed]")
    rig.clock.move(86_400 * 20)
    rig.app.state.station.sweep()
    page.clock.set_fixed_time(rig.clock.moment)
    page.reload()
    page.wait_for_selector("#shot:visible")
    assert page.evaluate("document.querySelector('#shot').naturalWidth") > 100
    picture(page, "phone-disputed")


def test_at_a_known_station_the_page_says_to_leave_the_phone_alone(
    chromium: Any, serious: Callable[[Any], list[str]], rig: ServiceRig, served: str
) -> None:
    """From the edge of 100 m, in either datum; the position itself is in no request."""
    where = ["station", "set", "S1", "--at=22.543100,114.057900", "--datum", "gcj02"]
    assert main(["admin", "--database", rig.url, *where]) == 0
    page = driver(chromium, rig, served, "陈", "0-24")
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(f"{request.url} {request.post_data or ''}"))
    north_m = 1 / 111_195
    page.context.grant_permissions(["geolocation"], origin=served)
    page.reload()
    for datum, spot in (("gcj02", (22.5431, 114.0579)), ("wgs84", (22.545826, 114.052792))):
        for far_m, is_near in ((95, True), (160, False)):
            here = {"latitude": spot[0] + far_m * north_m, "longitude": spot[1], "accuracy": 10}
            page.context.set_geolocation(here)
            page.wait_for_selector(f"#near[data-is={'near' if is_near else 'far'}]", state="attached")
            assert page.is_visible("#near") is is_near, (datum, far_m)
            assert not [url for url in fetched if str(here["latitude"])[:6] in url]
    page.context.set_geolocation({"latitude": 22.5431, "longitude": 114.0579, "accuracy": 10})
    page.wait_for_selector("#near:visible")
    assert "请勿在加油机旁操作手机" in page.inner_text("#near")
    picture(page, "phone-near")
    assert serious(page) == []
    page.context.clear_permissions()
    page.reload()
    page.wait_for_selector("#near-offer:visible")
    assert page.is_hidden("#near")


def test_a_push_message_shows_a_notice_that_says_nothing(
    chromium: Any, serious: Callable[[Any], list[str]], rig: ServiceRig, served: str
) -> None:
    """From a message to the notice; the way from the service to a push service: tests/service/push."""
    page = driver(chromium, rig, served, "陈", "0-24")
    page.context.grant_permissions(["notifications"], origin=served)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.reload()
    page.wait_for_selector("#push-on:visible")
    picture(page, "phone-push")
    assert serious(page) == []
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    tools = page.context.new_cdp_session(page)
    found: list[str] = []
    tools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda received: found.extend(one["registrationId"] for one in received["registrations"]),
    )
    tools.send("ServiceWorker.enable")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    for _ in range(600):
        if found:
            break
        page.wait_for_timeout(50)
    tools.send("ServiceWorker.deliverPushMessage", {"origin": served, "registrationId": found[0], "data": "look"})
    notice = page.evaluate(
        """async () => {
          const own = await navigator.serviceWorker.ready;
          for (let round = 0; round < 400; round++) {
            const [found] = await own.getNotifications();
            if (found) return [found.title, found.body, found.data, found.tag];
            await new Promise((done) => setTimeout(done, 50));
          }
          return null;
        }"""
    )
    assert (notice[0], notice[2], notice[3]) == ("greenlane", "/phone", "look")
    assert PLATE not in notice[1]


def test_my_data_is_taken_along_and_erased(
    chromium: Any, serious: Callable[[Any], list[str]], rig: ServiceRig, served: str
) -> None:
    page = driver(chromium, rig, served, "欧阳", "0-24")
    page.goto(f"{served}/phone/data")
    page.wait_for_function("() => document.querySelector('#consents').textContent === '2026-11-28'")
    picture(page, "phone-data")
    assert serious(page) == []
    with page.expect_download() as waiting:
        page.click("#download")
    found = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))
    assert (found["person"]["name"], found["wallet"]["balance_fen"]) == ("欧阳", 50_000)
    for _ in range(2):
        page.click("#erase")
    page.wait_for_selector("#wrong:visible")
    assert "500.00" in page.inner_text("#wrong"), "the wallet is paid out first"
    assert "暂不能删除" in page.inner_text("#wrong")
    Phones(rig.app.state.books, "test").refund("欧阳", 50_000)
    for _ in range(2):
        page.click("#erase")
    page.wait_for_selector("#pairing:not([hidden])")
    (gone,) = Phones(rig.app.state.books, "test").list()
    assert (gone.name, gone.keys, gone.plates) == (gone.person, 0, ())


def test_without_a_line_the_installed_page_shows_what_was_seen_last(chromium: Any, rig: ServiceRig) -> None:
    with running(rig.app) as served:
        page = driver(chromium, rig, served, "陈", "0-24")
        manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((a) => a.json())")
        assert (manifest["scope"], manifest["display"]) == ("/phone", "standalone")
        fuel(rig, 7_900)
        page.wait_for_selector(".bill")
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        page.reload()
        page.wait_for_selector(".bill .tag[data-state=sent]")
    page.reload()
    page.wait_for_selector(".bill")
    assert "¥79.00" in page.inner_text("#charges")
    assert "没有网络" in page.inner_text("#wrong")
    assert "¥500.00" in page.inner_text("#balance")
