"""Real pictures of vehicles through camera file, trigger, reader, vote and lane: one visit each, and no wrong plate."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.errors import EndOfVideo
from controller.lane.questions import QuestionOutcome
from controller.parts import Parts, Read
from controller.ports import PlateReader
from controller.records import LampColour, VisitSummary
from controller.runner import Runner
from controller.settings_records import CameraSettings, Settings
from controller.telling.observers import SilentObserver
from controller.worker import InlineWorker
from hardware.cameras.recorded import recorded_camera
from hardware.lamp import FakeLamp
from models.build import build_reader
from models.change import ThumbnailChangeMeter
from tests.scenarios.world import Till, World
from wire.reasons import Verdict

pytestmark = [pytest.mark.slow, pytest.mark.realdata]

CLIPS = ("day", "night", "trucks", "angled_far")
WANTED = 17


@dataclass
class Played:
    """The visits of one clip and the vehicles that were in it."""

    visits: list[VisitSummary]
    vehicles: list[dict[str, float | str]]


class Summaries(SilentObserver):
    def __init__(self) -> None:
        self.all: list[VisitSummary] = []

    def visit_closed(self, summary: VisitSummary) -> None:
        self.all.append(summary)


def play(clip: Path, reader: PlateReader) -> Played:
    world, clock, heard = World(), ManualClock(), Summaries()
    world.clock = clock
    reading: InlineWorker[Read] = InlineWorker()
    network: InlineWorker[QuestionOutcome] = InlineWorker()
    names = (f"v{n}" for n in itertools.count(1))
    lamp = FakeLamp(clock)
    parts = Parts(
        clock,
        reader,
        ThumbnailChangeMeter(),
        lamp,
        Till(world),
        heard,
        reading,
        network,
        lambda a: None,
        lambda: next(names),
    )
    runner = Runner(parts, replace(Settings(), camera=CameraSettings(kind="file")))
    camera = recorded_camera(clip, clock, paced=False)
    while True:
        try:
            frame = camera.read()
        except EndOfVideo:
            break
        clock.advance_to(frame.captured_s)
        lamp.check()
        runner.tick(frame)
    camera.close()
    return Played(heard.all, json.loads(clip.with_suffix(".json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def played(real_data: Path) -> dict[str, Played]:
    reader = build_reader()
    return {name: play(real_data / "clips" / f"{name}.mp4", reader) for name in CLIPS}


@pytest.mark.parametrize("name", CLIPS)
def test_exactly_one_visit_per_vehicle(name: str, played: dict[str, Played]) -> None:
    visits, vehicles = played[name].visits, played[name].vehicles
    assert len(visits) == len(vehicles)
    for visit, vehicle in zip(visits, vehicles, strict=True):
        assert float(vehicle["enters_s"]) - 0.1 <= visit.first_seen_s <= float(vehicle["stands_s"])
        assert float(vehicle["leaves_s"]) <= visit.gone_s <= float(vehicle["gone_s"]) + 1.0


@pytest.mark.parametrize("name", CLIPS)
def test_no_plate_that_is_not_there_is_decided(name: str, played: dict[str, Played]) -> None:
    wrong = [
        (visit.plate, vehicle["plate"])
        for visit, vehicle in zip(played[name].visits, played[name].vehicles, strict=True)
        if visit.plate not in (None, vehicle["plate"])
    ]
    assert not wrong


def test_enough_plates_are_right(played: dict[str, Played]) -> None:
    pairs = [pair for one in played.values() for pair in zip(one.visits, one.vehicles, strict=True)]
    right = sum(visit.plate == vehicle["plate"] for visit, vehicle in pairs)
    assert right >= WANTED, [(v.plate, w["plate"], v.vote and v.vote.detail) for v, w in pairs if v.plate != w["plate"]]


@pytest.mark.parametrize("name", CLIPS)
def test_green_only_for_the_certain_and_never_beyond_the_visit(name: str, played: dict[str, Played]) -> None:
    for visit in played[name].visits:
        colours = [change.colour for change in visit.lamp]
        assert (LampColour.GREEN in colours) == (visit.decision is Verdict.ALLOW)
        assert colours[0] is LampColour.OFF
        assert colours[-1] is LampColour.OFF
        if visit.plate is None:
            assert set(colours) == {LampColour.OFF, LampColour.RED}
