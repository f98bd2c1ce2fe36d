"""What the second recogniser does: wrong reads that it stops, right ones that it costs or clears, and its time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from controller.records import PlateRead
from models.build import build_detector, build_recogniser, build_second
from models.doubts import in_order
from models.engines import FloatArray
from models.reader import OnDeviceReader
from models.second_opinion import SHIPPED, Bounds, SecondOpinion, left_doubts
from models.training.data.realdata import RealCrop
from models.training.data.scenes import Picture, Scene, ScenePlate
from models.training.evaluation.hiding import WAYS, around
from models.training.evaluation.visits import READS, PlateVisit, again, frame_visits, lane_tally, scene_visits

BELIEVED_PX = 60.0
"""Narrower finds are not believed by the lane's vote."""


@dataclass(frozen=True)
class Case:
    """A read that the second recogniser was asked about, before it spoke, and its probabilities (9, classes)."""

    group: str
    name: str
    read: PlateRead
    right: bool
    shares: FloatArray

    def certain(self, bounds: Bounds = SHIPPED) -> bool:
        """Whether this picture alone tells the plate, with what the second recogniser says."""
        return not left_doubts(self.shares, self.read, bounds)


@dataclass
class OpinionRecorder:
    """Stands where the second recogniser stands, asks it, keeps what it said and leaves all doubts. Times in ms."""

    second: SecondOpinion
    heard: list[tuple[PlateRead, FloatArray]] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)

    def doubts(self, image: Picture, plates: Sequence[PlateRead]) -> list[set[str]]:
        """Those of each read, no more and no fewer."""
        if plates:
            begun = time.process_time()
            self.heard += zip(plates, self.second.probabilities(image, plates), strict=True)
            self.ms.append(1e3 * (time.process_time() - begun) / len(plates))
        return [set(plate.doubts) for plate in plates]

    def taken(self) -> list[tuple[PlateRead, FloatArray]]:
        """What was heard since the last time."""
        heard, self.heard = self.heard, []
        return heard


def recording_reader(engine: str) -> tuple[OnDeviceReader, OpinionRecorder]:
    """The shipped reader without the veto, and what would have been said."""
    recorder = OpinionRecorder(build_second(engine))
    return OnDeviceReader(build_detector(engine), build_recogniser(engine), engine, recorder), recorder


def crop_cases(reader: OnDeviceReader, recorder: OpinionRecorder, crops: Sequence[RealCrop]) -> list[Case]:
    """Crops that are one plate, read edge to edge."""
    cases = []
    for crop in tqdm([c for c in crops if c.corners is None and min(c.image.shape[:2]) >= 8], desc="crops"):
        reader.read_crop(crop.image)
        for plate, shares in recorder.taken():
            cases.append(Case(f"crops: {crop.source}", crop.text, plate, plate.text == crop.text, shares))
    return cases


def scene_cases(
    reader: OnDeviceReader, recorder: OpinionRecorder, scenes: Sequence[Scene], ways: Iterable[str], seed: int = 5
) -> list[Case]:
    """Every scene, cut around its main or its widest plate, in every way of hiding something of that plate."""
    rng = np.random.default_rng(seed)
    cases = []
    views = [around(scene, main_plate(scene)) for scene in scenes]
    for way in ways:
        for view in tqdm(views, desc=way):
            picture = WAYS[way](rng, view.image, main_plate(view))
            if min(picture.shape[:2]) < 16:
                continue
            reader.read(picture)
            cases += _judged(recorder.taken(), view, picture, way)
    return cases


def main_plate(scene: Scene) -> ScenePlate:
    """The plate that the scene is named after, or the widest."""
    return next((p for p in scene.plates if p.main), max(scene.plates, key=lambda p: float(np.ptp(p.corners[:, 0]))))


def _judged(heard: Sequence[tuple[PlateRead, FloatArray]], view: Scene, picture: Picture, way: str) -> list[Case]:
    """The reads that lie on labelled plates; of others nobody knows what they should be."""
    truths = {plate.text for plate in view.plates}
    scale = picture.shape[0] / view.image.shape[0]  # no way cuts something off above or below
    cut_away = view.image.shape[1] - picture.shape[1] if way.startswith("cut left") else 0
    cases = []
    for plate, shares in heard:
        on_one = any(_near(plate, scale * labelled.corners - np.asarray([cut_away, 0.0])) for labelled in view.plates)
        if plate.width_px >= BELIEVED_PX and on_one:
            cases.append(Case(way, view.path.name, plate, plate.text in truths, shares))
    return cases


def _near(read: PlateRead, corners: NDArray[np.floating]) -> bool:
    """Whether a read's centre lies on a plate with these corners, or just beside it."""
    away = np.abs(np.asarray(read.centre) - corners.mean(0))
    return bool((away < 0.75 * np.ptp(corners, axis=0)).all())


