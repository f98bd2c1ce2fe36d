"""A payer's own PIN: typed with a plate in their hours, judged beside the card's, and kept nowhere in the clear."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

from greenlane.cli import main
from service.admin.typed_plates import TypedPlates
from service.errors import AdminError
from service.identity import trail
from service.payer_rules.periods import Rule
from service.payers.pins import PinWait, check_pin
from service.payers.plate_payers import PlatePayers
from service.reports.audit import audit
from tests.service.payers.phone import payer, person
from tests.service.world import PLATE, World
from wire.reasons import Reason
from wire.typed import TypedRule

PIN, OTHER, CARD_PIN = "493817", "271828", "602817"
MORNING = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
"""11:00 in Shanghai."""


@pytest.fixture
def typed(world: World) -> TypedPlates:
    """A plate that A pays for by day and B by night, whose station wants a PIN."""
    world.clock.moment = MORNING
    payer(world, "A", "8-16")
    payer(world, "B", "16-24")
    admin = TypedPlates(world.books, "tester")
    admin.set_rule("station", "S1", TypedRule.PIN)
    admin.set_person_pin("A", PIN)
    admin.set_person_pin("B", OTHER)
    return admin


def proof(world: World, pin: str, lane: str = "L1") -> str | PinWait | None:
    return check_pin(world.database, world.clock.now(), "S1", lane, PLATE, pin)


def asked(world: World, pin: str) -> Reason:
    given = proof(world, pin)
    assert not isinstance(given, PinWait)
    return world.ask(typed=True, pin_proof=given).reason


@pytest.mark.slow
def test_the_pin_of_who_pays_now_is_right(world: World, typed: TypedPlates) -> None:
    assert world.ask(typed=True).reason is Reason.PIN_NEEDED
    assert proof(world, OTHER) is None, "B pays by night"
    assert asked(world, PIN) is Reason.OK
    given = proof(world, PIN)
    assert world.ask(typed=True, pin_proof=given, lane="L2").reason is not Reason.OK
    world.clock.advance(6 * 3600)
    assert proof(world, PIN) is None
    assert asked(world, OTHER) is Reason.OK
    assert audit(world.database).findings == ()


def test_a_proof_ends_with_the_payers_hours(world: World, typed: TypedPlates) -> None:
    world.clock.moment = MORNING + timedelta(hours=5) - timedelta(seconds=30)
    given = proof(world, PIN)
    assert isinstance(given, str)
    world.clock.advance(60)
    assert world.ask(typed=True, pin_proof=given).reason is Reason.PIN_WRONG


def test_a_new_pin_ends_the_proofs_of_the_old_one_and_none_means_none(world: World, typed: TypedPlates) -> None:
    given = proof(world, PIN)
    typed.set_person_pin("A", "314159")
    assert world.ask(typed=True, pin_proof=given).reason is Reason.PIN_WRONG
    typed.set_person_pin("A", None)
    assert proof(world, "314159") is None
    with pytest.raises(AdminError, match="six digits"):
        typed.set_person_pin("A", "12345")
    with pytest.raises(AdminError, match="no phone C"):
        typed.set_person_pin("C", PIN)


def test_the_cards_pin_and_the_persons_where_both_pay(world: World, typed: TypedPlates) -> None:
    world.card(fen=50_000)
    PlatePayers(world.books, "tester").set_rule(PLATE, Rule.CARD_THEN_PHONE)
    typed.set_pin("C1", CARD_PIN)
    assert isinstance(proof(world, CARD_PIN), str)
    assert isinstance(proof(world, PIN), str)
    assert asked(world, CARD_PIN) is Reason.OK
    PlatePayers(world.books, "tester").set_rule(PLATE, Rule.CARD)
    assert proof(world, PIN) is None, "where the card alone pays, so does its PIN alone"


@pytest.mark.slow
def test_a_persons_pin_is_slow_to_guess_over_all_their_plates(world: World, typed: TypedPlates) -> None:
    other = "粤C00001"
    person(world, "D", "0-8", plate=other)
    PlatePayers(world.books, "tester").set_owner(other, "A")
    for number in range(5):
        assert proof(world, f"00012{number}", f"L{number}") is None
    assert isinstance(proof(world, PIN, "L9"), PinWait)
    assert not isinstance(check_pin(world.database, world.clock.now(), "S1", "L9", "粤C00002", PIN), PinWait)


def test_as_typed(
    world: World, typed: TypedPlates, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = world.database.url.render_as_string(hide_password=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("161803\n"))
    assert main(["admin", "--database", url, "phone", "pin", "A"]) == 0
    assert isinstance(proof(world, "161803"), str)
    assert main(["admin", "--database", url, "phone", "pin", "A", "--forget"]) == 0
    assert proof(world, "161803") is None
    monkeypatch.setattr("sys.stdin", io.StringIO("1618\n"))
    assert main(["admin", "--database", url, "phone", "pin", "A"]) == 1
    shown = capsys.readouterr()
    with world.database.reading() as connection:
        deeds = str(list(trail.last(connection, 50)))
    assert "phone.forget_pin" in deeds
    assert not {"161803", PIN, OTHER} & set((shown.out + shown.err + deeds).split())
    assert "161803" not in deeds + shown.out + shown.err
