"""A plate whose single pictures are poor is read from several frames as one: which ones, how often, what it decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from controller.parts import Parts
from controller.records import Frame, PlateRead, Reading, Region
from controller.settings_records import VoteSettings
from controller.watching.open_visit import OpenVisit
from controller.watching.together import EVERY_S, FRAMES, OLDEST_S, FramesTogether
from controller.watching.tracks import Sighting, Track
from controller.watching.vote import vote
from tests.controller.plates import plate
from tests.scenarios.world import Eye, Scene, World

PLATE = "粤A12345"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Poor(Eye):
    """Doubts every single picture for the next of these, over and over; reads of several frames are `together`'s."""

    doubts: Sequence[tuple[str, ...]] = (("covered",),)
    together: tuple[str, ...] = ()
    seen: list[Sequence[tuple[object, PlateRead]]] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)

    def read(self, image: object, region: Region | None = None) -> Reading:
        reading = super().read(image, region)
        doubts = self.doubts[self.world.reads % len(self.doubts)]
        return replace(reading, plates=tuple(replace(p, doubts=doubts) for p in reading.plates))

    def cut_out(self, image: object, plate: PlateRead) -> tuple[object, PlateRead]:
        return image, plate

    def read_together(self, views: Sequence[tuple[object, PlateRead]]) -> PlateRead | None:
        self.seen.append(views)
        self.at_s.append(self.world.now_s)
        return replace(views[-1][1], doubts=self.together, frames=len(views))


class PoorWorld(World):
    """A lane whose reader can take frames together."""

    def parts(self) -> Parts:
        self.eye = Poor(self)
        return replace(super().parts(), reader=self.eye, together=self.eye)


def played(eye: dict[str, object], flicker: str = "") -> tuple[PoorWorld, Poor]:
    world = PoorWorld(flicker=flicker)
    poor = world.eye
    assert isinstance(poor, Poor)
    for name, value in eye.items():
        setattr(poor, name, value)
    world.scene = Scene(PLATE)
    world.run_until(6.0)
    return world, poor


def is_asked(world: World) -> bool:
    return [question.plate for question in world.questions] == [PLATE]


def test_frames_that_are_doubted_alone_decide_together() -> None:
    world, poor = played({})
    assert is_asked(world)
    assert {len(views) for views in poor.seen} == {FRAMES}
    assert all(read.text == PLATE for views in poor.seen for _, read in views)


def test_they_are_taken_together_twice_a_second_at_most() -> None:
    _, poor = played({"together": ("covered",)})
    assert len(poor.seen) > 3
    assert all(after - before >= EVERY_S for before, after in zip(poor.at_s, poor.at_s[1:], strict=False))


@pytest.mark.parametrize("doubt", ["hidden", "vetoed", "edge", "colour", "a later doubt"])
def test_one_frame_that_shows_something_hidden_keeps_the_others_apart(doubt: str) -> None:
    world, poor = played({"doubts": [("covered",), ("covered",), ("covered",), (doubt,)]})
    assert poor.seen == []
    assert not is_asked(world)


def test_frames_that_disagree_about_a_character_are_never_one() -> None:
    world, poor = played({}, flicker="粤A12349")
    assert poor.seen == []
    assert not is_asked(world)


def test_frames_of_long_ago_are_not_read_with_a_new_one() -> None:
    together, visit = filled()
    assert len(together.take(1.0 + OLDEST_S, visit)) == 0
    together, visit = filled()
    assert len(together.take(1.0, visit)) == FRAMES - 1
    together, visit = filled()
    assert len(together.take(0.5, visit)) == 0, "the clock was set back"


def test_frames_of_another_visit_are_not_read_with_a_new_one() -> None:
    together, _ = filled()
    assert together.take(1.0, replace(filled()[1], id="the next")) == ()
    together, _ = filled()
    assert together.take(1.0, None) == ()


def filled() -> tuple[FramesTogether, OpenVisit]:
    """Five frames of one undecided visit, the last at 1.0 s."""
    together, visit = FramesTogether(), OpenVisit("a visit", 0.0)
    doubted = replace(plate(PLATE), doubts=("covered",))
    for number in range(1, FRAMES):
        at_s = 1.0 - 0.1 * (FRAMES - 1 - number)
        visit.main = Track([Sighting(at_s, NOON, doubted)])
        together.saw(PoorWorld().eye, Frame(number, None, at_s, NOON), visit)  # type: ignore[arg-type]
    return together, visit


def test_what_is_doubted_together_as_well_stays_undecided() -> None:
    world, _ = played({"together": ("hidden",)})
    assert not is_asked(world)


def test_a_plate_that_is_told_by_single_frames_costs_nothing_more() -> None:
    world, poor = played({"doubts": [()]})
    assert is_asked(world)
    assert poor.seen == []


def test_a_read_of_several_frames_counts_as_many_times() -> None:
    rules = VoteSettings()
    doubted, clear = replace(plate(PLATE), doubts=("covered",)), replace(plate(PLATE), frames=FRAMES)
    assert vote([*[doubted] * 9, *[clear] * 3], rules).plate == PLATE
    assert vote([*[doubted] * 9, *[clear] * 2], rules).plate is None
    assert vote([*[doubted] * 9, *[replace(clear, frames=1)] * 3], rules).plate is None