def rows_of(cases: Sequence[Case], bounds: Bounds = SHIPPED) -> list[dict[str, Any]]:
    """Counts of certain reads of each group, before the second recogniser and with it."""
    rows = []
    for group in dict.fromkeys(case.group for case in cases):
        mine = [case for case in cases if case.group == group]
        before = [case.right for case in mine if case.read.certain]
        now = [case.right for case in mine if case.certain(bounds)]
        row = {"group": group, "wrong_before": before.count(False), "wrong": now.count(False)}
        rows.append(row | {"right_before": before.count(True), "right": now.count(True)})
    return rows


def table_of(rows: Sequence[dict[str, Any]]) -> list[list[object]]:
    """Rows for the page."""
    keys = ("group", "wrong_before", "wrong", "right_before", "right")
    return [[row[key] for key in keys] for row in rows]


@dataclass(frozen=True)
class HeardVisit:
    """A simulated visit without the second recogniser, and what that one said of the reads it was asked about."""

    visit: PlateVisit
    shares: dict[PlateRead, FloatArray]

    def judged(self, bounds: Bounds = SHIPPED) -> PlateVisit:
        """The visit with the doubts that the second recogniser leaves."""
        reads = tuple(self._doubted(plate, bounds) for plate in self.visit.reads)
        return replace(self.visit, reads=reads)

    def _doubted(self, plate: PlateRead, bounds: Bounds) -> PlateRead:
        if plate not in self.shares:
            return plate
        return replace(plate, doubts=in_order(left_doubts(self.shares[plate], plate, bounds)))


def heard_visits(
    reader: OnDeviceReader,
    recorder: OpinionRecorder,
    crops: Sequence[RealCrop],
    scenes: Sequence[Scene],
    frames: Mapping[str, Sequence[Scene]] | None = None,
    seed: int = 96,
    reads: int = READS,
) -> list[HeardVisit]:
    """Visits through the whole reader: of each checked crop that is one plate, of each scene's main plate, and of the
    plates in whole pictures by group. reads: how often a plate is taken anew."""
    rng = np.random.default_rng(seed)
    recorder.taken()
    visits = []
    whole = [c for c in crops if c.corners is None and c.source != "auto" and min(c.image.shape[:2]) >= 8]
    for crop in tqdm(whole, desc="visits of crops"):
        taken = [plate for _ in range(reads) for plate in reader.read_crop(taken_again(rng, crop)).plates]
        heard = {as_found(plate): shares for plate, shares in recorder.taken()}
        visits.append(HeardVisit(PlateVisit(crop.text, tuple(map(as_found, taken)), "crops"), heard))
    for scene in scenes:
        if any(plate.main for plate in scene.plates):
            (visit,) = scene_visits(reader.read, [around(scene, scene.main)], reads=reads)
            visits.append(HeardVisit(visit, dict(recorder.taken())))
    for group, pictures in (frames or {}).items():
        seen = frame_visits(reader.read, group, pictures, reads=reads)
        heard = dict(recorder.taken())
        visits += [HeardVisit(visit, heard) for visit in seen]
    return visits


def as_found(plate: PlateRead) -> PlateRead:
    """A crop's read as if a finder had been sure of the plate: nobody looked for it, and without its surroundings what
    the close-up's network says of there being a plate tells nothing."""
    return replace(plate, detection=1.0)


def taken_again(rng: np.random.Generator, crop: RealCrop) -> Picture:
    """The crop as the next frame might show it, cut at slightly other corners."""
    image, corners = again(rng, crop)
    height, width = image.shape[:2]
    edges = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(corners, edges)
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def visit_rows(visits: Sequence[HeardVisit], bounds: Bounds = SHIPPED) -> list[dict[str, Any]]:
    """Visits answered and answered wrongly by the lane's own vote, before the second recogniser and with it."""
    rows = []
    for group in dict.fromkeys(heard.visit.group for heard in visits):
        mine = [heard for heard in visits if heard.visit.group == group]
        before = lane_tally([heard.visit for heard in mine])
        now = lane_tally([heard.judged(bounds) for heard in mine])
        row = {"group": group, "visits": len(mine), "wrong_before": before["wrong"], "wrong": now["wrong"]}
        rows.append(row | {"answered_before": before["answered"], "answered": now["answered"]})
    return rows


def milliseconds(recorder: OpinionRecorder) -> float:
    """Processor milliseconds of the second recogniser for one plate, the median."""
    return median(recorder.ms) if recorder.ms else 0.0


def one_thread() -> None:
    cv2.setNumThreads(1)
