"""Posting of fuellings: capture, overrun, late, uncovered, refused, repeated; and what the receipt says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from service.books.messages import Claim, Done, Reject, Release, Report, Sweep
from service.reports.audit import audit
from service.reports.statement import cards, rejected, statement, stations
from tests.service.world import Pump, World
from wire.reasons import ErrorCode


def balance_fen(world: World, card: str = "C1") -> int:
    return cards(world.database, card)[0].balance_fen


def clean(world: World) -> bool:
    found = audit(world.database)
    assert found.findings == ()
    return found.clean


def test_less_than_the_hold_is_captured_and_the_rest_released(world: World) -> None:
    world.card(fen=25_000)
    receipt = world.report(Pump("D1").fuelling(world.clock, 10_000, authorisation=world.allowed()))
    assert (receipt.charged_fen, receipt.captured_fen, receipt.released_fen) == (8_000, 8_000, 2_000)
    assert (receipt.overrun_fen, receipt.balance_fen, receipt.flags) == (0, 17_000, ())
    assert cards(world.database, "C1")[0].available_fen == 17_000
    assert clean(world)


def test_overrun_is_posted_in_full_and_flagged(world: World) -> None:
    world.card(fen=25_000)
    receipt = world.report(Pump("D1").fuelling(world.clock, 15_000, authorisation=world.allowed()))
    assert (receipt.charged_fen, receipt.captured_fen, receipt.overrun_fen) == (12_000, 10_000, 2_000)
    assert (receipt.released_fen, receipt.balance_fen, receipt.flags) == (0, 13_000, ("overrun",))
    assert clean(world)


def test_overrun_beyond_the_balance_is_owed_and_paid_by_the_next_top_up(world: World) -> None:
    world.card(fen=10_000)
    receipt = world.report(Pump("D1").fuelling(world.clock, 20_000, authorisation=world.allowed()))
    assert receipt.balance_fen == -6_000
    assert cards(world.database, "C1")[0].owed_fen == 6_000
    world.admin.money.top_up("C1", 5_000)
    assert balance_fen(world) == -1_000
    world.admin.money.top_up("C1", 11_000)
    view = cards(world.database, "C1")[0]
    assert (view.balance_fen, view.available_fen, view.owed_fen) == (10_000, 10_000, 0)
    assert [line.amount_fen for line in statement(world.database, "C1", None, None)] == [10_000, -16_000, 5_000, 11_000]
    assert clean(world)


def test_overrun_leaves_another_lanes_hold_alone(world: World) -> None:
    world.card(fen=20_000)
    pump, first, second = Pump("D1"), world.allowed(), world.allowed()
    assert world.report(pump.fuelling(world.clock, 20_000, authorisation=first)).balance_fen == 4_000
    receipt = world.report(pump.fuelling(world.clock, 10_000, authorisation=second))
    assert (receipt.captured_fen, receipt.released_fen, receipt.balance_fen) == (8_000, 2_000, -4_000)
    assert clean(world)


def test_nothing_fuelled_gives_everything_back(world: World) -> None:
    world.card(fen=10_000)
    receipt = world.report(Pump("D1").fuelling(world.clock, 0, authorisation=world.allowed()))
    assert (receipt.charged_fen, receipt.captured_fen, receipt.released_fen, receipt.balance_fen) == (
        0,
        0,
        10_000,
        10_000,
    )
    assert cards(world.database, "C1")[0].available_fen == 10_000
    assert clean(world)


def test_late_is_posted_in_full_and_flagged(world: World) -> None:
    world.card(fen=25_000)
    fuelling = Pump("D1").fuelling(world.clock, 15_000, authorisation=world.allowed())
    world.clock.advance(3_600)
    assert world.send(Sweep()) == Done(count=1)
    receipt = world.report(fuelling)
    assert (receipt.charged_fen, receipt.captured_fen, receipt.overrun_fen) == (12_000, 0, 2_000)
    assert receipt.balance_fen == 13_000
    assert receipt.flags == ("late", "overrun")
    assert clean(world)


def test_fuel_that_flowed_after_expiry_or_release_is_flagged(world: World) -> None:
    world.card(fen=50_000)
    (other,) = world.fleet(1)
    pump, expired, released = Pump("D1"), world.allowed(), world.allowed(other)
    world.send(Release(released))
    world.clock.advance(301)
    assert world.report(pump.fuelling(world.clock, 1_000, authorisation=expired)).flags == ("expired_authorisation",)
    assert world.report(pump.fuelling(world.clock, 1_000, plate=other, authorisation=released)).flags == (
        "after_release",
        "expired_authorisation",
    )
    assert clean(world)


def test_a_second_fuelling_on_one_authorisation_is_charged_too(world: World) -> None:
    world.card(fen=50_000)
    pump, name = Pump("D1"), world.allowed()
    world.report(pump.fuelling(world.clock, 1_000, authorisation=name))
    receipt = world.report(pump.fuelling(world.clock, 1_000, authorisation=name))
    assert (receipt.captured_fen, receipt.balance_fen, receipt.flags) == (0, 48_400, ("second_fuelling",))
    assert clean(world)


def test_without_authorisation_the_plates_card_pays(world: World) -> None:
    world.card(fen=500)
    receipt = world.report(Pump("D1").fuelling(world.clock, 1_000))
    assert (receipt.charged_fen, receipt.balance_fen, receipt.flags) == (800, -300, ("uncovered",))
    assert clean(world)


def test_without_a_known_plate_it_waits_in_suspense_until_claimed(world: World) -> None:
    world.card(fen=500)
    receipt = world.report(Pump("D1").fuelling(world.clock, 1_000, plate=None, authorisation="a-unknown"))
    assert (receipt.balance_fen, receipt.flags) == (None, ("unknown_authorisation", "uncovered"))
    assert stations(world.database)[0]["unclaimed_fen"] == 800
    assert clean(world)
    world.admin.fuellings.claim("D1", 1, "C1")
    assert stations(world.database)[0]["unclaimed_fen"] == 0
    assert balance_fen(world) == -300
    again = world.refused(Claim(station="S1", dispenser="D1", sequence=1, card="C1", actor="tester"))
    assert again.code is ErrorCode.KEY_REUSED
    assert clean(world)


def test_a_repeat_gets_the_first_receipt_and_other_content_an_error(world: World) -> None:
    world.card(fen=50_000)
    fuelling = Pump("D1").fuelling(world.clock, 10_000, authorisation=world.allowed(), flags=("power_cut",))
    first = world.report(fuelling)
    world.admin.money.top_up("C1", 1_000)
    world.clock.advance(10**6)
    assert world.report(fuelling) == first
    refused = world.refused(Report(replace(fuelling, product="95")))
    assert refused.code is ErrorCode.KEY_REUSED
    assert balance_fen(world) == 43_000
    assert [r["code"] for r in rejected(world.database, None, None)] == ["key_reused"]
    assert clean(world)


def test_one_batch_may_hold_the_same_report_twice(world: World) -> None:
    world.card(fen=50_000)
    fuelling = Pump("D1").fuelling(world.clock, 10_000, authorisation=world.allowed())
    first, second = world.books.carry_out([Report(fuelling), Report(fuelling)])
    assert first == second
    assert balance_fen(world) == 42_000
    assert clean(world)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"totaliser_after_ml": 999_999}, "totaliser_after_ml"),
        ({"totaliser_after_ml": 1_010_051}, "totaliser moved"),
        ({"volume_ml": 9_000}, "totaliser moved"),
        ({"amount_fen": 8_010}, "unit price"),
        ({"amount_fen": 0}, "unit price"),
        ({"unit_price_fen_per_l": 0}, "unit price"),
    ],
)
def test_what_contradicts_itself_is_refused_and_kept(world: World, changes: dict[str, object], word: str) -> None:
    world.card(fen=50_000)
    fuelling = Pump("D1").fuelling(world.clock, 10_000, **changes)
    refused = world.refused(Report(fuelling))
    assert refused.code is ErrorCode.IMPOSSIBLE_FUELLING
    assert word in refused.detail
    world.refused(Report(fuelling))
    kept = rejected(world.database, "S1", None)
    assert [(r["dispenser"], r["sequence"], r["code"]) for r in kept] == [("D1", 1, "impossible_fuelling")]
    assert balance_fen(world) == 50_000


def test_an_end_before_the_start_is_believed_only_with_a_clock_flag(world: World) -> None:
    pump, start = Pump("D1"), world.clock.now()
    backwards = {"started_at": start, "ended_at": start - timedelta(seconds=1)}
    assert world.refused(Report(pump.fuelling(world.clock, 10, **backwards))).code is ErrorCode.IMPOSSIBLE_FUELLING
    pump = Pump("D1")
    assert world.report(pump.fuelling(world.clock, 10, flags=("clock_jumped",), **backwards)).charged_fen == 8


def test_rounding_of_pump_displays_is_no_contradiction(world: World) -> None:
    pump = Pump("D1")
    world.report(pump.fuelling(world.clock, 10_000, amount_fen=8_009))
    world.report(pump.fuelling(world.clock, 10_000, totaliser_after_ml=pump.totaliser_ml + 10_050))


def test_a_station_that_is_not_set_up_is_refused(world: World) -> None:
    assert world.refused(Report(Pump("D2").fuelling(world.clock, 100, station="S9"))).code is ErrorCode.UNKNOWN_STATION


def test_oddities_are_flagged(world: World) -> None:
    world.admin.stations.set_price("S1", "92", 790)
    pump, now = Pump("D1"), world.clock.now()
    assert (
        "price_differs"
        not in world.report(pump.fuelling(world.clock, 1_000, started_at=now - timedelta(seconds=90))).flags
    )
    world.clock.advance(3_600)
    assert "price_differs" in world.report(pump.fuelling(world.clock, 1_000)).flags
    fast = pump.fuelling(world.clock, 300_000, unit_price_fen_per_l=790, amount_fen=237_000)
    assert "impossible_flow" in world.report(fast).flags
    ahead = world.clock.now() + timedelta(seconds=301)
    assert "clock_ahead" in world.report(pump.fuelling(world.clock, 10, ended_at=ahead)).flags


def test_gaps_and_disorder_of_a_dispenser_are_flagged_and_audited(world: World) -> None:
    pump = Pump("D1")
    first, lost, third = (pump.fuelling(world.clock, 1_000) for _ in range(3))
    world.report(first)
    assert world.report(third).flags[:2] == ("sequence_gap", "totaliser_gap")
    findings = audit(world.database).findings
    assert [f.check for f in findings] == ["totalisers"]
    assert "D1, between 1 and 3: 1 reports missing, totaliser moved by 1000 ml" in findings[0].words
    assert world.report(lost).flags[:1] == ("out_of_order",)
    assert clean(world)
    pump.totaliser_ml -= 500
    assert "totaliser_back" in world.report(pump.fuelling(world.clock, 1_000)).flags
    assert not audit(world.database).clean
    world.admin.fuellings.explain_gap("D1", 4, "meter replaced")
    assert clean(world)


def test_a_report_that_cannot_be_read_is_kept_once(world: World) -> None:
    for _ in range(2):
        world.send(Reject(ErrorCode.MALFORMED, "no JSON", "{"))
    assert [(r["code"], r["body"]) for r in rejected(world.database, None, None)] == [("malformed", "{")]
