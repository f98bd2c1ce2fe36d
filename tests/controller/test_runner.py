"""The runner as a whole, with fakes: order of what observers hear, and what happens when parts fail."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controller.errors import DispenserFault, LampFault, ReaderError
from controller.lane.records import FlowContext, LaneState
from controller.lane.view import flow_context
from controller.records import Change, Frame, LampChange, LampColour, Reading, Region, VisitSummary, Vote
from controller.runner import Runner
from controller.settings_records import CameraSettings, Settings
from controller.telling.observers import SilentObserver
from controller.telling.panel import TypedPlate
from tests.scenarios.world import Motion, Pump, Scene, World
from wire.fuellings import Fuelling
from wire.live import OrderResult
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

PLATE = "粤A12345"


class Heard(SilentObserver):
    """Names of the calls in order, the same one in a row counted once, and what they said."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.summaries: list[VisitSummary] = []
        self.lamps: list[LampChange] = []

    def _heard(self, name: str) -> None:
        if not self.calls or self.calls[-1] != name:
            self.calls.append(name)

    def visit_opened(self, visit: str, first_seen_s: float, first_seen_at: datetime) -> None:
        self._heard(f"opened {visit}")

    def frame_read(self, visit: str | None, frame: Frame, reading: Reading) -> None:
        if visit and visit != "none":
            self._heard("read")

    def voted(self, visit: str, vote: Vote, at_s: float) -> None:
        pass

    def asked(self, visit: str, question: Question, at_s: float) -> None:
        self._heard(f"asked {question.plate}")

    def answered(self, visit: str, answer: Decision | None, reason: Reason, detail: str, at_s: float) -> None:
        self._heard(f"answered {reason}")

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        self.lamps.append(change)
        self._heard(f"lamp {change.colour}")

    def fuelling_started(self, visit: str | None, at_s: float) -> None:
        self._heard(f"fuelling {visit}")

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        self._heard(f"fuelled {visit}")

    def visit_closed(self, summary: VisitSummary) -> None:
        self.summaries.append(summary)
        self._heard("closed")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def world(heard: Heard) -> World:
    made = World()
    made.runner = Runner(replace(made.parts(), observer=heard), made.settings)
    made.run_until(3.0)
    return made


def drive_in(world: World, until_s: float = 6.0) -> None:
    world.scene = Scene(PLATE, world.now_s)
    world.run_until(until_s)


def drive_out(world: World) -> None:
    world.scene = Scene(PLATE, world.now_s, leaving=True)
    world.run_until(world.now_s + 3.0)


def test_what_observers_hear_of_a_visit_and_in_which_order(world: World, heard: Heard) -> None:
    heard.calls.clear()
    drive_in(world)
    world.events.append(Pump.lifted())
    world.run_until(8.0)
    world.events.append(Pump.hung(0))
    world.run_until(9.0)
    drive_out(world)
    assert [c for c in heard.calls if c != "read"] == [
        "opened visit-1",
        "lamp red",
        f"asked {PLATE}",
        "answered ok",
        "lamp green",
        "fuelling visit-1",
        "fuelled visit-1",
        "lamp red",
        "lamp off",
        "closed",
    ]
    assert heard.calls[-1] == "closed"


def test_the_summary_has_all_times_and_the_lamp_from_off_to_off(world: World, heard: Heard) -> None:
    drive_in(world)
    drive_out(world)
    summary = heard.summaries[0]
    assert (summary.plate, summary.decision, summary.reason) == (PLATE, Verdict.ALLOW, Reason.OK)
    assert summary.read_s is not None
    assert summary.decided_s is not None
    assert summary.first_seen_s < summary.read_s <= summary.decided_s < summary.gone_s
    colours = [c.colour for c in summary.lamp]
    assert colours == [LampColour.OFF, LampColour.RED, LampColour.GREEN, LampColour.RED, LampColour.OFF]
    assert summary.lamp[0].at_s == summary.first_seen_s
    assert summary.lamp[-1].at_s == summary.gone_s
    assert (summary.authorisation, summary.limit_fen) == ("auth-1", 10_000)
    assert summary.vote is not None
    assert summary.vote.plate == PLATE


def test_the_question_carries_the_reads_certainty_and_time(world: World) -> None:
    drive_in(world)
    question = world.questions[0]
    assert question.visit == "visit-1"
    assert (question.station, question.lane) == ("station-1", "lane-1")
    assert 0.8 < question.confidence < question.weakest <= 1.0
    assert 0 <= (world.clock.now() - question.captured_at).total_seconds() < 4


