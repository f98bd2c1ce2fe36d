"""Training samples of the judge of wholeness: plates with and without something over them, cut out as found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import Detector
from models.grammar import PlateFormat
from models.rectify import warp_bands
from models.second_opinion import BANDS, STRIP_HEIGHT, greyed
from models.training.data.realdata import RealCrop
from models.training.data.scenes import Scene, ScenePlate
from models.training.drawing.degrade import UNIT, corners_for, tight_quad
from models.training.recogniser.samples import TILTED_SOURCES
from models.training.second.samples import Pool, character_boxes, format_of, grounded
from models.training.second.spoil import Boxes, Floats, Rng, seen_shares
from models.training.whole.covers import covered, shaded
from models.training.whole.veils import veiled

Image = NDArray[np.uint8]

HIDDEN_FROM, WHOLE_TO = 0.06, 0.015
"""Of the character that is covered most, the share of its box: from the first on something is hidden, up to the second
nothing is; between them a sample teaches nothing. The lower stroke of an E is a ninth of it."""

WITHIN = 0.85
"""A whole plate's characters lie in the strip by at least so much; a finder that cuts one off teaches nothing."""

BLURRED_FROM, BLURRED_TO = 0.45, 0.12
"""The same of a character behind a drop, dust or light: how unlike itself it looks, one less the correlation."""

PLAIN_SHARE, SHADED_SHARE, VEILED_SHARE = 0.28, 0.08, 0.12
CHANGED = 25
"""Levels of grey from which on a drop or dust counts as lying there."""

PLATE_PX = (60.0, 240.0)
"""Widths at which plates are shown, each octave as often: the narrower, the more another character looks whole."""

FOLLOWED_SHARE = 0.6
"""Of the drawn plates behind a bumper, how many are cut out at its edge, as if what is seen were the plate."""


CELLS = (40, 6)
"""Columns and rows of the strip's cells; the network's features before its last rows are as coarse."""

BESIDE = 255
"""Of a cell that is not on the plate. Others hold how much of them is covered, in percent."""


@dataclass(frozen=True)
class WholeSample:
    """A BGR strip (48, 160, 3), whether part of a character is hidden, what is covered where (6, 40), and whether the
    plate is a drawn one."""

    strip: Image
    hidden: bool
    cover: Image
    drawn: bool = False


@dataclass(frozen=True)
class Spoilt:
    """A picture of a plate, where something lies over it, 0 to 255 (height, width), and, where that is a drop, dust or
    light, the picture without it."""

    image: Image
    mask: Image
    before: Image | None = None


def scene_samples(rng: Rng, detector: Detector, scene: Scene, plate: ScenePlate) -> Iterator[WholeSample]:
    """The plate in its scene, mostly with something over it, cut out where our own finder sees a plate."""
    image, quad = near(rng, scene.image, plate.corners)
    spoilt = _spoilt(rng, image, quad)
    plate_format = format_of(plate.text, plate.rows)
    for found in detector.detect(spoilt.image):
        corners = np.asarray(found.corners, np.float32)
        if found.rows == plate.rows and _on(quad, corners):
            for shown in (corners, corners_for(tight_quad(rng, 0.012), corners)):
                yield from _judged(spoilt, quad, shown, plate_format, len(plate.text))


def crop_samples(rng: Rng, crop: RealCrop) -> Iterator[WholeSample]:
    """A real crop; where its corners are known, in half of the cases with something over it."""
    image, quad = crop.image, crop.corners
    height, width = image.shape[:2]
    if quad is None:
        quad = UNIT * np.asarray([width, height], np.float32) - np.float32(0.5)
    spoilt = Spoilt(image, np.zeros(image.shape[:2], np.uint8))
    if crop.source not in TILTED_SOURCES:
        if crop.corners is None and rng.random() < 0.5:
            pad, tone = int(0.15 * width), [float(value) for value in rng.uniform(0, 230, 3)]
            image = np.asarray(cv2.copyMakeBorder(image, *(pad,) * 4, cv2.BORDER_CONSTANT, value=tone), np.uint8)
            quad = quad + np.float32(pad)
        spoilt = _spoilt(rng, image, quad)
    shown = corners_for(tight_quad(rng, float(rng.choice([0.001, 0.012, 0.025]))), quad)
    yield from _judged(spoilt, quad, shown, format_of(crop.text, crop.rows), len(crop.text))


