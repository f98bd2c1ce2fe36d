"""Bills given back at the counter: what card and phone paid together, in reverse order, as the command does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from service.books.messages import Report
from service.identity import trail
from service.identity.people import Role
from service.payer_rules.periods import Rule
from service.payers.refunds import Refunds
from service.reports.audit import audit
from service.store.payer_tables import charges
from tests.service.counter.test_counter import FORM, PAGE, PEOPLE, Counter, postings, receipt_of
from tests.service.identity.kit import ServiceRig, fuelling
from tests.service.identity.test_pages import PASSWORD
from tests.service.payers.test_refunds import Combined, combined
from tests.service.world import ManualClock, World
from wire.codec import decode
from wire.fuellings import Fuelling
from wire.payers import ChargeState, PhoneWord

LIMIT_FEN = 5_000
WHY = {"note": "跳枪后多扣"}


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[ServiceRig]:
    made = ServiceRig(tmp_path, url=database_url)
    for name, (role, station) in PEOPLE.items():
        if role is not Role.PANEL:
            made.identity.people.add(name, PASSWORD, role, station, "test")
    made.identity.people.add("op-s2", PASSWORD, Role.OPERATOR, "S2", "test")
    made.admin.stations.set("S1", second_person_fen=LIMIT_FEN)
    with TestClient(made.app, follow_redirects=False):
        yield made


def counter(rig: ServiceRig, person: str, station: str = "S1") -> Counter:
    return Counter(TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False), person, station)


def fuelled(rig: ServiceRig, rule: Rule, amount_fen: int, **limits: int) -> Combined:
    """On the same books, with vehicles, cards and fuellings of numbers from 10 on."""
    if "world" not in rig.__dict__:
        rig.__dict__["world"] = World(rig.app.state.books.database, ManualClock(rig.clock.moment))
        rig.__dict__["world"].__dict__["number"] = 10
    return combined(rig.__dict__["world"], rule, amount_fen, **limits)


def deeds(rig: ServiceRig, subject: str) -> set[tuple[str, str]]:
    with rig.app.state.books.database.reading() as connection:
        return {(deed.actor, deed.action) for deed in trail.last(connection, 50, subject)}


def test_what_was_charged_last_goes_back_first_and_as_by_command(rig: ServiceRig) -> None:
    """60 yuan of the card, 40 of the phone's hold, 20 beyond both."""
    web, command = (fuelled(rig, Rule.CARD_THEN_PHONE, 12_000) for _ in range(2))
    wang = counter(rig, "wang")
    held, beyond = web.charges()
    listed = wang.get("/office/bills").text
    assert all(f'data-bill="{one}"' in listed for one in (held, beyond, *command.charges()))
    shown = wang.get("/office/bill", bill=held).text
    order = [shown.index(f'data-share="{one}"') for one in (web.card, held, beyond)]
    assert order == sorted(order)
    assert 'value="60.00"' in shown, "this bill, and before it what was charged after it"
    for _ in range(2):
        assert "/office/bill?" in receipt_of(wang.post("/office/bill", bill=held, yuan="50", **WHY))
    Refunds(rig.app.state.books).refund(command.charges()[0], "test", 5_000)
    assert web.paid() == command.paid() == (6_000, 1_000)
    assert {row.actor for row in postings(rig, "charge_refund")} == {"person:wang", "test"}
    shown = wang.get("/office/bill", bill=held).text
    assert f'data-share="{beyond}" data-charged="2000" data-back="2000"' in shown
    assert f'data-share="{held}" data-charged="4000" data-back="3000"' in shown
    assert deeds(rig, held) == {("person:wang", "charge_refund")}
    assert audit(rig.app.state.books.database).findings == ()


