"""Fuelling to charge to money: captured by mandate, asked for, paid by key, refused, given back, handed on."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from greenlane.report.charge_diagram import PLACES, drawn
from service.books.decisions.person_charges import TRANSITIONS, ChargeEvent, after
from service.errors import AdminError
from service.payer_rules.periods import Hours, Rule
from service.payers.charging import Charging, ListedCharge
from service.payers.keys import NotSigned
from service.payers.mandates import sign
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from service.payers.refunds import PayerRefund, Refunds
from service.reports.audit import audit
from service.reports.statement import cards
from service.store.payer_tables import mandates
from tests.service.payers.phone import Phone, payer, person, wallet_fen
from tests.service.world import PLATE, Pump, World
from wire.payers import ChargeState, KeyAlgorithm, PhoneWord, Signed
from wire.reasons import Reason

LITRE_FEN = 800


def fuel(world: World, amount_fen: int, **changes: object) -> tuple[ListedCharge, ...]:
    """One fuelling under a new authorisation; the charges it made, by amount."""
    before = {c.id for c in listed(world)}
    held = world.allowed()
    report(world, amount_fen, authorisation=held, **changes)
    return tuple(c for c in listed(world) if c.id not in before)


def report(world: World, amount_fen: int, **changes: object) -> None:
    pump = world.__dict__.setdefault("pump", Pump("D1"))
    world.report(pump.fuelling(world.clock, amount_fen * 1000 // LITRE_FEN, **changes))


def listed(world: World, **only: str) -> tuple[ListedCharge, ...]:
    return Charging(world.books).list(**only)


def clean(world: World) -> None:
    assert audit(world.database).findings == ()


def asked(world: World, fen: int = 8_000) -> tuple[Phone, ListedCharge]:
    """A charge that is open: a fuelling that nobody authorised."""
    phone = payer(world, "A")
    report(world, fen)
    (charge,) = listed(world)
    assert charge.state == "created"
    return phone, charge


def test_a_fuelling_within_the_hold_is_paid_by_the_mandate(world: World) -> None:
    payer(world, "A")
    (charge,) = fuel(world, 8_000)
    assert (charge.amount_fen, charge.state, charge.phone) == (8_000, "paid", "A")
    assert charge.paid_at == world.clock.now()
    assert wallet_fen(world, "A") == (42_000, 0, 0)
    clean(world)


def test_what_exceeds_the_hold_is_a_charge_of_its_own_within_the_mandate(world: World) -> None:
    payer(world, "A", per_fill_fen=12_000)
    assert [(c.amount_fen, c.state) for c in fuel(world, 12_000)] == [(10_000, "paid"), (2_000, "paid")]
    assert [(c.amount_fen, c.state) for c in fuel(world, 12_008)] == [(10_000, "paid"), (2_008, "created")]
    assert wallet_fen(world, "A") == (50_000 - 22_000, 0, 2_008)
    clean(world)


def test_a_repeated_report_charges_once(world: World) -> None:
    payer(world, "A")
    held = world.allowed()
    fuelling = Pump("D9").fuelling(world.clock, 10_000, authorisation=held)
    assert world.report(fuelling) == world.report(fuelling)
    assert len(listed(world)) == 1


def test_a_change_of_schedule_never_changes_who_was_authorised(world: World) -> None:
    payer(world, "A")
    held = world.allowed()
    PlatePayers(world.books, "tester").unset(PLATE, "A")
    payer(world, "B")
    report(world, 8_000, authorisation=held)
    assert [(c.phone, c.state) for c in listed(world)] == [("A", "paid")]
    clean(world)


def test_without_authorisation_the_hour_of_capture_decides_and_no_machine_pays(world: World) -> None:
    for name, hours in (("A", "0-8"), ("B", "8-16")):
        payer(world, name, hours)
    report(world, 8_000)  # began at 08:29 in Shanghai
    assert [(c.phone, c.state) for c in listed(world)] == [("B", "created")]
    assert wallet_fen(world, "B") == (50_000, 0, 8_000)
    clean(world)


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_the_phone_pays_with_its_key(world: World, algorithm: KeyAlgorithm) -> None:
    _, charge = asked(world)
    phone = Phone(world, Phones(world.books, "tester").new_code("A").code, algorithm)
    assert phone.say(charge.id, 8_000) is ChargeState.PAID
    assert wallet_fen(world, "A") == (42_000, 0, 0)
    with pytest.raises(AdminError, match="is paid: it cannot be paid"):
        phone.say(charge.id, 8_000)
    clean(world)


def test_another_s_phone_a_stale_a_repeated_and_an_altered_message_are_refused(world: World) -> None:
    phone, charge = asked(world)
    stranger = person(world, "X", hours=None)
    with pytest.raises(AdminError, match="no charge"):
        stranger.say(charge.id, 8_000)
    with pytest.raises(NotSigned, match="more than 300 s away"):
        Charging(world.books).hear(phone.word(charge.id, 8_000, at=world.clock.now() - timedelta(seconds=301)))
    with pytest.raises(NotSigned, match=r"the charge is 80\.00 yuan"):
        phone.say(charge.id, 7_999)
    declined = phone.word(charge.id, 8_000, PhoneWord.DECLINE)
    Charging(world.books).hear(declined)
    with pytest.raises(NotSigned, match="heard before"):
        Charging(world.books).hear(declined)
    own = phone.word(charge.id, 8_000)
    forged = type(own)(text=own.text.replace("8000", "8001"), key_id=own.key_id, signature=own.signature)
    with pytest.raises(NotSigned, match="does not fit"):
        Charging(world.books).hear(forged)
    Phones(world.books, "tester").revoke("A")
    with pytest.raises(NotSigned, match="not paired any more"):
        phone.say(charge.id, 8_000)
    clean(world)


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256: where (r, s) is a signature, so is (r, ORDER - s), as anybody can work out."""


