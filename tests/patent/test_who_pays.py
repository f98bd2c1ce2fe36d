"""The founding document's second half, one named test per behaviour: P11 to P19 (the page's own parts come with it)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.errors import AdminError
from service.payer_rules.periods import Hours, Rule, holders, turn_at
from service.payers.charging import Charging
from service.payers.plate_payers import NewBinding, PlatePayers
from service.reports.audit import audit
from service.store.database import Database
from tests.service.conftest import migrated_file, sqlite_url  # noqa: F401 - fixtures
from tests.service.payers.phone import payer, person, wallet_fen
from tests.service.payers.test_periods import SHANGHAI, bound, schedule
from tests.service.world import PLATE, Pump, World
from wire.payers import ChargeState
from wire.reasons import Reason

EDGE = datetime(2026, 5, 4, 0, 0, tzinfo=UTC)
"""08:00 in Shanghai."""


@pytest.fixture
def world(sqlite_url: str) -> object:  # noqa: F811
    database = Database(sqlite_url)
    yield World(database)
    database.close()


def test_P11_the_camera_s_time_decides_not_the_time_of_asking(world: World) -> None:
    for name, hours in (("A", "0-8"), ("B", "8-16")):
        payer(world, name, hours)
    world.clock.moment = EDGE + timedelta(seconds=30)
    held = world.ask(captured_at=EDGE - timedelta(microseconds=1)).authorisation
    world.clock.advance(6 * 3600)
    world.report(Pump("D1").fuelling(world.clock, 1000, authorisation=held))
    assert [c.phone for c in Charging(world.books).list()] == ["A"]


@pytest.mark.parametrize("count", [1, 3, 24])
def test_P12_a_plate_is_bound_to_several_phones_and_one_phone_to_many_plates(world: World, count: int) -> None:
    for number in range(count):
        hours = f"{24 * number // count}-{24 * (number + 1) // count}"
        person(world, f"N{number}", hours, fen=0)
    payers, found = PlatePayers(world.books, "tester"), set()
    for hour in range(24):
        found.add(payers.turn(PLATE, EDGE + timedelta(hours=hour))[0].payer.name)
    assert len(found) == count
    for number in range(5):
        payers.set(f"粤B5432{number}", "N0", NewBinding(hours=Hours.parse("0-24")))
        assert payers.turn(f"粤B5432{number}", EDGE)[0].payer.name == "N0"


def test_P14_the_time_finds_exactly_one_payer_or_a_gap() -> None:
    plan = schedule(bound("A", "0-8"), bound("B", "8-16"))
    for minute in range(24 * 60):
        turn = turn_at(plan, EDGE + timedelta(minutes=minute), SHANGHAI)
        assert (turn.payer.name is None) == (turn.reason == "no_payer")
        assert len(holders(plan, EDGE + timedelta(minutes=minute), SHANGHAI)) <= 1


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ("00:00:00", "night"),
        ("07:00:00", "night"),
        ("07:59:59.999999", "night"),
        ("08:00:00", "day"),
        ("15:59:59", "day"),
        ("16:00:00", "evening"),
        ("23:59:59", "evening"),
    ],
)
def test_P15_0_to_7_8_to_15_and_16_to_23_are_hour_numbers(at: str, name: str) -> None:
    plan = schedule(bound("night", "0-8"), bound("day", "8-16"), bound("evening", "16-24"))
    assert turn_at(plan, datetime.fromisoformat(f"2026-05-04T{at}+08:00"), SHANGHAI).payer.name == name


def test_P16_another_phone_gets_nothing_of_a_charge(world: World) -> None:
    payer(world, "A")
    stranger = person(world, "X", hours=None)
    world.report(Pump("D1").fuelling(world.clock, 1000))
    (charge,) = Charging(world.books).list()
    with pytest.raises(AdminError, match="no charge"):
        stranger.say(charge.id, charge.amount_fen)


def test_P17_the_phone_deducts_by_its_own_key_once_or_as_a_mandate(world: World) -> None:
    phone, pump = payer(world, "A"), Pump("D1")
    world.report(pump.fuelling(world.clock, 1000, authorisation=world.allowed()))
    world.report(pump.fuelling(world.clock, 1000))
    by_mandate, by_hand = Charging(world.books).list()
    assert (by_mandate.state, by_hand.state) == ("paid", "created")
    assert phone.say(by_hand.id, 800) is ChargeState.PAID
    assert wallet_fen(world, "A") == (50_000 - 1_600, 0, 0)
    assert audit(world.database).findings == ()


def test_P18_phones_stand_alone_without_a_card(world: World) -> None:
    assert world.ask().reason is Reason.UNKNOWN_PLATE
    phone = person(world, "A", "8-16")
    assert world.ask().reason is Reason.MANDATE_MISSING
    phone.mandate()
    assert world.ask().reason is Reason.OK
    world.clock.advance(8 * 3600)
    assert world.ask().reason is Reason.NO_PAYER


@pytest.mark.parametrize(
    ("rule", "card_fen", "charged_to_phone"),
    [
        (Rule.CARD, 20_000, 0),
        (Rule.PHONE, 20_000, 8_000),
        (Rule.CARD_THEN_PHONE, 5_000, 3_000),
        (Rule.PHONE_THEN_CARD, 20_000, 8_000),
    ],
)
def test_P19_card_and_phones_together_never_charge_more_than_the_amount(
    world: World, rule: Rule, card_fen: int, charged_to_phone: int
) -> None:
    payer(world, "A")
    world.card(fen=card_fen)
    PlatePayers(world.books, "tester").set_rule(PLATE, rule)
    receipt = world.report(Pump("D1").fuelling(world.clock, 10_000, authorisation=world.allowed()))
    assert receipt.charged_fen == 8_000
    assert sum(c.amount_fen for c in Charging(world.books).list()) == charged_to_phone
    assert audit(world.database).findings == ()
