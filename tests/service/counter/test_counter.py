"""The counter over HTTP: who may do what, a form that comes twice, shifts, and the same ledger as by command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from service.admin.admin import Admin
from service.books.messages import Report, TopUp
from service.counter.errors import CounterRefused
from service.counter.page_context import amount_of
from service.counter.till import Till, entry_of
from service.errors import AdminError
from service.identity import trail
from service.identity.people import Role
from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.refunds import Refunds
from service.reports.audit import audit
from service.store import schema
from tests.service.identity.kit import PLATE, ServiceRig, fuelling
from tests.service.identity.test_pages import PASSWORD, fields, log_in
from tests.service.payers.phone import payer
from tests.service.world import ManualClock, World
from wire.codec import decode
from wire.fuellings import Fuelling
from wire.money import MAX_FEN
from wire.payers import PhoneWord

PAGE = {"Accept": "text/html", "Accept-Language": "zh-CN"}
FORM = "form-of-this-test"
PEOPLE = {
    "li": (Role.CASHIER, "S1"),
    "zhao": (Role.CASHIER, "S2"),
    "wang": (Role.OPERATOR, "S1"),
    "sun": (Role.OPERATOR, "S1"),
    "admin": (Role.ADMINISTRATOR, None),
    "pump": (Role.PANEL, "S1"),
    "chen": (Role.ATTENDANT, "S1"),
}


class Counter:
    """A browser of one person."""

    def __init__(self, client: TestClient, person: str, station: str = "S1") -> None:
        self.client, self.station = client, station
        log_in(client, person)
        self.csrf = fields(client.get("/"))["csrf"]

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.client.get(path, params={"station": self.station, **query}, headers=PAGE)

    def post(self, path: str, **values: str) -> httpx.Response:
        form = {"csrf": self.csrf, "form": FORM, "method": "cash", **values}
        return self.client.post(path, params={"station": self.station}, data=form, headers=PAGE)

    def open_shift(self, yuan: str = "200") -> None:
        assert self.post("/counter/shift/open", yuan=yuan).status_code == 303


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[ServiceRig]:
    made = ServiceRig(tmp_path, url=database_url)
    for name, (role, station) in PEOPLE.items():
        lane = "L1" if role is Role.PANEL else None
        made.identity.people.add(name, PASSWORD, role, station, "test", lane=lane)
    made.admin.cards.create("C2", name="王物流")
    made.admin.plates.bind("沪C99999", "C2")
    with TestClient(made.app, follow_redirects=False):
        yield made


def counter(rig: ServiceRig, person: str, station: str = "S1") -> Counter:
    return Counter(TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False), person, station)


def postings(rig: ServiceRig, kind: str) -> list[Any]:
    moved = schema.transfers.c
    query = select(moved.debit_account, moved.credit_account, moved.amount_fen, moved.phase, moved.actor)
    with rig.app.state.books.database.reading() as connection:
        return list(connection.execute(query.where(moved.kind == kind).order_by(moved.id)))


def receipt_of(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_from_the_plate_to_the_receipt(rig: ServiceRig) -> None:
    li = counter(rig, "li")
    assert "还没有上班" in li.get("/counter").text
    refused = li.post("/counter/top-up", card="C2", yuan="300")
    assert (refused.status_code, "请先上班" in refused.text) == (409, True)
    li.open_shift()
    assert "沪C99999" in li.get("/counter", q="9999").text
    found = li.get("/counter", q="沪c·99999")
    assert (found.status_code, "card=C2" in found.headers["location"]) == (303, True)
    card = li.client.get(found.headers["location"], headers=PAGE).text
    assert "王物流" in card
    assert "正常" not in card
    assert "¥0.00" in card
    asked = li.get("/counter/top-up", card="C2", yuan="300", form=FORM).text
    assert "充值 ¥300.00 到加油卡 C2？" in asked
    form = fields(httpx.Response(200, text=asked)) | {"method": "cash"}
    sent = [li.client.post("/counter/top-up?station=S1", data=form, headers=PAGE) for _ in range(3)]
    assert len({receipt_of(answer) for answer in sent}) == 1
    shown = li.client.get(receipt_of(sent[0]), headers=PAGE).text
    assert all(words in shown for words in ("小票", "不是发票", "¥300.00", "王物流", "沪C99999", "2026-05-04 16:30:00"))
    rig.admin.money.top_up("C2", 30_000)
    web, command = [row for row in postings(rig, "top_up") if row.amount_fen == 30_000]
    assert web[:4] == command[:4]
    assert (web.actor, command.actor) == ("person:li", "test")
    assert audit(rig.app.state.books.database).findings == ()


def test_a_form_is_good_for_one_payment(rig: ServiceRig) -> None:
    li = counter(rig, "li")
    li.open_shift()
    receipt_of(li.post("/counter/top-up", card="C2", yuan="300"))
    for other in ({"yuan": "301"}, {"card": "C1"}, {"method": "scan"}):
        assert li.post("/counter/top-up", **{"card": "C2", "yuan": "300", **other}).status_code == 409
    zhao = counter(rig, "zhao", "S2")
    zhao.open_shift()
    assert zhao.post("/counter/top-up", card="C2", yuan="300").status_code == 409
    for bad in (
        {"form": "short"},
        {"yuan": "-5"},
        {"yuan": "0"},
        {"yuan": "x"},
        {"card": "C9"},
        {"method": "gold"},
        {"note": "a\x00b"},
        {"card": ""},
    ):
        answer = li.post("/counter/top-up", **{"card": "C2", "yuan": "5", "form": "another-form-of-it", **bad})
        assert answer.status_code == 409, bad
    assert [row.amount_fen for row in postings(rig, "top_up")] == [10**9, 30_000]


def test_the_same_form_at_the_same_moment_posts_once(rig: ServiceRig) -> None:
    till = Till(rig.app.state.books, "li", "S1")
    payment = ("counter pressed-many-times", "C2", 30_000, "cash")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(till.open_shift, [20_000] * 4))
        list(threads.map(lambda _: till.top_up(*payment), range(4)))
    assert [row.amount_fen for row in postings(rig, "top_up")] == [10**9, 30_000]


def test_nobody_else_gets_in_and_forged_forms_do_nothing(rig: ServiceRig) -> None:
    for person in ("pump", "chen"):
        answer = counter(rig, person).get("/counter")
        assert (answer.status_code, "没有权限" in answer.text, "收银员" in answer.text) == (403, True, True)
    li = counter(rig, "li")
    li.open_shift()
    forged = {"form": FORM, "card": "C2", "yuan": "300", "method": "cash"}
    assert li.client.post("/counter/top-up?station=S1", data=forged).status_code == 403
    elsewhere = {"Origin": "https://evil.example"}
    data = {**forged, "csrf": li.csrf}
    assert li.client.post("/counter/top-up?station=S1", data=data, headers=elsewhere).status_code == 403
    assert len(postings(rig, "top_up")) == 1


def test_another_stations_cashier_sees_nothing_of_this_one(rig: ServiceRig) -> None:
    li = counter(rig, "li")
    li.open_shift()
    receipt = receipt_of(li.post("/counter/top-up", card="C1", yuan="300", note="付清"))
    rig.app.state.books.carry_out_one(Report(decode(Fuelling, fuelling())))
    zhao = counter(rig, "zhao", "S2")
    for path in ("/counter", "/counter/card?card=C1", "/counter/statement?card=C1", receipt):
        joint = "&" if "?" in path else "?"
        target = path if "station=" in path else f"{path}{joint}station=S1"
        assert zhao.client.get(target, headers=PAGE).status_code == 403, path
    assert zhao.client.get(receipt.replace("station=S1", "station=S2"), headers=PAGE).status_code == 404
    own, theirs = (c.get("/counter/statement", card="C1", since="2026-05-01").text for c in (li, zhao))
    assert re.search(r"S1 · <span[^>]+>粤B12345</span> · 92 10.00 L", own)
    assert "2026-05-04 16:30:00" in own
    assert "Asia/Shanghai" in own
    assert "S1" not in re.sub("<[^>]+>", " ", theirs)  # in a tag a token may have it
    assert "station=S1" not in theirs
    assert PLATE not in theirs
    assert "10.00 L" not in theirs
    assert "其他油站" in theirs
    amounts = [re.findall(r'data-fen="(-?\d+)"', page) for page in (own, theirs)]
    assert amounts[0] == amounts[1]
    assert "-7900" in amounts[0]


@pytest.mark.slow
def test_a_shift_ends_with_its_difference_in_the_ledger(rig: ServiceRig, database_url: str) -> None:
    li, wang = counter(rig, "li"), counter(rig, "wang")
    database = rig.app.state.books.database
    li.open_shift("200")
    receipt_of(li.post("/counter/top-up", card="C2", yuan="300"))
    receipt_of(li.post("/counter/top-up", card="C2", yuan="50.50", method="scan", form="another-form-of-it"))
    wang.open_shift("0")
    receipt_of(wang.post("/office/refund", card="C2", yuan="20.25", note="付清", form="the-form-of-wang-1"))
    assert li.post("/counter/shift/close", yuan="499.30").status_code == 303
    shown = li.get("/counter/shift").text
    assert all(words in shown for words in ("应有现金", "¥500.00", "¥499.30", "-¥0.70", "上班"))
    assert li.post("/counter/shift/close", yuan="499.30").status_code == 409
    assert li.post("/counter/top-up", card="C2", yuan="1", form="after-the-shift-1").status_code == 409
    assert li.post("/counter/top-up", card="C2", yuan="300").status_code == 303
    assert wang.post("/counter/shift/close", yuan="0", cashier="nobody").status_code == 409
    assert li.post("/counter/shift/close", yuan="0", cashier="wang").status_code == 403
    sun = counter(rig, "sun")
    assert "别人未交班" in sun.get("/counter/shift").text
    assert sun.post("/counter/shift/close", yuan="0", cashier="wang").status_code == 303
    short, over = postings(rig, "over_short")
    assert short[:] == (3, 1, 70, "single", "person:li")
    assert over[:] == (1, 3, 2025, "single", "person:sun")
    assert "¥500.00" not in counter(rig, "sun").get("/counter/shift").text
    assert audit(database).findings == ()
    with database.engine.begin() as connection:
        for table in ("shifts", "counter_entries"):
            with pytest.raises(DBAPIError), connection.begin_nested():
                connection.execute(text(f"update {table} set note = 'x'"))
        _off = "drop trigger shifts_never_update_closed"
        connection.execute(text(_off if database.is_sqlite else f"{_off} on shifts"))
        connection.execute(text("update shifts set expected_fen = 49930, counted_fen = 49930 where cashier = 'li'"))
    assert "shifts" in {finding.check for finding in audit(database).findings}


@pytest.mark.slow
def test_what_was_refused_is_void_and_a_fresh_attempt_is_free(rig: ServiceRig) -> None:
    """A bill that its phone disputed: nothing of the refused payment stays, for this shift, person or key."""
    books = rig.app.state.books
    bill = disputed_bill(rig)
    li, wang = counter(rig, "li"), counter(rig, "wang")
    li.open_shift("0")
    assert li.post("/counter/bills", bill=bill).status_code == 409
    Refunds(books).resolve(bill, for_driver=False, why="fuelled", actor="test")
    assert li.post("/counter/shift/close", yuan="0").status_code == 303
    assert postings(rig, "cash_payment") == []
    answer = li.post("/counter/bills", bill=bill)
    assert (answer.status_code, "请先上班" in answer.text) == (409, True)
    wang.open_shift("0")
    receipt_of(wang.post("/counter/bills", bill=bill))
    li.open_shift("0")
    answer = li.post("/counter/bills", bill=bill)
    assert (answer.status_code, "已支付" in answer.text) == (409, True)
    assert [row[:] for row in postings(rig, "cash_payment")] == [(1, ANY, 7_900, "single", "person:wang")]
    assert wang.post("/counter/shift/close", yuan="79").status_code == 303
    assert postings(rig, "over_short") == []
    assert audit(books.database).findings == ()


def test_a_top_up_that_the_books_refused_is_not_posted_later(rig: ServiceRig) -> None:
    rig.admin.money.top_up("C2", MAX_FEN)
    li = counter(rig, "li")
    li.open_shift("0")
    assert li.post("/counter/top-up", card="C2", yuan="300").status_code == 409
    rig.admin.money.correct("C2", -MAX_FEN, note="typed wrongly")
    assert li.post("/counter/shift/close", yuan="0").status_code == 303
    assert [row.amount_fen for row in postings(rig, "top_up")] == [10**9, MAX_FEN]
    assert postings(rig, "over_short") == []
    li.open_shift("0")
    receipt_of(li.post("/counter/top-up", card="C2", yuan="300"))
    assert audit(rig.app.state.books.database).findings == ()


def test_killed_before_the_posting_nothing_is_there_and_the_form_posts_once(
    rig: ServiceRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = Till(rig.app.state.books, "li", "S1")
    till.open_shift(0)
    payment = ("counter lost-answer-of-it", "C2", 30_000, "cash")
    with monkeypatch.context() as killed:
        killed.setattr("service.books.books.write", _killed)
        with pytest.raises(KeyboardInterrupt):
            till.top_up(*payment)
    with rig.app.state.books.database.reading() as connection:
        assert entry_of(connection, payment[0]) is None
    for _ in range(2):
        till.top_up(*payment)
    assert [row.amount_fen for row in postings(rig, "top_up")] == [10**9, 30_000]
    assert audit(rig.app.state.books.database).findings == ()


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def disputed_bill(rig: ServiceRig) -> str:
    """A bill of S1 that no phone has paid, and its phone has disputed."""
    plate, books = "粤B55555", rig.app.state.books
    phone = payer(World(books.database, ManualClock(rig.clock.moment)), "陈", plate=plate)
    books.carry_out_one(Report(decode(Fuelling, {**fuelling(), "plate": plate})))
    charging = Charging(books)
    (charge,) = charging.list()
    charging.hear(phone.word(charge.id, charge.amount_fen, PhoneWord.DISPUTE))
    return charge.id


@pytest.mark.slow
def test_a_confirmation_stands_when_it_is_posted(rig: ServiceRig) -> None:
    rig.admin.stations.set("S1", second_person_fen=10_000)
    rig.admin.money.top_up("C2", 150_000)
    wang, sun, admin = (counter(rig, name) for name in ("wang", "sun", "admin"))
    wang.open_shift("2000")
    asked = {"card": "C2", "yuan": "1200"}
    for form in (FORM, "another-form-of-it"):
        assert "/office/requests" in receipt_of(wang.post("/office/refund", **asked, form=form))
    first, second = {"key": f"counter {FORM}"}, {"key": "counter another-form-of-it"}
    assert wang.post("/counter/shift/close", yuan="2000").status_code == 303
    for key in (first, second):
        assert sun.post("/office/requests", **key, word="confirm").status_code == 409
    assert sun.get("/office/requests").text.count('data-state="waiting"') == 2
    assert sun.post("/office/requests", **first, word="decline").status_code == 303
    wang.open_shift("2000")
    for key in (first, second):
        assert wang.post("/office/requests", **key, word="confirm").status_code == 409
    assert postings(rig, "refund") == []
    assert admin.post("/office/requests", **second, word="confirm").status_code == 303
    assert sun.post("/office/requests", **second, word="decline").status_code == 409
    assert sun.post("/office/requests", **first, word="confirm").status_code == 303
    assert [(row.amount_fen, row.actor) for row in postings(rig, "refund")] == [(120_000, "person:wang")]
    assert wang.post("/counter/shift/close", yuan="800").status_code == 303
    assert postings(rig, "over_short") == []
    assert audit(rig.app.state.books.database).findings == ()


def test_a_correction_that_fails_still_waits(rig: ServiceRig) -> None:
    rig.admin.stations.set("S1", second_person_fen=10_000)
    rig.admin.money.top_up("C2", 50_000)
    admin, sun = counter(rig, "admin"), counter(rig, "sun")
    assert "/office/requests" in receipt_of(admin.post("/office/correct", card="C2", yuan="-500", note="抄错"))
    rig.admin.money.refund("C2", 50_000)
    key = {"key": f"counter {FORM}"}
    assert sun.post("/office/requests", **key, word="confirm").status_code == 409
    assert 'data-state="waiting"' in sun.get("/office/requests").text
    rig.admin.money.top_up("C2", 50_000)
    assert sun.post("/office/requests", **key, word="confirm").status_code == 303
    assert [row.amount_fen for row in postings(rig, "correction")] == [50_000]
    assert audit(rig.app.state.books.database).findings == ()


def test_the_counters_keys_are_its_own(rig: ServiceRig) -> None:
    phones = Phones(rig.app.state.books, "test")
    for key in (f"counter {FORM}", "charge c-0123456789abcdef", "shift 1"):
        for post in (rig.admin.money.top_up, phones.top_up):
            with pytest.raises(AdminError, match="belongs to the service"):
                post("C2", 30_000, key=key)
    li = counter(rig, "li")
    li.open_shift()
    stray = TopUp(card="C2", amount_fen=100, key="counter posted-by-hand-of-it", actor="test")
    rig.app.state.books.carry_out_one(stray)
    assert li.post("/counter/top-up", card="C2", yuan="1", form="posted-by-hand-of-it").status_code == 409
    receipt_of(li.post("/counter/top-up", card="C2", yuan="300"))
    assert audit(rig.app.state.books.database).findings == ()


@pytest.mark.parametrize(
    "typed", ["1,5", "¥,,5", "1,2345", "1234,567", ",500", "1,234,5", "0,500", "1,234.5,0", "5,", "１,５"]
)
def test_a_comma_is_no_point(typed: str) -> None:
    with pytest.raises(CounterRefused):
        amount_of(typed)


def test_commas_separate_thousands() -> None:
    typed = {"1,234.50": 123_450, "¥12,345": 1_234_500, " 1,234,567.8 ": 123_456_780, "300": 30_000, "¥ 5": 500}
    assert {text: amount_of(text) for text in typed} == typed
    assert amount_of("-1,234.50", signed=True) == -123_450


def test_above_the_limit_a_second_person_confirms(rig: ServiceRig) -> None:
    rig.admin.stations.set("S1", second_person_fen=10_000)
    rig.admin.money.top_up("C2", 90_000)
    wang, sun, admin = (counter(rig, name) for name in ("wang", "sun", "admin"))
    wang.open_shift("500")
    assert counter(rig, "li").post("/office/refund", card="C2", yuan="1").status_code == 403
    at_once = receipt_of(wang.post("/office/refund", card="C2", yuan="100"))
    assert "/counter/receipt" in at_once
    big = {"card": "C2", "yuan": "100.01", "form": "form-of-the-big-one"}
    for _ in range(2):
        assert "/office/requests" in receipt_of(wang.post("/office/refund", **big))
    key = {"key": "counter form-of-the-big-one"}
    assert len(postings(rig, "refund")) == 1
    assert wang.post("/office/requests", **key, word="confirm").status_code == 409
    assert counter(rig, "zhao", "S2").post("/office/requests", **key, word="confirm").status_code == 403
    assert sun.post("/office/requests", **key, word="confirm").status_code == 303
    assert sun.post("/office/requests", **key, word="confirm").status_code == 303
    rig.admin.money.refund("C2", 10_001)
    web, command = [row for row in postings(rig, "refund") if row.amount_fen == 10_001]
    assert web[:4] == command[:4]
    assert web.actor == "person:wang"
    assert wang.post("/office/correct", card="C2", yuan="1", note="x").status_code == 403
    assert admin.post("/office/correct", card="C2", yuan="-1", note="", form="a-correction-of-it").status_code == 409
    rig.admin.money.top_up("C1", 10_000)
    receipt_of(admin.post("/office/correct", card="C1", yuan="-100", note="抄错", form="a-correction-of-it"))
    receipt_of(admin.post("/office/correct", card="C2", yuan="100.01", note="抄错", form="a-second-correction"))
    second = {"key": "counter a-second-correction"}
    assert sun.post("/office/requests", **second, word="decline").status_code == 303
    assert sun.post("/office/requests", **second, word="confirm").status_code == 303
    assert [row.amount_fen for row in postings(rig, "correction")] == [10_000]
    with rig.app.state.books.database.reading() as connection:
        deeds = {(d.actor, d.action) for d in trail.last(connection, 50, "C2")}
    assert {
        ("person:wang", "ask_refund"),
        ("person:sun", "refund_confirmed"),
        ("person:admin", "ask_correction"),
        ("person:sun", "correction_declined"),
    } <= deeds
    assert audit(rig.app.state.books.database).findings == ()


def requests_of(counter: Counter) -> int:
    return counter.get("/office/requests").text.count('data-state="waiting"')


@pytest.mark.slow
def test_a_large_refund_in_small_forms_needs_a_second_person(rig: ServiceRig) -> None:
    """By one person over all cards, and by several of one card; what a second person confirmed does not count."""
    rig.admin.stations.set("S1", second_person_fen=10_000)
    for card in ("C1", "C2"):
        rig.admin.money.top_up(card, 90_000)
    wang, sun, admin = (counter(rig, name) for name in ("wang", "sun", "admin"))
    for one in (wang, sun):
        one.open_shift("5000")
    sent = [("C1", "receipt"), ("C2", "receipt"), ("C2", "requests"), ("C1", "requests")]
    for number, (card, goes) in enumerate(sent):
        form = {"card": card, "yuan": "40", "form": f"small-form-number-{number}"}
        for _ in range(2):
            assert goes in receipt_of(wang.post("/office/refund", **form))
    assert requests_of(wang) == 2
    assert "receipt" in receipt_of(sun.post("/office/refund", card="C1", yuan="60", form="another-persons-own"))
    small = {"card": "C1", "yuan": "0.01", "note": "抄错", "form": "one-fen-of-that-card"}
    assert "requests" in receipt_of(admin.post("/office/correct", **small))
    assert sun.post("/office/requests", key="counter small-form-number-2", word="confirm").status_code == 303
    assert [row.amount_fen for row in postings(rig, "refund")] == [4_000, 4_000, 6_000, 4_000]
    assert "receipt" in receipt_of(wang.post("/office/refund", card="C2", yuan="20", form="to-the-limit-itself"))
    assert "requests" in receipt_of(wang.post("/office/refund", card="C2", yuan="0.01", form="one-fen-above-it"))
    assert audit(rig.app.state.books.database).findings == ()


def test_the_sum_begins_at_the_stations_midnight_and_counts_the_command_line(rig: ServiceRig) -> None:
    rig.admin.stations.set("S1", second_person_fen=10_000, zone="Asia/Shanghai")
    rig.admin.money.top_up("C2", 90_000)
    wang = counter(rig, "wang")
    wang.open_shift("5000")
    rig.clock.moment = datetime(2026, 5, 4, 15, 59, tzinfo=UTC)
    Admin(rig.app.state.books, "root").money.refund("C2", 10_000)
    assert "requests" in receipt_of(counter(rig, "admin").post("/office/correct", card="C2", yuan="1", note="x"))
    rig.clock.moment = datetime(2026, 5, 4, 16, 0, tzinfo=UTC)
    wang = counter(rig, "wang")
    assert "receipt" in receipt_of(wang.post("/office/refund", card="C2", yuan="100", form="form-of-the-next-day"))


def test_of_two_small_forms_at_once_one_waits(rig: ServiceRig) -> None:
    rig.admin.stations.set("S1", second_person_fen=10_000)
    rig.admin.money.top_up("C2", 90_000)
    wang = counter(rig, "wang")
    wang.open_shift("5000")
    forms = [{"card": "C2", "yuan": "60", "form": f"at-the-same-time-{number}"} for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        places = list(pool.map(lambda form: receipt_of(wang.post("/office/refund", **form)), forms))
    assert sorted("receipt" in place for place in places) == [False, True]
    assert [row.amount_fen for row in postings(rig, "refund")] == [6_000]


def test_the_operators_day(rig: ServiceRig) -> None:
    wang, admin = counter(rig, "wang"), counter(rig, "admin")
    assert receipt_of(wang.post("/office/new-card", card="C7", owner="新客户"))
    assert receipt_of(wang.post("/office/bind", card="C7", plate="粤B7·7777"))
    assert wang.post("/office/bind", card="C7", plate=PLATE).status_code == 409
    for what, name in (("card", "C7"), ("plate", "粤B77777")):
        assert receipt_of(wang.post("/office/block", what=what, name=name, word="block", card="C7"))
    assert wang.get("/counter/card", card="C7").text.count("停用</span>") == 2
    for _ in range(2):
        assert receipt_of(wang.post("/office/prices", product="95", yuan="8.40"))
    assert "¥8.40" in wang.get("/office/prices").text
    books = rig.app.state.books
    books.carry_out_one(Report(decode(Fuelling, fuelling())))
    books.carry_out_one(Report(decode(Fuelling, {**fuelling(sequence=3), "plate": None})))
    books.carry_out_one(Report(decode(Fuelling, {**fuelling(sequence=4), "amount_fen": 1})))
    day = wang.get("/office").text
    assert all(words in day for words in ('data-fen="15800"', 'data-ml="20000"', "上报被拒", "无人付款", "<rect"))
    assert re.findall(r'data-day="([\d-]+)" data-fen="(\d+)"', day)[-2:] == [("05-03", "0"), ("05-04", "15800")]
    reconciled = wang.get("/office/reconcile", day="2026-05-04").text
    assert all(words in reconciled for words in ("不平", "有 1 笔没有上报", "1 笔上报被拒", 'data-fen="15800"'))
    (folded,) = re.findall(r'<table class="folds"><thead>.*?</table>', reconciled, re.DOTALL)
    cells = re.findall(r"<td([^>]*)>", folded)
    assert len([cell for cell in cells if "data-label" in cell]) == 4, "on a phone each figure has its word"
    assert len(cells) == 5
    assert "NOT balanced" in wang.client.get("/office/reconcile?station=S1&day=2026-05-04&lang=en", headers=PAGE).text
    assert "S1-D1 4" in wang.client.get("/office/refused?station=S1", headers=PAGE).text
    assert "¥79.00" in admin.get("/office/claims").text
    claimed = {"dispenser": "S1-D1", "sequence": "3", "card": "C1"}
    assert receipt_of(admin.post("/office/claims", **claimed))
    assert admin.post("/office/claims", **claimed).status_code == 409
    assert receipt_of(admin.post("/office/caps", yuan="150"))
    assert "¥150.00" in admin.get("/office/caps").text
    assert all(name in admin.get("/office/people").text for name in ("li", "收银员", "wang"))
    for path in ("/office/claims", "/office/caps", "/office/people"):
        assert wang.get(path).status_code == 403
    for path in ("/office", "/office/prices", "/office/refused", "/office/reconcile", "/office/requests"):
        assert counter(rig, "li").get(path).status_code == 403, path
        assert wang.client.get(path, params={"station": "S2"}).status_code == 403, path
    assert {finding.check for finding in audit(books.database).findings} == {"totalisers"}


def test_a_bill_that_no_phone_paid_is_paid_at_the_counter_once(rig: ServiceRig) -> None:
    plate = "粤B55555"
    books = rig.app.state.books
    payer(World(books.database, ManualClock(rig.clock.moment)), "陈", plate=plate)
    books.carry_out_one(Report(decode(Fuelling, {**fuelling(), "plate": plate})))
    li, zhao = counter(rig, "li"), counter(rig, "zhao", "S2")
    li.open_shift("0")
    zhao.open_shift("0")
    shown = li.get("/counter/bills", plate=plate).text
    (bill,) = re.findall(r'name="bill" value="([^"]+)"', shown)
    assert "¥79.00" in shown
    assert plate in shown.partition("<h1>")[2].partition("</h1>")[0]
    assert plate not in zhao.get("/counter/bills").text
    assert zhao.post("/counter/bills", bill=bill).status_code == 409
    receipts = {receipt_of(li.post("/counter/bills", bill=bill)) for _ in range(2)}
    receipt = li.client.get(receipts.pop(), headers=PAGE).text
    assert all(words in receipt for words in ("账单收款", "¥79.00", plate, "不是发票"))
    assert receipts == set()
    assert [row[:] for row in postings(rig, "cash_payment")] == [(1, ANY, 7_900, "single", "person:li")]
    assert li.post("/counter/shift/close", yuan="79").status_code == 303
    assert postings(rig, "over_short") == []
    assert audit(books.database).findings == ()


def test_pages_are_in_one_language_and_refusals_say_why(rig: ServiceRig) -> None:
    admin = counter(rig, "admin")
    for path in (
        "/counter",
        "/counter/card?card=C1",
        "/counter/top-up?card=C1&yuan=5&form=form-of-this-test",
        "/counter/statement?card=C1",
        "/counter/bills",
        "/counter/shift",
        "/office",
        "/office/requests",
        "/office/prices",
        "/office/prices/change?product=98&yuan=8.80",
        "/office/refused",
        "/office/reconcile",
        "/office/claims",
        "/office/caps",
        "/office/people",
    ):
        target = f"{path}{'&' if '?' in path else '?'}station=S1&lang=en"
        page = admin.client.get(target, headers=PAGE)
        words = page.text.replace("中文", "").replace(PLATE, "")
        assert (page.status_code, re.findall(r"[\u4e00-\u9fff]+", words)) == (200, []), path
    admin.client.cookies.delete("greenlane-language")
    admin.open_shift()
    for path, values, words in (
        ("/office/new-card", {"card": "C1"}, "加油卡 C1 已存在"),
        ("/office/bind", {"card": "C2", "plate": PLATE}, "已绑定加油卡 C1"),
        ("/office/bind", {"card": "C2", "plate": "ABC"}, "车牌号"),
        ("/office/refund", {"card": "C2", "yuan": "5"}, "可用余额 ¥0.00，不足 ¥5.00"),
        ("/office/correct", {"card": "C2", "yuan": "-5", "note": "x"}, "可用余额 ¥0.00，不足 ¥5.00"),
        ("/counter/top-up", {"card": "C1", "yuan": "9999999999"}, "最多存"),
    ):
        answer = admin.post(path, **values)
        assert (answer.status_code, words in answer.text) == (409, True), answer.text


def test_what_was_mistyped_leads_back_to_its_form(rig: ServiceRig) -> None:
    """It led to the counter's first page, and the form had to be found again."""
    li = counter(rig, "li")
    form = "http://testserver/counter/shift?station=S1"
    values = {"csrf": li.csrf, "form": FORM, "yuan": "two hundred"}

    def refused(referer: str) -> str:
        headers = {**PAGE, "Referer": referer}
        return li.client.post("/counter/shift/open?station=S1", data=values, headers=headers).text

    assert '<a class="button primary" href="/counter/shift?station=S1">' in refused(form)
    for elsewhere in ("http://evil.example/counter", "http://testserver//evil.example/", ""):
        assert "primary" not in refused(elsewhere)