def test_a_message_is_not_new_because_its_signature_is_written_otherwise(world: World) -> None:
    phones = Phones(world.books, "tester")
    code = phones.add("A")
    PlatePayers(world.books, "tester").set(PLATE, "A", NewBinding(hours=Hours.parse("0-24")))
    phone = Phone(world, code.code, KeyAlgorithm.P256)
    report(world, 8_000)
    (charge,) = listed(world)
    declined = phone.word(charge.id, 8_000, PhoneWord.DECLINE)
    Charging(world.books).hear(declined)
    proof = base64.b64decode(declined.signature)
    other = proof[:32] + (ORDER - int.from_bytes(proof[32:], "big")).to_bytes(32, "big")
    with pytest.raises(NotSigned, match="heard before"):
        Charging(world.books).hear(replace(declined, signature=base64.b64encode(other).decode()))
    padded = declined.signature[:-3] + chr(ord(declined.signature[-3]) + 1) + "=="
    assert base64.b64decode(padded) == proof
    with pytest.raises(NotSigned, match="does not fit"):
        Charging(world.books).hear(replace(declined, signature=padded))
    phone.mandate()
    with world.database.reading() as connection:
        row = connection.execute(select(mandates)).one()
    proof = base64.b64decode(row.signature)
    other = proof[:32] + (ORDER - int.from_bytes(proof[32:], "big")).to_bytes(32, "big")
    with pytest.raises(NotSigned, match="signed before"):
        sign(world.books, Signed(text=row.text, key_id=row.key, signature=base64.b64encode(other).decode()))
    clean(world)


def test_a_lost_key_is_replaced_and_nothing_is_paid_twice_or_forgotten(world: World) -> None:
    lost, charge = asked(world)
    found = Phone(world, Phones(world.books, "tester").new_code("A").code)
    with pytest.raises(NotSigned, match="not paired any more"):
        lost.say(charge.id, 8_000)
    assert world.ask().reason is Reason.MANDATE_MISSING
    found.mandate()
    assert world.ask().reason is Reason.OK
    assert found.say(charge.id, 8_000) is ChargeState.PAID
    clean(world)


