"""Which vehicle stands there: what the scenarios do not reach."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.lane.records import Confirmed, Event, Gone, Hidden, Identified, Opened
from controller.records import Change, Frame, PlateRead, Reading, Region
from controller.settings_records import TriggerSettings, VoteSettings
from controller.watching.open_visit import Needs
from controller.watching.tracks import MOST_READS, alike, confirms
from controller.watching.watcher import Watcher
from tests.controller.plates import plate

AT = datetime(2026, 1, 5, tzinfo=UTC)
PLATE, OTHER = "粤A12345", "苏B98765"


class Picture:
    shape = (720, 1280, 3)


class Lane:
    """Feeds a watcher frame by frame."""

    def __init__(self) -> None:
        ids = (f"v{n}" for n in itertools.count(1))
        self.watcher = Watcher(TriggerSettings(), VoteSettings(), Region(), lambda: next(ids))
        self.now_s = 0.0
        self.events: list[Event] = []
        self.learnt = 0.0
        self.needs = Needs()
        self.reads = 0

    def frames(self, seconds: float, presence: float, motion: float, *plates: PlateRead) -> list[Event]:
        """That picture for so long, the plates seen whenever it is read; the events it caused."""
        before = len(self.events)
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            frame = Frame(1, Picture(), self.now_s, AT + timedelta(seconds=self.now_s))
            differs = 0.0 if presence == self.learnt else presence
            look, events = self.watcher.on_change(Change(differs, motion), frame, self.needs)
            self.learnt = presence if look.learn == 1.0 else self.learnt
            self.events += events
            self.reads += look.read
            if look.read:
                self.events += self.watcher.on_reading(frame, Reading(plates))
        return self.events[before:]

    def of(self, kind: type) -> list[Event]:
        return [e for e in self.events if isinstance(e, kind)]


@pytest.fixture
def lane() -> Lane:
    made = Lane()
    made.frames(3.0, 0.0, 0.0)
    return made


@pytest.fixture
def decided(lane: Lane) -> Lane:
    lane.frames(0.5, 0.4, 0.2)
    lane.frames(2.0, 0.5, 0.0, plate(PLATE))
    assert lane.of(Identified)
    return lane


def test_a_visit_begins_when_the_vehicle_came_into_view(lane: Lane) -> None:
    lane.frames(0.5, 0.1, 0.1)
    lane.frames(1.0, 0.5, 0.1, plate(PLATE))
    opened = lane.of(Opened)[0]
    assert isinstance(opened, Opened)
    assert opened.first_seen_s == pytest.approx(3.1)
    assert opened.first_seen_at == AT + timedelta(seconds=opened.first_seen_s)


def test_a_false_box_once_opens_nothing(lane: Lane) -> None:
    lane.frames(0.1, 0.08, 0.05, plate(OTHER))
    lane.frames(10.0, 0.0, 0.0)
    assert not lane.of(Opened)


def test_a_moving_plate_is_not_decided(lane: Lane) -> None:
    for step in range(30):
        lane.frames(0.2, 0.5, 0.2, plate(PLATE, x=200.0 + 30 * step))
    assert lane.of(Opened)
    assert not lane.of(Identified)


def test_the_subject_carries_time_and_certainty(lane: Lane) -> None:
    lane.frames(2.0, 0.5, 0.0, plate(PLATE))
    found = lane.of(Identified)[0]
    assert isinstance(found, Identified)
    assert found.subject.plate == PLATE
    assert not found.subject.typed
    assert AT < found.subject.captured_at <= AT + timedelta(seconds=lane.now_s)
    assert found.subject.confidence <= found.subject.weakest


def test_two_plates_in_view_are_not_mixed(lane: Lane) -> None:
    lane.frames(2.0, 0.5, 0.0, plate(PLATE, width=150.0), plate(OTHER, width=110.0, x=1000.0))
    found = lane.of(Identified)
    assert [e.subject.plate for e in found if isinstance(e, Identified)] == [PLATE]


def test_a_decided_plate_is_confirmed_by_looks_now_and_then(decided: Lane) -> None:
    events = decided.frames(20.0, 0.5, 0.0, plate(PLATE))
    assert 9 <= len([e for e in events if isinstance(e, Confirmed)]) <= 11


def test_a_single_unsure_misreading_hides_nothing(decided: Lane) -> None:
    decided.frames(2.0, 0.5, 0.0, plate("粤A12346", [0.98] * 6 + [0.5]))
    assert not decided.of(Hidden)


def test_two_reads_of_another_plate_hide_the_visits_own_at_once(decided: Lane) -> None:
    """The other plate is too unsure to be decided itself; it is reason enough to stop green."""
    decided.frames(0.3, 0.5, 0.2, plate(OTHER, 0.7))
    decided.frames(1.0, 0.5, 0.05, plate(OTHER, 0.7))
    assert len(decided.of(Hidden)) == 1
    assert len(decided.of(Identified)) == 1


def test_another_plate_now_and_then_is_no_other_vehicle(decided: Lane) -> None:
    for _ in range(12):
        decided.frames(2.0, 0.5, 0.0, plate(OTHER, x=1000.0))
        decided.frames(2.0, 0.5, 0.0, plate(PLATE))
    assert not decided.of(Hidden)
    assert not decided.of(Gone)


def test_after_an_upheaval_the_plate_must_be_seen_in_time(decided: Lane) -> None:
    decided.frames(0.5, 0.5, 0.4)
    assert not decided.of(Hidden)
    decided.frames(5.0, 0.5, 0.0)
    assert len(decided.of(Hidden)) == 1
    decided.frames(0.5, 0.5, 0.0, plate(PLATE))
    assert isinstance(decided.events[-1], Confirmed)


def test_without_upheaval_a_plate_out_of_view_is_waited_for(decided: Lane) -> None:
    decided.frames(60.0, 0.5, 0.01)
    assert not decided.of(Hidden)
    assert not decided.of(Gone)


def test_a_wrongly_learnt_lane_is_learnt_anew_when_the_vehicle_is_gone(decided: Lane) -> None:
    decided.frames(1.0, 0.5, 0.4)
    decided.frames(30.0, 0.3, 0.0)
    assert len(decided.of(Gone)) == 1
    assert len(decided.of(Opened)) == 1, "the difference that is left is not a new vehicle"
    assert decided.watcher.trigger.trusted


def test_a_vehicle_with_a_nozzle_in_its_tank_is_not_forgotten(decided: Lane) -> None:
    """Somebody large stands between camera and plate, and stays."""
    decided.needs = Needs(fuelling=True)
    decided.frames(1.0, 0.5, 0.4)
    reads = decided.frames(700.0, 0.5, 0.0)
    assert not decided.of(Gone)
    assert len(reads) <= 1


def test_a_plate_out_of_view_for_long_is_looked_for_less(decided: Lane) -> None:
    decided.frames(1.0, 0.5, 0.4)
    decided.frames(15.0, 0.5, 0.05)
    before = decided.reads
    decided.frames(60.0, 0.5, 0.0)
    assert decided.reads - before <= 130


def test_blindness_hides_what_was_seen(decided: Lane) -> None:
    assert decided.watcher.on_blind() == [Hidden("v1")]
    assert decided.watcher.on_blind() == []
    events = decided.frames(1.0, 0.5, 0.0, plate(PLATE))
    assert any(isinstance(e, Confirmed) for e in events)


def test_reads_of_a_vehicle_that_stands_all_day_do_not_pile_up(lane: Lane) -> None:
    lane.frames(120.0, 0.5, 0.0, plate(PLATE, 0.6))
    visit = lane.watcher.visit
    assert visit is not None
    assert sum(len(t.sightings) for t in visit.tracks) <= MOST_READS


@pytest.mark.parametrize(
    ("read", "same"),
    [
        (plate(PLATE), True),
        (plate("粤A12346"), False),
        (plate("粤A12346", [0.98] * 6 + [0.5]), True),
        (plate("粤A12367", [0.98] * 5 + [0.5, 0.5]), True),
        (plate("粤A12678", [0.98] * 4 + [0.5, 0.5, 0.5]), False),
        (plate("粤A1234"), False),
        (plate(OTHER, 0.3), False),
    ],
)
def test_what_confirms_a_plate(read: PlateRead, same: bool) -> None:
    assert confirms(read, PLATE) is same


def test_alike() -> None:
    assert alike(PLATE, "粤A12346")
    assert not alike(PLATE, "粤A12367")
    assert not alike(PLATE, "粤A1234")


PICTURES = st.tuples(
    st.floats(0.2, 3.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.6),
    st.lists(
        st.builds(
            plate,
            st.sampled_from([PLATE, OTHER, "粤A12346"]),
            st.floats(0.3, 1.0),
            st.floats(20.0, 250.0),
            st.floats(0.0, 1280.0),
            st.floats(0.0, 720.0),
            st.floats(0.1, 1.0),
        ),
        max_size=3,
    ),
)


@given(st.lists(PICTURES, max_size=12))
def test_events_are_always_about_the_open_visit(pictures: list[tuple[float, float, float, list[PlateRead]]]) -> None:
    lane = Lane()
    for seconds, presence, motion, plates in pictures:
        lane.frames(seconds, presence, motion, *plates)
    open_visit, opened = None, set()
    for event in lane.events:
        if isinstance(event, Opened):
            assert open_visit is None
            assert event.visit not in opened
            open_visit = event.visit
            opened.add(event.visit)
        else:
            assert getattr(event, "visit", None) == open_visit
            open_visit = None if isinstance(event, Gone) else open_visit


def test_a_view_that_changes_as_a_whole_is_no_vehicle(lane: Lane) -> None:
    """Infrared light goes on, or the camera is knocked: off within half a minute, and the next one is seen to go."""
    lane.frames(0.1, 0.8, 0.8)
    lane.frames(29.0, 0.7, 0.0)
    assert lane.of(Opened)
    assert lane.of(Gone)
    assert lane.watcher.visit is None
    assert lane.watcher.view_changes == 1
    lane.frames(0.5, 0.4, 0.2)
    lane.frames(3.0, 0.5, 0.0, plate(PLATE))
    assert lane.of(Identified)
    lane.frames(0.5, 0.4, 0.2)
    lane.frames(1.0, 0.7, 0.0)
    assert len(lane.of(Gone)) == 2


def test_a_knock_that_moves_a_smooth_view_is_one_too(lane: Lane) -> None:
    """Little of a blurred street differs when it lies a tenth of the picture elsewhere."""
    lane.frames(0.2, 0.3, 0.3)
    lane.frames(29.0, 0.3, 0.0)
    assert lane.watcher.visit is None
    assert lane.watcher.view_changes == 1


def test_a_view_that_jumps_under_a_standing_vehicle_is_judged_too(decided: Lane) -> None:
    decided.frames(2.0, 0.5, 0.0, plate(PLATE))
    decided.frames(0.1, 0.5, 0.3, plate(PLATE))
    decided.frames(12.0, 0.5, 0.0, plate(PLATE))
    assert decided.watcher.view_changes == 1
    assert decided.watcher.visit is not None


def test_a_vehicle_without_a_plate_that_drove_in_keeps_its_visit(lane: Lane) -> None:
    """Its driver may be about to type."""
    lane.frames(1.5, 0.5, 0.3)
    lane.frames(120.0, 0.7, 0.0)
    assert lane.watcher.visit is not None
    assert lane.watcher.view_changes == 0


def test_a_vehicle_that_stands_while_the_view_changes_keeps_its_visit(lane: Lane) -> None:
    lane.frames(1.5, 0.5, 0.3)
    lane.frames(5.0, 0.7, 0.0)
    lane.frames(0.1, 0.9, 0.8)
    lane.frames(60.0, 0.9, 0.0)
    assert lane.watcher.visit is not None


def test_a_new_view_with_a_plate_in_it_is_a_vehicle(lane: Lane) -> None:
    lane.frames(0.1, 0.8, 0.8)
    lane.frames(60.0, 0.7, 0.0, plate(PLATE))
    assert lane.watcher.visit is not None
    assert lane.of(Identified)
