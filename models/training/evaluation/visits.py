"""Simulated visits: one plate seen several times, decided by the lane's own vote.

The real pictures show hardly any vehicle twice. So a held-out crop or scene, or a drawn plate, is taken anew for every
read with what changes from frame to frame: the finder's corners, light, focus and noise. Eight reads are a second of a
standing vehicle. Reads of one crop share its faults, as frames of a standing vehicle do, so the vote gains less than
from views that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from controller.records import Colour, Corners, PlateRead, Reading
from controller.settings_records import VoteSettings
from controller.watching.vote import vote
from models.closeups import quad_size
from models.detector import Detection
from models.grammar import PlateKind
from models.reader import plate_read
from models.recogniser import Recogniser
from models.second_reading import read_plate
from models.training.data.more import is_writable
from models.training.data.realdata import Image, RealCrop
from models.training.data.scenes import Picture, Scene, ScenePlate
from models.training.detector.light import add_noise
from models.training.drawing.conditions import HELD_OUT, pick
from models.training.drawing.degrade import corners_for, tight_quad
from models.training.drawing.photograph import FINE_PX_PER_MM, photograph
from models.training.drawing.plates import draw_plate
from models.training.evaluation.reads import corners_of
from models.training.evaluation.scenes import same_place

READS = 8
CROP_SEED = 95
LIMITS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)
"""Thresholds of the weakest character and of the province character, tried together."""

PROVINCE_LIMITS = (0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
"""Thresholds of the province character alone; below the weakest character's one they have no say."""

AGREEING = (2, 3, 5)
"""How many reads have to agree."""

CORNERS_OFF = 0.015
"""How much a finder's corners move from frame to frame, as a share of the plate."""


@dataclass(frozen=True)
class PlateVisit:
    """The reads of one plate in the order they were made; `group` is the crop's source or the plate's kind."""

    truth: str
    reads: tuple[PlateRead, ...]
    group: str


def crop_visits(recogniser: Recogniser, crops: Sequence[RealCrop], seed: int = CROP_SEED) -> list[PlateVisit]:
    """One visit per real crop."""
    rng = np.random.default_rng(seed)
    visits = []
    for crop in tqdm(crops, desc="visits of crops", unit="visit"):
        reads = [_read(recogniser, *again(rng, crop), crop.rows) for _ in range(READS)]
        visits.append(PlateVisit(crop.text, tuple(reads), crop.source))
    return visits


def drawn_visits(recogniser: Recogniser, per_kind: int, seed: int = 94) -> list[PlateVisit]:
    """Visits of drawn plates of every kind: one plate and one condition each, photographed anew for every read."""
    rng = np.random.default_rng(seed)
    visits = []
    for kind in tqdm(PlateKind, desc="visits of drawn plates", unit="kind"):
        for _ in range(per_kind):
            plate, condition = draw_plate(rng, kind, px_per_mm=FINE_PX_PER_MM), pick(rng, path=HELD_OUT)
            photos = [photograph(rng, plate, condition) for _ in range(READS)]
            reads = [_read(recogniser, photo.image, photo.corners, plate.rows) for photo in photos]
            visits.append(PlateVisit(plate.text, tuple(reads), str(kind)))
    return visits


def scene_visits(
    read: Callable[[Picture], Reading], scenes: Sequence[Scene], seed: int = 92, reads: int = READS
) -> list[PlateVisit]:
    """One visit per scene, of its main plate, through the whole reader."""
    rng = np.random.default_rng(seed)
    shown = tqdm(scenes, desc="visits of scenes", unit="visit")
    return [visit for scene in shown for visit in _visits_of(rng, read, scene, [scene.main], "scene", reads)]


def frame_visits(
    read: Callable[[Picture], Reading], group: str, frames: Sequence[Scene], seed: int = 91, reads: int = READS
) -> list[PlateVisit]:
    """One visit per labelled plate of whole pictures, of those that the lane believes and the networks can write."""
    rng = np.random.default_rng(seed)
    visits = []
    for frame in tqdm(frames, desc=f"visits of {group}", unit="picture"):
        plates = [p for p in frame.plates if quad_size(p.corners)[0] >= VoteSettings().width_px and is_writable(p.text)]
        visits += _visits_of(rng, read, frame, plates, group, reads)
    return visits


