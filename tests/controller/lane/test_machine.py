"""The lane's state machine: every state meets every event, and no road leads to a wrong green."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.lane.machine import step
from controller.lane.records import (
    Answered,
    AskFailed,
    CameraBack,
    Close,
    Command,
    Confirmed,
    Doubted,
    Event,
    Faulted,
    Gone,
    Hidden,
    Identified,
    LaneState,
    LimitReached,
    Moved,
    NozzleHung,
    NozzleLifted,
    Opened,
    Permit,
    Phase,
    PicturesLost,
    Renewed,
    SendQuestion,
    SendRelease,
    SendRenewal,
    Show,
    Storing,
    Tick,
    Typed,
)
from controller.lane.view import colour_of, green, lamp_reason, permitted, phase, problem
from controller.records import LampColour
from tests.controller.lanes import (
    ALLOWED,
    AT,
    EVENTS,
    IDENTIFIED,
    NOW_S,
    OPENED,
    OTHER,
    PATHS,
    PLATE,
    REFUSED,
    RULES,
    allow,
    refuse,
    subject,
    walk,
)
from wire.reasons import Reason, Verdict


def of(kind: type, commands: list[Command]) -> list[Command]:
    return [c for c in commands if isinstance(c, kind)]


def check_green_is_earned(state: LaneState, commands: list[Command], now_s: float) -> None:
    """Written from the rules of the business, apart from the code under test."""
    shows = of(Show, commands)
    assert len(shows) <= 1
    if not any(isinstance(c, Show) and c.colour is LampColour.GREEN for c in shows):
        assert state.shown is not LampColour.GREEN
        return
    visit = state.visit
    assert visit is not None
    assert visit.subject is not None
    assert visit.held is not None
    assert visit.held.plate == visit.subject.plate
    assert now_s < visit.held.expires_s
    assert state.camera is None
    assert not state.fault
    assert not visit.hidden
    assert not visit.spent
    assert isinstance(shows[0], Show)
    assert 0 < shows[0].lease_s <= min(RULES.lease_s, visit.held.expires_s - now_s)


@pytest.mark.parametrize("event", EVENTS, ids=repr)
@pytest.mark.parametrize("path", PATHS)
def test_every_state_meets_every_event(path: str, event: Event) -> None:
    before, _ = walk(PATHS[path])
    after, commands = step(before, event, NOW_S + 0.1, RULES)
    check_green_is_earned(after, commands, NOW_S + 0.1)
    assert after.shown is colour_of(after, NOW_S + 0.1)
    assert after.permitted is permitted(after, NOW_S + 0.1)
    assert isinstance(phase(after, NOW_S + 0.1), Phase)
    closed = of(Close, commands)
    left = before.visit is not None and (after.visit is None or after.visit.id != before.visit.id)
    assert len(closed) == left
    if before.fault:
        assert after.shown is LampColour.RED
        assert not after.permitted


@pytest.mark.parametrize("path", [p for p in PATHS if p != "green" and p != "green by typing"])
def test_green_needs_an_answer_of_its_own(path: str) -> None:
    """Nothing but a fresh answer, a confirmation or a good camera turns another state green."""
    may = (Answered, Confirmed, CameraBack, Storing, Identified, Typed, NozzleHung, Renewed)
    before, _ = walk(PATHS[path])
    for event in EVENTS:
        after, _ = step(before, event, NOW_S + 0.1, RULES)
        if after.shown is LampColour.GREEN and before.shown is not LampColour.GREEN:
            assert isinstance(event, may), (path, event)


@pytest.mark.parametrize("path", PATHS)
def test_a_problem_is_told_where_nobody_could_be_green(path: str) -> None:
    state, _ = walk(PATHS[path])
    assert (problem(state) is not None) == path.endswith(("blind", "unstored", "fault"))


@pytest.mark.parametrize(
    "event",
    [
        Hidden("v1"),
        Gone("v1"),
        PicturesLost(),
        PicturesLost(Reason.CAMERA_STALE),
        Storing(works=False),
        Faulted("x"),
        Opened("v2", NOW_S, AT),
        LimitReached(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", ["green", "green by typing", "fuelling"])
def test_what_ends_green(path: str, event: Event) -> None:
    before, _ = walk(PATHS[path])
    if isinstance(event, LimitReached) and path != "fuelling":
        return
    after, commands = step(before, event, NOW_S + 0.1, RULES)
    assert after.shown is not LampColour.GREEN
    shown = of(Show, commands)[0]
    assert isinstance(shown, Show)
    assert shown.colour in (LampColour.RED, LampColour.OFF)


def test_green_asks_for_every_condition_even_of_a_state_that_no_road_leads_to() -> None:
    state, _ = walk(PATHS["green"])
    visit = state.visit
    assert visit is not None
    assert visit.held is not None
    assert green(state, NOW_S)
    for impossible in (
        replace(visit, spent=True),
        replace(visit, held=replace(visit.held, plate=OTHER)),
        replace(visit, subject=None),
    ):
        assert not green(replace(state, visit=impossible), NOW_S)


def test_a_whole_visit() -> None:
    state, commands = walk((CameraBack(), OPENED, Tick(), IDENTIFIED, ALLOWED, Tick(), Gone("v1")))
    colours = [c.colour for c in commands if isinstance(c, Show)]
    assert colours == [LampColour.OFF, LampColour.RED, LampColour.GREEN, LampColour.GREEN, LampColour.OFF]
    assert [type(c) for c in commands if not isinstance(c, Show)] == [SendQuestion, Permit, SendRelease, Close, Permit]
    assert state == LaneState(camera=None, shown=LampColour.OFF)


def test_green_is_renewed_at_every_tick_and_ends_with_its_authorisation() -> None:
    state, _ = walk(PATHS["green"])
    state, commands = step(state, Tick(), NOW_S + 119.5, RULES)
    show = of(Show, commands)[0]
    assert isinstance(show, Show)
    assert show.lease_s == pytest.approx(0.5)
    state, commands = step(state, Tick(), NOW_S + 120.0, RULES)
    assert [c.colour for c in commands if isinstance(c, Show)] == [LampColour.RED]
    assert of(SendRelease, commands) == [SendRelease("a1")]
    assert state.visit is not None
    assert state.visit.reason is Reason.EXPIRED


def test_an_authorisation_is_renewed_before_it_expires_and_tried_again() -> None:
    state, _ = walk(PATHS["green"])
    renewals = []
    for now_s in (NOW_S + t for t in (74.0, 75.1, 76.0, 80.2)):
        state, commands = step(state, Tick(), now_s, RULES)
        renewals += [now_s - NOW_S for _ in of(SendRenewal, commands)]
    assert renewals == pytest.approx([75.1, 80.2])
    state, _ = step(state, Renewed("a1", allow(), NOW_S + 201.0), NOW_S + 81.0, RULES)
    state, commands = step(state, Tick(), NOW_S + 190.0, RULES)
    assert state.shown is LampColour.GREEN


def test_a_hidden_plate_is_not_renewed() -> None:
    state, _ = walk(PATHS["hidden"])
    _, commands = step(state, Tick(), NOW_S + 100.0, RULES)
    assert not of(SendRenewal, commands)


ENDING = [Reason.EXPIRED, Reason.VISIT_OVER, Reason.CARD_BLOCKED, Reason.PLATE_BLOCKED]


@pytest.mark.parametrize("reason", ENDING)
@pytest.mark.parametrize("path", ["green", "green by typing", "hidden", "fuelling", "fuelling and blind"])
def test_a_renewal_refused_as_over_or_blocked_ends_green_and_flow_at_once(path: str, reason: Reason) -> None:
    state, _ = walk(PATHS[path])
    state, commands = step(state, Renewed("a1", refuse(reason=reason)), NOW_S + 80.0, RULES)
    assert state.shown is LampColour.RED
    assert not state.permitted
    assert state.visit is not None
    assert (state.visit.decision, state.visit.reason) == (Verdict.REFUSE, reason)
    assert of(SendRelease, commands) == ([] if "fuelling" in path else [SendRelease("a1")])


@pytest.mark.parametrize("reason", [r for r in Reason if r not in ENDING])
def test_a_renewal_refused_for_another_reason_keeps_the_expiry_it_had(reason: Reason) -> None:
    state, _ = walk(PATHS["green"])
    state, _ = step(state, Renewed("a1", refuse(reason=reason), NOW_S + 580.0), NOW_S + 80.0, RULES)
    assert green(state, NOW_S + 100.0)
    assert not green(state, NOW_S + 120.0)


def test_a_refused_renewal_of_another_authorisation_changes_nothing() -> None:
    state, _ = walk(PATHS["green"])
    state, commands = step(state, Renewed("a7", refuse(reason=Reason.CARD_BLOCKED)), NOW_S + 1.0, RULES)
    assert state.shown is LampColour.GREEN
    assert not of(SendRelease, commands)


@pytest.mark.parametrize("reason", [Reason.STALE_QUESTION, Reason.NOT_CERTAIN, Reason.VISIT_OVER, Reason.EXPIRED])
def test_no_refusal_is_repeated_faster_than_its_back_off(reason: Reason) -> None:
    state, commands = walk((CameraBack(), OPENED, IDENTIFIED))
    now_s, asked_s = NOW_S, [NOW_S]
    while now_s < NOW_S + 90:
        for command in of(SendQuestion, commands):
            assert isinstance(command, SendQuestion)
            state, _ = step(state, Answered(command.key, refuse(command.key, reason=reason)), now_s, RULES)
        now_s += 0.25
        state, commands = step(state, Tick(), now_s, RULES)
        asked_s += [now_s for _ in of(SendQuestion, commands)]
    assert [b - a for a, b in pairwise(asked_s)] == [1, 2, 4, 8, 15, 15, 15, 15, 15]


def test_a_plate_that_is_open_elsewhere_is_asked_about_by_back_off_and_its_lane_is_known() -> None:
    elsewhere = replace(refuse(reason=Reason.OPEN_ELSEWHERE), open_lane="lane-2")
    state, _ = walk((CameraBack(), OPENED, IDENTIFIED, Answered("v1", elsewhere)))
    assert state.visit is not None
    assert state.visit.open_lane == "lane-2"
    state, commands = step(state, Tick(), NOW_S + 1, RULES)
    assert [c.key for c in commands if isinstance(c, SendQuestion)] == ["v1.2"]
    state, _ = step(state, Answered("v1.2", allow("v1.2"), NOW_S + 91.0), NOW_S + 1, RULES)
    assert state.shown is LampColour.GREEN
    assert state.visit is not None
    assert state.visit.open_lane is None


def test_an_unused_authorisation_moves_and_the_lane_waits_until_the_other_has_asked() -> None:
    state, commands = walk((Moved(PLATE),), state=walk(PATHS["green"])[0])
    assert of(SendRelease, commands) == [SendRelease("a1")]
    assert state.shown is LampColour.RED
    _, commands = step(state, Tick(), NOW_S + 44, RULES)
    assert not of(SendQuestion, commands)
    _, commands = step(state, Tick(), NOW_S + 46, RULES)
    assert len(of(SendQuestion, commands)) == 1


@pytest.mark.parametrize(
    ("path", "plate"), [("fuelling", PLATE), ("green", OTHER), ("asking", PLATE), ("fuelled", PLATE)]
)
def test_what_does_not_move(path: str, plate: str) -> None:
    before = walk(PATHS[path])[0]
    state, commands = walk((Moved(plate),), state=before)
    assert not of(SendRelease, commands)
    assert state.shown is before.shown
    assert state.permitted is before.permitted


def test_a_nozzle_off_its_seat_has_its_own_reason_holds_no_money_and_asks_when_it_hangs() -> None:
    state, commands = walk(PATHS["nozzle off its seat"])
    assert not of(SendQuestion, commands)
    assert lamp_reason(state, NOW_S) is Reason.NOZZLE_LIFTED
    assert state.visit is not None
    assert (state.visit.decision, state.visit.reason) == (Verdict.REFUSE, Reason.NOZZLE_LIFTED)
    _, commands = step(state, NozzleHung(0), NOW_S + 5, RULES)
    assert len(of(SendQuestion, commands)) == 1
    assert lamp_reason(walk(PATHS["empty and lifted"])[0], NOW_S) is Reason.NOZZLE_LIFTED
    assert lamp_reason(walk(PATHS["fuelling at its limit"])[0], NOW_S) is Reason.LIMIT_REACHED


def test_a_typed_plate_is_as_fresh_as_its_vehicle_in_view() -> None:
    later = AT + timedelta(seconds=40)
    refused = walk((CameraBack(), OPENED, Typed(PLATE, AT), REFUSED))[0]
    for changed, expected in (((), later), ((Hidden("v1"), Confirmed("v1", AT)), later), ((PicturesLost(),), AT)):
        state, _ = walk((*changed, Tick(later), CameraBack()), NOW_S + 1, state=refused)
        _, commands = step(state, Tick(), NOW_S + 31, RULES)
        assert [c.subject.captured_at for c in commands if isinstance(c, SendQuestion)] == [expected]


def test_a_question_unanswered_for_long_is_asked_under_a_new_key() -> None:
    state, _ = walk((CameraBack(), OPENED, Typed(PLATE, AT)))
    late = NOW_S + 95
    state, _ = step(state, AskFailed("v1", Reason.SERVICE_SILENT), late, RULES)
    state, _ = step(state, Tick(AT + timedelta(seconds=95)), late, RULES)
    _, commands = step(state, Tick(), late + 2, RULES)
    asked = [(c.key, c.subject.captured_at) for c in commands if isinstance(c, SendQuestion)]
    assert asked == [("v1.2", AT + timedelta(seconds=95))]


def test_the_read_time_out_is_red_with_its_reason_and_a_late_read_still_counts() -> None:
    state, _ = walk((CameraBack(), OPENED, Doubted("v1", Reason.UNSURE)))
    assert phase(state, NOW_S) is Phase.READING
    state, _ = step(state, Tick(), NOW_S + RULES.read_timeout_s, RULES)
    assert phase(state, NOW_S + 7) is Phase.RED
    assert state.visit is not None
    assert (state.visit.decision, state.visit.reason) == (Verdict.REFUSE, Reason.UNSURE)
    assert state.visit.decided_s == NOW_S + RULES.read_timeout_s
    _, commands = step(state, IDENTIFIED, NOW_S + 9, RULES)
    assert len(of(SendQuestion, commands)) == 1


def test_a_failed_question_is_asked_again_with_the_same_key_and_content_ever_more_slowly() -> None:
    state, commands = walk((CameraBack(), OPENED, IDENTIFIED))
    first = of(SendQuestion, commands)[0]
    now_s, waits = NOW_S, []
    for _ in range(7):
        state, _ = step(state, AskFailed("v1", Reason.SERVICE_SILENT), now_s, RULES)
        failed_s = now_s
        while True:
            now_s += 0.25
            state, commands = step(state, Tick(), now_s, RULES)
            if asked := of(SendQuestion, commands):
                break
            assert state.shown is LampColour.RED
        assert asked == [first]
        waits.append(now_s - failed_s)
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    state, _ = step(state, ALLOWED, now_s, RULES)
    assert state.shown is LampColour.GREEN


def test_a_question_keeps_its_content_under_one_key_and_is_fresh_under_the_next() -> None:
    later = AT + timedelta(seconds=40)
    seen_again = Confirmed("v1", later)
    state, _ = walk((*PATHS["unanswered"], seen_again))
    _, commands = step(state, Tick(), NOW_S + 2, RULES)
    assert [c.subject.captured_at for c in commands if isinstance(c, SendQuestion)] == [AT]
    state, _ = walk((*PATHS["refused"], seen_again))
    _, commands = step(state, Tick(), NOW_S + 31, RULES)
    assert [c.subject.captured_at for c in commands if isinstance(c, SendQuestion)] == [later]


def test_a_rejected_question_is_never_repeated() -> None:
    state, _ = walk(PATHS["rejected"])
    _, commands = step(state, Tick(), NOW_S + 1000, RULES)
    assert not of(SendQuestion, commands)


def test_a_refused_vehicle_is_asked_about_again_later_under_a_new_key() -> None:
    state, _ = walk(PATHS["refused"])
    state, commands = step(state, Tick(), NOW_S + RULES.refusal_retry_s - 0.1, RULES)
    assert not of(SendQuestion, commands)
    state, commands = step(state, Tick(), NOW_S + RULES.refusal_retry_s, RULES)
    assert [c.key for c in commands if isinstance(c, SendQuestion)] == ["v1.2"]
    state, _ = step(state, Answered("v1.2", allow("v1.2"), NOW_S + 91.0), NOW_S + 31, RULES)
    assert state.shown is LampColour.GREEN


@pytest.mark.parametrize(
    "events",
    [
        (CameraBack(), OPENED, IDENTIFIED, Gone("v1"), ALLOWED),
        (CameraBack(), OPENED, IDENTIFIED, Gone("v1"), Opened("v2", NOW_S, AT), ALLOWED),
        (CameraBack(), OPENED, IDENTIFIED, Typed(OTHER, AT), ALLOWED),
        (CameraBack(), OPENED, IDENTIFIED, Answered("v1", allow(plate=OTHER), NOW_S + 120.0)),
        (CameraBack(), OPENED, Typed(OTHER, AT), IDENTIFIED, Answered("v1", allow(plate=OTHER), NOW_S + 120.0)),
    ],
    ids=["gone", "next vehicle", "typed over", "other plate", "read contradicts typed"],
)
def test_an_answer_that_came_too_late_or_for_another_is_given_back(events: tuple[Event, ...]) -> None:
    state, commands = walk(events)
    assert of(SendRelease, commands) == [SendRelease("a1")]
    assert state.shown is not LampColour.GREEN


def test_the_same_answer_twice_is_not_given_back() -> None:
    state, commands = walk((*PATHS["green"], ALLOWED))
    assert not of(SendRelease, commands)
    assert state.shown is LampColour.GREEN


def test_an_answer_without_time_left_is_no_green_and_no_storm_of_questions() -> None:
    state, commands = walk((CameraBack(), OPENED, IDENTIFIED, Answered("v1", allow(), NOW_S - 600.0)))
    assert LampColour.GREEN not in [c.colour for c in commands if isinstance(c, Show)]
    asked, now_s, keys = 0, NOW_S, "v1"
    while now_s < NOW_S + 60:
        now_s += 0.5
        state, commands = step(state, Tick(), now_s, RULES)
        for command in of(SendQuestion, commands):
            assert isinstance(command, SendQuestion)
            asked, keys = asked + 1, command.key
            state, _ = step(state, Answered(keys, allow(keys, authorisation=f"a{asked}"), NOW_S - 600.0), now_s, RULES)
    assert asked <= 7


def test_a_plate_out_of_view_is_red_and_green_again_when_it_is_back() -> None:
    state, _ = walk(PATHS["hidden"])
    assert state.shown is LampColour.RED
    state, commands = step(state, Confirmed("v1", AT), NOW_S + 5, RULES)
    assert state.shown is LampColour.GREEN
    assert not of(SendQuestion, commands)


def test_a_typed_plate_is_asked_about_and_contradicted_by_a_certain_other_one() -> None:
    state, commands = walk((CameraBack(), OPENED, Typed(PLATE, AT)))
    ask = of(SendQuestion, commands)[0]
    assert isinstance(ask, SendQuestion)
    assert ask.subject.typed
    assert ask.subject.plate == PLATE
    state, _ = walk((ALLOWED,), state=state)
    assert state.shown is LampColour.GREEN
    state, commands = walk((Identified("v1", subject(OTHER)),), state=state)
    assert state.shown is LampColour.RED
    assert of(SendRelease, commands) == [SendRelease("a1")]


def test_a_plate_typed_at_an_empty_lane_asks_nothing() -> None:
    _, commands = walk((CameraBack(), Typed(PLATE, AT)))
    assert not of(SendQuestion, commands)


class TestFuelling:
    def test_under_green_it_is_permitted_and_spends_the_authorisation(self) -> None:
        state, commands = walk((*PATHS["fuelling"], NozzleHung(5000)))
        assert of(Permit, commands) == [Permit(True), Permit(False)]
        assert state.shown is LampColour.RED
        assert not of(SendRelease, commands)
        state, commands = walk((Gone("v1"),), state=state)
        assert not of(SendRelease, commands)
        close = of(Close, commands)[0]
        assert isinstance(close, Close)
        assert close.visit.decision is Verdict.ALLOW

    def test_a_lift_without_flow_keeps_green(self) -> None:
        state, commands = walk((*PATHS["fuelling"], NozzleHung(0)))
        assert state.shown is LampColour.GREEN
        assert not of(SendRelease, commands)

    def test_the_camera_lost_in_mid_flow_is_red_but_the_flow_goes_on_and_a_new_lift_needs_new_green(self) -> None:
        state, _ = walk(PATHS["fuelling and blind"])
        assert state.shown is LampColour.RED
        assert state.permitted
        state, _ = walk((NozzleHung(0), NozzleLifted()), state=state)
        assert not state.permitted

    @pytest.mark.parametrize("event", [Gone("v1"), LimitReached(), Faulted("x"), Opened("v2", NOW_S, AT)], ids=repr)
    def test_what_stops_the_flow(self, event: Event) -> None:
        state, commands = walk((event,), state=walk(PATHS["fuelling"])[0])
        assert not state.permitted
        assert not of(SendRelease, commands), "the report will settle the authorisation"

    def test_it_stops_with_the_authorisation(self) -> None:
        state, _ = walk(PATHS["fuelling"])
        state, _ = step(state, Tick(), NOW_S + 120, RULES)
        assert not state.permitted

    def test_it_is_renewed_while_it_flows(self) -> None:
        state, _ = walk(PATHS["fuelling"])
        state, commands = step(state, Tick(), NOW_S + 80, RULES)
        assert of(SendRenewal, commands) == [SendRenewal("a1")]
        state, _ = step(state, Renewed("a1", allow(), NOW_S + 201.0), NOW_S + 81, RULES)
        assert permitted(state, NOW_S + 190)

    def test_lifted_before_the_answer_it_is_permitted_once_green(self) -> None:
        state, _ = walk(PATHS["asking and lifted"])
        assert not state.permitted
        state, _ = walk((ALLOWED,), state=state)
        assert phase(state, NOW_S) is Phase.FUELLING
        assert state.permitted

    def test_a_nozzle_lifted_before_the_vehicle_came_is_never_permitted(self) -> None:
        state, _ = walk((*PATHS["empty and lifted"], OPENED, IDENTIFIED, ALLOWED))
        assert not state.permitted
        assert state.shown is LampColour.RED

    def test_a_vehicle_that_leaves_after_an_idle_lift_gives_its_authorisation_back(self) -> None:
        _, commands = walk((Gone("v1"), NozzleHung(0)), state=walk(PATHS["fuelling"])[0])
        assert of(SendRelease, commands) == [SendRelease("a1")]


KINDS = st.sampled_from(EVENTS)


@given(st.lists(st.tuples(KINDS, st.floats(0.0, 40.0)), max_size=25))
def test_no_road_leads_to_a_wrong_green(road: list[tuple[Event, float]]) -> None:
    state, now_s = LaneState(), NOW_S
    for event, passed_s in road:
        now_s += passed_s
        state, commands = step(state, event, now_s, RULES)
        check_green_is_earned(state, commands, now_s)
        assert state.permitted is permitted(state, now_s)


@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0.0, 40.0)), max_size=30))
def test_every_authorisation_is_given_back_or_used(road: list[tuple[int, float]]) -> None:
    """Whatever happens: what was granted is released, or fuel flowed under it, and never both while it is wanted."""
    state, now_s = walk((CameraBack(),))[0], NOW_S
    granted: set[str] = set()
    released: list[str] = []
    used: set[str] = set()
    visits = 0

    def feed(event: Event) -> None:
        nonlocal state
        flow = state.flow
        if isinstance(event, NozzleHung) and event.volume_ml and flow and flow.held:
            used.add(flow.held.authorisation)
        state, commands = step(state, event, now_s, RULES)
        released.extend(c.authorisation for c in commands if isinstance(c, SendRelease))

    for choice, passed_s in road:
        now_s += passed_s
        question = state.visit.question if state.visit else None
        if choice == 0:
            visits += 1
            feed(Opened(f"v{visits}", now_s, AT))
            feed(Identified(f"v{visits}", replace(subject(), captured_at=AT)))
        elif choice == 1 and question:
            authorisation = f"a{len(granted)}"
            granted.add(authorisation)
            feed(Answered(question, allow(question, authorisation=authorisation), now_s + 60.0))
        elif choice == 2:
            feed(NozzleLifted())
        elif choice == 3:
            feed(NozzleHung(4000))
        elif choice == 4:
            feed(NozzleHung(0))
        elif choice == 5 and state.visit:
            feed(Gone(state.visit.id))
        else:
            feed(Tick())
    feed(NozzleHung(0))
    if state.visit:
        feed(Gone(state.visit.id))
    assert set(released) | used == granted
    assert len(released) == len(set(released))
    assert not set(released) & used
