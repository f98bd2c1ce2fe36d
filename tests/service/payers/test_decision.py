"""May a plate that phones pay for refuel: the books decide by mandate, money, hours and rule, and freeze the payer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.books.messages import Release, Renew
from service.payer_rules.periods import GapAction, Hours, Rule
from service.payers import mandates
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from service.reports.audit import audit
from service.reports.statement import cards
from service.store.clock import to_us
from tests.service.payers.phone import payer, person, wallet_fen
from tests.service.world import PLATE, Pump, World
from wire.questions import Decision
from wire.reasons import Reason, Verdict

MORNING = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
"""11:00 in Shanghai."""


@pytest.fixture(autouse=True)
def at_eleven(world: World) -> None:
    world.clock.moment = MORNING


def rules(world: World) -> PlatePayers:
    return PlatePayers(world.books, "tester")


def clean(world: World) -> None:
    assert audit(world.database).findings == ()


def test_a_plate_with_phones_only_refuels(world: World) -> None:
    payer(world, "A")
    answer = world.ask()
    assert (answer.decision, answer.reason, answer.limit_fen) == (Verdict.ALLOW, Reason.OK, 10_000)
    assert wallet_fen(world, "A") == (50_000, 10_000, 0)
    clean(world)


def test_every_allow_has_a_hold_that_is_given_back(world: World) -> None:
    payer(world, "A")
    first = world.allowed()
    world.send(Release(first))
    assert wallet_fen(world, "A") == (50_000, 0, 0)
    world.allowed()
    world.clock.advance(301)
    world.allowed()
    assert wallet_fen(world, "A") == (50_000, 10_000, 0)
    clean(world)


@pytest.mark.parametrize(("fen", "reason"), [(9_999, Reason.BELOW_PRESET), (10_000, Reason.OK), (10_001, Reason.OK)])
def test_the_wallet_covers_the_preset_amount_to_the_fen(world: World, fen: int, reason: Reason) -> None:
    payer(world, "A", fen=fen)
    assert world.ask().reason is reason


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"per_fill_fen": 9_999}, Reason.BELOW_PRESET),
        ({"per_day_fen": 9_999}, Reason.BELOW_PRESET),
        ({"stations": ("S2",)}, Reason.MANDATE_MISSING),
        ({"stations": ("S1",)}, Reason.OK),
        ({"hours": "12-18"}, Reason.MANDATE_MISSING),
        ({"hours": "11-12"}, Reason.OK),
    ],
)
def test_the_mandate_limits_what_is_green(world: World, limits: dict[str, object], reason: Reason) -> None:
    payer(world, "A", **limits)
    assert world.ask().reason is reason


def test_two_pumps_cannot_spend_one_day(world: World) -> None:
    other = "粤B54321"
    phone = person(world, "A")
    rules(world).set(other, "A", NewBinding(hours=Hours.parse("0-24")))
    phone.mandate(PLATE, other, per_day_fen=15_000)
    world.allowed()
    assert world.ask(other, lane="L2").reason is Reason.BELOW_PRESET
    clean(world)


def test_the_day_is_the_station_s_local_day(world: World) -> None:
    payer(world, "A", per_day_fen=15_000)
    world.clock.moment = datetime(2026, 5, 4, 15, 59, 59, tzinfo=UTC)
    first = world.allowed()
    pump = Pump("D1")
    world.report(pump.fuelling(world.clock, 12_500, authorisation=first, visit="visit-1"))
    assert world.ask().reason is Reason.BELOW_PRESET
    world.clock.moment = datetime(2026, 5, 4, 16, 0, 0, tzinfo=UTC)
    assert world.ask().reason is Reason.OK
    clean(world)


def test_tries_are_counted_refused_ones_too(world: World) -> None:
    payer(world, "A", tries_per_day=2, fen=5_000)
    assert world.ask().reason is Reason.BELOW_PRESET
    assert world.ask().reason is Reason.BELOW_PRESET
    Phones(world.books, "tester").top_up("A", 100_000)
    assert world.ask().reason is Reason.BELOW_PRESET
    world.clock.advance(86_400)
    assert world.ask().reason is Reason.OK


def test_nothing_is_taken_before_the_phone_has_signed(world: World) -> None:
    person(world, "A")
    assert world.ask().reason is Reason.MANDATE_MISSING
    clean(world)


def test_a_paused_mandate_refuses(world: World) -> None:
    phone = payer(world, "A")
    with world.database.writing() as connection:
        mandates.pause(connection, phone.person, to_us(world.clock.now()))
    assert world.ask().reason is Reason.MANDATE_PAUSED
    with world.database.writing() as connection:
        mandates.pause(connection, phone.person, None)
    assert world.ask().reason is Reason.OK


def test_a_stolen_phone_is_out_within_one_question_and_its_green_keeps_its_hold(world: World) -> None:
    payer(world, "A")
    held = world.allowed()
    Phones(world.books, "tester").revoke("A")
    renewed = world.send(Renew(held))
    assert isinstance(renewed, Decision)
    assert renewed.decision is Verdict.ALLOW
    assert wallet_fen(world, "A")[1] == 10_000
    assert world.ask().reason is Reason.MANDATE_MISSING


def test_unbinding_ends_the_mandate_for_good(world: World) -> None:
    phone = payer(world, "A")
    rules(world).unset(PLATE, "A")
    assert world.ask().reason is Reason.NO_PAYER
    rules(world).set(PLATE, "A", NewBinding(hours=Hours.parse("0-24")))
    assert world.ask().reason is Reason.MANDATE_MISSING
    phone.mandate()
    assert world.ask().reason is Reason.OK


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (GapAction.REFUSE, Reason.GAP),
        (GapAction.OWNER, Reason.OK),
        (GapAction.CARD, Reason.OK),
        (None, Reason.NO_PAYER),
    ],
)
def test_gaps(world: World, action: GapAction | None, reason: Reason) -> None:
    payer(world, "A", "0-8")
    world.card(fen=20_000)
    owner = person(world, "Boss", hours=None)
    rules(world).set_rule(PLATE, Rule.PHONE)
    rules(world).set_owner(PLATE, "Boss")
    owner.mandate()
    if action is not None:
        rules(world).set_gap(PLATE, Hours.parse("8-24"), action)
    assert world.ask().reason is reason
    assert wallet_fen(world, "Boss")[1] == (10_000 if action is GapAction.OWNER else 0)
    clean(world)


def test_a_block_is_a_refusal_in_every_rule(world: World) -> None:
    payer(world, "A")
    world.card(fen=20_000)
    for rule in (Rule.CARD_THEN_PHONE, Rule.PHONE_THEN_CARD):
        rules(world).set_rule(PLATE, rule)
        world.admin.cards.block("C1", True)
        assert world.ask().reason is Reason.CARD_BLOCKED
        world.admin.cards.block("C1", False)
        world.admin.plates.block(PLATE, True)
        assert world.ask().reason is Reason.PLATE_BLOCKED
        world.admin.plates.block(PLATE, False)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("rule", "card_fen", "wallet", "reason", "held"),
    [
        (Rule.CARD_THEN_PHONE, 20_000, 50_000, Reason.OK, (10_000, 0)),
        (Rule.CARD_THEN_PHONE, 4_000, 50_000, Reason.OK, (4_000, 6_000)),
        (Rule.CARD_THEN_PHONE, 0, 50_000, Reason.OK, (0, 10_000)),
        (Rule.CARD_THEN_PHONE, 4_000, 5_999, Reason.BELOW_PRESET, (0, 0)),
        (Rule.PHONE_THEN_CARD, 20_000, 50_000, Reason.OK, (0, 10_000)),
        (Rule.PHONE_THEN_CARD, 6_000, 4_000, Reason.OK, (6_000, 4_000)),
        (Rule.PHONE_THEN_CARD, 5_999, 4_000, Reason.BELOW_PRESET, (0, 0)),
    ],
)
def test_the_first_holds_what_it_has_and_the_second_covers_the_rest(
    world: World, rule: Rule, card_fen: int, wallet: int, reason: Reason, held: tuple[int, int]
) -> None:
    payer(world, "A", fen=wallet)
    world.card(fen=card_fen)
    rules(world).set_rule(PLATE, rule)
    assert world.ask().reason is reason
    assert (cards(world.database, "C1")[0].held_fen, wallet_fen(world, "A")[1]) == held
    clean(world)


def test_the_camera_s_time_picks_the_payer_across_the_boundary(world: World) -> None:
    for name, hours in (("A", "0-8"), ("B", "8-16")):
        payer(world, name, hours)
    edge = datetime(2026, 5, 4, 0, 0, tzinfo=UTC)
    world.clock.moment = edge + timedelta(seconds=10)
    assert world.ask(captured_at=edge - timedelta(microseconds=1)).reason is Reason.OK
    assert (wallet_fen(world, "A")[1], wallet_fen(world, "B")[1]) == (10_000, 0)
    assert world.ask(captured_at=edge).reason is Reason.OK
    assert (wallet_fen(world, "A")[1], wallet_fen(world, "B")[1]) == (0, 10_000)
    clean(world)
