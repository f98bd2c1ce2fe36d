"""What operators do with money works by a person's name as by a card's: claim, correct, top-up, refund."""

from __future__ import annotations

import json
from typing import Any

import pytest

from greenlane.cli import main
from tests.service.payers.phone import payer, wallet_fen
from tests.service.payers.test_charges import clean, listed, report
from tests.service.world import World
from wire.payers import ChargeState

ELSEWHERE = "粤C99999"
"""A plate that nobody knows, so that its fuel waits in suspense."""


def admin(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What the command prints as JSON; its complaint where it ends with 1."""
    code = main(["admin", *words, "--database", world.database.url.render_as_string(hide_password=False), "--json"])
    said = capsys.readouterr()
    return json.loads(said.out) if code == 0 else said.err


def test_fuel_in_suspense_is_charged_to_a_person_whose_phone_is_asked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = payer(world, "A")
    report(world, 4_000, plate=ELSEWHERE)
    pump = world.__dict__["pump"]
    fuelling = (pump.name, str(pump.sequence))
    said = admin(world, capsys, "claim", *fuelling, "A", "--note", "came back to say so")
    (charge,) = listed(world)
    assert (said["charge"], said["phone"]) == (charge.id, "A")
    assert (charge.state, charge.amount_fen, charge.plate) == ("created", 4_000, ELSEWHERE)
    assert wallet_fen(world, "A") == (50_000, 0, 4_000)  # no mandate pays what was claimed
    clean(world)
    for whom in ("A", "nobody"):
        assert ("already" if whom == "A" else "nobody with that name") in admin(world, capsys, "claim", *fuelling, whom)
    assert phone.say(charge.id, 4_000) is ChargeState.PAID
    assert admin(world, capsys, "charge", "refund", charge.id)["refunded_fen"] == 4_000
    assert wallet_fen(world, "A") == (50_000, 0, 0)
    clean(world)


def test_money_of_a_person_goes_by_their_name_and_a_card_of_that_name_comes_first(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    payer(world, "A", fen=0)
    assert admin(world, capsys, "top-up", "A", "100", "--key", "R1")["balance_fen"] == 10_000
    assert admin(world, capsys, "top-up", "A", "100", "--key", "R1") == {
        "posted": False,
        "amount_fen": 10_000,
        "balance_fen": 10_000,
    }
    assert admin(world, capsys, "refund", "A", "20")["balance_fen"] == 8_000
    assert admin(world, capsys, "correct", "A", "-3", "--note", "counted twice")["balance_fen"] == 7_700
    assert "77.00 yuan are free" in admin(world, capsys, "refund", "A", "77.01")
    assert "nobody with that name" in admin(world, capsys, "top-up", "B", "1")
    world.card("A", plate=None)
    assert admin(world, capsys, "top-up", "A", "1")["balance_fen"] == 100
    assert wallet_fen(world, "A")[0] == 7_700
    clean(world)
