"""The counter over HTTP: who may do what, a form that comes twice, shifts, and the same ledger as by command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from service.books.messages import Report
from service.identity.people import Role
from service.reports.audit import audit
from service.store import schema
from tests.service.identity.kit import PLATE, House, fuelling
from tests.service.identity.test_pages import PASSWORD, fields, log_in
from wire.codec import decode
from wire.fuellings import Fuelling

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
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    made = House(tmp_path, url=database_url)
    for name, (role, station) in PEOPLE.items():
        lane = "L1" if role is Role.PANEL else None
        made.identity.people.add(name, PASSWORD, role, station, "test", lane=lane)
    made.desk.create_card("C2", name="王物流")
    made.desk.bind_plate("沪C99999", "C2")
    with TestClient(made.app, follow_redirects=False):
        yield made


def counter(house: House, person: str, station: str = "S1") -> Counter:
    return Counter(TestClient(house.app, client=("10.0.0.1", 4711), follow_redirects=False), person, station)


def postings(house: House, kind: str) -> list[Any]:
    moved = schema.transfers.c
    query = select(moved.debit_account, moved.credit_account, moved.amount_fen, moved.phase, moved.actor)
    with house.app.state.books.database.reading() as connection:
        return list(connection.execute(query.where(moved.kind == kind).order_by(moved.id)))


def receipt_of(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_from_the_plate_to_the_receipt(house: House) -> None:
    li = counter(house, "li")
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
    asked = li.get("/counter/top-up", card="C2", yuan="300").text
    assert "充值 ¥300.00 到加油卡 C2？" in asked
    form = fields(httpx.Response(200, text=asked)) | {"method": "cash"}
    sent = [li.client.post("/counter/top-up?station=S1", data=form, headers=PAGE) for _ in range(3)]
    assert len({receipt_of(answer) for answer in sent}) == 1
    shown = li.client.get(receipt_of(sent[0]), headers=PAGE).text
    assert all(words in shown for words in ("小票", "不是发票", "¥300.00", "王物流", "沪C99999", "2026-05-04 16:30:00"))
    house.desk.top_up("C2", 30_000)
    web, command = [row for row in postings(house, "top_up") if row.amount_fen == 30_000]
    assert web[:4] == command[:4]
    assert (web.actor, command.actor) == ("person:li", "test")
    assert audit(house.app.state.books.database).findings == ()


def test_a_form_is_good_for_one_payment(house: House) -> None:
    li = counter(house, "li")
    li.open_shift()
    receipt_of(li.post("/counter/top-up", card="C2", yuan="300"))
    for other in ({"yuan": "301"}, {"card": "C1"}, {"method": "scan"}):
        assert li.post("/counter/top-up", **{"card": "C2", "yuan": "300", **other}).status_code == 409
    zhao = counter(house, "zhao", "S2")
    zhao.open_shift()
    assert zhao.post("/counter/top-up", card="C2", yuan="300").status_code == 409
    for bad in ({"form": "short"}, {"yuan": "-5"}, {"yuan": "0"}, {"yuan": "x"}, {"card": "C9"}, {"method": "gold"},
                {"note": "a\x00b"}, {"card": ""}):  # fmt: skip
        answer = li.post("/counter/top-up", **{"card": "C2", "yuan": "5", "form": "another-form-of-it", **bad})
        assert answer.status_code == 409, bad
    assert [row.amount_fen for row in postings(house, "top_up")] == [10**9, 30_000]


def test_nobody_else_gets_in_and_forged_forms_do_nothing(house: House) -> None:
    for person in ("pump", "chen"):
        answer = counter(house, person).get("/counter")
        assert (answer.status_code, "没有权限" in answer.text, "收银员" in answer.text) == (403, True, True)
    li = counter(house, "li")
    li.open_shift()
    forged = {"form": FORM, "card": "C2", "yuan": "300", "method": "cash"}
    assert li.client.post("/counter/top-up?station=S1", data=forged).status_code == 403
    elsewhere = {"Origin": "https://evil.example"}
    data = {**forged, "csrf": li.csrf}
    assert li.client.post("/counter/top-up?station=S1", data=data, headers=elsewhere).status_code == 403
    assert len(postings(house, "top_up")) == 1


def test_another_stations_cashier_sees_nothing_of_this_one(house: House) -> None:
    li = counter(house, "li")
    li.open_shift()
    receipt = receipt_of(li.post("/counter/top-up", card="C1", yuan="300", note="付清"))
    house.app.state.books.carry_out_one(Report(decode(Fuelling, fuelling())))
    zhao = counter(house, "zhao", "S2")
    for path in ("/counter", "/counter/card?card=C1", "/counter/statement?card=C1", receipt.replace("S1", "S1")):
        joint = "&" if "?" in path else "?"
        target = path if "station=" in path else f"{path}{joint}station=S1"
        assert zhao.client.get(target, headers=PAGE).status_code == 403, path
    assert zhao.client.get(receipt.replace("station=S1", "station=S2"), headers=PAGE).status_code == 404
    own, theirs = (c.get("/counter/statement", card="C1", since="2026-05-01").text for c in (li, zhao))
    assert "S1 · 粤B12345 · 92 10.00 L" in own
    assert "2026-05-04 16:30:00" in own
    assert "Asia/Shanghai" in own
    assert "S1" not in theirs
    assert PLATE not in theirs
    assert "10.00 L" not in theirs
    assert "其他油站" in theirs
    amounts = [re.findall(r'data-fen="(-?\d+)"', page) for page in (own, theirs)]
    assert amounts[0] == amounts[1]
    assert "-7900" in amounts[0]