def test_a_loop_that_was_late_says_so_and_is_green_again(
    world: World, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    drive_in(world)
    world.clock.advance(1.5)
    world.lamp.check()
    assert world.lamp.colour is LampColour.RED
    caplog.set_level(logging.ERROR)
    world.run_until(world.now_s + 0.1)
    assert world.lamp.colour is LampColour.GREEN
    assert [c.colour for c in heard.lamps[-2:]] == [LampColour.RED, LampColour.GREEN]
    assert "the loop was late" in caplog.text


def test_a_lamp_that_fails_is_not_survived(world: World) -> None:
    world.lamp.break_down(LampColour.GREEN)
    with pytest.raises(LampFault):
        drive_in(world)
    world.runner.abandon("the lamp failed")
    assert world.lamp.colour is LampColour.RED
    assert not world.permit
    world.lamp.mend()
    world.runner.tick()
    assert world.lamp.colour is LampColour.RED, "after abandon nothing turns green again"


def test_going_safe_raises_nothing_though_everything_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drive_in(world)

    def stuck(allowed: bool) -> None:
        raise DispenserFault("stuck")

    monkeypatch.setattr(world.terminal, "permit", stuck)
    world.lamp.break_down()
    world.runner.abandon("test")


@pytest.mark.parametrize("error", [OSError(5, "I/O error"), RuntimeError("lost"), MemoryError()])
def test_going_safe_drops_the_permit_whatever_the_lamp_raises(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    drive_in(world)
    assert world.permit

    def broken(colour: LampColour) -> None:
        raise error

    monkeypatch.setattr(world.lamp, "show", broken)
    world.runner.abandon("test")
    assert not world.permit


def test_a_dead_reader_is_raised_in_the_lane(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(image: object, region: object = None) -> Reading:
        raise ReaderError("weights gone")

    monkeypatch.setattr(world.eye, "read", broken)
    with pytest.raises(ReaderError):
        drive_in(world)


def test_reader_and_trigger_look_at_the_lanes_region_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region(0.1, 0.2, 0.6, 1.0)
    world = World(settings=Settings(camera=CameraSettings(region=(0.1, 0.2, 0.6, 1.0))))
    looked: dict[str, set[Region | None]] = {"reader": set(), "trigger": set()}
    read, measure = world.eye.read, Motion.measure

    def reading(image: object, region: Region | None = None) -> Reading:
        looked["reader"].add(region)
        return read(image, region)

    def measuring(meter: Motion, image: object, region: Region) -> Change:
        looked["trigger"].add(region)
        return measure(meter, image, region)

    monkeypatch.setattr(world.eye, "read", reading)
    monkeypatch.setattr(Motion, "measure", measuring)
    drive_in(world)
    assert looked == {"reader": {region}, "trigger": {region}}


def test_under_what_fuel_flows(world: World) -> None:
    assert flow_context(world.runner.state, world.now_s) == FlowContext()
    world.service = "refuses unknown_plate"
    drive_in(world)
    assert flow_context(world.runner.state, world.now_s) == FlowContext("visit-1", None, PLATE, None)
    drive_out(world)
    world.service = "allows"
    drive_in(world, world.now_s + 3.0)
    expected = FlowContext("visit-2", "auth-2", PLATE, 10_000)
    assert flow_context(world.runner.state, world.now_s) == expected
    world.events.append(Pump.lifted())
    world.run_until(world.now_s + 1.0)
    drive_out(world)
    assert world.runner.state.visit is None
    assert flow_context(world.runner.state, world.now_s) == expected, "the fuelling keeps what it began under"


def test_a_wall_clock_that_jumps_or_was_never_set_is_told_once_and_ends_no_green(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    drive_in(world)
    world.clock.set_wall(datetime(1970, 1, 1, tzinfo=UTC))
    world.run_until(world.now_s + 5.0)
    assert world.lamp.colour is LampColour.GREEN
    assert caplog.text.count("the wall clock jumped by -") == 1
    assert caplog.text.count("the wall clock is not set") == 1


def test_a_network_that_is_full_counts_as_unanswered(heard: Heard) -> None:
    world = World()

    class Full:
        free = False

        def submit(self, job: object) -> bool:
            return False

        def results(self) -> list[object]:
            return []

        def close(self) -> None:
            pass

    world.runner = Runner(replace(world.parts(), network=Full()), world.settings)  # type: ignore[arg-type]
    world.run_until(3.0)
    drive_in(world)
    visit = world.runner.state.visit
    assert visit is not None
    assert visit.reason is Reason.SERVICE_SILENT
    assert world.lamp.colour is LampColour.RED


def test_logs_tell_changes_once_and_no_plate(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    drive_in(world, 60.0)
    drive_out(world)
    assert PLATE not in caplog.text
    assert "粤A***45" in caplog.text
    assert len(caplog.records) < 12


class TypedOnce:
    """A panel on which these plates were typed."""

    def __init__(self, *plates: TypedPlate) -> None:
        self._plates = plates

    def typed(self) -> Sequence[TypedPlate]:
        found, self._plates = self._plates, ()
        return found

    def answer(self, plate: TypedPlate, result: OrderResult) -> None:
        plate.result = result

    def saw(self, state: LaneState, now_s: float) -> None:
        pass


def test_a_plate_typed_for_a_vehicle_that_has_left_is_not_the_next_ones() -> None:
    late, current = TypedPlate(PLATE, visit="visit-0"), TypedPlate(PLATE, visit="visit-1")
    world = World()
    panel = TypedOnce()
    world.runner = Runner(replace(world.parts(), panel=panel), world.settings)
    world.run_until(3.0)
    world.scene = Scene(PLATE, world.now_s, readable=False)
    world.run_until(6.0)
    panel._plates = (late, current)
    world.run_until(6.2)
    assert (late.result, current.result) == (OrderResult.NOBODY, OrderResult.TAKEN)
    assert [asked.plate for asked in world.questions] == [PLATE]


def test_a_question_says_how_sure_its_clock_is_and_how_old_its_picture(world: World) -> None:
    world.clock_error_s, world.service = 0.25, "is silent"
    drive_in(world)
    asked = world.questions[-1]
    assert asked.clock_error_s == 0.25
    assert asked.frame_age_s is not None
    assert 0.0 <= asked.frame_age_s < 2.0
    count = len(world.questions)
    world.clock.set_wall(world.clock.now() + timedelta(seconds=40))
    while len(world.questions) == count:
        world.run_until(world.now_s + 0.5)
    again = world.questions[-1]
    assert (again.visit, again.frame_age_s) == (asked.visit, None), "the clock jumped since the picture"