def test_a_price_that_is_none_asks_for_a_price(rig: ServiceRig) -> None:
    answer = counter(rig, "wang").post("/office/prices", product="92", yuan="0")
    assert answer.status_code == 409
    assert "请输入每升单价（元），如 7.50。" in answer.text


def test_a_price_change_names_both_prices_before_the_pumps_learn_of_it(rig: ServiceRig) -> None:
    """A point forgotten in 7.80 was the price of every pump at once."""
    wang = counter(rig, "wang")
    rig.clock.moment += timedelta(seconds=1)
    assert wang.post("/office/prices", product="92", yuan="7.50").status_code in {200, 303}
    assert 'method="get" action="/office/prices/change"' in wang.get("/office/prices").text
    question = wang.get("/office/prices/change", product="92", yuan="780")
    assert question.status_code == 200
    assert all(words in question.text for words in ("油品 92 变价为 ¥780.00/升？", "¥7.50", "返回"))
    assert "新增" in wang.get("/office/prices/change", product="9Z", yuan="7.80").text
    assert "¥780.00" not in wang.get("/office/prices").text
    assert wang.get("/office/prices/change", product="92", yuan="dear").status_code == 409
    hidden = dict(re.findall(r'type="hidden" name="(product|yuan)" value="([^"]*)"', question.text))
    rig.clock.moment += timedelta(seconds=1)
    wang.post("/office/prices", **hidden)
    assert "¥780.00" in wang.get("/office/prices").text


def test_stations_are_chosen_by_their_titles_and_headed_by_them(rig: ServiceRig) -> None:
    """Who looks after all of them saw S1, S2 and S3."""
    rig.admin.stations.set("S1", title="东环路 Ring road east")
    chief = counter(rig, "admin")
    for path in ("/station", "/office", "/counter"):
        shown = chief.client.get(path, headers=PAGE).text
        assert 'S1<br><span class="sight">东环路 Ring road east</span>' in shown, path
        assert ">S2</a>" in shown, "one without a title"
    assert "<h1>油站 S1 · 东环路 Ring road east</h1>" in chief.get("/station").text
