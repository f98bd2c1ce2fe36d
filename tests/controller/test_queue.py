"""A queue is many vehicles: each has a visit of its own, and no green outlives the vehicle that it was for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.lane.records import Confirmed, Event, Gone, Hidden, Identified, Opened
from controller.records import PlateRead
from controller.watching.open_visit import Needs
from tests.controller.plates import plate
from tests.controller.watching.test_watcher import Lane

FIRST, SECOND, THIRD = "粤A12345", "苏B98765", "皖K6D2V8"
TEXTS = (FIRST, SECOND, THIRD, "京NX3357", "川AZ0G19")
PUMP_Y, OUT_OF_VIEW_Y = 480.0, 700.0
CARRIED_S = 0.4
"""Green may last so long after the next vehicle has come to rest: not at all, but for the look that tells."""


@dataclass(frozen=True)
class Vehicle:
    """One of the queue: how sure its reads are, or no plate at all; how long it stands."""

    text: str
    sure: float
    stands_s: float


def lane_before_the_first() -> Lane:
    lane = Lane()
    lane.frames(3.0, 0.0, 0.0)
    return lane


def shown(vehicle: Vehicle, y: float) -> list[PlateRead]:
    return [plate(vehicle.text, vehicle.sure, 150.0, y=y)] if vehicle.sure and y < OUT_OF_VIEW_Y else []


def moves(lane: Lane, vehicle: Vehicle, from_y: float, to_y: float, seconds: float = 1.0) -> None:
    steps = round(seconds * 10)
    for step in range(steps):
        lane.frames(0.1, 0.5, 0.3, *shown(vehicle, from_y + (to_y - from_y) * step / steps))


def green_about(events: list[Event]) -> str | None:
    """Whose plate the lane may be green for after these events: certain, in view, its visit open."""
    text: str | None = None
    seen = False
    for event in events:
        if isinstance(event, Identified):
            text, seen = event.subject.plate, True
        elif isinstance(event, Opened | Gone):
            text, seen = None, False
        elif isinstance(event, Hidden):
            seen = False
        elif isinstance(event, Confirmed):
            seen = text is not None
    return text if seen else None


def identified(lane: Lane) -> list[tuple[str, str]]:
    return [(e.visit, e.subject.plate) for e in lane.events if isinstance(e, Identified)]


@given(
    st.permutations(TEXTS),
    st.lists(st.sampled_from([0.99, 0.98, 0.7, 0.0]), min_size=2, max_size=5),
    st.lists(st.floats(2.5, 6.0), min_size=5, max_size=5),
)
@settings(max_examples=20, deadline=None)
def test_bumper_to_bumper(texts: list[str], sure: list[float], stands_s: list[float]) -> None:
    lane = lane_before_the_first()
    queue = [Vehicle(*facts) for facts in zip(texts, sure, stands_s, strict=False)]
    for vehicle in queue:
        moves(lane, vehicle, 200.0, PUMP_Y)
        lane.frames(CARRIED_S, 0.5, 0.0, *shown(vehicle, PUMP_Y))
        for _ in range(round((vehicle.stands_s - CARRIED_S) * 10)):
            lane.frames(0.1, 0.5, 0.0, *shown(vehicle, PUMP_Y))
            assert green_about(lane.events) in (None, vehicle.text if vehicle.sure > 0.9 else None)
        moves(lane, vehicle, PUMP_Y, 900.0)
    found = identified(lane)
    assert [text for _, text in found] == [vehicle.text for vehicle in queue if vehicle.sure > 0.9]
    assert len({visit for visit, _ in found}) == len(found), "each has a visit of its own"


@pytest.mark.parametrize("sure", [0.7, 0.0])
def test_one_that_cannot_be_read_has_a_visit_of_its_own_between_two(sure: float) -> None:
    lane = lane_before_the_first()
    for vehicle in (Vehicle(FIRST, 0.99, 3.0), Vehicle(SECOND, sure, 3.0), Vehicle(THIRD, 0.99, 3.0)):
        moves(lane, vehicle, 200.0, PUMP_Y)
        lane.frames(vehicle.stands_s, 0.5, 0.0, *shown(vehicle, PUMP_Y))
        moves(lane, vehicle, PUMP_Y, 900.0)
    assert identified(lane) == [("v1", FIRST), ("v3", THIRD)]


def test_green_ends_while_the_vehicle_drives_off() -> None:
    lane = lane_before_the_first()
    vehicle = Vehicle(FIRST, 0.99, 3.0)
    moves(lane, vehicle, 200.0, PUMP_Y)
    lane.frames(3.0, 0.5, 0.0, *shown(vehicle, PUMP_Y))
    assert green_about(lane.events) == FIRST
    moves(lane, vehicle, PUMP_Y, 900.0)
    assert green_about(lane.events) is None


def test_a_vehicle_that_moves_on_by_thirty_centimetres_stays_green() -> None:
    lane = lane_before_the_first()
    vehicle = Vehicle(FIRST, 0.99, 3.0)
    moves(lane, vehicle, 200.0, 380.0)
    lane.frames(3.0, 0.5, 0.0, *shown(vehicle, 380.0))
    before = len(lane.events)
    moves(lane, vehicle, 380.0, 380.0 + 150.0 * 30 / 44)
    lane.frames(10.0, 0.5, 0.0, *shown(vehicle, 380.0 + 150.0 * 30 / 44))
    assert {type(event) for event in lane.events[before:]} == {Confirmed}


def test_a_vehicle_that_makes_room_in_view_takes_its_green_along() -> None:
    """It stands ahead, its plate still to be seen; the next one is at the pump now."""
    lane = lane_before_the_first()
    first, second = Vehicle(FIRST, 0.99, 3.0), Vehicle(SECOND, 0.99, 3.0)
    moves(lane, first, 100.0, 260.0)
    lane.frames(3.0, 0.5, 0.0, *shown(first, 260.0))
    ahead = plate(FIRST, 0.99, 150.0, x=1050.0, y=600.0)
    for step in range(10):
        x = 640.0 + 41.0 * step
        lane.frames(0.1, 0.5, 0.3, plate(FIRST, 0.99, 150.0, x=x, y=260.0 + 34.0 * step))
    for y in (100.0, 160.0, 220.0, 260.0):
        lane.frames(0.2, 0.5, 0.3, ahead, *shown(second, y))
    lane.frames(4.0, 0.5, 0.0, ahead, *shown(second, 260.0))
    assert green_about(lane.events) == SECOND
    assert identified(lane) == [("v1", FIRST), ("v2", SECOND)]


def test_one_that_changes_lanes_behind_a_standing_vehicle_is_nobody() -> None:
    lane = lane_before_the_first()
    vehicle = Vehicle(FIRST, 0.99, 3.0)
    moves(lane, vehicle, 200.0, PUMP_Y)
    lane.frames(3.0, 0.5, 0.0, *shown(vehicle, PUMP_Y))
    for step in range(15):
        lane.frames(0.1, 0.5, 0.2, *shown(vehicle, PUMP_Y), plate(SECOND, 0.99, 110.0, x=100.0 + 70.0 * step, y=180.0))
    lane.frames(3.0, 0.5, 0.0, *shown(vehicle, PUMP_Y))
    assert identified(lane) == [("v1", FIRST)]
    assert not lane.of(Hidden)


def test_a_vehicle_with_the_nozzle_in_its_tank_keeps_its_visit_whatever_uncertain_is_read_behind() -> None:
    lane = lane_before_the_first()
    vehicle = Vehicle(FIRST, 0.99, 3.0)
    moves(lane, vehicle, 200.0, PUMP_Y)
    lane.frames(3.0, 0.5, 0.0, *shown(vehicle, PUMP_Y))
    lane.needs = Needs(fuelling=True)
    lane.frames(2.0, 0.5, 0.3)
    lane.frames(30.0, 0.5, 0.0, plate(SECOND, 0.7, 110.0, y=200.0))
    assert not lane.of(Gone)


def test_an_upheaval_after_a_plateless_vehicle_stood_hides_it_once() -> None:
    """A plate typed for it is no longer its own when another one may stand there."""
    lane = lane_before_the_first()
    lane.frames(1.0, 0.5, 0.3)
    lane.frames(10.0, 0.5, 0.0)
    assert not lane.of(Hidden)
    lane.frames(0.6, 0.5, 0.5)
    lane.frames(3.0, 0.5, 0.0)
    assert not lane.of(Hidden), "light that goes on"
    lane.frames(1.2, 0.5, 0.3)
    lane.frames(10.0, 0.5, 0.0)
    assert len(lane.of(Hidden)) == 1