def test_a_code_binds_one_key_once_and_one_for_another_phone_leaves_the_first(world: World) -> None:
    phone, charge = asked(world)
    code = Phones(world.books, "tester").new_code("A", adds=True)
    second = Phone(world, code.code)
    with pytest.raises(AdminError, match="wrong, used or expired"):
        Phone(world, code.code)
    late = Phones(world.books, "tester").new_code("A")
    world.clock.advance(24 * 3600)
    with pytest.raises(AdminError, match="wrong, used or expired"):
        Phone(world, late.code)
    assert phone.say(charge.id, 8_000) is ChargeState.PAID
    assert second.person == phone.person


def test_cash_at_the_counter_settles_a_charge_once(world: World) -> None:
    phone, charge = asked(world)
    assert Charging(world.books).settle(charge.id, "tester") is ChargeState.PAID
    with pytest.raises(AdminError, match="is paid"):
        Charging(world.books).settle(charge.id, "tester")
    with pytest.raises(AdminError, match="is paid"):
        phone.say(charge.id, 8_000)
    assert wallet_fen(world, "A") == (50_000, 0, 0)
    clean(world)


def test_money_goes_back_the_way_it_came_once_in_all(world: World) -> None:
    payer(world, "A")
    (charge,) = fuel(world, 8_000)
    charging = Refunds(world.books)
    with pytest.raises(AdminError, match=r"up to 80\.00"):
        charging.refund(charge.id, "tester", 8_001)
    assert charging.refund(charge.id, "tester", 3_000) == (PayerRefund("phone", charge.id, 3_000),)
    with pytest.raises(AdminError, match="given back already"):
        charging.refund(charge.id, "tester", 1)
    assert wallet_fen(world, "A") == (45_000, 0, 0)
    clean(world)


@pytest.mark.parametrize(("for_driver", "state", "back"), [(True, "refunded", 8_000), (False, "paid", 0)])
def test_a_paid_charge_is_disputed_once_and_resolved_with_a_reason(
    world: World, for_driver: bool, state: str, back: int
) -> None:
    phone = payer(world, "A")
    (charge,) = fuel(world, 8_000)
    assert phone.say(charge.id, 8_000, PhoneWord.DISPUTE) is ChargeState.DISPUTED
    with pytest.raises(AdminError, match="--why"):
        Refunds(world.books).resolve(charge.id, for_driver=for_driver, why=" ", actor="tester")
    Refunds(world.books).resolve(charge.id, for_driver=for_driver, why="the hose leaked", actor="tester")
    assert listed(world)[0].state == state
    assert wallet_fen(world, "A") == (42_000 + back, 0, 0)
    with pytest.raises(AdminError, match="disputed before"):
        phone.say(charge.id, 8_000, PhoneWord.DISPUTE)
    clean(world)


def test_an_open_charge_is_waived_or_asked_for_again(world: World) -> None:
    phone, charge = asked(world)
    phone.say(charge.id, 8_000, PhoneWord.DISPUTE)
    world.clock.advance(10 * 86_400)
    Charging(world.books).hand_on_due()
    assert listed(world)[0].state == "disputed"
    assert world.ask().reason is Reason.OK  # a dispute stops the clock
    Refunds(world.books).resolve(charge.id, for_driver=False, why="meter checked", actor="tester")
    assert (listed(world)[0].state, wallet_fen(world, "A")[2]) == ("created", 8_000)
    clean(world)


def test_a_dispute_comes_within_ninety_days(world: World) -> None:
    phone = payer(world, "A")
    (charge,) = fuel(world, 8_000)
    world.clock.advance(90 * 86_400 + 1)
    with pytest.raises(AdminError, match="within 90 days"):
        phone.say(charge.id, 8_000, PhoneWord.DISPUTE)