def drawn_samples(rng: Rng, pool: Pool) -> Iterator[WholeSample]:
    """A drawn plate on a ground; behind a bumper often cut out at the bumper's edge."""
    plate = pool.plate(rng)
    height, width = plate.image.shape[:2]
    pad, scale = round(0.2 * width), _plate_px(rng) / width
    quad = (UNIT * np.asarray([width, height], np.float32) + np.float32(pad)) * np.float32(scale) - np.float32(0.5)
    framed = grounded(rng, plate.image, pad)
    small = cv2.resize(framed, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    spoilt = _spoilt(rng, np.asarray(small, np.uint8), quad)
    cut = tight_quad(rng, float(rng.choice([0.012, 0.025, 0.035])))
    shown = corners_for(cut, quad)
    if spoilt.mask.any() and spoilt.before is None and rng.random() < FOLLOWED_SHARE:
        shown = _followed(rng, spoilt.mask, quad, cut)
    for sample in _judged(spoilt, quad, shown, plate.plate_format, len(plate.text)):
        yield replace(sample, drawn=True)


def near(rng: Rng, image: Image, corners: Floats) -> tuple[Image, Floats]:
    """The picture around a plate, as far and as large as a lane may show it, and the plate's corners there."""
    low, high = corners.min(0), corners.max(0)
    wide = float(high[0] - low[0])
    across, down = rng.uniform(1.0, 4.0) * wide, rng.uniform(0.8, 3.0) * wide
    left, top = max(0, int(low[0] - across)), max(0, int(low[1] - down))
    part = image[top : int(high[1] + down), left : int(high[0] + across)]
    quad = corners - np.asarray([left, top], np.float32)
    scale = min(1.0, _plate_px(rng) / float(np.linalg.norm(quad[1] - quad[0])), 900 / max(part.shape[:2]))
    if scale < 0.95:
        part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        quad = (quad + np.float32(0.5)) * np.float32(scale) - np.float32(0.5)
    return np.ascontiguousarray(part), np.asarray(quad, np.float32)


def _plate_px(rng: Rng) -> float:
    return float(np.exp(rng.uniform(*np.log(PLATE_PX))))


def _spoilt(rng: Rng, image: Image, quad: Floats) -> Spoilt:
    """The picture as it is, in a shadow, behind drops, dust or light, or with something over the plate."""
    chance, nothing = rng.random(), np.zeros(image.shape[:2], np.uint8)
    if chance < PLAIN_SHARE:
        return Spoilt(image, nothing)
    if chance < PLAIN_SHARE + SHADED_SHARE:
        return Spoilt(shaded(rng, image, quad), nothing)
    if chance < PLAIN_SHARE + SHADED_SHARE + VEILED_SHARE:
        through = veiled(rng, image, quad)
        changed = cv2.absdiff(greyed(through), greyed(image)) >= CHANGED
        return Spoilt(through, np.where(changed, 255, 0).astype(np.uint8), image)
    return Spoilt(*covered(rng, image, quad))


def _on(quad: Floats, found: Floats) -> bool:
    """Whether a find lies on the plate and is not a mere part of it."""
    middle = found.mean(0)
    inside = cv2.pointPolygonTest(quad.reshape(-1, 1, 2), (float(middle[0]), float(middle[1])), False) >= 0
    return bool(inside and np.ptp(found[:, 0]) >= 0.5 * np.ptp(quad[:, 0]))


def _judged(
    spoilt: Spoilt, quad: Floats, shown: Floats, plate_format: PlateFormat, count: int
) -> Iterator[WholeSample]:
    """One sample, or none where it is neither clearly whole nor clearly not. quad: the plate's true corners."""
    bands, mask = BANDS[plate_format.rows], spoilt.mask
    laid = warp_bands(np.repeat(mask[..., None], 3, 2), shown, bands, STRIP_HEIGHT)[..., 0]
    boxes = character_boxes(plate_format, quad, shown, bands)[:count]
    most, least = hidden_share(np.asarray(laid / 255, np.float32), boxes)
    strip, hidden_from, whole_to = warp_bands(spoilt.image, shown, bands, STRIP_HEIGHT), HIDDEN_FROM, WHOLE_TO
    if spoilt.before is not None:
        most = unlikeness(warp_bands(spoilt.before, shown, bands, STRIP_HEIGHT), strip, boxes)
        hidden_from, whole_to = BLURRED_FROM, BLURRED_TO
    if most >= hidden_from or (most <= whole_to and least >= WITHIN):
        plate = cv2.fillConvexPoly(np.zeros_like(mask), quad.round().astype(np.int32), (255,))
        on_it = warp_bands(np.repeat(plate[..., None], 3, 2), shown, bands, STRIP_HEIGHT)[..., 0]
        yield WholeSample(strip, most >= hidden_from, cover_of(laid, on_it))


def unlikeness(before: Image, after: Image, boxes: Boxes) -> float:
    """How unlike itself the most changed of the characters in these boxes of a BGR strip looks, 0 to 1."""
    grey = [np.asarray(greyed(strip), np.float32) for strip in (before, after)]
    return 1.0 - float(seen_shares(grey[0], grey[1], np.zeros_like(grey[0]), boxes).min())


def cover_of(laid: Image, plate: Image) -> Image:
    """How much of each cell is covered; laid and plate: where something lies and where the plate is, 0 to 255."""
    covered = cv2.resize(laid, CELLS, interpolation=cv2.INTER_AREA).astype(np.float32) * np.float32(100 / 255)
    beside = cv2.resize(plate, CELLS, interpolation=cv2.INTER_AREA) < 128
    return np.where(beside, BESIDE, covered.round()).astype(np.uint8)


def hidden_share(cover: Floats, boxes: Boxes) -> tuple[float, float]:
    """Of the characters' boxes the most that is covered, and the least that lies in the strip at all."""
    height, width = cover.shape
    covers, insides = [], []
    for box in boxes:
        whole = max(float((box[2] - box[0]) * (box[3] - box[1])), 1.0)
        left, top, right, bottom = np.clip(box, 0, [width, height, width, height]).round().astype(int)
        area = (right - left) * (bottom - top)
        insides.append(area / whole)
        covers.append(float(cover[top:bottom, left:right].mean()) if area > 0 else 1.0)
    return max(covers), min(insides)


def _followed(rng: Rng, mask: Image, quad: Floats, cut: Floats) -> Floats:
    """Corners for a cut whose upper or lower edge follows what lies over the plate there."""
    flat = cv2.warpPerspective(mask, cv2.getPerspectiveTransform(quad, UNIT * np.float32(100)), (100, 100)).mean(1)
    shut = flat > 200
    above = int(np.argmin(shut[:60])) if shut[0] else 0
    below = int(np.argmin(shut[::-1][:60])) if shut[-1] else 0
    moved = cut.copy()
    moved[[0, 1], 1] += above / 100 + (rng.uniform(-0.08, 0.03) if above else 0.0)
    moved[[2, 3], 1] -= below / 100 + (rng.uniform(-0.08, 0.03) if below else 0.0)
    matrix = cv2.getPerspectiveTransform(UNIT, np.asarray(quad, np.float32))
    return np.asarray(cv2.perspectiveTransform(moved[None].astype(np.float32), matrix)[0], np.float32)


def crops_of_all(rng: Rng, crops: Sequence[RealCrop], count: int) -> Iterator[WholeSample]:
    """Samples of so many crops, drawn at random."""
    for index in rng.integers(len(crops), size=count if crops else 0):
        yield from crop_samples(rng, crops[int(index)])
