"""Which hour is whose: the grammar of hours, every boundary, and the whole year by interval algebra."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.payer_rules.periods import (
    DAY_MIN,
    Binding,
    Gap,
    GapAction,
    Hours,
    Payer,
    PayerKind,
    Rule,
    Schedule,
    holders,
    spans,
    turn_at,
)
from service.store.clock import from_us, to_us

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC")
MADE = to_us(datetime(2026, 1, 1, tzinfo=UTC))
YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)

minutes = st.integers(0, DAY_MIN - 1)
hours = st.builds(Hours, minutes, st.integers(1, DAY_MIN))
instants = st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1), timezones=st.just(UTC))
maybe_us = st.none() | instants.map(to_us)


def bound(name: str, text: str, **changes: object) -> Binding:
    values: dict[str, object] = {"order": 0, "from_us": None, "until_us": None, "made_us": MADE, "ended_us": None}
    return Binding(person=f"p-{name}", name=name, hours=Hours.parse(text), **{**values, **changes})  # type: ignore[arg-type]


def schedule(
    *bindings: Binding, rule: Rule | None = None, card: str | None = None, gaps: tuple[Gap, ...] = ()
) -> Schedule:
    return Schedule("粤B12345", rule, card, Payer(PayerKind.OWNER, "p-boss", "Boss"), bindings, gaps)


def name_at(schedule: Schedule, text: str, zone: ZoneInfo = SHANGHAI) -> str | None:
    return turn_at(schedule, datetime.fromisoformat(text), zone).payer.name


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    names = draw(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=6))
    bindings = [
        Binding(f"p-{n}", n, draw(hours), draw(st.integers(0, 1)), draw(maybe_us), draw(maybe_us), MADE, draw(maybe_us))
        for n in names
    ]
    gaps = draw(st.lists(st.builds(Gap, hours, st.sampled_from(GapAction), st.just(MADE), maybe_us), max_size=2))
    rule = draw(st.sampled_from([None, *Rule]))
    return schedule(*bindings, rule=rule, card=draw(st.sampled_from([None, "C1"])), gaps=tuple(gaps))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("0-8", 0, 480),
        ("8-16", 480, 960),
        ("16-24", 960, 1440),
        ("0-24", 0, 1440),
        ("22-6", 1320, 360),
        ("7:30-12:15", 450, 735),
        ("22-0", 1320, 1440),
        ("0-0", 0, 1440),
    ],
)
def test_hours_as_they_are_typed(text: str, start: int, end: int) -> None:
    assert Hours.parse(text) == Hours(start, end)


@pytest.mark.parametrize("text", ["", "8", "8-", "-8", "8-25", "24-8", "8:60-9", "8:5-9", "a-b", "8-16-24", "24:01-3"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"period|hours go"):
        Hours.parse(text)


@given(hours)
def test_hours_written_are_hours_read(period: Hours) -> None:
    assert Hours.parse(str(period)) == period


@given(hours, hours)
def test_hours_overlap_where_they_share_a_minute(one: Hours, other: Hours) -> None:
    assert one.overlaps(other) == any(one.covers(m) and other.covers(m) for m in range(DAY_MIN))


@given(hours, st.integers(0, 364), st.sampled_from(ZONES))
def test_each_boundary_to_the_microsecond(period: Hours, day: int, zone_name: str) -> None:
    """A microsecond before the start it is nobody's, from the start on the holder's; the end the other way round."""
    zone = ZoneInfo(zone_name)
    own = schedule(bound("A", str(period)))
    whole_day = period.start_min == period.end_min or (period.start_min, period.end_min) == (0, DAY_MIN)
    for minute, before, after in ((period.start_min, whole_day, True), (period.end_min, True, whole_day)):
        wall = datetime(2026, 1, 1) + timedelta(days=day, minutes=minute)
        edge = from_us(to_us(wall.replace(tzinfo=zone)))
        if (
            edge.astimezone(zone).replace(tzinfo=None) != wall
            or (edge - TICK).astimezone(zone).replace(tzinfo=None) != wall - TICK
        ):
            continue  # a clock change skips or moves this boundary; the year's algebra below covers it
        assert (turn_at(own, edge - TICK, zone).payer.kind is PayerKind.PHONE) == before
        assert (turn_at(own, edge, zone).payer.kind is PayerKind.PHONE) == after


@pytest.mark.slow
@given(schedules(), st.sampled_from(ZONES))
def test_all_payers_and_gaps_add_up_to_the_year(plan: Schedule, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    pieces = list(spans(plan, zone, *YEAR))
    assert sum((end - begin for begin, end, _ in pieces), timedelta()) == YEAR[1] - YEAR[0]
    assert [piece[0] for piece in pieces[1:]] == [piece[1] for piece in pieces[:-1]]
    for begin, end, turn in pieces[:40]:
        assert turn_at(plan, begin, zone) == turn == turn_at(plan, end - TICK, zone)


@given(schedules(), st.sampled_from(ZONES), instants)
def test_an_instant_agrees_with_the_piece_it_lies_in(plan: Schedule, zone_name: str, at: datetime) -> None:
    zone = ZoneInfo(zone_name)
    pieces = spans(plan, zone, at - timedelta(days=1), at + timedelta(days=1))
    turn = next(turn for begin, end, turn in pieces if begin <= at < end)
    assert turn_at(plan, at, zone) == turn


@given(schedules(), instants, st.randoms())
def test_the_order_in_which_bindings_stand_never_matters(plan: Schedule, at: datetime, random: object) -> None:
    shuffled = list(plan.bindings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = schedule(*shuffled, rule=plan.rule, card=plan.card, gaps=plan.gaps)
    assert turn_at(other, at, SHANGHAI) == turn_at(plan, at, SHANGHAI)


@given(st.permutations(["A", "B"]), instants)
def test_the_order_in_which_shared_hours_were_typed_never_matters(names: list[str], at: datetime) -> None:
    """For any instant before the first or after the last command."""
    typed = {name: MADE + number for number, name in enumerate(names)}
    plan = schedule(*(bound(name, "0-8", made_us=us) for name, us in typed.items()))
    if not MADE <= to_us(at) <= MADE + 1 and at.astimezone(SHANGHAI).hour < 8:
        assert [b.name for b in holders(plan, at, SHANGHAI)] == ["A", "B"]


def test_a_repeated_hour_belongs_to_its_holder_twice_and_a_skipped_one_to_nobody() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    plan = schedule(bound("A", "2-3"))
    october = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 22, tzinfo=UTC)
    march = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 21, tzinfo=UTC)

    def held(begin: datetime, end: datetime) -> timedelta:
        pieces = spans(plan, berlin, begin, end)
        return sum((e - b for b, e, turn in pieces if turn.payer.name == "A"), timedelta())

    assert held(*october) == timedelta(hours=2)
    assert held(*march) == timedelta()


def test_a_hand_over_is_half_open() -> None:
    plan = schedule(
        bound("A", "0-24", until_us=to_us(datetime(2026, 5, 4, 4, tzinfo=UTC))),
        bound("B", "0-24", from_us=to_us(datetime(2026, 5, 4, 4, tzinfo=UTC))),
    )
    assert name_at(plan, "2026-05-04T11:59:59.999999+08:00") == "A"
    assert name_at(plan, "2026-05-04T12:00:00+08:00") == "B"


def test_without_from_a_binding_holds_from_the_beginning_where_nobody_else_held_the_hours() -> None:
    later = to_us(datetime(2026, 6, 1, tzinfo=UTC))
    earlier = bound("Old", "0-8", from_us=to_us(datetime(2026, 2, 1, tzinfo=UTC)))
    plan = schedule(earlier, bound("New", "0-12", made_us=later, order=-1))
    assert name_at(plan, "2026-05-04T03:00:00+08:00") == "Old"
    assert name_at(plan, "2026-05-04T09:00:00+08:00") == "New"
    assert name_at(plan, "2026-01-04T03:00:00+08:00") == "New"
    assert name_at(plan, "2026-07-04T03:00:00+08:00") == "New"


def test_what_was_taken_back_held_only_while_it_stood() -> None:
    ended = to_us(datetime(2026, 3, 1, tzinfo=UTC))
    plan = schedule(bound("A", "0-24", ended_us=ended), bound("B", "0-24", made_us=ended))
    assert name_at(plan, "2025-12-31T03:00:00+08:00") == "B"
    assert name_at(plan, "2026-02-01T03:00:00+08:00") == "A"
    assert name_at(plan, "2026-03-02T03:00:00+08:00") == "B"


def test_shared_hours_are_asked_by_order_then_by_name() -> None:
    plan = schedule(bound("C", "0-8", order=1), bound("B", "0-8"), bound("A", "0-8", order=2))
    turn = turn_at(plan, datetime.fromisoformat("2026-05-04T03:00:00+08:00"), SHANGHAI)
    assert [turn.payer.name, *(p.name for p in turn.sharing)] == ["B", "C", "A"]


@pytest.mark.parametrize(
    ("action", "kind", "reason"),
    [
        (GapAction.REFUSE, PayerKind.NONE, "gap"),
        (GapAction.OWNER, PayerKind.OWNER, None),
        (GapAction.CARD, PayerKind.CARD, None),
    ],
)
def test_a_declared_gap_says_who_pays(action: GapAction, kind: PayerKind, reason: str | None) -> None:
    gaps = (Gap(Hours.parse("8-16"), action, MADE, None),)
    plan = schedule(bound("A", "0-8"), rule=Rule.PHONE, card="C1", gaps=gaps)
    turn = turn_at(plan, datetime.fromisoformat("2026-05-04T12:00:00+08:00"), SHANGHAI)
    assert (turn.payer.kind, turn.reason) == (kind, reason)
    assert str(turn.hours) == "08:00-16:00"
    undeclared = turn_at(plan, datetime.fromisoformat("2026-05-04T16:00:00+08:00"), SHANGHAI)
    assert (undeclared.payer.kind, undeclared.reason, undeclared.hours) == (PayerKind.NONE, "no_payer", None)


@pytest.mark.parametrize(
    ("rule", "payer", "then"),
    [
        (Rule.CARD, "C1", "-"),
        (Rule.PHONE, "A", "-"),
        (Rule.CARD_THEN_PHONE, "C1", "A"),
        (Rule.PHONE_THEN_CARD, "A", "C1"),
        (None, "C1", "-"),
    ],
)
def test_the_rule_says_who_is_first(rule: Rule | None, payer: str, then: str) -> None:
    plan = schedule(bound("A", "0-8"), rule=rule, card="C1")
    turn = turn_at(plan, datetime.fromisoformat("2026-05-04T03:00:00+08:00"), SHANGHAI)
    assert turn.payer.name == payer
    assert (turn.then.name if turn.then else "-") == then


def test_without_a_card_the_rule_is_phone() -> None:
    assert schedule().rule_in_force is Rule.PHONE
    assert schedule(card="C1").rule_in_force is Rule.CARD
