"""Typed plates in the books: agreement first, then the rule of plate, card or station; PINs are slow to guess."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from greenlane.cli import main
from service.admin.typed_plates import TypedPlates
from service.errors import AdminError
from service.identity import trail
from service.payers.pins import PinWait, check_pin
from tests.service.world import PLATE, World
from wire.reasons import Reason, Verdict
from wire.typed import TypedRule

PIN = "493817"


@pytest.fixture
def typed(world: World) -> TypedPlates:
    world.card(fen=50_000)
    return TypedPlates(world.books, "tester")


def test_a_typed_plate_that_was_read_for_certain_is_judged_as_a_read_one(world: World, typed: TypedPlates) -> None:
    answer = world.ask(typed=True, confidence=1.0, weakest=1.0, seen=PLATE, seen_certain=True)
    assert (answer.decision, answer.reason, answer.limit_fen) == (Verdict.ALLOW, Reason.OK, 10_000)


def test_another_plate_read_for_certain_refuses_even_where_typing_is_free(world: World, typed: TypedPlates) -> None:
    typed.set_rule("station", "S1", TypedRule.FREE)
    answer = world.ask(typed=True, seen="粤B12346", seen_certain=True)
    assert (answer.reason, answer.authorisation) == (Reason.TYPED_DIFFERS, None)
    world.clock.advance(5)
    confirmed = world.ask(typed=True, seen="粤B12346", seen_certain=True, confirmed_by="person:li")
    assert confirmed.reason is Reason.OK
    found = typed.differing()
    assert [(v.typed, v.read, v.reason, v.confirmed_by) for v in found] == [
        (PLATE, "粤B12346", "ok", "person:li"),
        (PLATE, "粤B12346", "typed_differs", None),
    ]


def test_the_plates_rule_goes_before_the_cards_and_that_before_the_stations(world: World, typed: TypedPlates) -> None:
    assert world.ask(typed=True).reason is Reason.ATTENDANT_NEEDED, "the default"
    typed.set_rule("station", "S1", TypedRule.FREE)
    assert world.ask(typed=True).reason is Reason.OK
    typed.set_rule("card", "C1", TypedRule.REFUSE)
    assert world.ask(typed=True).reason is Reason.TYPED_REFUSED
    typed.set_rule("plate", PLATE, TypedRule.PIN)
    assert world.ask(typed=True).reason is Reason.PIN_NEEDED
    typed.set_rule("plate", PLATE, None)
    assert world.ask(typed=True).reason is Reason.TYPED_REFUSED


def test_an_old_question_without_what_was_seen_counts_as_nothing_read(world: World, typed: TypedPlates) -> None:
    question = world.question(typed=True)
    assert (question.seen, question.confirmed_by, question.pin_proof) == (None, None, None)
    assert world.ask(typed=True).reason is Reason.ATTENDANT_NEEDED


def test_a_blocked_card_is_told_before_any_rule(world: World, typed: TypedPlates) -> None:
    world.admin.cards.block("C1", True)
    assert world.ask(typed=True).reason is Reason.CARD_BLOCKED


def test_the_right_pin_is_good_for_its_plate_and_lane_and_a_time(world: World, typed: TypedPlates) -> None:
    typed.set_rule("card", "C1", TypedRule.PIN)
    typed.set_pin("C1", PIN)
    proof = check_pin(world.database, world.clock.now(), "S1", "L1", PLATE, PIN)
    assert isinstance(proof, str)
    assert world.ask(typed=True, pin_proof=proof).reason is Reason.OK
    assert world.ask(typed=True, pin_proof=proof, lane="L2").reason is Reason.PIN_WRONG
    assert world.ask(typed=True, pin_proof=proof[:-1] + "x").reason is Reason.PIN_WRONG
    assert world.ask(typed=True, pin_proof="zz.zz").reason is Reason.PIN_WRONG
    world.clock.advance(601)
    assert world.ask(typed=True, pin_proof=proof).reason is Reason.PIN_WRONG
    typed.set_pin("C1", "602817")
    assert world.ask(typed=True, pin_proof=proof).reason is Reason.PIN_WRONG


def test_wrong_pins_are_slow_to_guess_and_the_right_one_costs_nothing(world: World, typed: TypedPlates) -> None:
    typed.set_pin("C1", PIN)
    now = world.clock.now()
    for _ in range(8):
        assert isinstance(check_pin(world.database, now, "S1", "L1", PLATE, PIN), str)
    wrong = [check_pin(world.database, now, "S1", f"L{n}", PLATE, "000001") for n in range(6)]
    assert wrong[:5] == [None] * 5
    assert isinstance(wrong[5], PinWait)
    assert isinstance(check_pin(world.database, now, "S1", "L1", PLATE, PIN), PinWait), "nobody guesses on"


@pytest.mark.parametrize("pin", ["12345", "1234567", "abcdef", "111111", "１２３４５６", ""])
def test_what_is_not_a_pin(typed: TypedPlates, pin: str) -> None:
    with pytest.raises(AdminError, match="six digits"):
        typed.set_pin("C1", pin)


def test_no_pin_is_kept_where_it_could_be_read(world: World, typed: TypedPlates) -> None:
    typed.set_pin("C1", PIN)
    proof = check_pin(world.database, world.clock.now(), "S1", "L1", PLATE, PIN)
    question = world.question(typed=True, pin_proof=proof)
    assert str(proof) not in repr(question)
    with world.database.reading() as connection:
        deeds = list(trail.last(connection, 50))
    assert "set_pin" in str(deeds)
    assert PIN not in str(deeds)
    if world.database.is_sqlite:
        with closing(sqlite3.connect(str(world.database.url.database))) as file:
            assert PIN not in "\n".join(file.iterdump())


@pytest.mark.slow
def test_the_commands_of_an_operator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/service.sqlite3"

    def admin(*words: str) -> int:
        return main(["admin", "--database", url, *words])

    for words in ("station set S1 --typed free", "card create C1", f"plate bind {PLATE} C1"):
        assert admin(*words.split()) == 0
    assert admin("plate", "set", PLATE, "--typed", "pin") == 0
    capsys.readouterr()
    assert admin("card", "set", "C1", "--typed", "pin") == 0
    assert "it has no PIN yet" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(PIN + "\n"))
    assert admin("card", "set", "C1", "--typed", "refuse", "--pin") == 0
    assert admin("card", "set", "C1", "--typed", "pin") == 0
    assert "PIN" not in capsys.readouterr().out
    assert admin("plate", "set", "粤B99999", "--typed", "pin") == 1
    assert admin("card", "set", "C1") == 1
    capsys.readouterr()
    assert admin("typed", "--json") == 0
    assert capsys.readouterr().out.strip() == "[]"
    assert admin("trail") == 0
    shown = capsys.readouterr().out
    assert "set_pin" in shown
    assert PIN not in shown
