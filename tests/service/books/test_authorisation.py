"""The decision: who is allowed, who is refused and why, and what a repeated question gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from service.books.messages import Ask, Done, Release, Renew, Sweep
from service.errors import AdminError
from service.reports.statement import cards
from tests.service.world import PLATE, Pump, World, ageless
from wire.questions import Decision
from wire.reasons import ErrorCode, Reason, Verdict


def available_fen(world: World, card: str = "C1") -> int:
    return cards(world.database, card)[0].available_fen


def test_enough_money_is_allowed_and_held(world: World) -> None:
    world.card(fen=25_000)
    answer = world.ask()
    assert answer.decision is Verdict.ALLOW
    assert answer.reason is Reason.OK
    assert answer.limit_fen == 10_000
    assert answer.expires_at == world.clock.now() + timedelta(seconds=300)
    assert available_fen(world) == 15_000


def test_balance_of_exactly_the_preset_amount_is_allowed(world: World) -> None:
    world.card(fen=10_000)
    assert world.ask().decision is Verdict.ALLOW


def test_one_fen_less_is_refused_and_nothing_is_held(world: World) -> None:
    world.card(fen=9_999)
    answer = world.ask()
    assert (answer.decision, answer.reason, answer.authorisation) == (Verdict.REFUSE, Reason.BELOW_PRESET, None)
    assert available_fen(world) == 9_999


def test_holds_of_other_lanes_count(world: World) -> None:
    world.card(fen=25_000)
    assert [world.ask(plate).reason for plate in world.fleet(3)] == [Reason.OK, Reason.OK, Reason.BELOW_PRESET]


def test_a_batch_sees_its_own_holds(world: World) -> None:
    world.card(fen=25_000)
    answers = world.books.carry_out([Ask(world.question(plate)) for plate in world.fleet(5)])
    assert [a.reason for a in answers if isinstance(a, Decision)] == [Reason.OK] * 2 + [Reason.BELOW_PRESET] * 3


def test_the_cards_own_preset_amount_counts_before_the_stations(world: World) -> None:
    world.card(fen=5_000, preset_fen=3_000)
    assert world.ask().limit_fen == 3_000
    (other,) = world.fleet(1)
    assert world.ask(other).reason is Reason.BELOW_PRESET


def test_a_card_can_hold_its_whole_balance(world: World) -> None:
    world.card(fen=25_000, whole_balance=True)
    assert world.ask().limit_fen == 25_000
    (other,) = world.fleet(1)
    assert world.ask(other).reason is Reason.BELOW_PRESET


@pytest.mark.parametrize(
    ("plate", "changes", "reason"),
    [
        ("粤B99999", {}, Reason.UNKNOWN_PLATE),
        ("hello", {}, Reason.INVALID_PLATE),
        ("粤B1234", {}, Reason.INVALID_PLATE),
        (PLATE, {"confidence": 0.1}, Reason.NOT_CERTAIN),
        (PLATE, {"weakest": 0.1}, Reason.NOT_CERTAIN),
        (PLATE, {"weakest": 0.1, "confidence": 0.1, "typed": True}, Reason.ATTENDANT_NEEDED),
        (PLATE, {"weakest": 0.1, "confidence": 0.1, "typed": True, "seen": "粤B1234?"}, Reason.OK),
        ("粤b·12345", {}, Reason.OK),
    ],
)
def test_plate_and_certainty(world: World, plate: str, changes: dict[str, object], reason: Reason) -> None:
    world.card(fen=50_000)
    answer = world.ask(plate, **changes)
    assert answer.reason is reason
    assert answer.plate == plate


@pytest.mark.parametrize(
    ("age_s", "reason"),
    [(120, Reason.OK), (121, Reason.STALE_QUESTION), (-60, Reason.OK), (-61, Reason.STALE_QUESTION)],
)
def test_old_and_future_pictures(world: World, age_s: int, reason: Reason) -> None:
    world.card(fen=50_000)
    assert world.ask(captured_at=world.clock.now() - timedelta(seconds=age_s)).reason is reason


def test_blocked_card_and_blocked_plate(world: World) -> None:
    world.card(fen=90_000)
    world.admin.plates.bind("粤B54321", "C1")
    world.admin.plates.block(PLATE, True)
    assert [world.ask().reason, world.ask("粤B54321").reason] == [Reason.PLATE_BLOCKED, Reason.OK]
    world.admin.plates.block(PLATE, False)
    world.admin.cards.block("C1", True)
    assert world.ask().reason is Reason.CARD_BLOCKED
    world.admin.cards.block("C1", False)
    assert world.ask().reason is Reason.OK


def test_an_answer_tells_its_seconds_to_live_and_a_repeat_what_is_left_of_them(world: World) -> None:
    world.card(fen=10_000)
    question = world.question()
    first = world.send(Ask(question))
    assert isinstance(first, Decision)
    assert first.expires_in_s == 300.0
    world.clock.advance(40)
    again = world.send(Ask(question))
    assert isinstance(again, Decision)
    assert again.expires_in_s == 260.0
    assert first.authorisation is not None
    renewed = world.send(Renew(first.authorisation))
    assert isinstance(renewed, Decision)
    assert renewed.expires_in_s == 300.0
    world.send(Release(first.authorisation))
    again = world.send(Ask(question))
    assert isinstance(again, Decision)
    assert again.expires_in_s == 0.0, "what was given back is not green"


def test_the_same_visit_gets_the_same_answer_for_ever(world: World) -> None:
    world.card(fen=10_000)
    question = world.question()
    first = world.send(Ask(question))
    assert isinstance(first, Decision)
    assert first.authorisation is not None
    world.send(Renew(first.authorisation))
    world.send(Release(first.authorisation))
    world.clock.advance(100_000)
    over = world.send(Ask(question))
    assert ageless(over) == ageless(first)
    assert isinstance(over, Decision)
    assert over.expires_in_s == 0.0
    refused = world.question("粤B99999")
    again = world.send(Ask(refused))
    world.admin.plates.bind("粤B99999", "C1")
    assert world.send(Ask(refused)) == again


def test_the_same_visit_with_other_content_is_an_error(world: World) -> None:
    world.card(fen=50_000)
    question = world.question()
    world.send(Ask(question))
    changes = [
        {"plate": "粤B54321"},
        {"lane": "L2"},
        {"typed": True},
        {"captured_at": question.captured_at + timedelta(microseconds=1)},
        {"confidence": 0.5},
        {"weakest": 0.5},
    ]
    for change in changes:
        assert world.refused(Ask(replace(question, **change))).code is ErrorCode.KEY_REUSED  # type: ignore[arg-type]
    assert available_fen(world) == 40_000


def test_unknown_station_is_refused_and_may_be_asked_again(world: World) -> None:
    world.card(fen=50_000)
    question = world.question(station="S9")
    assert world.refused(Ask(question)).code is ErrorCode.UNKNOWN_STATION
    world.admin.stations.set("S9")
    answer = world.send(Ask(question))
    assert isinstance(answer, Decision)
    assert answer.reason is Reason.OK


def test_release_gives_the_hold_back_once(world: World) -> None:
    world.card(fen=10_000)
    name = world.allowed()
    assert world.send(Release(name)) == Done()
    assert world.send(Release(name)) == Done(repeated=True)
    assert available_fen(world) == 10_000
    assert world.refused(Release("nonsense")).code is ErrorCode.UNKNOWN_AUTHORISATION


def test_renewal_prolongs_until_its_limit(world: World) -> None:
    world.card(fen=10_000)
    name = world.allowed()
    asked = world.clock.now()
    for _ in range(29):
        world.clock.advance(250)
        answer = world.send(Renew(name))
        assert isinstance(answer, Decision)
        if world.clock.now() - asked >= timedelta(seconds=7200):
            assert answer.reason is Reason.EXPIRED
            break
        assert answer.decision is Verdict.ALLOW
        assert answer.expires_at == min(world.clock.now() + timedelta(seconds=300), asked + timedelta(seconds=7200))
    else:
        pytest.fail("an authorisation can be renewed for ever")


def test_renewal_of_what_is_over_is_refused(world: World) -> None:
    world.card(fen=30_000)
    released, expired, blocked = (world.allowed(plate) for plate in world.fleet(3))
    world.send(Release(released))
    assert _renewal(world, released) is Reason.VISIT_OVER
    world.admin.cards.block("C1", True)
    assert _renewal(world, blocked) is Reason.CARD_BLOCKED
    world.clock.advance(300)
    assert _renewal(world, expired) is Reason.EXPIRED
    assert world.send(Sweep()) == Done(count=1)
    assert available_fen(world) == 30_000
    assert world.refused(Renew("nonsense")).code is ErrorCode.UNKNOWN_AUTHORISATION


def _renewal(world: World, name: str) -> Reason:
    answer = world.send(Renew(name))
    assert isinstance(answer, Decision)
    assert answer.limit_fen is None or answer.decision is Verdict.ALLOW
    return answer.reason


def test_an_expired_hold_is_free_for_the_next_question(world: World) -> None:
    world.card(fen=10_000)
    world.allowed()
    (other,) = world.fleet(1)
    world.clock.advance(299)
    assert world.ask(other).reason is Reason.BELOW_PRESET
    world.clock.advance(1)
    assert world.ask(other).reason is Reason.OK


def test_a_plate_is_open_at_one_lane_at_a_time(world: World) -> None:
    world.card(fen=50_000)
    world.admin.stations.set("S2", preset_fen=10_000)
    first = world.ask(lane="L1")
    second = world.ask(lane="L2")
    assert (second.decision, second.reason, second.open_lane) == (Verdict.REFUSE, Reason.OPEN_ELSEWHERE, "L1")
    abroad = world.ask(lane="L1", station="S2")
    assert (abroad.reason, abroad.open_lane) == (Reason.OPEN_ELSEWHERE, None), "whose lane is where is not told"
    assert first.authorisation is not None
    world.send(Release(first.authorisation))
    assert world.ask(lane="L2").reason is Reason.OK
    assert available_fen(world) == 40_000


@pytest.mark.parametrize("end", ["expiry", "fuelling"])
def test_a_plate_is_free_for_another_lane_when_its_authorisation_is_over(world: World, end: str) -> None:
    world.card(fen=50_000)
    name = world.allowed()
    if end == "expiry":
        world.clock.advance(300)
    else:
        world.report(Pump("D1").fuelling(world.clock, 1_000, authorisation=name))
    assert world.ask(lane="L2").reason is Reason.OK


def test_a_new_visit_at_the_same_lane_replaces_the_old_one(world: World) -> None:
    world.card(fen=10_000)
    first, second = world.allowed(), world.allowed()
    assert first != second
    assert available_fen(world) == 0, "one hold, not two"
    assert _renewal(world, first) is Reason.VISIT_OVER
    assert _renewal(world, second) is Reason.OK


def test_one_batch_opens_a_plate_once(world: World) -> None:
    world.card(fen=50_000)
    answers = world.books.carry_out([Ask(world.question(lane=f"L{n}")) for n in range(3)])
    assert [a.reason for a in answers if isinstance(a, Decision)] == [Reason.OK, *[Reason.OPEN_ELSEWHERE] * 2]


def test_several_plates_of_one_card_stand_at_several_lanes(world: World) -> None:
    world.card(fen=50_000)
    assert [world.ask(p, lane=f"L{n}").reason for n, p in enumerate(world.fleet(3))] == [Reason.OK] * 3


def test_an_operator_gives_back_what_a_dead_lane_unit_holds(world: World) -> None:
    world.card(fen=50_000)
    world.allowed()
    assert world.admin.fuellings.release(PLATE, why="the unit of L1 burnt") == "S1/L1"
    assert world.ask(lane="L2").reason is Reason.OK
    with pytest.raises(AdminError, match="no open authorisation"):
        world.admin.fuellings.release("粤B99999", why="x")
