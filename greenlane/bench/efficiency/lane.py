"""What `bench efficiency` measures: vehicles of the bundled clip through the real lane loop, one passage each."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from controller.ports import Clock, PlateReader
from controller.records import LampColour, Reading, Region
from controller.settings_records import Settings
from greenlane.bench.lane import BenchError
from greenlane.simulation.cast import (
    LIFT_AFTER_S,
    LITRES_PER_MIN,
    REST_S,
    Bundled,
    Phone,
    SimulatedCard,
    bundled,
    parse_phone,
)
from greenlane.simulation.play import ClipPlayer, Watching
from greenlane.simulation.results import VisitResult
from greenlane.simulation.world import World
from hardware.cameras.recorded import RecordedCamera, Timed
from hardware.dispensers.simulated import Filling
from models.build import build_reader

BEFORE_S = 1.5
"""Of the empty lane before each vehicle, and after it."""
PLENTY_FEN = 100_000_000
GAIN = (0.6, 1.2)
NOISE = (0.0, 6.0)
LITRES_SHARE = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle. Seconds from its arrival, which is when it stands; None: the lamp stayed red, or nothing was paid.

    Each is the video's time plus what reader and service really took; to_paid_s counts from the nozzle's return.
    """

    plate: str
    payer: str
    seen_to_green_s: float | None
    to_green_s: float | None
    to_paid_s: float | None
    read_ms: float
    question_ms: float
    posting_ms: float


class TimedReader:
    """A reader that remembers how long its reads really took."""

    def __init__(self, reader: PlateReader) -> None:
        self.name = reader.name
        self._reader = reader
        self.took_ms: list[float] = []

    def read(self, image: Any, area: Region | None = None) -> Reading:
        began = time.perf_counter()
        reading = self._reader.read(image) if area is None else self._reader.read(image, area)
        self.took_ms.append(1000 * (time.perf_counter() - began))
        return reading


def measure(vehicles: int, engine: str, seed: int) -> list[Passage]:
    """So many vehicles, those of the bundled clip that get green in turn. Raises BenchError, GreenlaneError."""
    own, chance = bundled(), random.Random(seed)
    scenes = [visit for visit in own.visits if visit["decision"] == "allow"]
    reader = TimedReader(build_reader(engine))
    litres: dict[str, float] = {}
    cards, phones = payers_of(own, scenes)
    found = []
    with World(Settings(), cards, own.preset_fen, phones) as world:
        stage = ClipPlayer(world, reader, litres, 0.0)
        for number in tqdm(range(vehicles), unit="vehicle", disable=not sys.stderr.isatty(), leave=False):
            scene = scenes[number % len(scenes)]
            litres[scene["plate"]] = scene["litres"] * chance.uniform(*LITRES_SHARE)
            reader.took_ms.clear()
            result = stage.play(own.clip, UNWATCHED, partial(scene_camera, scene=scene, chance=chance))
            if result.error:
                raise BenchError(f"the bundled clip cannot be played: {result.error}")
            found.append(_passage(scene, result.visits, litres[scene["plate"]], max(reader.took_ms, default=0.0)))
    return found


UNWATCHED = Watching(lambda name, frames: None, lambda: None, lambda visit_result: None)


def payers_of(own: Bundled, scenes: list[Mapping[str, Any]]) -> tuple[list[SimulatedCard], list[Phone]]:
    """The clip's own cards and phones, with enough money for every round."""
    plates = {scene["plate"] for scene in scenes}
    cards = [SimulatedCard(card.plate, PLENTY_FEN) for card in own.cards if card.plate in plates]
    words = [f"{phone.plate}@{phone.hours}={phone.name}:{PLENTY_FEN // 100}" for phone in own.phones]
    return cards, [parse_phone(word) for word in words]


def scene_camera(clip: Path, clock: Clock, scene: Mapping[str, Any], chance: random.Random) -> RecordedCamera:
    """The clip from shortly before a vehicle comes until it is gone, in another light and with another noise."""
    gain, noise = chance.uniform(*GAIN), chance.uniform(*NOISE)
    from_s, to_s = scene["enters_s"] - BEFORE_S, scene["gone_s"] + BEFORE_S
    return RecordedCamera(clip.name, lambda: _pictures(clip, from_s, to_s, gain, noise), clock, paced=False)


def _pictures(clip: Path, from_s: float, to_s: float, gain: float, noise: float) -> Iterator[Timed]:
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    try:
        capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * from_s)
        height, width = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
        grains, number = _grains(height, noise), 0
        lit = np.empty((height, width, 3), np.float32)
        while True:
            ok, image = capture.read()
            at_s = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
            if not ok or at_s > to_s:
                return
            shift = 37 * number % (grains.shape[1] - width)
            np.multiply(image, np.float32(gain), out=lit)
            cv2.add(lit, grains[:, shift : shift + width], dst=lit)
            yield Timed(np.clip(lit, 0, 255, out=lit).astype(np.uint8), at_s - from_s)
            number += 1
    finally:
        capture.release()


def _grains(height: int, noise: float) -> Any:
    """A wide sheet of noise, the same in all three colours; each picture takes another part of it."""
    return cv2.merge([np.random.default_rng(1).normal(0, noise, (height, 2600)).astype(np.float32)] * 3)


def _passage(
    scene: Mapping[str, Any], visits: tuple[VisitResult, ...], litres: float, slowest_read_ms: float
) -> Passage:
    """The visit of this scene's vehicle among what the lane saw; the slowest read of all counts as the deciding one."""
    visit_result = next((v for v in visits if v.summary.plate == scene["plate"]), None)
    if visit_result is None:
        return Passage(scene["plate"], "", None, None, None, round(slowest_read_ms, 1), 0.0, 0.0)
    question_ms = sum(answer.took_ms or 0.0 for answer in visit_result.answers[:1])
    real_s = (slowest_read_ms + question_ms) / 1000
    green_s = next((visit_result.at(c.at_s) for c in visit_result.lamp if c.colour is LampColour.GREEN), None)
    first_s = visit_result.at(visit_result.summary.first_seen_s)
    stands_s = scene["stands_s"] - scene["enters_s"] + BEFORE_S
    return Passage(
        plate=scene["plate"],
        payer="" if visit_result.payer is None else visit_result.payer.kind,
        seen_to_green_s=None if green_s is None or first_s is None else round(green_s - first_s + real_s, 3),
        to_green_s=None if green_s is None else round(green_s - stands_s + real_s, 3),
        to_paid_s=None if green_s is None else _to_paid_s(visit_result, green_s, litres),
        read_ms=round(slowest_read_ms, 1),
        question_ms=round(question_ms, 1),
        posting_ms=0.0 if visit_result.fuelled is None else visit_result.fuelled.receipt_ms or 0.0,
    )


def _to_paid_s(visit_result: VisitResult, green_s: float, litres: float) -> float | None:
    """From the moment the nozzle hung to the service's receipt, with which card or mandate has paid."""
    fuelled = visit_result.fuelled
    if fuelled is None or fuelled.receipt is None or fuelled.receipt_ms is None:
        return None
    hung_s = Filling.of(litres, green_s + LIFT_AFTER_S, LITRES_PER_MIN, REST_S).hang_s
    return round(fuelled.ended_s - hung_s + fuelled.receipt_ms / 1000, 3)
