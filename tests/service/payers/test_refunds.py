"""A fuelling that card and phone paid together goes back in the reverse of the order of charging, each fen once."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from greenlane.cli import main
from service.errors import AdminError
from service.payer_rules.periods import Rule
from service.payers.plate_payers import PlatePayers
from service.payers.refunds import PayerRefund, Refunds
from service.reports.audit import audit
from service.reports.statement import cards, statement
from service.store.database import Database
from tests.service.books.test_races import lanes
from tests.service.payers.phone import Phone, person, wallet_fen
from tests.service.payers.test_charges import clean, listed, report
from tests.service.payers.test_races import at_once
from tests.service.world import World
from wire.payers import ChargeState, PhoneWord

CARD_FEN, WALLET_FEN = 6_000, 20_000
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)


@dataclass
class Combined:
    """A vehicle whose card and phone pay together."""

    world: World
    card: str
    name: str
    phone: Phone

    def paid(self) -> tuple[int, int]:
        """What card and person are charged by now, debts included."""
        balance_fen, _, owed_fen = wallet_fen(self.world, self.name)
        return CARD_FEN - cards(self.world.database, self.card)[0].balance_fen, WALLET_FEN - balance_fen + owed_fen

    def charges(self) -> list[str]:
        return [c.id for c in listed(self.world, phone=self.name)]


def combined(world: World, rule: Rule, amount_fen: int, **limits: int) -> Combined:
    """Refuelled under a rule; the card holds 60 yuan, the wallet 200."""
    number = world.__dict__["number"] = world.__dict__.get("number", 0) + 1
    plate, card, name = f"粤B{10_000 + number}", f"C{number}", f"P{number}"
    world.card(card, CARD_FEN, plate)
    phone = person(world, name, "0-24", WALLET_FEN, plate)
    phone.mandate(plate, **limits)
    PlatePayers(world.books, "tester").set_rule(plate, rule)
    report(world, amount_fen, authorisation=world.allowed(plate), plate=plate)
    return Combined(world, card, name, phone)


def back(world: World, charge: str, fen: int | None = None, key: str | None = None) -> tuple[PayerRefund, ...]:
    return Refunds(world.books).refund(charge, "tester", fen, key=key)


def test_card_then_phone_goes_back_to_the_phone_and_then_to_the_card(world: World) -> None:
    """60 yuan of the card, 40 of the phone's hold, 20 beyond both holds that the mandate paid."""
    it = combined(world, Rule.CARD_THEN_PHONE, 12_000)
    held, beyond = it.charges()
    assert it.paid() == (6_000, 6_000)
    assert back(world, held, 8_000) == (
        PayerRefund("phone", beyond, 2_000),
        PayerRefund("phone", held, 4_000),
        PayerRefund("card", it.card, 2_000),
    )
    assert it.paid() == (4_000, 0)
    assert {c.state for c in listed(world, phone=it.name)} == {"refunded"}
    assert [(line.kind, line.amount_fen) for line in statement(world.database, it.card, None, None)] == [
        ("top_up", 6_000),
        ("fuelling", -6_000),
        ("fuelling_refund", 2_000),
    ]
    clean(world)