def test_the_office_says_what_waits_and_whose_hand_it_needs(rig: ServiceRig) -> None:
    """A dispute is named and told how to end; where only an administrator may go there is no way for an operator."""
    it = fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (bill,) = it.charges()
    books = rig.app.state.books
    books.carry_out_one(Report(decode(Fuelling, {**fuelling(sequence=3), "plate": None})))
    wang = counter(rig, "wang")
    assert "有争议" not in wang.get("/office").text + wang.get("/office/bill", bill=bill).text
    with books.database.writing() as connection:
        connection.execute(update(charges).where(charges.c.id == bill).values(state=ChargeState.DISPUTED))
    for person, is_linked in (("wang", False), ("admin", True)):
        day = counter(rig, person).get("/office").text
        assert "1 笔账单有争议</a>" in day
        assert ("1 笔加油无人付款</a>" in day, "由管理员处理" in day) == (is_linked, not is_linked)
    assert "/office/bill/dispute" in wang.get("/office/bill", bill=bill).text


def test_a_bill_s_state_is_told_of_its_payer_not_of_who_reads_it(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (bill,) = it.charges()
    wang = counter(rig, "wang")
    for state in ChargeState:
        with rig.app.state.books.database.writing() as connection:
            connection.execute(update(charges).where(charges.c.id == bill).values(state=state))
        for path in ("/office/bills", f"/office/bill?bill={bill}"):
            shown = wang.client.get(path, params={"station": "S1", "lang": "en", "bill": bill}, headers=PAGE).text
            assert not re.search(r'<span class="tag">[^<]*\byou\b', shown), state


@pytest.mark.slow
def test_above_the_limit_a_second_person_confirms_and_then_once(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (bill,) = it.charges()
    wang, sun = counter(rig, "wang"), counter(rig, "sun")
    for _ in range(2):
        assert "/office/requests" in receipt_of(wang.post("/office/bill", bill=bill, yuan="80", **WHY))
    assert it.paid() == (3_000, 7_000)
    assert f"账单 {bill}" in sun.get("/office/requests").text
    key = {"key": f"counter {FORM}", "word": "confirm"}
    assert wang.post("/office/requests", **key).status_code == 409
    for _ in range(2):
        assert sun.post("/office/requests", **key).status_code == 303
    assert it.paid() == (0, 2_000)
    assert 'data-state="confirmed"' in sun.get("/office/requests").text
    assert deeds(rig, bill) == {
        ("person:wang", "ask_charge_refund"),
        ("person:sun", "charge_refund_confirmed"),
        ("person:wang", "charge_refund"),
    }
    assert audit(rig.app.state.books.database).findings == ()


@pytest.mark.slow
def test_a_bill_in_small_forms_counts_with_all_that_the_person_gave_back_that_day(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (bill,) = it.charges()
    wang, sun = counter(rig, "wang"), counter(rig, "sun")
    for _ in range(2):
        first = {"bill": bill, "yuan": "30", "form": "the-first-small-form", **WHY}
        assert "/office/bill?" in receipt_of(wang.post("/office/bill", **first))
    wang.open_shift("100")
    refund = {"card": "C1", "yuan": "20.01", "form": "a-refund-of-a-card"}
    assert "/office/requests" in receipt_of(wang.post("/office/refund", **refund))
    second = {"bill": bill, "yuan": "20.01", "form": "the-second-small-form", **WHY}
    assert "/office/requests" in receipt_of(wang.post("/office/bill", **second))
    assert sun.post("/office/requests", key="counter the-second-small-form", word="confirm").status_code == 303
    third = {"bill": bill, "yuan": "20", "form": "the-third-small-form", **WHY}
    assert "/office/bill?" in receipt_of(wang.post("/office/bill", **third))
    assert sum(it.paid()) == 10_000 - 7_001
    assert audit(rig.app.state.books.database).findings == ()


def test_what_cannot_go_back_any_more_still_waits_for_its_second_person(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (bill,) = it.charges()
    wang, sun = counter(rig, "wang"), counter(rig, "sun")
    receipt_of(wang.post("/office/bill", bill=bill, yuan="100", **WHY))
    Refunds(rig.app.state.books).refund(bill, "test", 4_000)
    key = {"key": f"counter {FORM}"}
    answer = sun.post("/office/requests", **key, word="confirm")
    assert (answer.status_code, "最多可退 ¥60.00" in answer.text) == (409, True)
    assert 'data-state="waiting"' in sun.get("/office/requests").text
    assert sun.post("/office/requests", **key, word="decline").status_code == 303
    assert it.paid() == (0, 6_000)
    assert audit(rig.app.state.books.database).findings == ()


@pytest.mark.slow
def test_what_was_paid_at_the_counter_leaves_the_drawer_of_an_open_shift(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.CARD_THEN_PHONE, 12_000, per_fill_fen=5_000)
    _held, unpaid = it.charges()
    wang = counter(rig, "wang")
    wang.open_shift("100")
    receipt_of(wang.post("/counter/bills", bill=unpaid))
    assert wang.post("/counter/shift/close", yuan="120").status_code == 303
    answer = wang.post("/office/bill", bill=unpaid, yuan="15", **WHY)
    assert (answer.status_code, "请先上班" in answer.text) == (409, True)
    assert postings(rig, "charge_refund") == [], "nothing went back"
    wang.open_shift("100")
    receipt_of(wang.post("/office/bill", bill=unpaid, yuan="15", **WHY))
    assert "账单退款 ¥15.00" in wang.get("/counter/shift").text
    assert wang.post("/counter/shift/close", yuan="85").status_code == 303
    assert postings(rig, "over_short") == []
    assert audit(rig.app.state.books.database).findings == ()


def test_an_open_bill_is_waived_whole_or_not_at_all(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.CARD_THEN_PHONE, 12_000, per_fill_fen=5_000)
    held, unpaid = it.charges()
    wang = counter(rig, "wang")
    answer = wang.post("/office/bill", bill=held, yuan="10", **WHY)
    assert (answer.status_code, "须整张免除" in answer.text) == (409, True)
    receipt_of(wang.post("/office/bill", bill=held, yuan="25", form="form-of-the-waiver", **WHY))
    assert f'data-bill="{unpaid}" data-state="refunded"' in wang.get("/office/bills").text
    assert it.paid() == (6_000, 3_500)


@pytest.mark.slow
def test_who_may_give_back_and_where(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.CARD_THEN_PHONE, 12_000)
    (bill, _) = it.charges()
    for person in ("li", "chen"):
        other = counter(rig, person)
        assert other.get("/office/bills").status_code == 403
        assert other.get("/office/bill", bill=bill).status_code == 403
        assert other.post("/office/bill", bill=bill, yuan="1", **WHY).status_code == 403
    admin = counter(rig, "admin", "S2")
    assert admin.get("/office/bill", bill=bill).status_code == 404
    assert admin.post("/office/bill", bill=bill, yuan="1", **WHY).status_code == 409
    assert f'data-bill="{bill}"' not in admin.get("/office/bills").text
    wang = counter(rig, "wang")
    for bad in ({"yuan": "0"}, {"yuan": "-1"}, {"yuan": "x"}, {"note": ""}, {"form": "short"}, {"method": "gold"}):
        assert wang.post("/office/bill", **{"bill": bill, "yuan": "1", **WHY, **bad}).status_code == 409, bad
    assert wang.post("/office/bill", bill="c-none", yuan="1", **WHY).status_code == 409
    assert it.paid() == (6_000, 6_000)


def test_a_form_that_was_used_for_something_else_gives_no_bill_back(rig: ServiceRig) -> None:
    """Neither unseen by the limit, because its key stands in the ledger, nor at all."""
    it = fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (bill,) = it.charges()
    wang = counter(rig, "wang")
    wang.open_shift("100")
    receipt_of(wang.post("/counter/top-up", card="C1", yuan="0.01"))
    answer = wang.post("/office/bill", bill=bill, yuan="100", **WHY)
    assert (answer.status_code, it.paid()) == (409, (3_000, 7_000))
    assert 'data-state="waiting"' not in wang.get("/office/requests").text
    assert audit(rig.app.state.books.database).findings == ()


def test_one_form_for_many_bills_is_one_bill_s(rig: ServiceRig) -> None:
    """Else each bill would count as if it were the only one."""
    many = [fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000) for _ in range(3)]
    wang, sun = counter(rig, "wang"), counter(rig, "sun")
    answers = [wang.post("/office/bill", bill=it.charges()[0], yuan="20", **WHY).status_code for it in many]
    assert answers == [303, 409, 409]
    assert [sum(it.paid()) for it in many] == [8_000, 10_000, 10_000]
    large = {"bill": many[1].charges()[0], "yuan": "60", **WHY}
    assert wang.post("/office/bill", **large).status_code == 409
    assert 'data-state="waiting"' not in sun.get("/office/requests").text
    assert audit(rig.app.state.books.database).findings == ()


def dispute(it: Combined, bill: str, fen: int) -> None:
    assert it.phone.say(bill, fen, PhoneWord.DISPUTE) is ChargeState.DISPUTED


def state_of(rig: ServiceRig, bill: str) -> str:
    with rig.app.state.books.database.reading() as connection:
        return str(connection.execute(select(charges.c.state).where(charges.c.id == bill)).scalar_one())


def test_a_dispute_ends_for_the_driver_and_the_bill_goes_back_once(rig: ServiceRig) -> None:
    rig.admin.stations.set("S1", second_person_fen=10_000)
    it = fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (bill,) = it.charges()
    dispute(it, bill, 7_000)
    wang = counter(rig, "wang")
    shown = wang.get("/office/bill", bill=bill).text
    assert ("/office/bill/dispute" in shown, 'action="/office/bill?' in shown, "退回 ¥100.00" in shown) == (
        True,
        False,
        True,
    )
    answer = wang.post("/office/bill", bill=bill, yuan="30", **WHY)
    assert (answer.status_code, "有争议，请先结案" in answer.text) == (409, True)
    assert wang.post("/office/bill/dispute", bill=bill, word="driver", note="").status_code == 409, "without a reason"
    for _ in range(2):
        assert "/office/bill?" in receipt_of(wang.post("/office/bill/dispute", bill=bill, word="driver", **WHY))
    assert (it.paid(), state_of(rig, bill)) == ((0, 0), "refunded")
    assert deeds(rig, bill) == {("person:wang", "charge_refund")}
    assert audit(rig.app.state.books.database).findings == ()


def test_a_dispute_ends_for_the_station_and_no_money_moves(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.CARD_THEN_PHONE, 12_000, per_fill_fen=5_000)
    held, unpaid = it.charges()
    newer = fuelled(rig, Rule.CARD_THEN_PHONE, 12_000).charges()[0]
    wang, zhao = counter(rig, "wang"), counter(rig, "op-s2", "S2")
    before = it.paid()
    for bill, fen, left in ((held, 4_000, "paid"), (unpaid, 2_000, "created")):
        dispute(it, bill, fen)
        listed = wang.get("/office/bills").text
        assert listed.index(bill) < listed.index(newer), "what waits for a word comes first"
        assert zhao.post("/office/bill/dispute", bill=bill, word="station", **WHY).status_code == 409
        for _ in range(2):
            receipt_of(wang.post("/office/bill/dispute", bill=bill, word="station", **WHY))
        assert state_of(rig, bill) == left
        assert deeds(rig, bill) == {("person:wang", "charge_upheld")}
    assert it.paid() == before
    assert audit(rig.app.state.books.database).findings == ()


def test_a_dispute_above_the_limit_ends_with_a_second_person(rig: ServiceRig) -> None:
    it = fuelled(rig, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (bill,) = it.charges()
    dispute(it, bill, 7_000)
    wang, sun = counter(rig, "wang"), counter(rig, "sun")
    for _ in range(2):
        assert "/office/requests" in receipt_of(wang.post("/office/bill/dispute", bill=bill, word="driver", **WHY))
    assert state_of(rig, bill) == "disputed"
    key = {"key": f"counter {FORM}", "word": "confirm"}
    assert wang.post("/office/requests", **key).status_code == 409
    for _ in range(2):
        assert sun.post("/office/requests", **key).status_code == 303
    assert (it.paid(), state_of(rig, bill)) == ((0, 0), "refunded")
    assert audit(rig.app.state.books.database).findings == ()