def test_silence_goes_to_the_next_of_the_period_then_to_the_owner_never_by_machine(world: World) -> None:
    phone, charge = asked(world)
    second, owner = payer(world, "B"), person(world, "Boss", hours=None)
    PlatePayers(world.books, "tester").set_owner(PLATE, "Boss")
    owner.mandate()
    charging = Charging(world.books)
    with pytest.raises(AdminError, match="no charge"):
        second.say(charge.id, 8_000)
    world.clock.advance(1800)
    assert charging.hand_on_due() == 1
    assert [c.state for c in listed(world)] == ["created"]
    assert wallet_fen(world, "B") == (50_000, 0, 0)
    assert second.say(charge.id, 8_000, PhoneWord.DECLINE) is ChargeState.DECLINED
    assert charging.hand_on_due() == 1
    with pytest.raises(AdminError, match="no charge"):
        second.say(charge.id, 8_000)
    assert owner.say(charge.id, 8_000) is ChargeState.PAID
    assert [wallet_fen(world, name)[0] for name in ("A", "B", "Boss")] == [50_000, 50_000, 42_000]
    assert phone.person
    clean(world)


def test_overdue_is_the_first_payer_s_on_all_plates_and_never_another_driver_s(world: World) -> None:
    _, charge = asked(world)
    PlatePayers(world.books, "tester").set(PLATE, "A", NewBinding(hours=Hours.parse("0-12")))
    other = payer(world, "B", "12-24")
    charging = Charging(world.books)
    for hours in (1, 24, 48):
        world.clock.advance(hours * 3600)
        charging.hand_on_due()
    assert listed(world)[0].state == "expired"
    world.clock.advance(-3600)  # 08:30 in Shanghai is A's hour
    world.clock.moment = world.clock.moment.replace(hour=0)
    assert world.ask().reason is Reason.PAYER_OVERDUE
    world.clock.moment = world.clock.moment.replace(hour=6)
    assert world.ask().reason is Reason.OK
    assert other.person
    assert charging.settle(charge.id, "tester") is ChargeState.PAID
    world.clock.moment = world.clock.moment.replace(hour=1)
    clean(world)


@pytest.mark.parametrize("rule", [Rule.CARD_THEN_PHONE, Rule.PHONE_THEN_CARD])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(
    card_fen=st.integers(0, 12_000), wallet=st.integers(0, 12_000), litres_fen=st.integers(0, 150).map(lambda n: n * 80)
)
def test_card_and_phone_together_are_never_charged_beyond_the_amount(
    world: World, rule: Rule, card_fen: int, wallet: int, litres_fen: int
) -> None:
    number = world.__dict__["number"] = world.__dict__.get("number", 0) + 1
    plate, card, name = f"粤B{10_000 + number}", f"C{number}", f"P{number}"
    world.card(card, card_fen, plate)
    phone = person(world, name, "0-24", wallet, plate)
    phone.mandate(plate)
    PlatePayers(world.books, "tester").set_rule(plate, rule)
    answer = world.ask(plate)
    if answer.authorisation is not None:
        report(world, litres_fen, authorisation=answer.authorisation, plate=plate)
        balance_fen, held_fen, owed_fen = wallet_fen(world, name)
        shown = cards(world.database, card)[0]
        assert (shown.held_fen, held_fen) == (0, 0)
        assert (card_fen - shown.balance_fen) + (wallet - balance_fen) + owed_fen == litres_fen
    clean(world)


def test_the_table_of_transitions_has_no_way_out_of_the_end_and_none_from_paid_to_unpaid() -> None:
    assert not [event for state, event in TRANSITIONS if state is ChargeState.REFUNDED]
    reached = {after(ChargeState.PAID, event) for event in ChargeEvent} - {None}
    assert reached == {ChargeState.PAID, ChargeState.REFUNDED, ChargeState.DISPUTED}
    assert {new for (state, event), new in TRANSITIONS.items() if state is ChargeState.ACCEPTED} == {
        ChargeState.PAID,
        ChargeState.SEEN,
        ChargeState.UNKNOWN,
    }


def test_the_diagram_in_the_documents_is_drawn_from_the_table() -> None:
    """After a change: python -c "from greenlane.report.charge_diagram import drawn; print(drawn(), end='')"."""
    picture = Path(__file__).parents[3] / "docs" / "pictures" / "charges.svg"
    assert picture.read_text(encoding="utf-8") == drawn()
    assert set(PLACES) == set(ChargeState)
