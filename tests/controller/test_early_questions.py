"""Early questions: used for the very plate that becomes certain, given back in every other case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.early_questions import LIFE_S, EarlyQuestions
from controller.errors import Rejected, ServiceSilent
from controller.lane import questions
from controller.outbound.expected import ExpectedFollower, ExpectedPlates
from controller.records import LampColour
from controller.runner import Runner
from greenlane.simulation.late_worker import LateWorker
from tests.scenarios.world import Scene, World
from wire.ahead import AskedAhead, Expected, ExpectedPlate
from wire.live import OrderResult
from wire.reasons import Reason, Verdict

PLATE, OTHER = "粤A12345", "苏B98765"


def lane(line_s: float = 0.0, *expected: str) -> World:
    """A lane whose early questions take so long, up and looking at an empty place."""
    world = World()
    parts = world.parts()

    def ask(asked: object) -> questions.Outcome:
        return questions.ask(parts.service, asked, 3.0, world.clock)  # type: ignore[arg-type]

    early = EarlyQuestions(
        expected or (PLATE,), LateWorker(world.clock, line_s, lambda: 0.0), ask, world.released.append, world.clock
    )
    network: LateWorker[questions.Outcome] = LateWorker(world.clock, 0.5, lambda: 0.0)
    world.runner = Runner(replace(parts, early=early, network=network), world.settings)
    world.run_until(3.0)
    return world


def asked(world: World) -> list[str]:
    return [question.visit for question in world.questions]


def test_the_answer_waits_for_the_vote_and_then_lights_green_at_once() -> None:
    world = lane()
    world.scene = Scene(PLATE, world.now_s)
    while not world.questions:
        world.run_until(world.now_s + 0.1)
    assert world.runner.state.visit is not None
    assert world.runner.state.visit.subject is None
    assert world.lamp.colour is LampColour.RED
    while world.runner.state.visit.subject is None:
        world.run_until(world.now_s + 0.1)
    assert world.lamp.colour is LampColour.GREEN
    assert asked(world) == ["visit-1.0"]
    assert world.released == []


def test_green_waits_for_an_early_answer_that_is_still_under_way() -> None:
    world = lane(2.0)
    world.scene = Scene(PLATE, world.now_s)
    world.run_until(8.0)
    assert (world.lamp.colour, asked(world), world.released) == (LampColour.GREEN, ["visit-1.0"], [])


def test_a_plate_that_nobody_expects_is_asked_about_once_and_late() -> None:
    world = lane(0.0, OTHER)
    world.scene = Scene(PLATE, world.now_s)
    world.run_until(8.0)
    assert (world.lamp.colour, asked(world)) == (LampColour.GREEN, ["visit-1"])


@pytest.mark.parametrize("line_s", [0.0, 1.5])
def test_an_answer_that_is_no_allowance_is_asked_for_anew(line_s: float) -> None:
    world = lane(line_s)
    world.service = "refuses below_preset"
    world.scene = Scene(PLATE, world.now_s)
    world.run_until(3.5)
    world.run_until(8.0)
    assert asked(world) == ["visit-1.0", "visit-1"]
    visit = world.runner.state.visit
    assert visit is not None
    assert (visit.decision, visit.reason) == (Verdict.REFUSE, Reason.BELOW_PRESET)


@pytest.mark.parametrize("line_s", [0.0, 3.0])
def test_a_vehicle_that_drives_on_gives_its_early_answer_back(line_s: float) -> None:
    world = lane(line_s)
    world.scene = Scene(PLATE, world.now_s)
    while not world.questions:
        world.run_until(world.now_s + 0.1)
    world.scene = Scene(PLATE, world.now_s, leaving=True, size=0.15)
    world.run_until(world.now_s + 6.0)
    assert world.runner.state.visit is None
    assert world.lamp.colour is LampColour.OFF
    assert world.released == ["auth-1"]


def test_an_early_answer_older_than_its_life_is_given_back_and_asked_for_anew() -> None:
    world = lane()
    world.scene = Scene(PLATE, world.now_s, readable=True)
    while not world.questions:
        world.run_until(world.now_s + 0.1)
    world.covered = True
    world.run_until(world.now_s + LIFE_S + 0.5)
    assert world.released == ["auth-1"]
    world.covered = False
    world.run_until(world.now_s + 6.0)
    assert asked(world) == ["visit-1.0", "visit-1"]
    assert world.lamp.colour is LampColour.GREEN


@pytest.mark.parametrize("line_s", [0.0, 1.5])
def test_a_payer_who_takes_the_plate_back_takes_the_early_answer_too(line_s: float) -> None:
    world = lane(line_s)
    world.scene = Scene(PLATE, world.now_s)
    while not world.questions:
        world.run_until(world.now_s + 0.1)
    world.service = "refuses plate_blocked"
    assert world.runner.revoked(PLATE, has_flowed=False) is OrderResult.NOBODY
    world.run_until(world.now_s + 5.0)
    assert world.released == ["auth-1"]
    assert asked(world) == ["visit-1.0", "visit-1"]
    assert world.lamp.colour is LampColour.RED


def test_a_typed_plate_is_asked_about_as_typed() -> None:
    world = lane()
    world.scene = Scene(PLATE, world.now_s)
    while not world.questions:
        world.run_until(world.now_s + 0.1)
    assert world.runner.typed(PLATE) is OrderResult.TAKEN
    world.run_until(world.now_s + 2.0)
    assert [(question.visit, question.typed) for question in world.questions][:2] == [
        ("visit-1.0", False),
        ("visit-1", True),
    ]
    assert world.released == ["auth-1"]


def test_a_lane_that_stops_gives_its_early_answer_back() -> None:
    world = lane()
    world.scene = Scene(PLATE, world.now_s)
    while not world.questions:
        world.run_until(world.now_s + 0.1)
    world.run_until(world.now_s + 0.1)
    world.runner.abandon("the lane was stopped")
    assert world.released == ["auth-1"]


class Answering:
    """An AheadLink that says what it is given, an error too."""

    def __init__(self, *answers: Expected | Exception) -> None:
        self.answers = list(answers)
        self.numbers: list[int] = []

    def ask_ahead(self, asked: AskedAhead, deadline_s: float) -> None:
        raise AssertionError(asked)

    def expected(self, number: int, wait_s: float, deadline_s: float) -> Expected:
        self.numbers.append(number)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        pass


def test_expected_plates_are_replaced_by_each_list_and_end_by_this_clock() -> None:
    world = World()
    plates = ExpectedPlates(world.clock)
    first = Expected(number=4, plates=(ExpectedPlate(plate=PLATE, expires_in_s=30.0),))
    second = Expected(number=5, plates=(ExpectedPlate(plate=OTHER, expires_in_s=600.0),))
    link = Answering(first, ServiceSilent("cut"), second, Rejected("forbidden", "an older service"))
    follower = ExpectedFollower(link, plates, world.clock)
    follower.follow_once()
    assert PLATE in plates
    world.clock.advance(30.0)
    assert PLATE not in plates
    with pytest.raises(ServiceSilent):
        follower.follow_once()
    follower.follow_once()
    assert (OTHER in plates, PLATE in plates) == (True, False)
    with pytest.raises(Rejected):
        follower.follow_once()
    assert OTHER in plates
    assert link.numbers == [0, 4, 4, 5]