def _visits_of(
    rng: np.random.Generator,
    read: Callable[[Picture], Reading],
    scene: Scene,
    plates: Sequence[ScenePlate],
    group: str,
    reads: int,
) -> list[PlateVisit]:
    """The picture moves a little; of each frame the read that lies on a plate counts, frames without one are lost."""
    if not plates:
        return []
    readings = [read(_moved(rng, scene.image)) for _ in range(reads)]
    visits = []
    for plate in plates:
        seen = [[found for found in reading.plates if same_place(found, plate)] for reading in readings]
        visits.append(PlateVisit(plate.text, tuple(those[0] for those in seen if those), group))
    return visits


def _moved(rng: np.random.Generator, image: Picture) -> Picture:
    """The next frame of a vehicle that stands: a little nearer, aside, turned, softer, lighter, darker, other noise."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 0.4), 1 + rng.normal(0, 0.012))
    matrix[:, 2] += rng.normal(0, 0.006, 2) * width
    moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.5:
        moved = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.2, 0.6))
    lit = cv2.convertScaleAbs(moved, alpha=float(np.exp(rng.normal(0, 0.06))))
    return add_noise(rng, np.asarray(lit, np.uint8), float(rng.uniform(1, 4)))


def again(rng: np.random.Generator, crop: RealCrop) -> tuple[Image, NDArray[np.float32]]:
    """The crop as the next frame might show it, and the corners that a finder gives there."""
    image = crop.image
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 0.6)), np.uint8)
    lit = image * np.exp(rng.normal(0, 0.06)) + rng.uniform(1, 4) * rng.standard_normal(image.shape, np.float32)
    corners = corners_for(tight_quad(rng, CORNERS_OFF), corners_of(crop))
    return np.asarray(np.clip(lit, 0, 255), np.uint8), corners


def _read(recogniser: Recogniser, image: Image, corners: NDArray[np.float32], rows: int) -> PlateRead:
    """What the reader makes of it, as if its colour told nothing."""
    characters = read_plate(recogniser.read, image, corners, rows)
    return plate_read(Detection(_points(corners), Colour.BLUE, rows, 1.0, 0.0), characters)


def _points(corners: NDArray[np.float32]) -> Corners:
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return a, b, c, d


def decided(reads: Sequence[PlateRead], rules: VoteSettings) -> str | None:
    """The plate that the lane is certain of first, asking the vote after every read; None where it never is."""
    for count in range(1, len(reads) + 1):
        plate = vote(reads[:count], rules).plate
        if plate is not None:
            return plate
    return None


def tally(visits: Sequence[PlateVisit], rules: VoteSettings) -> dict[str, int]:
    """Visits, those answered, and those answered wrongly."""
    plates = [(visit.truth, decided(visit.reads, rules)) for visit in visits]
    answered = [(truth, plate) for truth, plate in plates if plate is not None]
    wrong = sum(truth != plate for truth, plate in answered)
    return {"visits": len(visits), "answered": len(answered), "wrong": wrong}


def lane_tally(visits: Sequence[PlateVisit]) -> dict[str, int]:
    """The tally under the lane's default rules."""
    return tally(visits, VoteSettings())


def lane_rules() -> dict[str, float]:
    """The lane's defaults that a vote hangs on."""
    rules = VoteSettings()
    return {"reads": rules.reads, "weakest_character": rules.weakest_character, "province": rules.province}


def by_province_limit(visits: Sequence[PlateVisit]) -> dict[str, dict[str, int]]:
    """Tallies by the province character's own threshold, everything else as the lane has it."""
    lane = VoteSettings()
    limits = [limit for limit in PROVINCE_LIMITS if limit >= lane.weakest_character]
    return {f"{limit:g}": tally(visits, replace(lane, province=limit)) for limit in limits}


def trade_off(visits: Sequence[PlateVisit]) -> dict[str, dict[str, dict[str, int]]]:
    """Tallies by reads that agree and by threshold; the other rules, and one point each, are the lane's defaults."""
    lane = VoteSettings()
    limits = sorted({*LIMITS, lane.weakest_character})
    return {
        str(reads): {
            f"{limit:g}": tally(visits, replace(lane, reads=reads, weakest_character=limit, province=limit))
            for limit in limits
        }
        for reads in tqdm(sorted({*AGREEING, lane.reads}), desc="votes", unit="rule")
    }
