"""A schedule as daily hours says of every instant what the schedule itself says, to the microsecond, over midnight."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from service.payer_rules.daily_hours import daily_hours
from service.payer_rules.periods import PayerKind, Schedule, Turn, is_unsure, spans, turn_at
from service.store.clock import from_us, to_us
from station.offline_rules import hours_at, payer_of
from tests.service.payers.test_periods import TICK, ZONES, instants, schedules
from wire.offline import OfflineHours
from wire.questions import Question
from wire.reasons import Reason

LIFE = timedelta(hours=14)


def phone_of(turn: Turn) -> str | None:
    return turn.payer.id if turn.payer.kind in (PayerKind.PHONE, PayerKind.OWNER) else None


def listed(schedule: Schedule, begin: datetime) -> tuple[OfflineHours, ...]:
    found = daily_hours(schedule, to_us(begin), to_us(begin + LIFE), lambda turn, _minute: phone_of(turn))
    return tuple(
        OfflineHours(
            plate="粤B12345",
            payer=one.answer,
            mandate="m-1",
            start_min=one.hours.start_min,
            end_min=one.hours.end_min,
            cap_fen=1,
            fill_fen=1,
            from_at=None if one.from_us is None else from_us(one.from_us),
            until_at=None if one.until_us is None else from_us(one.until_us),
        )
        for one in found
    )


@given(schedules(), instants, st.sampled_from(ZONES), st.lists(st.floats(0, 1), max_size=8))
def test_the_list_and_the_schedule_agree(
    schedule: Schedule, begin: datetime, zone_name: str, shares: list[float]
) -> None:
    zone, hours = ZoneInfo(zone_name), listed(schedule, begin)
    edges = [edge for since, _, _ in spans(schedule, zone, begin, begin + LIFE) for edge in (since, since - TICK)]
    for at in [*edges, *(begin + LIFE * share for share in shares)]:
        if begin <= at < begin + LIFE:
            found = hours_at(hours, zone, at)
            assert (None if found is None else found.payer) == phone_of(turn_at(schedule, at, zone)), at


@given(schedules(), instants, st.sampled_from(ZONES), st.floats(0.001, 600), st.floats(0, 1))
def test_an_unsure_clock_is_known_wherever_its_error_meets_another_payer(
    schedule: Schedule, begin: datetime, zone_name: str, error_s: float, share: float
) -> None:
    zone, hours, error = ZoneInfo(zone_name), listed(schedule, begin), timedelta(seconds=error_s)
    low, high = begin + timedelta(hours=1), begin + LIFE - timedelta(hours=1)
    edges = [since + error * (2 * share - 1) for since, _, _ in spans(schedule, zone, low, high)]
    for at in edges:
        met = {phone_of(turn) for _, _, turn in spans(schedule, zone, at - error, at + error + TICK)}
        question = Question(
            visit="v",
            station="S1",
            lane="L1",
            plate="粤B12345",
            typed=False,
            captured_at=at,
            confidence=1.0,
            weakest=1.0,
            clock_error_s=error.total_seconds(),
        )
        found = payer_of(question, hours, zone)
        if len(met) > 1:
            assert found is Reason.CLOCK_UNSURE
            assert is_unsure(schedule, at, error, zone)
        else:
            assert (None if found is None else getattr(found, "payer", found)) == next(iter(met))