def test_phone_then_card_goes_back_to_the_card_and_then_to_the_phone(world: World) -> None:
    it = combined(world, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (charge,) = it.charges()
    assert it.paid() == (3_000, 7_000)
    assert back(world, charge, 4_000) == (PayerRefund("card", it.card, 3_000), PayerRefund("phone", charge, 1_000))
    assert it.paid() == (0, 6_000)
    with pytest.raises(AdminError, match=r"40\.00 yuan were given back already.*--key"):
        back(world, charge, 4_000)
    assert back(world, charge, 500, "R-1") == (PayerRefund("phone", charge, 500),)
    assert back(world, charge, 500, "R-1") == ()
    with pytest.raises(AdminError, match=r"R-1 was used before for 5\.00"):
        back(world, charge, 600, "R-1")
    with pytest.raises(AdminError, match=r"up to 55\.00"):
        back(world, charge, 5_501, "R-2")
    assert it.paid() == (0, 5_500)
    clean(world)


def test_a_dispute_for_the_driver_gives_back_what_was_charged_after_it_first(world: World) -> None:
    it = combined(world, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (charge,) = it.charges()
    assert it.phone.say(charge, 7_000, PhoneWord.DISPUTE) is ChargeState.DISPUTED
    with pytest.raises(AdminError, match="is disputed"):
        back(world, charge, 1_000)
    assert Refunds(world.books).resolve(charge, for_driver=True, why="no fuel", actor="t") is ChargeState.REFUNDED
    assert it.paid() == (0, 0)
    clean(world)


def test_what_was_charged_last_and_never_paid_is_waived_before_money_goes_back(world: World) -> None:
    it = combined(world, Rule.CARD_THEN_PHONE, 12_000, per_fill_fen=5_000)
    held, unpaid = it.charges()
    assert [c.state for c in listed(world, phone=it.name)] == ["paid", "created"]
    with pytest.raises(AdminError, match=r"not paid: its 20\.00 yuan are waived whole, or paid first"):
        back(world, held, 1_999)
    assert it.paid() == (6_000, 6_000)
    assert back(world, held, 2_500, "R-7") == (
        PayerRefund("phone", unpaid, 2_000, was_open=True),
        PayerRefund("phone", held, 500),
    )
    assert back(world, held, 2_500, "R-7") == ()
    with pytest.raises(AdminError, match="is refunded: it cannot be paid"):
        it.phone.say(unpaid, 2_000)
    assert it.paid() == (6_000, 3_500)
    clean(world)


def test_what_a_card_owes_is_settled_before_it_has_money_again(world: World) -> None:
    """The hold ran out before the report came, and the card was emptied meanwhile: then the card owes."""
    it = combined(world, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (charge,) = it.charges()
    world.admin.money.refund(it.card, 3_000)
    report(world, 1_600, plate="粤C99999")
    dispenser, sequence = world.__dict__["pump"].name, world.__dict__["pump"].sequence
    world.admin.fuellings.claim(dispenser, sequence, it.card)
    assert cards(world.database, it.card)[0].owed_fen == 1_600
    back(world, charge, 3_000)
    shown = cards(world.database, it.card)[0]
    assert (shown.owed_fen, shown.available_fen) == (0, 1_400)
    clean(world)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [Rule.CARD_THEN_PHONE, Rule.PHONE_THEN_CARD])
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8, deadline=None, phases=NO_SHRINKING
)
@given(
    litres_fen=st.integers(100, 150).map(lambda n: n * 80),
    per_fill_fen=st.integers(50, 90).map(lambda n: n * 80),
    parts=st.lists(st.integers(-50, 6_000), min_size=1, max_size=6),
)
def test_random_refunds_never_exceed_and_always_leave_what_a_smaller_fuelling_would_have_cost(
    world: World, rule: Rule, litres_fen: int, per_fill_fen: int, parts: list[int]
) -> None:
    """Whatever goes back: who was charged first still pays all of it until the later ones have had all of theirs."""
    it = combined(world, rule, litres_fen, per_fill_fen=per_fill_fen)
    for charge in listed(world, phone=it.name, state="created"):
        it.phone.say(charge.id, charge.amount_fen)
    charge, (by_card, by_phone) = it.charges()[0], it.paid()
    assert by_card + by_phone == litres_fen
    held_fen = next(c.amount_fen for c in listed(world, phone=it.name))
    left_fen = litres_fen
    for number, fen in enumerate(parts):
        is_paid = next(c.state for c in listed(world, phone=it.name)) == "paid"
        try:
            gone = sum(one.amount_fen for one in back(world, charge, fen, f"{it.name} {number}"))
        except AdminError:
            assert not 0 < fen <= left_fen or not is_paid
        else:
            assert (gone, is_paid) == (fen, True)
            left_fen -= fen
        first_fen = by_card if rule is Rule.CARD_THEN_PHONE else held_fen
        first = min(left_fen, first_fen)
        second = left_fen - first
        if rule is Rule.PHONE_THEN_CARD:
            expected = (min(second, by_card), left_fen - min(second, by_card))
        else:
            expected = (first, second)
        assert it.paid() == expected
    clean(world)


def test_two_operators_at_once_give_back_once(world: World, database_url: str) -> None:
    it = combined(world, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (charge,) = it.charges()
    with lanes(database_url, 2, world) as books:
        said = at_once(*[lambda b=one: Refunds(b).refund(charge, "t", 4_000) for one in books])
    assert sorted(isinstance(one, AdminError) for one in said) == [False, True]
    assert it.paid() == (0, 6_000)
    clean(world)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ("update transfers set amount_fen = 3500 where kind = 'fuelling_refund'", "was charged 3000 fen"),
        ("update transfers set amount_fen = 500 where kind = 'fuelling_refund'", "had all"),
    ],
)
def test_the_audit_names_what_went_back_beyond_or_out_of_order(sqlite_url: str, spoilt: str, words: str) -> None:
    world = World(Database(sqlite_url))
    it = combined(world, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    back(world, it.charges()[0], 4_000)
    with world.database.writing() as connection:
        for trigger in (
            connection.execute(text("select name from sqlite_master where type = 'trigger'")).scalars().all()
        ):
            connection.execute(text(f"drop trigger {trigger}"))
        connection.execute(text(spoilt))
    found = audit(world.database).findings
    world.database.close()
    assert any(words in one.words for one in found if one.check == "charges"), found


@pytest.mark.slow
def test_the_command_says_where_the_money_went(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    it = combined(world, Rule.PHONE_THEN_CARD, 10_000, per_fill_fen=7_000)
    (charge,) = it.charges()
    where = ["--database", str(world.database.url)]
    assert main(["admin", "charge", "refund", charge, "40", *where]) == 0
    printed = capsys.readouterr().out
    assert "40.00 yuan given back" in printed
    assert f"30.00 yuan to card {it.card}" in printed
    assert f"10.00 yuan of charge {charge}" in printed
    assert main(["admin", "charge", "refund", charge, "5", *where]) == 1
    assert "--key" in capsys.readouterr().err
    for fen in (500, 0):
        assert main(["admin", "charge", "refund", charge, "5", "--key", "R-1", "--json", *where]) == 0
        document = json.loads(capsys.readouterr().out)
        assert all(one.keys() == {"kind", "id", "amount_fen", "was_open"} for one in document["back"])
        assert document["refunded_fen"] == sum(one["amount_fen"] for one in document["back"]) == fen
